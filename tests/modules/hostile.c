/* SPDX-License-Identifier: MIT
   hostile - what a worker could do that somebody else has taken over: it looks at the descriptors
   that it has, and says to its supervisor what it should not. */
#include <multiplexd/module.h>

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A message's first bytes, as core has them. */
struct head {
    char what;
    uint32_t text_bytes, fd_count;
};

/* Our end of the pair whose other end our parent has made; -1 where there is none. */
static int channel(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct ucred peer = { .pid = 0 };
        socklen_t n = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == getppid())
            return fd;
    }
    return -1;
}

/* Every descriptor above the standard ones with what it leads to, a line each. */
static enum mpx_rc list(struct mpx_req *r)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[300], target[256];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        long fd = strtol(e->d_name, NULL, 10);
        if (n < 0 || fd <= STDERR_FILENO || fd == dirfd(d))
            continue;
        target[n] = '\0';
        (void)mpx_res_write(r, mpx_printf(mpx_req_arena(r), "%s %s\n", e->d_name, target));
    }
    if (d != NULL)
        closedir(d);
    return mpx_res_end(r);
}

static enum mpx_rc tell(struct mpx_req *r, const char *what)
{
    (void)mpx_res_write(r, (struct mpx_str){ what, strlen(what) });
    return mpx_res_end(r);
}

static enum mpx_rc say(struct mpx_req *r, const void *bytes, size_t n)
{
    return tell(r, send(channel(), bytes, n, MSG_NOSIGNAL) == (ssize_t)n ? "said" : "not said");
}

static enum mpx_rc garbage(struct mpx_req *r)
{
    char bytes[64];

    memset(bytes, 0xff, sizeof(bytes));
    return say(r, bytes, sizeof(bytes));
}

/* The beginning of a message, and no more of it. */
static enum mpx_rc half(struct mpx_req *r)
{
    return say(r, "P", 1);
}

static enum mpx_rc large(struct mpx_req *r)
{
    const struct head h = { .what = 'P', .text_bytes = 200 << 20 };

    return say(r, &h, sizeof(h));
}

/* Asks for the file that the query names. */
static enum mpx_rc ask(struct mpx_req *r, char what)
{
    struct mpx_str path = mpx_req_query(r);
    struct head h = { .what = what, .text_bytes = (uint32_t)path.n }, answer;
    int end = channel();
    struct pollfd p = { .fd = end, .events = POLLIN };

    if (send(end, &h, sizeof(h), MSG_NOSIGNAL) < 0 || send(end, path.p, path.n, MSG_NOSIGNAL) < 0)
        return tell(r, "not asked");
    if (poll(&p, 1, 5000) <= 0 || recv(end, &answer, sizeof(answer), 0) != sizeof(answer))
        return tell(r, "no answer");
    return tell(r, mpx_printf(mpx_req_arena(r), "answer %c", answer.what).p);
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_str path = mpx_req_path(r);

    (void)conf;
    if (mpx_str_eq(path, MPX_STR("/descriptors")))
        return list(r);
    if (mpx_str_eq(path, MPX_STR("/garbage")))
        return garbage(r);
    if (mpx_str_eq(path, MPX_STR("/half")))
        return half(r);
    if (mpx_str_eq(path, MPX_STR("/large")))
        return large(r);
    if (mpx_str_eq(path, MPX_STR("/open")))
        return ask(r, 'O');
    if (mpx_str_eq(path, MPX_STR("/read")))
        return ask(r, 'R');
    return MPX_NEXT;
}

MPX_MODULE(hostile) = {
    MPX_HEADER(hostile, "1.0"),
    .summary = "does to its supervisor what it should not, for tests",
    .on = { [MPX_PH_CONTENT] = content },
};
