/* SPDX-License-Identifier: MIT - wc.c: counts what is posted to /wc, by a program */
#include <multiplexd/module.h>
#include <sys/wait.h>

static int written(struct mpx_req *r, struct mpx_str part, void *state)
{
    return mpx_res_write(r, part);
}

static enum mpx_rc ended(struct mpx_req *r, const void *conf, void *state)
{
    int status;

    if (mpx_spawn_status(r, &status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return mpx_res_error(r, 500);
    return mpx_res_end(r);
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    static const char *const argv[] = { "wc", NULL }, *const envp[] = { "LC_ALL=C", NULL };
    static const struct mpx_program wc = {
        .size = sizeof(wc), .path = "/usr/bin/wc", .argv = argv, .envp = envp,
        .body_to_stdin = true, .on_stdout = written, .silence_ms = 10000,
    };

    if (!mpx_str_eq(mpx_req_path(r), MPX_STR("/wc")))
        return MPX_NEXT;
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    return mpx_spawn(r, &wc, ended, NULL);
}

MPX_MODULE(wc) = {
    MPX_HEADER(wc, "1.0"),
    .on = { [MPX_PH_CONTENT] = content },
};
