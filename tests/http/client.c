/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "multipart.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *need(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

int client_open(struct client *c, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    int one = 1;

    *c = (struct client){ .in_room = 65536 };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return -1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->in = need(malloc(c->in_room));
    return 0;
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->in);
    for (size_t i = 0; i < c->held_n; i++)
        free(c->held[i]);
}

void client_send(struct client *c, const char *bytes, size_t n, size_t step)
{
    while (n > 0) {
        size_t part = step == CLIENT_WHOLE || step > n ? n : step;
        ssize_t sent = send(c->fd, bytes, part, MSG_NOSIGNAL);

        if (sent <= 0) /* it has closed: what it said is still to be read */
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void fault(struct client *c, const char *what)
{
    if (c->fault[0] == '\0')
        (void)snprintf(c->fault, sizeof(c->fault), "%s", what);
}

static char *hold(struct client *c, const char *p, size_t n)
{
    char *copy = need(malloc(n + 1));

    memcpy(copy, p, n);
    copy[n] = '\0';
    if (c->held_n < sizeof(c->held) / sizeof(c->held[0]))
        c->held[c->held_n++] = copy;
    return copy;
}

static bool is_token_char(char ch)
{
    return ch > 0x20 && ch < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", ch) == NULL;
}

/* Every line of a head: a token, a colon, a value without control bytes. */
static bool is_good_head(const char *p)
{
    while (*p != '\0') {
        const char *end = strstr(p, "\r\n");
        size_t name = 0;

        if (end == NULL)
            return false;
        while (is_token_char(p[name]))
            name++;
        if (name == 0 || p[name] != ':')
            return false;
        for (const char *v = p + name + 1; v < end; v++)
            if (((unsigned char)*v < 0x20 && *v != '\t') || *v == 0x7f)
                return false;
        p = end + 2;
    }
    return true;
}

const char *client_field(struct client *c, const struct response *r, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = r->head; *p != '\0'; p = strstr(p, "\r\n") + 2)
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            const char *v = p + n + 1, *end = strstr(p, "\r\n");

            while (*v == ' ')
                v++;
            return hold(c, v, (size_t)(end - v));
        }
    return NULL;
}

static size_t count_field(const struct response *r, const char *name)
{
    size_t n = strlen(name), count = 0;

    for (const char *p = r->head; *p != '\0'; p = strstr(p, "\r\n") + 2)
        count += strncasecmp(p, name, n) == 0 && p[n] == ':';
    return count;
}

/* A chunked body: 1 whole with *used, 0 more wanted, -1 wrong. */
static int parse_chunks(struct client *c, struct response *r, const char *p, size_t n, size_t *used)
{
    char *body = need(malloc(n + 1));
    size_t at = 0, len = 0;
    int rc = 0;

    for (;;) {
        const char *line = memmem(p + at, n - at, "\r\n", 2);
        char *end;

        if (line == NULL)
            break;
        unsigned long size = strtoul(p + at, &end, 16);
        if (end == p + at || end != line) {
            rc = -1;
            break;
        }
        at = (size_t)(line - p) + 2;
        if (n - at < size + 2)
            break;
        if (memcmp(p + at + size, "\r\n", 2) != 0) {
            rc = -1;
            break;
        }
        memcpy(body + len, p + at, size);
        len += size;
        at += size + 2;
        if (size == 0) {
            *used = at;
            r->body = hold(c, body, len);
            r->body_n = len;
            rc = 1;
            break;
        }
    }
    free(body);
    return rc;
}

/* The body that begins at p: 1 whole with *used, 0 more wanted, -1 wrong. */
static int parse_body(struct client *c, struct response *r, const char *p, size_t n, size_t *used)
{
    const char *length = client_field(c, r, "Content-Length");
    const char *coding = client_field(c, r, "Transfer-Encoding");
    bool is_head = c->count < sizeof(c->heads) && c->heads[c->count] != 0;

    *used = 0;
    r->body = "";
    if (length != NULL && coding != NULL)
        return -1;
    if (is_head || r->status / 100 == 1 || r->status == 204 || r->status == 304)
        return 1;
    if (coding != NULL)
        return strcmp(coding, "chunked") == 0 ? parse_chunks(c, r, p, n, used) : -1;
    if (length == NULL && !c->ended)
        return 0;
    size_t want = length != NULL ? strtoul(length, NULL, 10) : n;
    if (n < want)
        return 0;
    *used = want;
    r->body = hold(c, p, want);
    r->body_n = want;
    return 1;
}

/* One response off the front of what was received; 1, 0 when it is not whole, -1 when it is
   wrong. */
