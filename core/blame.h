/* SPDX-License-Identifier: MIT
   Who is at work: one store in shared memory before each call into a module, in a slot of the
   thread's own, so that when a process dies its parent can name the module. It stays true whatever
   the module does to the process - and may be nonsense when the process has gone mad: whoever reads
   it from outside believes no index and no string. */
#ifndef BLAME_H
#define BLAME_H
#include "arena.h"

#include <stdatomic.h>
#include <time.h>

enum {
    BLAME_MODULES = 256,
    BLAME_NAME = 64,
    /* the last two are no module's number: all that have a greater one; one that is being loaded */
    BLAME_LATER = 254,
    BLAME_LOADING = 255,
    BLAME_HOSTS = 1 << 14, /* names of virtual hosts; a power of two */
    BLAME_FILES = 256,
    BLAME_THREADS = 65 /* the loop's is the first, then those of the pool */
};

enum blame_kind {
    BLAME_NONE,
    BLAME_LOAD, /* its file: constructors */
    BLAME_CHECK,
    BLAME_OPEN,
    BLAME_CLOSE,
    BLAME_CALLBACK, /* the end of background work, a variable */
    BLAME_END,      /* req_end, conn_end */
    BLAME_TIMER,
    BLAME_WATCH,
    BLAME_THREAD,    /* work that it gave to the pool */
    BLAME_HOOK = 16, /* + enum mpx_phase: a hook, or a function that it goes on in */
    BLAME_FILTER = BLAME_HOOK + MPX_PH_SLOTS
};

/* What one thread is at. */
struct blame_slot {
    _Alignas(64) _Atomic uint64_t at; /* virtual host << 32 | kind << 16 | module; 0: nothing */
    _Atomic uint64_t request;         /* 0: none */
};

/* A turn of the loop, as the thread that runs it accounts for it: see turn.h. */
struct blame_turn {
    _Atomic uint64_t count; /* grows at the begin and at the end of each: odd while one is on */
    int64_t since_ms;       /* when the present "at" began */
    int64_t longest_ms;     /* of the calls into modules in this turn ... */
    uint64_t longest_at;    /* ... which one that was */
    uint64_t longest_request;
};

/* The executable part of a file that is loaded. */
struct blame_file {
    uintptr_t start, end, bias; /* addr2line wants an address less the bias */
    unsigned is_module;         /* 0 or not: whoever reads it from outside may find any number */
    char name[BLAME_NAME];      /* without its folder */
};

/* What a thread noted when a signal ended it: see crash.h. */
struct blame_crash {
    _Atomic uint32_t state; /* enum blame_crash_state */
    int number;             /* of the signal */
    unsigned thread;        /* its slot; BLAME_THREADS: of one that is none of ours */
    unsigned flags;         /* BLAME_SENT and so on */
    uintptr_t address;      /* that could not be had */
    uintptr_t pc, caller;   /* where it was; where in a module it was called from; 0: not known */
};
enum {
    BLAME_SENT = 1,     /* by another process */
    BLAME_MEMORY = 2,   /* we ended it, for want of memory */
    BLAME_OVERFLOW = 4, /* of the thread's stack */
    BLAME_ADDRESS = 8   /* there is one */
};
enum blame_crash_state { BLAME_NO_CRASH, BLAME_CRASHING, BLAME_CRASHED };

struct blame {
    struct blame_slot slots[BLAME_THREADS];
    struct blame_turn turn;
    struct blame_crash crash;
    char names[BLAME_MODULES][BLAME_NAME];
    _Atomic uint32_t file_count;
    struct blame_file files[BLAME_FILES];
    char hosts[BLAME_HOSTS][BLAME_NAME]; /* a hash table; the first stays empty */
};

struct blame *blame_create(void); /* shared with processes forked from here on; never NULL */
void blame_destroy(struct blame *b);
/* As new, for the next process. */
void blame_reset(struct blame *b);
/* Gives a module's number its name; numbers past the table share one entry. */
void blame_name(struct blame *b, unsigned module, const char *name);
/* The number of a virtual host's name, the same for the same name: 0, which has none, for NULL or
   when the table is full. */
