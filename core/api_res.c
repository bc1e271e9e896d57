/* SPDX-License-Identifier: MIT
   The public calls about responses (module.h section 8): what a module does wrong is told in the
   log. */
#include "must.h"
#include "page_text.h"
#include "req.h"
#include "str.h"

#include <stdlib.h>

/* Whether the header can still be changed. */
static bool is_open(const struct mpx_req *r, const char *call)
{
    if (!r->res.started)
        return true;
    req_log(r, MPX_ERROR, "%s: the header was sent already", call);
    return false;
}

void mpx_res_status(struct mpx_req *r, int status)
{
    if (!is_open(r, "mpx_res_status"))
        return;
    if (status < 200 || status > 599)
        req_log(r, MPX_ERROR, "mpx_res_status: %d is no final status (200 to 599)", status);
    else
        r->res.status = status;
}

static bool is_framing(struct mpx_str name)
{
    return str_same_word(name, MPX_STR("Connection")) ||
           str_same_word(name, MPX_STR("Transfer-Encoding"));
}

static int set_length(struct mpx_req *r, struct mpx_str value)
{
    uint64_t length;

    if (str_to_u64(value, &length) < 0 || length > INT64_MAX) {
        req_log(r, MPX_ERROR, "\"%.*s\" is no Content-Length", STR_ARGS(value));
        return -1;
    }
    r->res.declared = (int64_t)length;
    return 0;
}

static int change_header(struct mpx_req *r, const char *call, const char *name,
                         struct mpx_str value,
                         int (*change)(struct mpx_req *r, struct mpx_str name,
                                       struct mpx_str value))
{
    struct mpx_str n = str_of(name);

    if (!is_open(r, call))
        return -1;
    if (is_framing(n)) {
        req_log(r, MPX_ERROR, "%s: \"%s\" is for the server to say", call, name);
        return -1;
    }
    if (str_same_word(n, MPX_STR("Content-Length")))
        return set_length(r, value);
    if (change(r, n, value) == 0)
        return 0;
    req_log(r, MPX_ERROR, "%s: \"%s\" with this name or value cannot be sent (RFC 9110 5)", call,
            name);
    return -1;
}

int mpx_res_header(struct mpx_req *r, const char *name, struct mpx_str value)
{
    return change_header(r, "mpx_res_header", name, value, res_set);
}

int mpx_res_header_add(struct mpx_req *r, const char *name, struct mpx_str value)
{
    return change_header(r, "mpx_res_header_add", name, value, res_add);
}

int mpx_res_header_remove(struct mpx_req *r, const char *name)
{
    if (!is_open(r, "mpx_res_header_remove"))
        return -1;
    res_remove(r, str_of(name));
    return 0;
}

/* Whether it is the turn of the module that answers r. */
static bool may_respond(const struct mpx_req *r, const char *call)
{
    if (r->running && r->phase < MPX_PH_RESPONSE)
        return true;
    req_log(r, MPX_ERROR, "%s: %s", call,
            r->running ? "not in a RESPONSE or LOG hook"
                       : "this request does not run now: wake it, and answer in its own function");
    return false;
}

/* Whether body may be added now. A response that is broken says nothing: its module was named. */
static bool is_writable(struct mpx_req *r, const char *call)
{
    if (!may_respond(r, call))
        return false;
    if (r->res.ended) {
        req_log(r, MPX_ERROR, "%s: the response has ended", call);
        r->res.fault = "wrote after it had ended the response";
        return false;
    }
    return !r->res.broken;
}

int mpx_res_write(struct mpx_req *r, struct mpx_str bytes)
{
    return is_writable(r, "mpx_res_write") ? res_write(r, bytes) : -1;
}

int mpx_res_blob(struct mpx_req *r, struct mpx_blob *b)
{
    return is_writable(r, "mpx_res_blob") ? res_blob(r, b) : -1;
}

int mpx_res_file(struct mpx_req *r, struct mpx_file *f)
{
    if (!is_writable(r, "mpx_res_file"))
        return -1;
    if (S_ISREG(f->st.st_mode))
        return res_file(r, f);
    req_log(r, MPX_ERROR, "mpx_res_file: it is no regular file");
    return -1;
}

int mpx_res_flush(struct mpx_req *r)
{
    if (!is_writable(r, "mpx_res_flush"))
        return -1;
    r->res.flush = true;
    return 0;
}

/* Ending twice is a fault that the phases answer; the first end counts till then. */
static bool may_end(struct mpx_req *r, const char *call)
{
    if (!may_respond(r, call))
        return false;
    if (r->res.ended)
        r->res.fault = "ended the response twice";
    return !r->res.ended;
}

enum mpx_rc mpx_res_end(struct mpx_req *r)
{
    if (!may_end(r, "mpx_res_end"))
        return MPX_FAIL;
    r->res.ended = true;
    return MPX_DONE;
}

enum mpx_rc mpx_res_error(struct mpx_req *r, int status)
{
    if (!may_end(r, "mpx_res_error") || !is_open(r, "mpx_res_error"))
        return MPX_FAIL;
    if (status < 400 || status > 599) {
        req_log(r, MPX_ERROR, "mpx_res_error: %d is no error (400 to 599)", status);
        return MPX_FAIL;
    }
    page_text_error(r, status);
    return MPX_DONE;
}

enum mpx_rc mpx_res_redirect(struct mpx_req *r, int status, struct mpx_str location)
{
    if (!may_end(r, "mpx_res_redirect") || !is_open(r, "mpx_res_redirect"))
        return MPX_FAIL;
    if (status < 300 || status > 399 || status == 304 || !str_is_field_value(location)) {
        req_log(r, MPX_ERROR, "mpx_res_redirect: %d to \"%.*s\" cannot be sent", status,
                STR_ARGS(location));
        return MPX_FAIL;
    }
    page_text_redirect(r, status, location);
    return MPX_DONE;
}

int mpx_res_get_status(const struct mpx_req *r)
{
    return r->res.status;
}

bool mpx_res_get_header(const struct mpx_req *r, const char *name, struct mpx_str *value)
{
    return res_get(r, str_of(name), value);
}

uint64_t mpx_res_bytes(const struct mpx_req *r)
{
    return r->res.sent;
}

struct mpx_blob *mpx_blob_make(struct mpx_str bytes)
{
    struct mpx_blob *b = must_alloc(sizeof(*b) + bytes.n);
    char *copy = (char *)(b + 1);

    if (bytes.n > 0)
        memcpy(copy, bytes.p, bytes.n);
    *b = (struct mpx_blob){ .uses = 1, .bytes = { copy, bytes.n } };
    return b;
}

struct mpx_blob *mpx_blob_take(struct mpx_str bytes, void (*release)(void *owner), void *owner)
{
    struct mpx_blob *b = must_alloc(sizeof(*b));

    *b = (struct mpx_blob){ .uses = 1, .bytes = bytes, .release = release, .owner = owner };
    return b;
}

void mpx_blob_drop(struct mpx_blob *b)
{
    if (b != NULL)
        blob_drop(b);
}

const struct stat *mpx_file_stat(const struct mpx_file *f)
{
    return &f->st;
}

struct mpx_file *mpx_file_hold(struct mpx_file *f)
{
    f->uses++;
    return f;
}

void mpx_file_drop(struct mpx_file *f)
{
    file_drop(f);
}

int mpx_file_fd(const struct mpx_file *f)
{
    return f->fd;
}
