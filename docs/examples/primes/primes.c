/* SPDX-License-Identifier: MIT - primes.c: finds prime numbers in a forked child */
#include <multiplexd/module.h>
#include <stdio.h>
#include <stdlib.h>

static int find(int out, void *arg) /* in a process of its own: no calls of module.h */
{
    long most = *(long *)arg;

    for (long n = 2; n <= most; n++) {
        long d = 2;

        while (d * d <= n && n % d != 0)
            d++;
        if (d * d > n)
            printf("%ld\n", n);
    }
    fflush(stdout);
    return 0;
}

static enum mpx_rc found(struct mpx_req *r, const void *conf, void *state)
{
    int status;

    if (mpx_spawn_status(r, &status) < 0 || status != 0)
        return mpx_res_error(r, 500);
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    mpx_res_write(r, mpx_fork_result(r));
    return mpx_res_end(r);
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_arena *a = mpx_req_arena(r);
    struct mpx_str q = mpx_req_query(r);
    long *most = mpx_alloc(a, sizeof(*most));

    if (!mpx_str_eq(mpx_req_path(r), MPX_STR("/primes")))
        return MPX_NEXT;
    *most = strtol(mpx_printf(a, "%.*s", (int)q.n, q.p).p, NULL, 10);
    return mpx_fork(r, find, most, 65536, 5000, found, NULL);
}

MPX_MODULE(primes) = {
    MPX_HEADER(primes, "1.0"),
    .on = { [MPX_PH_CONTENT] = content },
};
