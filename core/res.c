/* SPDX-License-Identifier: MIT */
#include "res.h"

#include "cut.h"
#include "filter.h"
#include "must.h"
#include "req.h"
#include "str.h"

enum { FIELDS_AT_FIRST = 16 };

void res_init(struct mpx_req *r)
{
    r->res =
        (struct res){ .status = 200, .declared = -1, .length = -1, .waiting_max = (size_t)1 << 20 };
}

/* Drops the pieces behind one of them (NULL: all). */
static void drop_behind(struct mpx_req *r, struct piece *behind)
{
    struct piece *next;

    for (struct piece *p = piece_detach_behind(r, &r->res.queue, behind); p != NULL; p = next) {
        next = p->next;
        piece_release(r, p);
    }
}

/* Drops the body; what a carrier has put in front of it stays. */
static void drop_body(struct mpx_req *r)
{
    drop_behind(r, piece_last_framed(&r->res.queue));
}

void res_finish(struct mpx_req *r)
{
    drop_behind(r, NULL);
}

void res_reset(struct mpx_req *r, int status)
{
    struct res *res = &r->res, old = *res;

    MUST(!res->started);
    filter_end(r);
    drop_body(r);
    old.queue = res->queue;
    old.spare = res->spare;
    res_init(r);
    res->queue = old.queue;
    res->spare = old.spare;
    res->waiting_max = old.waiting_max;
    res->out = old.out;
    res->status = status;
}

void res_add_own(struct mpx_req *r, struct mpx_str name, struct mpx_str value)
{
    struct res *res = &r->res;

    if (res->count == res->room) {
        size_t room = res->room != 0 ? 2 * res->room : FIELDS_AT_FIRST;
        struct mpx_pair *fields = arena_take(&r->arena, room * sizeof(*fields));

        if (res->count > 0)
            memcpy(fields, res->fields, res->count * sizeof(*fields));
        res->fields = fields;
        res->room = room;
    }
    res->fields[res->count++] = (struct mpx_pair){ name, value };
}

void res_set_own(struct mpx_req *r, struct mpx_str name, struct mpx_str value)
{
    res_remove(r, name);
    res_add_own(r, name, value);
}

/* A copy of what can be sent, beside those of the same name or instead of them. */
static int add_checked(struct mpx_req *r, struct mpx_str name, struct mpx_str value, bool instead)
{
    if (!str_is_token(name) || !str_is_field_value(value))
        return -1;
    if (instead)
        res_remove(r, name);
    res_add_own(r, arena_copy(&r->arena, name), arena_copy(&r->arena, value));
    return 0;
}

int res_add(struct mpx_req *r, struct mpx_str name, struct mpx_str value)
{
    return add_checked(r, name, value, false);
}

int res_set(struct mpx_req *r, struct mpx_str name, struct mpx_str value)
{
    return add_checked(r, name, value, true);
}

static bool has_name(const struct mpx_pair *field, struct mpx_str name)
{
    return field->key.n == name.n && str_same_word(field->key, name);
}

void res_remove(struct mpx_req *r, struct mpx_str name)
{
    struct res *res = &r->res;
    size_t kept = 0;

    for (size_t i = 0; i < res->count; i++)
        if (!has_name(&res->fields[i], name))
            res->fields[kept++] = res->fields[i];
    res->count = kept;
    if (str_same_word(name, MPX_STR("Content-Length")))
        res->declared = -1;
}

bool res_get(const struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    for (size_t i = 0; i < r->res.count; i++)
        if (has_name(&r->res.fields[i], name)) {
            *value = r->res.fields[i].value;
            return true;
        }
    return false;
}

static int break_off(struct res *res, const char *fault)
{
    res->broken = true;
    res->fault = fault;
    return -1;
}

/* Counts n bytes of body; -1 when there may be none, and broken when a promise is overrun. */
static int count_body(struct mpx_req *r, size_t n)
{
    struct res *res = &r->res;

    if (res->ended || res->broken)
        return -1;
    res->written += n;
    if (res->declared >= 0 && res->written > (uint64_t)res->declared && !r->is_head)
        return break_off(res, "wrote more than the Content-Length that it promised");
    return 0;
}

/* Whether bytes that are written now can ever be sent. */
static bool wants_body(const struct mpx_req *r)
{
    return !r->is_head && !r->res.no_body;
}

static int mark(const struct res *res)
{
    return res->waiting > RES_MARK ? 1 : 0;
}

