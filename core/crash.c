/* SPDX-License-Identifier: MIT */
#include "crash.h"

#include "must.h"

#include <stdlib.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    STACK_BYTES = 64 << 10,
    WORDS = 512,      /* of the stack that are looked at in one piece */
    PIECES = 16,      /* of these */
    NEAR = 256 << 10, /* bytes around the stack pointer: a fault there is an overflow */
    PAGE = 4096
};

static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

/* A handler is given nothing else. Set once, before there is a second thread. */
static struct {
    struct blame *blame;
    pid_t pid; /* a process that is forked from here is none of ours */
    struct sigaction before[SIGNALS];
} crash;

static _Thread_local unsigned own_slot = BLAME_THREADS;
static _Thread_local void *own_stack;

struct registers {
    uintptr_t pc, sp; /* 0: not known on this machine */
};

static struct registers registers_of(const void *context)
{
    const ucontext_t *u = context;

#if defined(__x86_64__)
    return (struct registers){ (uintptr_t)u->uc_mcontext.gregs[REG_RIP],
                               (uintptr_t)u->uc_mcontext.gregs[REG_RSP] };
#elif defined(__aarch64__)
    return (struct registers){ u->uc_mcontext.pc, u->uc_mcontext.sp };
#elif defined(__riscv)
    return (struct registers){ u->uc_mcontext.__gregs[REG_PC], u->uc_mcontext.__gregs[REG_SP] };
#else
    (void)u;
    return (struct registers){ 0, 0 };
#endif
}

/* What stands there; the number of words. By the kernel, who minds no address. */
static size_t peek(uintptr_t at, uintptr_t *words)
{
    const struct iovec here = { words, WORDS * sizeof(*words) };
    const struct iovec there = { (void *)at, WORDS * sizeof(*words) };
    ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

    return n > 0 ? (size_t)n / sizeof(*words) : 0;
}

/* The nearest word on the stack that lies in a module: where, most likely, it was called from. */
static uintptr_t caller_of(const struct blame *b, uintptr_t sp)
{
    uintptr_t words[WORDS];

    sp &= ~(uintptr_t)(sizeof(sp) - 1);
    for (int i = 0; i < PIECES && sp != 0; i++) {
        size_t n = peek(sp, words);

        for (size_t k = 0; k < n; k++)
            if (blame_is_in_module(b, words[k]))
                return words[k];
        sp = n > 0 ? sp + n * sizeof(*words) : (sp | (PAGE - 1)) + 1; /* an overflow is below it */
    }
    return 0;
}

static bool is_near(uintptr_t a, uintptr_t b)
{
    return a - b < NEAR || b - a < NEAR;
}

static void note(int number, const siginfo_t *info, const void *context)
{
    struct blame *b = crash.blame;
    uint32_t none = BLAME_NO_CRASH;
    struct registers at = registers_of(context);
    bool is_fault = info->si_code > 0, has_address = is_fault && info->si_code != SI_KERNEL &&
                                                     (number == SIGSEGV || number == SIGBUS);
    bool is_memory = info->si_code == SI_QUEUE && info->si_value.sival_int == MUST_NO_MEMORY;
    uintptr_t address = has_address ? (uintptr_t)info->si_addr : 0;

    if (!atomic_compare_exchange_strong(&b->crash.state, &none, BLAME_CRASHING))
        return;
    b->crash.number = number;
    b->crash.thread = own_slot;
    b->crash.flags = (!is_fault && info->si_pid != getpid() ? BLAME_SENT : 0u) |
                     (is_memory ? BLAME_MEMORY : 0u) | (has_address ? BLAME_ADDRESS : 0u);
    if (number == SIGSEGV && has_address && at.sp != 0 && is_near(address, at.sp))
        b->crash.flags |= BLAME_OVERFLOW;
    b->crash.address = address;
    b->crash.pc = at.pc;
    atomic_store(&b->crash.state, BLAME_CRASHED);
    if (!blame_is_in_module(b, at.pc)) /* last: it may take us with it */
        b->crash.caller = caller_of(b, at.sp);
}

/* A fault happens again as soon as we return; what somebody has sent does not. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    struct sigaction *before = &crash.before[0];

    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i] == number)
            before = &crash.before[i];
    if ((before->sa_flags & SA_SIGINFO) != 0) {
        before->sa_sigaction(number, info, context);
        return;
    }
    (void)sigaction(number, before, NULL);
    if (info->si_code <= 0)
        (void)raise(number);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    if (getpid() == crash.pid)
        note(number, info, context);
    pass_on(number, info, context);
}

/* A stack for handlers, unless a sanitizer has given this thread one. */
static void take_stack(void)
{
    stack_t now;

    if (sigaltstack(NULL, &now) < 0 || (now.ss_flags & SS_DISABLE) == 0)
        return;
    own_stack = must_alloc(STACK_BYTES);
    const stack_t own = { .ss_sp = own_stack, .ss_size = STACK_BYTES };
    (void)sigaltstack(&own, NULL);
}

void crash_begin(struct blame *b)
{
    struct sigaction sa = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    crash.blame = b;
    crash.pid = getpid();
    crash_begin_thread(0);
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaction(signals[i], &sa, &crash.before[i]);
}

void crash_begin_thread(unsigned slot)
{
    if (crash.blame == NULL)
        return;
    own_slot = slot;
    take_stack();
}

void crash_end_thread(void)
{
    const stack_t none = { .ss_flags = SS_DISABLE };

    own_slot = BLAME_THREADS;
    if (own_stack == NULL)
        return;
    (void)sigaltstack(&none, NULL);
    free(own_stack);
    own_stack = NULL;
}

void crash_unblock(sigset_t *set)
{
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigdelset(set, signals[i]);
}
