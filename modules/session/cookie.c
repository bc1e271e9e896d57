/* SPDX-License-Identifier: MIT */
#include "cookie.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

const char *const cookie_same_site[] = { "lax", "strict", NULL };
static const char *const same_site_words[] = { "Lax", "Strict" };

static bool is_token(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127 || strchr("()<>@,;:\\\"/[]?={}", s.p[i]) != NULL)
            return false;
    return s.n > 0;
}

static bool is_domain(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
              (i > 0 && (s.p[i] == '-' || s.p[i] == '.'))))
            return false;
    return true;
}

static bool is_path(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127 || s.p[i] == ';')
            return false;
    return s.n > 0 && s.p[0] == '/';
}

int cookie_check(struct mpx_conf *c, const struct cookie *k)
{
    int rc = 0;

    if (!is_token(k->name) || (k->name.n > 1 && memcmp(k->name.p, "__", 2) == 0))
        rc = mpx_conf_error(c, "cookie/name",
                            "\"%.*s\" must be a token such as \"sid\"; the prefix \"__Host-\" or "
                            "\"__Secure-\" is added where the connection is secure",
                            (int)k->name.n, k->name.p);
    if (!is_path(k->path))
        rc = mpx_conf_error(c, "cookie/path",
                            "\"%.*s\" must begin with a slash and hold neither spaces nor "
                            "semicolons, such as \"/\"",
                            (int)k->path.n, k->path.p);
    if (!is_domain(k->domain))
        rc = mpx_conf_error(c, "cookie/domain",
                            "\"%.*s\" must be a domain in lower case without a dot in front, such "
                            "as \"example.org\"",
                            (int)k->domain.n, k->domain.p);
    return rc;
}

static bool is_secure(const struct mpx_req *r)
{
    return mpx_str_eq(mpx_req_scheme(r), MPX_STR("https"));
}

/* RFC 6265bis 4.1.3: __Host- wants Secure, the path "/" and no domain. */
struct mpx_str cookie_name(struct mpx_req *r, const struct cookie *k)
{
    if (!is_secure(r))
        return k->name;
    bool is_host = k->domain.n == 0 && mpx_str_eq(k->path, MPX_STR("/"));
    return mpx_printf(mpx_req_arena(r), "%s%.*s", is_host ? "__Host-" : "__Secure-", (int)k->name.n,
                      k->name.p);
}

static bool is_id(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n == COOKIE_TEXT;
}

/* Takes "name=value" off the front of a Cookie field (RFC 6265 4.2.1). */
static bool next_crumb(struct mpx_str *rest, struct mpx_pair *crumb)
{
    while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == ';' || rest->p[0] == '\t')) {
        rest->p++;
        rest->n--;
    }
    if (rest->n == 0)
        return false;
    const char *end = memchr(rest->p, ';', rest->n);
    struct mpx_str all = { rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n };
    *rest = (struct mpx_str){ rest->p + all.n, rest->n - all.n };
    while (all.n > 0 && (all.p[all.n - 1] == ' ' || all.p[all.n - 1] == '\t'))
        all.n--;
    const char *equals = memchr(all.p, '=', all.n);
    size_t n = equals != NULL ? (size_t)(equals - all.p) : all.n;
    crumb->key = (struct mpx_str){ all.p, n };
    crumb->value = (struct mpx_str){ all.p + n, all.n - n };
    if (equals != NULL) {
        crumb->value.p++;
        crumb->value.n--;
    }
    return true;
}

bool cookie_read(struct mpx_req *r, const struct cookie *k, struct mpx_str *text)
{
    struct mpx_str name = cookie_name(r, k);
    struct mpx_pair line, crumb;

    for (size_t i = 0; mpx_req_header_at(r, i, &line); i++) {
        if (line.key.n != 6 || strncasecmp(line.key.p, "cookie", 6) != 0)
            continue;
        while (next_crumb(&line.value, &crumb))
            if (mpx_str_eq(crumb.key, name) && is_id(crumb.value)) {
                *text = crumb.value;
                return true;
            }
    }
    return false;
}

int cookie_make(char text[COOKIE_TEXT + 1])
{
    unsigned char bytes[COOKIE_BYTES];
    ssize_t n;

    do
        n = getrandom(bytes, sizeof(bytes), 0);
    while (n < 0 && errno == EINTR);
    if (n != COOKIE_BYTES)
        return -1;
    for (size_t i = 0; i < COOKIE_BYTES; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[COOKIE_TEXT] = '\0';
    return 0;
}

void cookie_hash(struct mpx_req *r, const struct cookie *k, struct mpx_str text,
                 unsigned char id[OP_ID])
{
    struct mpx_str where = k->domain.n > 0 ? k->domain : mpx_req_vhost(r);
    struct mpx_str all = mpx_printf(mpx_req_arena(r), "%.*s %s %s %.*s", (int)text.n, text.p,
                                    is_secure(r) ? "secure" : "plain",
                                    k->domain.n > 0 ? "domain" : "vhost", (int)where.n, where.p);

    SHA256((const unsigned char *)all.p, all.n, id);
}

int cookie_send(struct mpx_req *r, const struct cookie *k, struct mpx_str text, int64_t lifetime)
{
    struct mpx_arena *a = mpx_req_arena(r);
    struct mpx_str name = cookie_name(r, k), age = MPX_STR(""), domain = MPX_STR("");

    if (text.n == 0)
        age = MPX_STR("; Max-Age=0");
    else if (k->persistent)
        age = mpx_printf(a, "; Max-Age=%lld", (long long)(lifetime / 1000));
    if (k->domain.n > 0)
        domain = mpx_printf(a, "; Domain=%.*s", (int)k->domain.n, k->domain.p);
    return mpx_res_header_add(r, "Set-Cookie",
                              mpx_printf(a, "%.*s=%.*s; Path=%.*s%.*s%.*s; HttpOnly; SameSite=%s%s",
                                         (int)name.n, name.p, (int)text.n, text.p, (int)k->path.n,
                                         k->path.p, (int)domain.n, domain.p, (int)age.n, age.p,
                                         same_site_words[k->same_site],
                                         is_secure(r) ? "; Secure" : ""));
}
