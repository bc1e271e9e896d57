/* SPDX-License-Identifier: MIT */
#include "head.h"

#include "method.h"
#include "must.h"
#include "str.h"
#include "uri.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 10 or 11; 0 for a version of HTTP that is not ours; -1 for anything else. */
static int read_version(struct mpx_str s)
{
    if (s.n != 8 || !str_starts(s, MPX_STR("HTTP/")) || !is_digit(s.p[5]) || s.p[6] != '.' ||
        !is_digit(s.p[7]))
        return -1;
    return s.p[5] == '1' && s.p[7] <= '1' ? 10 + (s.p[7] - '0') : 0;
}

int head_line(struct mpx_req *r, struct mpx_str line, const struct listener_limits *limits,
              struct mpx_str *target)
{
    size_t first = str_find(line, ' '), last = str_find_last(line, ' ');

    r->line = line;
    r->method = str_head(line, first);
    r->is_head = str_is(r->method, "HEAD");
    if (first == line.n || first == last || !str_is_token(r->method))
        return 400;
    *target = str_head(str_from(line, first + 1), last - first - 1);
    int version = read_version(str_from(line, last + 1));
    if (version < 0 || target->n == 0 || str_find(*target, ' ') < target->n)
        return 400;
    if (version == 0)
        return 505;
    r->version = version;
    if (target->n > (size_t)limits->uri)
        return 414;
    return method_find(r->method) != 0 ? 0 : 501;
}

/* Transfer-Encoding (RFC 9112 6.1): "chunked", once, and no Content-Length beside it. */
static int check_framing(struct mpx_req *r)
{
    struct mpx_str value;

    if (r->known[REQ_TRANSFER_ENCODING].count > 0) {
        if (r->known[REQ_CONTENT_LENGTH].count > 0)
            return 400;
        (void)req_known(r, REQ_TRANSFER_ENCODING, &value);
        if (!str_same_word(value, MPX_STR("chunked")))
            return value.n > 0 ? 501 : 400;
        r->content_length = UINT64_MAX;
        if (r->version == 10)
            r->keep_alive = false;
        return 0;
    }
    if (!req_known(r, REQ_CONTENT_LENGTH, &value))
        return 0;
    if (r->known[REQ_CONTENT_LENGTH].count > 1 || str_to_u64(value, &r->content_length) < 0)
        return 400;
    return r->content_length < UINT64_MAX ? 0 : 413; /* which stands for chunked */
}

/* The authority of the target rules, but a Host must be there and right all the same. */
static int check_host(struct mpx_req *r, const struct uri_target *target)
{
    char host[URI_HOST_MAX];
    struct mpx_str value;
    unsigned count = r->known[REQ_HOST].count;
    int n = 0;

    if (count > 1 || (count == 0 && r->version >= 11))
        return 400;
    if (count == 1) {
        (void)req_known(r, REQ_HOST, &value);
        n = uri_parse_host(value, host);
        if (n <= 0)
            return 400;
    }
    if (target->form == URI_ABSOLUTE) {
        n = uri_parse_host(target->authority, host);
        if (n <= 0)
            return 400;
    }
    r->host = arena_copy(&r->arena, (struct mpx_str){ host, (size_t)n });
    return 0;
}

/* A list of tokens (RFC 9110 7.6.1): a quote is none, and hides nothing. */
static void check_connection(struct mpx_req *r)
{
    struct mpx_str list = { NULL, 0 };
    bool close = false, keep = false;

    (void)req_known(r, REQ_CONNECTION, &list);
    while (list.n > 0) {
        size_t comma = str_find(list, ',');
        struct mpx_str token = str_trim(str_head(list, comma));

        close = close || str_same_word(token, MPX_STR("close"));
        keep = keep || str_same_word(token, MPX_STR("keep-alive"));
        list = str_from(list, comma + 1);
    }
    r->keep_alive = !close && (r->version >= 11 || keep);
}

static int check_expect(struct mpx_req *r)
{
    struct mpx_str value;

    if (r->version < 11 || !req_known(r, REQ_EXPECT, &value)) /* 1.0: ignored, RFC 9110 10.1.1 */
        return 0;
    if (!str_same_word(value, MPX_STR("100-continue")))
        return 417;
    r->expects_continue = r->content_length > 0;
    return 0;
}

static int read_target(struct mpx_req *r, const struct uri_target *target)
{
    size_t n;

    r->query = target->query;
    r->path = target->path;
    r->is_asterisk = target->form == URI_ASTERISK;
    if (r->is_asterisk)
        return str_is(r->method, "OPTIONS") ? 0 : 400;
    char *path = arena_take(&r->arena, target->path.n + 1);
    int status = uri_normal_path(target->path, path, &n);
    if (status != 0)
        return status;
    path[n] = '\0';
    r->path = (struct mpx_str){ path, n };
    return 0;
}

/* llhttp takes no tab at the end of a length or a coding, where it is white space as a blank is
   (RFC 9112 5.1). Anywhere else a tab stays one. */
static struct mpx_str with_blanks_at_line_ends(struct mpx_req *r, struct mpx_str head)
{
    if (str_find(head, '\t') == head.n)
        return head;
    char *text = arena_take(&r->arena, head.n);
    bool at_end = false;
    for (size_t i = head.n; i > 0; i--) {
        char c = head.p[i - 1];

        at_end = c == '\r' || (at_end && (c == ' ' || c == '\t'));
        text[i - 1] = at_end && c == '\t' ? ' ' : c;
    }
    return (struct mpx_str){ text, head.n };
}

int head_read(struct mpx_req *r, struct parser *parser, struct mpx_str head,
              const struct guard *guard, const struct listener_limits *limits, bool *close)
{
    struct uri_target target;
    struct mpx_str text, line;

    r->limits = limits;
    r->body.limit = (uint64_t)limits->body;
    *close = true;
    line = str_head(str_from(head, guard->line_start), guard->line_end - guard->line_start);
    int status = head_line(r, line, limits, &text);
    if (status == 0)
        status = uri_parse_target(text, &target);
    if (status != 0)
        return status;
    r->fields = arena_zero(&r->arena, (guard->fields + 1) * sizeof(*r->fields));
    text = with_blanks_at_line_ends(r, str_from(head, guard->line_start));
    status = parser_head(parser, text, r->fields, guard->fields);
    r->field_count = parser->field_count;
    if (status != 0)
        return status;
    r->is_read = true;
    req_index_fields(r);
    check_connection(r);
    status = check_framing(r);
    if (status == 0)
        status = check_host(r, &target);
    if (status == 0)
        status = check_expect(r);
    if (status != 0)
        return status;
    status = read_target(r, &target);
    *close = status == 400;
    return status;
}
