/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include "child.h"
#include "str.h"

#include <signal.h>
#include <sys/wait.h>

/* A copy of what the process noted, if it did and if it makes sense. */
static bool crash_of(const struct blame *b, int status, struct blame_crash *c)
{
    c->thread = BLAME_THREADS;
    if (atomic_load(&b->crash.state) != BLAME_CRASHED)
        return false;
    *c = (struct blame_crash){ .number = b->crash.number,
                               .thread = b->crash.thread,
                               .flags = b->crash.flags,
                               .address = b->crash.address,
                               .pc = b->crash.pc,
                               .caller = b->crash.caller };
    /* a sanitizer exits in the end */
    return !WIFSIGNALED(status) || WTERMSIG(status) == c->number;
}

/* The one thread that had something of a module to do; the loop's where there are several. */
static unsigned busy_thread(const struct blame *b)
{
    unsigned found = 0, count = 0;

    for (unsigned i = 0; i < BLAME_THREADS; i++)
        if (atomic_load(&b->slots[i].at) != 0) {
            found = count == 0 ? i : found;
            count++;
        }
    return count == 1 ? found : 0;
}

/* Where it was, as addr2line wants it, and what it wanted there. */
static const char *where(const struct blame *b, struct mpx_arena *a, const struct blame_crash *c)
{
    const char *at = blame_place(b, a, c->pc), *from = blame_place(b, a, c->caller);
    struct mpx_str text = MPX_STR("");

    if (at != NULL)
        text = arena_printf(a, " at %s", at);
    if (from != NULL)
        text =
            arena_printf(a, "%.*s%s called from %s", STR_ARGS(text), at != NULL ? "," : "", from);
    if ((c->flags & BLAME_OVERFLOW) != 0)
        return arena_printf(a, "%.*s, its stack overflowed", STR_ARGS(text)).p;
    if ((c->flags & BLAME_ADDRESS) != 0)
        return arena_printf(a, "%.*s, address 0x%llx", STR_ARGS(text),
                            (unsigned long long)c->address)
            .p;
    return arena_copyz(a, text);
}

/* "died: signal 6 (Aborted)" */
static const char *deed(struct mpx_arena *a, int status, int64_t stalled_ms)
{
    const char *how = child_status_text(a, status);

    if (stalled_ms > 0)
        return arena_printf(a, "was killed, for its loop had not turned for %lld ms: %s",
                            (long long)stalled_ms, how)
            .p;
    return arena_printf(a, "%s: %s", WIFSIGNALED(status) ? "died" : "ended", how).p;
}

static bool is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
           number == SIGABRT || number == SIGTRAP || number == SIGSYS;
}

static bool is_modules_fault(int status, int64_t stalled_ms, const struct blame_crash *c)
{
    if (stalled_ms > 0)
        return true;
    if ((c->flags & (BLAME_SENT | BLAME_MEMORY)) != 0)
        return false;
    return !WIFSIGNALED(status) || is_fault(WTERMSIG(status));
}

/* Names that go into a list of ours are names. */
static bool is_name(const char *name)
{
    struct mpx_str s = str_of(name);

    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '_')
            return false;
    return s.n > 0;
}

void verdict_find(const struct blame *b, struct mpx_arena *a, int status, int64_t stalled_ms,
                  struct verdict *v)
{
    struct blame_crash crash = { .number = 0 };
    bool is_noted = crash_of(b, status, &crash);
    bool is_stall = stalled_ms > 0; /* of the loop, whichever thread was told to end it */
    unsigned thread = is_stall ? 0 : is_noted ? crash.thread : busy_thread(b);
    uint64_t at = thread < BLAME_THREADS ? atomic_load(&b->slots[thread].at) : 0;
    uint64_t request = thread < BLAME_THREADS ? atomic_load(&b->slots[thread].request) : 0;
    const char *who = blame_text_of(b, a, at, request), *module = blame_module_of(b, a, at);
    const char *place = is_noted && crash.thread == thread ? where(b, a, &crash) : "";

    *v = (struct verdict){ .at_load = blame_kind_of(at) == BLAME_LOAD };
    v->text = arena_printf(a, "%s%s%s%s%s", deed(a, status, stalled_ms), place,
                           is_noted && (crash.flags & BLAME_MEMORY) != 0 ? ", out of memory" : "",
                           who != NULL ? ", " : "", who != NULL ? who : "")
                  .p;
    if (module != NULL && is_name(module) && is_modules_fault(status, stalled_ms, &crash))
        v->module = module;
}
