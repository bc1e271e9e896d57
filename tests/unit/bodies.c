/* SPDX-License-Identifier: MIT */
#include "bodies.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

struct loopback *bodies_site(const char *daemon, const char *limits)
{
    static char config[1024];

    (void)snprintf(config, sizeof(config),
                   "{\"daemon\":{\"log_level\":\"debug\"%s},\"connection\":{\"limits\":{%s}},"
                   "\"vhosts\":{\"name\":\"a\",\"modules\":[\"probe\"],\"directories\":["
                   "{\"path\":\"/tiny\",\"limits\":{\"body\":5}},"
                   "{\"path\":\"/large\",\"limits\":{\"body\":\"1M\"}},"
                   "{\"path\":\"/large/inner\"}]}}",
                   daemon, limits);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

struct loopback *bodies_usual(void)
{
    return bodies_site("", "\"body\":\"400k\",\"body_memory\":\"16k\"");
}

const char *bodies_text(size_t n)
{
    static char text[BODIES_BYTES + 1];
    unsigned seed = 7;

    ck_assert_uint_le(n, BODIES_BYTES);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('!' + rand_r(&seed) % 90);
    text[n] = '\0';
    return text;
}

static uint64_t sum_of(struct mpx_str bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < bytes.n; i++)
        sum = (sum ^ (unsigned char)bytes.p[i]) * 1099511628211u;
    return sum;
}

const char *bodies_report(const char *before, const char *body)
{
    static char text[100];

    (void)snprintf(text, sizeof(text), "%sbytes %zu sum %016llx", before, strlen(body),
                   (unsigned long long)sum_of(str_of(body)));
    return text;
}

void bodies_post(struct loopback *lb, struct loopback_req *q, const char *path, const char *body,
                 bool chunked)
{
    char head[256], length[64] = "Transfer-Encoding: chunked";

    if (!chunked)
        (void)snprintf(length, sizeof(length), "Content-Length: %zu", strlen(body));
    (void)snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", path, length);
    loopback_send(lb, q, head, body);
}

void bodies_expect(struct loopback *lb, const char *path, const char *body, size_t step,
                   bool chunked, const char *answer)
{
    struct loopback_req q = { .step = step };

    bodies_post(lb, &q, path, body, chunked);
    ck_assert_msg(loopback_wait(&q), "%s in steps of %zu: no answer", path, step);
    ck_assert_msg(q.status == 200, "%s in steps of %zu: %d", path, step, q.status);
    ck_assert_msg(str_is(buffer_str(&q.answer), answer), "%s in steps of %zu: \"%.*s\"", path, step,
                  STR_ARGS(str_head(buffer_str(&q.answer), 60)));
    loopback_end(&q);
}

void bodies_expect_status(struct loopback *lb, const char *path, const char *body, bool chunked,
                          int status)
{
    struct loopback_req q = { .step = 100 };

    bodies_post(lb, &q, path, body, chunked);
    ck_assert_msg(loopback_wait(&q), "%s: no answer", path);
    ck_assert_msg(q.status == status, "%s with %zu bytes: %d", path, strlen(body), q.status);
    ck_assert_msg(status == 200 || !q.r->keep_alive, "%s", path);
    ck_assert_msg(status == 200 || chunked || !q.asked, "%s: asked for too much", path);
    loopback_end(&q);
}

void bodies_send(struct wire *w, const char *path, size_t n)
{
    (void)buffer_printf(&w->in, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", path,
                        n);
    (void)buffer_reserve(&w->in, n);
    for (size_t left = n; left > 0;) {
        struct mpx_str part = str_head(str_of(bodies_text(BODIES_BYTES)), left);

        (void)buffer_add(&w->in, part);
        left -= part.n;
    }
    wire_write(w, MPX_STR(""));
}

bool bodies_is_idle(void *arg)
{
    struct loopback *lb = arg;

    loopback_turn(lb);
    return loopback_worker(lb)->generation->uses == 0;
}
