/* SPDX-License-Identifier: MIT */
#include "cases.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static char *copy(const char *p, size_t n)
{
    char *s = need(malloc(n + 1));

    memcpy(s, p, n);
    s[n] = '\0';
    return s;
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t n = 0, got;
    char part[65536];

    if (f == NULL) {
        perror(path);
        return NULL;
    }
    while ((got = fread(part, 1, sizeof(part), f)) > 0) {
        text = need(realloc(text, n + got + 1));
        memcpy(text + n, part, got);
        n += got;
    }
    (void)fclose(f);
    text = need(realloc(text, n + 1));
    text[n] = '\0';
    return text;
}

/* ---- rfc-cases.json */

/* A JSON string in which each character is one octet. */
static char *octets(const char *utf8, size_t n, size_t *out_n)
{
    char *out = need(malloc(n + 1));
    size_t w = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)utf8[i];

        if (c >= 0xc0 && i + 1 < n)
            c = (unsigned char)((c & 3) << 6 | ((unsigned char)utf8[++i] & 0x3f));
        out[w++] = (char)c;
    }
    *out_n = w;
    return out;
}

static void read_choices(struct http_case *k, const json_t *status)
{
    k->choice_count = json_array_size(status);
    k->choices = need(calloc(k->choice_count, sizeof(*k->choices)));
    for (size_t i = 0; i < k->choice_count; i++) {
        const json_t *list = json_array_get(status, i);

        k->choices[i].count = json_array_size(list);
        for (size_t a = 0; a < k->choices[i].count; a++)
            k->choices[i].answers[a].status = (int)json_integer_value(json_array_get(list, a));
    }
}

static void read_json_case(struct http_case *k, const json_t *j)
{
    const json_t *request = json_object_get(j, "request"), *heads = json_object_get(j, "heads");
    const char *end = json_string_value(json_object_get(j, "connection"));
    const char *id = json_string_value(json_object_get(j, "id"));

    k->id = copy(id, strlen(id));
    k->bytes = octets(json_string_value(request), json_string_length(request), &k->n);
    k->end = strcmp(end, "keep") == 0    ? CASE_KEEP
             : strcmp(end, "close") == 0 ? CASE_CLOSE
                                         : CASE_ANY;
    read_choices(k, json_object_get(j, "status"));
    for (size_t i = 0; i < json_array_size(heads); i++)
        k->heads[json_integer_value(json_array_get(heads, i))] = 1;
}

static struct case_file *read_json(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);
    const json_t *list = json_object_get(root, "cases");
    struct case_file *f = need(calloc(1, sizeof(*f)));

    if (list == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, error.text);
        return NULL;
    }
    f->count = json_array_size(list);
    f->cases = need(calloc(f->count, sizeof(*f->cases)));
    for (size_t i = 0; i < f->count; i++)
        read_json_case(&f->cases[i], json_array_get(list, i));
    json_decref(root);
    return f;
}

/* ---- our own form */

struct growing {
    char *p;
    size_t n;
};

static void grow(struct growing *g, const char *p, size_t n)
{
    g->p = need(realloc(g->p, g->n + n + 1));
    memcpy(g->p + g->n, p, n);
    g->n += n;
    g->p[g->n] = '\0';
}

/* Text with \r \n \t \\ \xHH. */
static void unescape(struct growing *g, const char *s)
{
    for (; *s != '\0'; s++) {
        char c = *s;

        if (c == '\\') {
            c = *++s;
            if (c == 'x') {
                char hex[3] = { s[1], s[2], '\0' };

                c = (char)strtoul(hex, NULL, 16);
                s += 2;
            } else {
                c = (char)(c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c);
            }
        }
        grow(g, &c, 1);
    }
}

/* "> text" with CRLF behind it, ">| text" without, ">* 100 text" so many times. */
static void read_sent(struct growing *g, const char *line)
{
    char *rest;

    if (line[1] == '*') {
        for (unsigned long i = strtoul(line + 3, &rest, 10); i > 0; i--)
            unescape(g, rest + 1);
    } else {
        unescape(g, line[1] == '|' ? line + 3 : line[1] == '\0' ? line + 1 : line + 2);
        if (line[1] != '|')
            grow(g, "\r\n", 2);
    }
}

static struct case_check *add_check(struct case_answer *a)
{
    if (a->check_count == CASE_CHECKS_MAX)
        abort();
    return &a->checks[a->check_count++];
}

/* "bytes 0-1/10 = 01" */
static void read_part(struct case_check *k, const char *line)
{
    const char *equals = strstr(line, " = ");
    struct growing g = { NULL, 0 };

    if (equals == NULL)
        abort();
    unescape(&g, equals + 3);
    *k = (struct case_check){ .kind = CHECK_PART,
                              .name = copy(line, (size_t)(equals - line)),
                              .value = g.p,
                              .value_n = g.n };
}

