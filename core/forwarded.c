/* SPDX-License-Identifier: MIT */
#include "forwarded.h"

#include "str.h"

/* Whether an odd number of backslashes stands before the byte at that place. */
static bool is_escaped(struct mpx_str s, size_t at)
{
    size_t n = 0;

    while (n < at && s.p[at - n - 1] == '\\')
        n++;
    return n % 2 != 0;
}

/* Takes what stands behind the last comma off *field; a comma in a quoted string is none. False
   when a quoted string does not begin. */
static bool take_last(struct mpx_str *field, struct mpx_str *last)
{
    bool quoted = false;
    size_t at = field->n;

    while (at > 0 && (quoted || field->p[at - 1] != ',')) {
        at--;
        if (field->p[at] == '"' && !is_escaped(*field, at))
            quoted = !quoted;
    }
    *last = str_trim(str_from(*field, at));
    *field = str_head(*field, at > 0 ? at - 1 : 0);
    return !quoted;
}

int forwarded_last_item(struct mpx_str *field, struct mpx_str *item)
{
    while (field->n > 0) {
        size_t comma = str_find_last(*field, ',');
        bool is_only = comma == field->n;

        *item = str_trim(is_only ? *field : str_from(*field, comma + 1));
        *field = str_head(*field, is_only ? 0 : comma);
        if (item->n > 0)
            return 1;
    }
    return 0;
}

/* How long the quoted string is that s begins with; 0 when it does not end. */
static size_t quoted_length(struct mpx_str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"')
            return i + 1;
        if (s.p[i] == '\\')
            i++;
    }
    return 0;
}

/* How long the value without quotes is that s begins with: a token, but many proxies write colons
   and brackets of addresses without quotes as well. */
static size_t plain_length(struct mpx_str s)
{
    size_t n = 0;

    while (n < s.n &&
           (str_is_token_char((unsigned char)s.p[n]) || memchr(":[]", s.p[n], 3) != NULL))
        n++;
    return n;
}

/* The value that *rest begins with is taken off it; false when it has no form. */
static bool take_value(struct mpx_str *rest, struct mpx_str *value)
{
    if (rest->n > 0 && rest->p[0] == '"') {
        size_t n = quoted_length(*rest);

        *value = n > 0 ? str_head(str_from(*rest, 1), n - 2) : MPX_STR("");
        *rest = str_trim(str_from(*rest, n));
    } else {
        *value = str_head(*rest, plain_length(*rest));
        *rest = str_trim(str_from(*rest, value->n));
    }
    return value->n > 0 && (rest->n == 0 || rest->p[0] == ';');
}

/* name=value is taken off *rest; false when it is none, or the second one of a name that counts. */
static bool take_pair(struct mpx_str *rest, struct forwarded *f)
{
    size_t equals = str_find(*rest, '=');
    struct mpx_str name = str_head(*rest, equals), value, *to = NULL;

    *rest = str_from(*rest, equals + 1);
    if (!str_is_token(name) || !take_value(rest, &value))
        return false;
    if (str_same_word(name, MPX_STR("for")))
        to = &f->from;
    else if (str_same_word(name, MPX_STR("proto")))
        to = &f->proto;
    if (to == NULL)
        return true;
    if (to->n > 0 || str_find(value, '\\') < value.n)
        return false;
    *to = value;
    return true;
}

int forwarded_last(struct mpx_str *field, struct forwarded *f)
{
    struct mpx_str element = { NULL, 0 };
    bool good = true;

    *f = (struct forwarded){ .from = MPX_STR("") };
    while (good && element.n == 0 && field->n > 0)
        good = take_last(field, &element);
    if (good && element.n == 0)
        return 0;
    while (good && element.n > 0) {
        if (element.p[0] != ';')
            good = take_pair(&element, f);
        element = str_trim(str_from(element, 1));
    }
    if (good)
        return 1;
    *field = str_head(*field, 0);
    return -1;
}

/* ":80" or ":_hidden" behind an address. */
static bool read_port(struct mpx_str s, uint16_t *port)
{
    uint64_t n;

    *port = 0;
    if (s.n < 2 || s.p[0] != ':')
        return false;
    s = str_from(s, 1);
    if (s.p[0] == '_')
        return true;
    if (s.n > 5 || str_to_u64(s, &n) < 0 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

bool forwarded_address(struct mpx_str node, union address *a)
{
    size_t colon = str_find(node, ':'), end = str_find(node, ']');
    struct mpx_str host = node, rest = MPX_STR("");
    union address found;
    uint16_t port = 0;

    if (node.n > 0 && node.p[0] == '[') {
        host = str_head(str_from(node, 1), end - 1);
        rest = str_from(node, end + 1);
        if (end == node.n || str_find(host, ':') == host.n)
            return false;
    } else if (colon < node.n && str_find_last(node, ':') == colon) {
        host = str_head(node, colon);
        rest = str_from(node, colon);
    }
    if ((rest.n > 0 && !read_port(rest, &port)) || !address_read(host, &found))
        return false;
    if (found.any.sa_family == AF_INET)
        found.in.sin_port = htons(port);
    else
        found.in6.sin6_port = htons(port);
    *a = found;
    return true;
}
