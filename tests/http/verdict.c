/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include "multipart.h"

#include <stdio.h>
#include <string.h>

const char verdict_another[] = "GET /index.html HTTP/1.1\r\nHost: www.example\r\n\r\n";

/* Whether the parts of an answer are those that are expected, no more and no less. */
static bool parts_fit(struct client *c, const struct case_answer *a, const struct response *r)
{
    const char *type = client_field(c, r, "Content-Type");
    struct multipart m = { .count = 0 };
    size_t at = 0;

    if (type != NULL)
        multipart_read(&m, type, r->body, r->body_n);
    for (size_t i = 0; i < a->check_count; i++) {
        const struct case_check *k = &a->checks[i];

        if (k->kind != CHECK_PART)
            continue;
        const struct part *part = &m.parts[at];
        if (at++ == m.count || strcmp(part->range, k->name) != 0 || part->n != k->value_n ||
            memcmp(part->content, k->value, part->n) != 0)
            return false;
    }
    return at == m.count && m.fault == NULL;
}

static bool answer_fits(struct client *c, const struct case_answer *a, const struct response *r,
                        char *fault, size_t room)
{
    if (r->status != a->status) {
        (void)snprintf(fault, room, "status is %d, not %d", r->status, a->status);
        return false;
    }
    for (size_t i = 0; i < a->check_count; i++) {
        const struct case_check *k = &a->checks[i];
        const char *value = k->name != NULL ? client_field(c, r, k->name) : NULL;
        bool fits = false;

        switch (k->kind) {
        case CHECK_FIELD:
            fits = value != NULL && (k->value == NULL || strcmp(value, k->value) == 0);
            break;
        case CHECK_NO_FIELD:
            fits = value == NULL;
            break;
        case CHECK_BODY:
            fits = r->body_n == k->value_n && memcmp(r->body, k->value, k->value_n) == 0;
            break;
        case CHECK_HAS:
            fits = memmem(r->body, r->body_n, k->value, k->value_n) != NULL;
            break;
        case CHECK_PART:
            fits = parts_fit(c, a, r);
            break;
        }
        if (!fits && k->kind == CHECK_PART) {
            (void)snprintf(fault, room, "its parts are not those: \"%.300s\"", r->body);
            return false;
        }
        if (!fits) {
            (void)snprintf(fault, room, "%s%s is \"%.100s\"", k->name != NULL ? "field " : "body",
                           k->name != NULL ? k->name : "",
                           k->name == NULL ? r->body
                           : value != NULL ? value
                                           : "(missing)");
            return false;
        }
    }
    return true;
}

static bool choice_fits(struct client *c, const struct case_choice *choice, size_t count,
                        char *fault, size_t room)
{
    if (count != choice->count) {
        (void)snprintf(fault, room, "%zu answers, the first %d; %zu were expected", count,
                       count > 0 ? c->responses[0].status : 0, choice->count);
        return false;
    }
    for (size_t i = 0; i < choice->count; i++)
        if (!answer_fits(c, &choice->answers[i], &c->responses[i], fault, room))
            return false;
    return true;
}

size_t verdict_longest(const struct http_case *k)
{
    size_t most = 0;

    for (size_t i = 0; i < k->choice_count; i++)
        most = k->choices[i].count > most ? k->choices[i].count : most;
    return most;
}

size_t verdict_shortest(const struct http_case *k)
{
    size_t least = k->choice_count > 0 ? k->choices[0].count : 0;

    for (size_t i = 1; i < k->choice_count; i++)
        least = k->choices[i].count < least ? k->choices[i].count : least;
    return least;
}

bool verdict_fits(struct client *c, const struct http_case *k, size_t count,
                  char fault[FAULT_BYTES])
{
    bool fits = false;

    for (size_t i = 0; i < count; i++)
        client_check(c, &c->responses[i]);
    for (size_t i = 0; i < k->choice_count && !fits; i++)
        fits = choice_fits(c, &k->choices[i], count, fault, FAULT_BYTES);
    if (fits)
        fault[0] = '\0';
    if (fits && c->interim != k->interim && k->interim > 0)
        (void)snprintf(fault, FAULT_BYTES, "%zu interim answers", c->interim);
    if (c->fault[0] != '\0')
        (void)snprintf(fault, FAULT_BYTES, "%s", c->fault);
    return fault[0] == '\0';
}