uint32_t blame_host(struct blame *b, const char *name);
/* From here on the file of a module that has no number yet is at work. */
void blame_loading(struct blame *b, const char *name);
/* Files are told anew: blame_file for each, at most BLAME_FILES; path may be "", the program. */
void blame_files_begin(struct blame *b);
void blame_file(struct blame *b, const char *path, uintptr_t start, uintptr_t end, uintptr_t bias,
                bool is_module);

/* ---- what is read out, perhaps of a process that died; all texts in a, escaped */
/* Of what "at" and "request" say: "module \"x\" in its CONTENT hook, virtual host \"y\", request
   0123456789abcdef"; NULL when nobody was at work. */
const char *blame_text_of(const struct blame *b, struct mpx_arena *a, uint64_t at,
                          uint64_t request);
const char *blame_module_of(const struct blame *b, struct mpx_arena *a, uint64_t at);
static inline unsigned blame_kind_of(uint64_t at)
{
    return at >> 16 & 0xffff;
}
/* The same for the thread of the loop; "in its CONTENT hook". */
const char *blame_text(const struct blame *b, struct mpx_arena *a);
const char *blame_module(const struct blame *b, struct mpx_arena *a);
const char *blame_moment(const struct blame *b, struct mpx_arena *a);
/* "x.so+0x1234" for an address in a file, as addr2line -e x.so has it; NULL: it is in none. */
const char *blame_place(const struct blame *b, struct mpx_arena *a, uintptr_t address);
/* Whether an address lies in a module; for a signal handler. */
bool blame_is_in_module(const struct blame *b, uintptr_t address);
/* How often turns began and ended: a process whose number has moved is one whose loop turns, once a
   second where there is nothing to do. */
static inline uint64_t blame_turns(const struct blame *b)
{
    return atomic_load_explicit(&b->turn.count, memory_order_relaxed);
}

/* ---- on the thread of the loop */
/* What took the longest of this turn was this; not for the common path. */
void blame_note_longest(struct blame *b, uint64_t at, int64_t ms);

/* Monotonic milliseconds, a few of them late and a few nanoseconds long. */
static inline int64_t blame_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_sec * (int64_t)1000 + ts.tv_nsec / 1000000;
}

static inline uint64_t blame_at(unsigned module, unsigned kind, uint32_t host)
{
    return (uint64_t)host << 32 | kind << 16 | (module < BLAME_LATER ? module : BLAME_LATER);
}

/* For a call within a call: who is at work now, to be put back when it is over. */
static inline uint64_t blame_get(const struct blame *b)
{
    return atomic_load_explicit(&b->slots[0].at, memory_order_relaxed);
}

static inline void blame_put(struct blame *b, uint64_t at)
{
    int64_t now = blame_clock(), took = now - b->turn.since_ms;

    if (took > b->turn.longest_ms)
        blame_note_longest(b, blame_get(b), took);
    b->turn.since_ms = now;
    atomic_store_explicit(&b->slots[0].at, at, memory_order_relaxed);
}

/* From here on a module is at work; host: see blame_host. */
static inline void blame_set(struct blame *b, unsigned module, unsigned kind, uint32_t host)
{
    blame_put(b, blame_at(module, kind, host));
}

static inline void blame_clear(struct blame *b)
{
    blame_put(b, 0);
}

/* Whose request it is about. */
static inline void blame_request(struct blame *b, uint64_t id)
{
    atomic_store_explicit(&b->slots[0].request, id, memory_order_relaxed);
}

/* ---- on threads of the pool */
/* What is at work there, as the thread of the loop has it when it gives the work away. */
struct blame_work {
    uint64_t at, request;
};
static inline struct blame_work blame_work(const struct blame *b)
{
    uint64_t at = blame_get(b);

    at = (at & 0xffffffff0000ffff) | (uint64_t)BLAME_THREAD << 16;
    return (struct blame_work){ at,
                                atomic_load_explicit(&b->slots[0].request, memory_order_relaxed) };
}
static inline void blame_work_put(struct blame *b, unsigned slot, struct blame_work work)
{
    atomic_store_explicit(&b->slots[slot].request, work.request, memory_order_relaxed);
    atomic_store_explicit(&b->slots[slot].at, work.at, memory_order_relaxed);
}

#endif
