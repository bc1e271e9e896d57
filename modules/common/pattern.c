/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *data; /* of one thread: hooks run on the loop alone */
    uint32_t groups;
};

static void release(void *arg)
{
    struct pattern *p = arg;

    pcre2_match_data_free(p->data);
    pcre2_match_context_free(p->limits);
    pcre2_code_free(p->code);
}

struct pattern *pattern_compile(struct mpx_conf *c, const char *below, struct mpx_str text)
{
    struct mpx_arena *a = mpx_conf_arena(c);
    PCRE2_UCHAR message[256];
    PCRE2_SIZE at;
    int error;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text.p, text.n, PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);

    if (code == NULL) {
        (void)pcre2_get_error_message(error, message, sizeof(message));
        (void)mpx_conf_error(c, below, "the expression is wrong at character %zu: %s", at + 1,
                             (const char *)message);
        return NULL;
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where it cannot be, it is interpreted */
    struct pattern *p = mpx_alloc(a, sizeof(*p));
    p->code = code;
    p->limits = pcre2_match_context_create(NULL);
    p->data = pcre2_match_data_create(PATTERN_GROUPS, NULL);
    mpx_defer(a, release, p);
    if (p->limits == NULL || p->data == NULL) {
        (void)mpx_conf_error(c, below, "there is no memory for the expression");
        return NULL;
    }
    (void)pcre2_set_match_limit(p->limits, PATTERN_MATCH_LIMIT);
    (void)pcre2_set_depth_limit(p->limits, PATTERN_DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(p->limits, PATTERN_HEAP_KIB);
    (void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &p->groups);
    if (p->groups >= PATTERN_GROUPS) {
        (void)mpx_conf_error(c, below, "the expression has %u groups, %d are allowed", p->groups,
                             PATTERN_GROUPS - 1);
        return NULL;
    }
    return p;
}

unsigned pattern_groups(const struct pattern *p)
{
    return p->groups;
}

int pattern_group_named(const struct pattern *p, struct mpx_str name)
{
    char text[64]; /* names are shorter than 33 bytes */

    if (name.n >= sizeof(text))
        return -1;
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    int group = pcre2_substring_number_from_name(p->code, (PCRE2_SPTR)text);
    return group > 0 ? group : -1;
}

int pattern_match(const struct pattern *p, struct mpx_str subject,
                  struct mpx_str groups[PATTERN_GROUPS])
{
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.n > 0 ? subject.p : "");
    int n = pcre2_match(p->code, text, subject.n, 0, 0, p->data, p->limits);

    if (n < 0)
        return n == PCRE2_ERROR_NOMATCH ? 0 : -1;
    if (groups == NULL)
        return 1;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->data);
    for (int i = 0; i < PATTERN_GROUPS; i++) {
        bool took_part = i < n && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];

        groups[i] = took_part ? (struct mpx_str){ (const char *)text + at[2 * i],
                                                  at[2 * i + 1] - at[2 * i] }
                              : (struct mpx_str){ NULL, 0 };
    }
    return 1;
}

struct pattern_room *pattern_room_create(void)
{
    return (struct pattern_room *)pcre2_match_data_create(1, NULL);
}

void pattern_room_destroy(struct pattern_room *room)
{
    pcre2_match_data_free((pcre2_match_data *)room);
}

bool pattern_test(const struct pattern *p, struct mpx_str subject, struct pattern_room *room)
{
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.n > 0 ? subject.p : "");

    return pcre2_match(p->code, text, subject.n, 0, 0, (pcre2_match_data *)room, p->limits) >= 0;
}