/* "  Name: value", "  Name: *", "  !Name", "  = body", "  ~ part of the body",
   "  + range = part" */
static void read_check(struct case_answer *a, const char *line)
{
    struct case_check *k = add_check(a);
    const char *colon = strchr(line, ':');
    struct growing g = { NULL, 0 };

    if (line[0] == '!') {
        *k =
            (struct case_check){ .kind = CHECK_NO_FIELD, .name = copy(line + 1, strlen(line + 1)) };
        return;
    }
    if (line[0] == '+') {
        read_part(k, line + 2);
        return;
    }
    if (line[0] == '=' || line[0] == '~') {
        unescape(&g, line[1] == ' ' ? line + 2 : line + 1);
        *k = (struct case_check){ .kind = line[0] == '=' ? CHECK_BODY : CHECK_HAS,
                                  .value = g.p != NULL ? g.p : copy("", 0),
                                  .value_n = g.n };
        return;
    }
    k->kind = CHECK_FIELD;
    k->name = copy(line, (size_t)(colon - line));
    if (strcmp(colon, ": *") != 0)
        k->value = copy(colon + 2, strlen(colon + 2));
}

/* "< 200", "< 200 HEAD", "< 1xx", "< keep", "< close", or a check of the last answer. */
static bool read_expected(struct http_case *k, const char *line)
{
    struct case_choice *c = k->choices;

    if (strcmp(line, "keep") == 0 || strcmp(line, "close") == 0) {
        k->end = line[0] == 'k' ? CASE_KEEP : CASE_CLOSE;
    } else if (strcmp(line, "1xx") == 0) {
        k->interim++;
    } else if (line[0] >= '2' && line[0] <= '5' && c->count < CASE_ANSWERS_MAX) {
        k->heads[c->count] = strstr(line, " HEAD") != NULL;
        c->answers[c->count++].status = (int)strtol(line, NULL, 10);
    } else if (line[0] == ' ' && c->count > 0) {
        read_check(&c->answers[c->count - 1], line + strspn(line, " "));
    } else {
        return false;
    }
    return true;
}

static struct http_case *new_case(struct case_file *f, const char *title)
{
    f->cases = need(realloc(f->cases, (f->count + 1) * sizeof(*f->cases)));
    struct http_case *k = &f->cases[f->count++];
    *k = (struct http_case){ .id = copy(title, strlen(title)), .choice_count = 1 };
    k->choices = need(calloc(1, sizeof(*k->choices)));
    return k;
}

static struct case_file *read_own(const char *path)
{
    struct case_file *f = need(calloc(1, sizeof(*f)));
    char *text = read_text(path), *rest = NULL;
    struct growing config = { NULL, 0 }, sent = { NULL, 0 };
    struct http_case *k = NULL;

    if (text == NULL)
        return NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "=== ", 4) == 0) {
            k = new_case(f, line + 4);
            sent = (struct growing){ NULL, 0 };
        } else if (k == NULL && line[0] != '#') {
            grow(&config, line, strlen(line));
        } else if (line[0] == '>' && k != NULL) {
            read_sent(&sent, line);
            k->bytes = sent.p;
            k->n = sent.n;
        } else if (line[0] == '<' && k != NULL) {
            if (!read_expected(k, line + 2)) {
                (void)fprintf(stderr, "%s: what is \"%s\"?\n", path, line);
                return NULL;
            }
        } else if (line[0] != '#') {
            (void)fprintf(stderr, "%s: what is \"%s\"?\n", path, line);
            return NULL;
        }
    }
    f->config = config.p;
    free(text);
    return f;
}

/* All files that were read, so that what lives to the end is not lost. */
static struct case_file *all;

struct case_file *cases_read(const char *path)
{
    size_t n = strlen(path);
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    struct case_file *f =
        n > 5 && strcmp(path + n - 5, ".json") == 0 ? read_json(path) : read_own(path);

    if (f != NULL) {
        f->name = copy(name, strcspn(name, "."));
        f->next = all;
        all = f;
    }
    return f;
}

bool cases_not_yet(const char *path, const char *id, char reason[CASE_REASON])
{
    char *text = read_text(path), *rest = NULL;
    size_t n = strlen(id);
    bool found = false;

    if (text == NULL)
        abort();
    for (char *line = strtok_r(text, "\n", &rest); line != NULL && !found;
         line = strtok_r(NULL, "\n", &rest)) {
        found = strncmp(line, id, n) == 0 && line[n] == ':';
        if (found)
            (void)snprintf(reason, CASE_REASON, "%s", line + n + 2);
    }
    free(text);
    return found;
}