/* Queues what goes out of a piece that was written: by 'add', which gets all of it or parts. */
static int put(struct mpx_req *r, const struct piece *from, cut_add_fn add)
{
    if (count_body(r, from->n) < 0)
        return -1;
    if (wants_body(r) && from->n > 0) {
        if (r->res.input != NULL)
            add(r, r->res.input, from, 0, from->n);
        else if (r->res.cut != NULL)
            cut_pass(r, from, add);
        else
            add(r, &r->res.queue, from, 0, from->n);
    }
    return r->res.broken ? -1 : mark(&r->res);
}

static void add_copy(struct mpx_req *r, struct pieces *q, const struct piece *from, size_t skip,
                     size_t n)
{
    struct res *res = &r->res;

    if (n > res->waiting_max || res->waiting > res->waiting_max - n)
        (void)break_off(res, "wrote more than limits.response_buffer without waiting for the "
                             "client: return mpx_wait_drain when mpx_res_write gives 1");
    else
        piece_copy(r, q, from, skip, n);
}

int res_write(struct mpx_req *r, struct mpx_str bytes)
{
    const struct piece from = { .kind = PIECE_BYTES, .p = bytes.p, .n = bytes.n };

    return put(r, &from, add_copy);
}

void res_bytes(struct mpx_req *r, struct mpx_str bytes)
{
    const struct piece from = { .kind = PIECE_BYTES, .p = bytes.p, .n = bytes.n };

    (void)put(r, &from, piece_append);
}

int res_blob(struct mpx_req *r, struct mpx_blob *b)
{
    const struct piece from = {
        .kind = PIECE_BLOB, .p = b->bytes.p, .n = b->bytes.n, .owner.blob = b
    };

    return put(r, &from, piece_append);
}

int res_file(struct mpx_req *r, struct mpx_file *f)
{
    const struct piece from = { .kind = f->bytes != NULL ? PIECE_SMALL : PIECE_FILE,
                                .p = f->bytes,
                                .n = f->st.st_size > 0 ? (size_t)f->st.st_size : 0,
                                .owner.file = f };

    return put(r, &from, piece_append);
}

void res_not_modified(struct mpx_req *r)
{
    drop_body(r);
    r->res.status = 304;
}

int64_t res_length(const struct mpx_req *r)
{
    const struct res *res = &r->res;

    if (res->resized)
        return -1;
    return res->ended && !(r->is_head && res->declared >= 0) ? (int64_t)res->written
                                                             : res->declared;
}

void res_start(struct mpx_req *r)
{
    struct res *res = &r->res;

    res->started = true;
    if (res->status == 204 || res->status == 304)
        res->no_body = true;
    if (res->status == 205) { /* RFC 9110 15.3.6: no content, but its length is told */
        filter_end(r);
        drop_body(r);
        res->resized = false;
        res->written = 0;
        res->declared = 0;
        res->enough = true;
    }
    if (res->cut == NULL)
        res->length = res_length(r);
    if (res->no_body || r->is_head) {
        filter_end(r);
        drop_body(r);
    } else if (res->length < 0) {
        res->chunked = r->version >= 11;
        res->close = !res->chunked;
    }
}

struct piece *res_insert_bytes(struct mpx_req *r, struct piece *behind, struct mpx_str bytes)
{
    struct piece *p = piece_new(r, PIECE_BYTES);

    p->p = bytes.p;
    p->n = bytes.n;
    p->is_framed = true;
    piece_insert(&r->res.queue, behind, p);
    return p;
}

struct piece *res_insert(struct mpx_req *r, struct piece *behind, struct mpx_str text)
{
    struct piece *p = res_insert_bytes(r, behind, text);

    MUST(text.n < sizeof(p->text));
    memcpy(p->text, text.p, text.n);
    p->p = p->text;
    return p;
}

size_t res_took(struct mpx_req *r, size_t n)
{
    struct res *res = &r->res;

    res->seen = res->seen || (res->started && n > 0);
    while (n > 0 && res->queue.first != NULL) {
        const struct piece *p = res->queue.first;
        size_t part = n < p->n ? n : p->n;

        n -= part;
        res->out += part;
        res->sent += p->is_body ? part : 0;
        piece_took(r, &res->queue, part);
    }
    return n;
}

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 203, "Non-Authoritative Information" },
    { 204, "No Content" },
    { 205, "Reset Content" },
    { 206, "Partial Content" },
    { 207, "Multi-Status" },
    { 300, "Multiple Choices" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 418, "I'm a teapot" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 423, "Locked" },
    { 426, "Upgrade Required" },
    { 428, "Precondition Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 451, "Unavailable For Legal Reasons" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
    { 507, "Insufficient Storage" },
};

const char *res_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}