static int parse_one(struct client *c)
{
    const char *p = c->in + c->parsed;
    size_t n = c->in_n - c->parsed, used;
    const char *end = n > 0 ? memmem(p, n, "\r\n\r\n", 4) : NULL;
    struct response r = { .status = 0 };

    if (end == NULL)
        return 0;
    const char *line = memmem(p, n, "\r\n", 2);
    if (line - p < 13 || (memcmp(p, "HTTP/1.1 ", 9) != 0 && memcmp(p, "HTTP/1.0 ", 9) != 0) ||
        p[12] != ' ')
        return -1;
    r.status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    r.head = line == end ? "" : hold(c, line + 2, (size_t)(end - line));
    if (r.status < 100 || r.status > 599 || !is_good_head(r.head))
        return -1;
    int rc = parse_body(c, &r, end + 4, n - (size_t)(end + 4 - p), &used);
    if (rc != 1)
        return rc;
    c->parsed += (size_t)(end + 4 - p) + used;
    if (r.status / 100 == 1)
        c->interim++;
    else if (c->count < CLIENT_RESPONSES_MAX)
        c->responses[c->count++] = r;
    return 1;
}

static void parse_all(struct client *c)
{
    int rc;

    do
        rc = parse_one(c);
    while (rc == 1 && c->parsed < c->in_n);
    if (rc < 0)
        fault(c, "an answer is not well formed");
}

/* One recv; false when nothing was there. */
static bool receive_now(struct client *c, int flags)
{
    if (c->in_room - c->in_n < 32768) {
        c->in_room *= 2;
        c->in = need(realloc(c->in, c->in_room));
    }
    ssize_t n = recv(c->fd, c->in + c->in_n, c->in_room - c->in_n - 1, flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        c->ended = true;
    else
        c->in_n += (size_t)n;
    return true;
}

/* Reads what there is; false when nothing comes in time or ever will. */
static bool receive(struct client *c, int ms)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };

    return !c->ended && poll(&p, 1, ms) > 0 && receive_now(c, 0);
}

void client_take(struct client *c)
{
    while (!c->ended && c->fault[0] == '\0' && receive_now(c, MSG_DONTWAIT))
        parse_all(c);
    if (c->ended) {
        parse_all(c); /* the end may be what a body waited for */
        if (c->parsed < c->in_n)
            fault(c, "bytes are left over behind the last answer");
    }
}

void client_read(struct client *c, size_t want, int quiet_ms, int most_ms)
{
    long end = now_ms() + most_ms;

    while (c->fault[0] == '\0' && now_ms() < end) {
        int wait = c->count >= want ? quiet_ms : (int)(end - now_ms());

        if (!receive(c, wait))
            break;
        parse_all(c);
    }
    if (c->ended && c->parsed < c->in_n)
        fault(c, "bytes are left over behind the last answer");
}

bool client_sees_end(struct client *c, int most_ms)
{
    long end = now_ms() + most_ms;

    while (!c->ended && now_ms() < end)
        if (receive(c, (int)(end - now_ms())))
            parse_all(c);
    return c->ended;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool is_date(const char *s)
{
    static const char form[] = "aaa, 00 aaa 0000 00:00:00 GMT";

    if (strlen(s) != sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i] != '\0'; i++) {
        if (form[i] == 'a'   ? !((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z')
            : form[i] == '0' ? !(s[i] >= '0' && s[i] <= '9')
                             : s[i] != form[i])
            return false;
    }
    return true;
}

/* What belongs to parts, and to nothing else (RFC 9110 14.4, 15.3.7, 15.5.17). */
static void check_parts(struct client *c, const struct response *r)
{
    const char *range = client_field(c, r, "Content-Range");
    const char *type = client_field(c, r, "Content-Type");
    bool is_multipart = type != NULL && strncmp(type, "multipart/byteranges", 20) == 0;
    unsigned long long at[3];
    struct multipart m;

    if (r->status == 416 && (range == NULL || strncmp(range, "bytes */", 8) != 0))
        fault(c, "416 without the length");
    if (r->status == 206 && is_multipart) {
        multipart_read(&m, type, r->body, r->body_n);
        if (m.fault != NULL)
            fault(c, m.fault);
        if (range != NULL)
            fault(c, "multipart/byteranges with a Content-Range of its own");
    } else if (r->status == 206) {
        if (range == NULL || !multipart_range(range, at) || at[1] - at[0] + 1 != r->body_n)
            fault(c, "206 with another body than Content-Range says");
    } else if (r->status != 416 && (range != NULL || is_multipart)) {
        fault(c, "a part, and not 206");
    }
}

void client_check(struct client *c, const struct response *r)
{
    const char *date = client_field(c, r, "Date");
    int s = r->status;

    if (date == NULL || !is_date(date))
        fault(c, "Date is missing or no IMF-fixdate");
    if (count_field(r, "Content-Length") > 1)
        fault(c, "Content-Length is there twice");
    if (s == 405 && client_field(c, r, "Allow") == NULL)
        fault(c, "405 without Allow");
    check_parts(c, r);
    if (s / 100 == 3 && s != 304 && count_field(r, "Location") != 1)
        fault(c, "3xx without one Location");
    if (client_field(c, r, "X-Injected") != NULL)
        fault(c, "a field was injected");
    if (memmem(r->body, r->body_n, "<b>bold</b>", 11) != NULL)
        fault(c, "markup was injected");
}
