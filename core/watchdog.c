/* SPDX-License-Identifier: MIT */
#include "watchdog.h"

#include "str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
    START_MS = 60000,
    TICKS = 10,
    TICK_LEAST_MS = 20,
    TICK_MOST_MS = 1000,
    UTIME = 12 /* words behind the state */
};

static int64_t tick_ms(const struct watchdog *d)
{
    int64_t ms = d->kill_ms > 0 ? d->kill_ms / TICKS : TICK_MOST_MS;

    return ms < TICK_LEAST_MS ? TICK_LEAST_MS : ms > TICK_MOST_MS ? TICK_MOST_MS : ms;
}

void watchdog_start(struct watchdog *d, const struct blame *b, pid_t pid, int64_t kill_ms,
                    int64_t now_ms)
{
    *d = (struct watchdog){ .blame = b, .pid = pid, .kill_ms = kill_ms, .starts = true };
    d->due_ms = now_ms + tick_ms(d);
}

void watchdog_serves(struct watchdog *d)
{
    d->starts = false;
    d->still_ms = 0;
}

void watchdog_set_kill(struct watchdog *d, int64_t kill_ms)
{
    d->kill_ms = kill_ms;
}

static int64_t limit_of(const struct watchdog *d)
{
    return d->starts && d->kill_ms < START_MS ? START_MS : d->kill_ms;
}

bool watchdog_look(struct mpx_str stat, char *state, uint64_t *cpu)
{
    struct mpx_str rest = str_from(stat, str_find_last(stat, ')') + 2);
    uint64_t utime, stime;

    if (rest.n == 0)
        return false;
    *state = rest.p[0];
    for (int i = 0; i < UTIME - 1; i++)
        rest = str_from(rest, str_find(rest, ' ') + 1);
    struct mpx_str first = str_head(rest, str_find(rest, ' '));
    rest = str_from(rest, first.n + 1);
    if (str_to_u64(first, &utime) < 0 ||
        str_to_u64(str_head(rest, str_find(rest, ' ')), &stime) < 0)
        return false;
    *cpu = utime + stime;
    return true;
}

/* Whether what it did since the last tick was its own doing: it ran, or it waits for something. */
static bool is_at_fault(struct watchdog *d)
{
    char path[64], text[1024], state = '\0';
    uint64_t cpu = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)d->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0 || !watchdog_look((struct mpx_str){ text, (size_t)n }, &state, &cpu))
        return true; /* no /proc: the turn alone counts */
    bool ran = cpu != d->cpu;
    d->cpu = cpu;
    return state == 'R' ? ran : state != 'T' && state != 't'; /* 'Z': only its first thread ended */
}

int64_t watchdog_tick(struct watchdog *d, int64_t now_ms)
{
    uint64_t turns = blame_turns(d->blame);
    bool is_still = d->starts || (turns == d->turns && turns % 2 == 1);

    if (now_ms < d->due_ms)
        return 0;
    d->due_ms = now_ms + tick_ms(d);
    d->turns = turns;
    if (!is_still) {
        d->still_ms = 0;
        return 0;
    }
    if (is_at_fault(d))
        d->still_ms += tick_ms(d);
    if (d->kill_ms == 0 || d->still_ms < limit_of(d))
        return 0;
    (void)kill(d->pid, d->is_told ? SIGKILL : SIGABRT);
    bool is_first = !d->is_told;
    d->is_told = true;
    return is_first ? d->still_ms : 0;
}
