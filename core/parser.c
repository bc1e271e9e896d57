/* SPDX-License-Identifier: MIT */
#include "parser.h"

#include "must.h"
#include "str.h"

#include <llhttp.h>
#include <stdio.h>

#if !defined(LLHTTP_STRICT_MODE) || LLHTTP_STRICT_MODE != 1
#error "llhttp must be compiled and used with -DLLHTTP_STRICT_MODE=1 (CVE-2023-30589)"
#endif
_Static_assert(sizeof(llhttp_t) <= sizeof(((struct parser *)0)->opaque), "llhttp_t fits");

static const struct guard_limits trailer_limits = { .bytes = 8192, .uri = 0, .fields = 64 };

static struct parser *parser_of(llhttp_t *ll)
{
    return ll->data;
}

static llhttp_t *llhttp_of(struct parser *p)
{
    return (llhttp_t *)(void *)p->opaque;
}

static int refuse(struct parser *p, int status)
{
    if (p->refused == 0)
        p->refused = status;
    return HPE_USER;
}

static int on_header_field(llhttp_t *ll, const char *at, size_t n)
{
    struct parser *p = parser_of(ll);

    if (p->field_count == p->field_room)
        return refuse(p, 431);
    p->fields[p->field_count].key = (struct mpx_str){ at, n };
    p->fields[p->field_count].value = (struct mpx_str){ at + n, 0 };
    return 0;
}

static int on_header_value(llhttp_t *ll, const char *at, size_t n)
{
    struct parser *p = parser_of(ll);

    if (n == 0)
        return 0;
    struct mpx_str *value = &p->fields[p->field_count].value;
    struct mpx_str before = { value->p + value->n, (size_t)(at - value->p) - value->n };
    if (str_find(before, '\r') < before.n) /* the line was folded */
        return refuse(p, 400);
    *value = (struct mpx_str){ value->n > 0 ? value->p : at, value->n + n };
    return 0;
}

static int on_header_value_complete(llhttp_t *ll)
{
    struct parser *p = parser_of(ll);

    p->fields[p->field_count].value = str_trim(p->fields[p->field_count].value);
    p->field_count++;
    return 0;
}

/* Pauses where the next chunk's line begins: that is read elsewhere. */
static int on_chunk_complete(llhttp_t *ll)
{
    struct parser *p = parser_of(ll);

    p->in_size = !p->in_trailers;
    return p->in_size ? HPE_PAUSED : 0;
}

static int on_body(llhttp_t *ll, const char *at, size_t n)
{
    struct parser *p = parser_of(ll);
    int status = p->take(p->arg, (struct mpx_str){ at, n });

    return status != 0 ? refuse(p, status) : 0;
}

static int on_message_complete(llhttp_t *ll)
{
    parser_of(ll)->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_chunk_complete = on_chunk_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static int status_of(struct parser *p, llhttp_errno_t error)
{
    bool is_coding = error == HPE_INVALID_TRANSFER_ENCODING && !p->in_trailers;

    if (p->refused != 0)
        return p->refused;
    if (is_coding && (llhttp_of(p)->flags & F_CONTENT_LENGTH) == 0) /* not wrong, but not known */
        return 501;
    return error == HPE_INVALID_METHOD ? 501 : 400;
}

int parser_head(struct parser *p, struct mpx_str head, struct mpx_pair *fields, size_t room)
{
    llhttp_t *ll = llhttp_of(p);

    *p = (struct parser){ .fields = fields, .field_room = room };
    llhttp_init(ll, HTTP_REQUEST, &settings);
    ll->data = p;
    llhttp_errno_t error = llhttp_execute(ll, head.p, head.n);
    if (error == HPE_PAUSED_UPGRADE) /* no protocol is ever switched here */
        llhttp_resume_after_upgrade(ll);
    else if (error == HPE_PAUSED && p->complete)
        llhttp_resume(ll);
    else if (error != HPE_OK)
        return status_of(p, error);
    p->fields = NULL;
    p->in_size = (ll->flags & F_CHUNKED) != 0;
    return 0;
}

/* Feeds llhttp and says how far it came. */
static int feed(struct parser *p, struct mpx_str in, size_t *used)
{
    llhttp_t *ll = llhttp_of(p);
    llhttp_errno_t error = llhttp_execute(ll, in.p, in.n);

    *used = in.n;
    if (error == HPE_OK)
        return PARSER_MORE;
    if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE)
        return status_of(p, error);
    *used = (size_t)(llhttp_get_error_pos(ll) - in.p);
    if (error == HPE_PAUSED)
        llhttp_resume(ll);
    else
        llhttp_resume_after_upgrade(ll);
    return p->complete ? PARSER_COMPLETE : PARSER_MORE;
}

/* llhttp is told the bare size: it refuses extensions that are right, and bounds none. */
static int feed_size(struct parser *p, struct mpx_str in, size_t *used)
{
    char line[CHUNK_SIZE_DIGITS + 3];
    size_t fed;
    int rc = chunk_scan(&p->chunk, in.p, in.n, used);

    if (rc != CHUNK_COMPLETE)
        return rc;
    if (p->received > p->limit || p->chunk.size > p->limit - p->received)
        return 413;
    p->received += p->chunk.size;
    p->in_size = false;
    int n = snprintf(line, sizeof(line), "%llx\r\n", (unsigned long long)p->chunk.size);
    rc = feed(p, (struct mpx_str){ line, (size_t)n }, &fed);
    if (p->chunk.size == 0) {
        p->in_trailers = true;
        guard_start_trailers(&p->trailers);
    }
    return rc;
}

/* llhttp is told that there are none: it would take some of them for the message's own fields. */
static int feed_trailers(struct parser *p, struct mpx_str in, size_t *used)
{
    size_t fed;
    int rc = guard_scan(&p->trailers, &trailer_limits, in.p, in.n, used);

    if (rc != GUARD_COMPLETE)
        return rc;
    rc = feed(p, MPX_STR("\r\n"), &fed);
    return rc == PARSER_MORE ? 400 : rc; /* both must see the end */
}

int parser_body(struct parser *p, struct mpx_str in, int (*take)(void *arg, struct mpx_str piece),
                void *arg, size_t *used)
{
    int rc = PARSER_MORE;

    p->take = take;
    p->arg = arg;
    *used = 0;
    while (rc == PARSER_MORE && *used < in.n) {
        struct mpx_str rest = str_from(in, *used);
        size_t n = 0;

        rc = p->in_size       ? feed_size(p, rest, &n)
             : p->in_trailers ? feed_trailers(p, rest, &n)
                              : feed(p, rest, &n);
        *used += n;
    }
    return rc;
}

#define QUOTED(x) #x
#define VERSION_TEXT(major, minor, patch) \
    "llhttp " QUOTED(major) "." QUOTED(minor) "." QUOTED(patch)

const char *parser_version(void)
{
    return VERSION_TEXT(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH);
}
