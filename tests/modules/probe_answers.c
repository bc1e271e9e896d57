/* SPDX-License-Identifier: MIT
   The ways in which probe gives a body. */
#include "probe.h"

/* Streams one MiB: writes until it is told to stop, then waits for the client. */
static enum mpx_rc stream_on(struct mpx_req *r, const void *conf, void *state)
{
    static const char block[4096] = "0123456789abcdef";
    size_t *left = state;

    while (*left > 0) {
        int rc = mpx_res_write(r, (struct mpx_str){ block, sizeof(block) });

        *left -= sizeof(block);
        if (rc < 0)
            return MPX_FAIL;
        if (rc > 0)
            return mpx_wait_drain(r, stream_on, left);
    }
    (void)conf;
    return mpx_res_end(r);
}

static enum mpx_rc do_stream(struct mpx_req *r, const void *conf)
{
    size_t *left = mpx_alloc(mpx_req_arena(r), sizeof(*left));

    *left = 1 << 20;
    mpx_res_header(r, "Content-Type", MPX_STR("application/octet-stream"));
    return stream_on(r, conf, left);
}

/* Three pieces, each flushed: chunks in 1.1, until close in 1.0. */
static enum mpx_rc piece_on(struct mpx_req *r, const void *conf, void *state)
{
    int *n = state;

    (void)conf;
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "piece %d\n", ++*n));
    if (*n == 3)
        return mpx_res_end(r);
    mpx_res_flush(r);
    return mpx_sleep(r, 5, piece_on, n);
}

/* More than what counts as drained, less than what is sent without being asked. */
static enum mpx_rc do_drain(struct mpx_req *r, const void *conf)
{
    static const char block[30000] = "0123456789abcdef";

    (void)conf;
    mpx_res_write(r, (struct mpx_str){ block, sizeof(block) });
    return mpx_wait_drain(r, say_done, NULL);
}

/* Complete at once, and more than a client takes at once. */
static enum mpx_rc do_big(struct mpx_req *r, const void *conf)
{
    static const char block[1 << 18] = "0123456789abcdef";

    (void)conf;
    mpx_res_write(r, (struct mpx_str){ block, sizeof(block) });
    return mpx_res_end(r);
}

static enum mpx_rc do_reset_content(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_status(r, 205);
    mpx_res_write(r, MPX_STR("not to be sent"));
    return mpx_res_end(r);
}

static enum mpx_rc do_pieces(struct mpx_req *r, const void *conf)
{
    return piece_on(r, conf, mpx_alloc(mpx_req_arena(r), sizeof(int)));
}

static enum mpx_rc do_blob(struct mpx_req *r, const void *conf)
{
    struct mpx_blob *b = mpx_blob_make(MPX_STR("a blob, twice; "));

    (void)conf;
    mpx_res_blob(r, b);
    mpx_res_blob(r, b);
    mpx_blob_drop(b);
    return mpx_res_end(r);
}

const struct deed answer_deeds[] = {
    { "/stream", do_stream }, { "/pieces", do_pieces }, { "/blob", do_blob },
    { "/drain", do_drain },   { "/big", do_big },       { "/205", do_reset_content },
    { NULL, NULL },
};
