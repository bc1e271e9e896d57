/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "must.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* What reading one file shares. jansson decides what is JSON; the second walk, over text that it
   has accepted, only notes where things stand. */
struct reading {
    struct mpx_arena *a;
    const struct source *src; /* NULL: no file */
    struct problems *problems;
    const char *text; /* with comments blanked: offsets are those of the file */
    size_t n, at;
};

static struct place here(const struct reading *rd, size_t off, size_t len)
{
    return (struct place){ .src = rd->src, .off = off, .len = len };
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind the string that begins at i. One without its quote ends with the line, so that it does not
   turn what follows inside out. */
static size_t skip_string(const char *text, size_t n, size_t i)
{
    for (i++; i < n && text[i] != '"' && text[i] != '\n'; i++)
        if (text[i] == '\\' && i + 1 < n && text[i + 1] != '\n')
            i++;
    return i < n ? i + 1 : n;
}

static void blank(char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (text[i] != '\n')
            text[i] = ' ';
}

/* Blanks the comment that begins at i; the offset behind it, or n + 1 when it does not end. */
static size_t blank_comment(char *text, size_t n, size_t i)
{
    size_t end = i + 2;

    if (text[i + 1] == '/') {
        while (end < n && text[end] != '\n')
            end++;
    } else {
        while (end + 1 < n && (text[end] != '*' || text[end + 1] != '/'))
            end++;
        if (end + 1 >= n)
            return n + 1;
        end += 2;
    }
    blank(text, i, end);
    return end;
}

static int blank_comments(const struct reading *rd, char *text, bool strict)
{
    for (size_t i = 0; i < rd->n;) {
        if (text[i] == '"') {
            i = skip_string(text, rd->n, i);
        } else if (text[i] == '/' && i + 1 < rd->n && (text[i + 1] == '/' || text[i + 1] == '*')) {
            size_t end = blank_comment(text, rd->n, i);

            if (strict)
                problem_add(rd->problems, here(rd, i, 2),
                            "strict JSON has no comments: remove it, or drop --strict-json");
            if (end > rd->n) {
                problem_add(rd->problems, here(rd, i, 2),
                            "this comment does not end: \"*/\" is missing");
                return -1;
            }
            i = end;
        } else {
            i++;
        }
    }
    return 0;
}

/* jansson steps over a NUL where a token may begin, and we would not. */
static int refuse_nul(const struct reading *rd)
{
    const char *nul = memchr(rd->text, '\0', rd->n);

    if (nul == NULL)
        return 0;
    problem_add(rd->problems, here(rd, (size_t)(nul - rd->text), 1),
                "a NUL byte has no place in a configuration: is this a text file, in UTF-8?");
    return -1;
}

static void blank_commas(const struct reading *rd, char *text, bool strict)
{
    size_t comma = rd->n; /* the last thing seen that is not blank, when it is a comma */
    char before = '\0';   /* and what stood before it */

    for (size_t i = 0; i < rd->n;) {
        char c = text[i];

        if (is_space(c)) {
            i++;
            continue;
        }
        if ((c == ']' || c == '}') && comma < rd->n && strchr("[{,", before) == NULL) {
            if (strict)
                problem_add(rd->problems, here(rd, comma, 1),
                            "strict JSON has no comma behind the last element: remove it, or drop "
                            "--strict-json");
            text[comma] = ' ';
        }
        if (c == ',')
            comma = i;
        else
            comma = rd->n, before = c;
        i = c == '"' ? skip_string(text, rd->n, i) : i + 1;
    }
}

/* Where jansson's offending token begins: it reports its last character and names it behind "near".
 */
static struct place error_place(const struct reading *rd, const json_error_t *error)
{
    const char *near = strstr(error->text, "near '");
    size_t last = error->position > 0 ? (size_t)error->position - 1 : 0;

    if (rd->n == 0)
        return here(rd, 0, 0);
    if (last >= rd->n)
        last = rd->n - 1;
    while (strstr(error->text, "near end of file") != NULL && last > 0 && is_space(rd->text[last]))
        last--;
    if (near != NULL) {
        size_t len = strlen(near + 6);

        len = len > 0 ? len - 1 : 0; /* without the quote at its end */
        if (len > 0 && len <= last + 1 && memcmp(rd->text + last + 1 - len, near + 6, len) == 0)
            return here(rd, last + 1 - len, len);
    }
    size_t first = last; /* a number is told without "near" when it is negative */
    while (first > 0 && strchr("+-.0123456789Ee", rd->text[first - 1]) != NULL &&
           is_digit(rd->text[last]))
        first--;
    return here(rd, first, last + 1 - first);
}

/* What jansson says, and what it means to the author of a configuration; in this order, the first
   that it begins with. */
static const struct {
    const char *said, *meant;
} meanings[] = {
    { "'}' expected", "',' or '}' expected" },
    { "']' expected", "',' or ']' expected" },
    { "':' expected", "':' expected between a key and its value" },
    { "string or '}' expected", "a key in double quotes, or '}', expected" },
    { "unexpected token", "a value is missing here" },
    { "unexpected newline", "this text has no closing quote on its line" },
    { "premature end of input", "this text has no closing quote on its line" },
    { "invalid token", "this is not JSON: texts stand in double quotes; true, false and null are "
                       "small letters; comments begin with //" },
    { "invalid escape", "a backslash in a text is written twice" },
    { "invalid Unicode", "this \\u escape is half a character: the other half is missing" },
    { "\\u0000", "a text cannot hold \\u0000" },
    { "control character", "a control character in a text is written as an escape, a tab as \\t" },
    { "unable to decode", "this text is not UTF-8" },
    { "too big", "this number is too big" },
    { "real number overflow", "this number is too big" },
    { "end of file expected", "nothing may stand behind the end of the configuration" },
    { "maximum parsing depth", "values are nested too deeply here" },
};

static struct mpx_str meaning_of(const struct reading *rd, const json_error_t *error)
{
    struct mpx_str said = str_of(error->text);

    if (rd->n == 0 || rd->text[strspn(rd->text, " \t\r\n")] == '\0')
        return MPX_STR("this file is empty: a configuration is a JSON object, { ... }");
    if (strstr(error->text, "near end of file") != NULL)
        return MPX_STR("the file ends too early: a bracket or brace is not closed");
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (str_starts(said, str_of(meanings[i].said)))
            return str_of(meanings[i].meant);
    return said;
}

static bool is_of_word(char c)
{
    char folded = (char)(c | 0x20);

    return is_digit(c) || (folded >= 'a' && folded <= 'z') || c == '+' || c == '-' || c == '.' ||
           c == '_';
}

/* Whether the error is in a word that was to be a number; *at becomes that word then. */
static bool is_wrong_number(const struct reading *rd, const json_error_t *error, struct place *at)
{
    struct mpx_str said = str_of(error->text);
    size_t from = at->off, to = at->off;

    bool is_token = str_starts(said, MPX_STR("invalid token"));

    if (!is_token && !str_starts(said, MPX_STR("'}' expected")) &&
        !str_starts(said, MPX_STR("']' expected")))
        return false;
    while (from > 0 && is_of_word(rd->text[from - 1]))
        from--;
    while (to < rd->n && is_of_word(rd->text[to]))
        to++;
    if (to == at->off || (!is_token && from == at->off) ||
        (!is_digit(rd->text[from]) && strchr("+-.", rd->text[from]) == NULL))
        return false;
    *at = here(rd, from, to - from);
    return true;
}

static void syntax_error(const struct reading *rd, const json_error_t *error)
{
    struct place at = error_place(rd, error);
    struct mpx_str what = meaning_of(rd, error);
    size_t before = at.off;
    unsigned newlines = 0, line, column;
    struct mpx_str line_text;

    if (is_wrong_number(rd, error, &at)) {
        problem_add(rd->problems, at, "this number is written wrong: numbers are 80, -1 or 0.5");
        return;
    }
    while (before > 0 && is_space(rd->text[before - 1]))
        newlines += rd->text[--before] == '\n';
    if (what.p[0] == '\'' && what.p[1] == ',' && newlines > 0 && before > 0) {
        struct place previous = here(rd, before - 1, 1);

        place_find(&previous, &line, &column, &line_text);
        problem_add(rd->problems, at, "%.*s (line %u ends without a comma)", STR_ARGS(what), line);
    } else {
        problem_add(rd->problems, at, "%.*s", STR_ARGS(what));
    }
}

static struct node *read_value(struct reading *rd);

static void skip_spaces(struct reading *rd)
{
    while (rd->at < rd->n && is_space(rd->text[rd->at]))
        rd->at++;
}

static bool take_char(struct reading *rd, char c)
{
    skip_spaces(rd);
    if (rd->at >= rd->n || rd->text[rd->at] != c)
        return false;
    rd->at++;
    return true;
}

/* Lets jansson decode a string, number or word. */
static void decode_scalar(const struct reading *rd, struct node *j, size_t from, size_t to)
{
    json_t *value = json_loadb(rd->text + from, to - from, JSON_DECODE_ANY, NULL);

    MUST(value != NULL);
    if (json_is_string(value)) {
        j->kind = NODE_STRING;
        j->string = arena_copy(
            rd->a, (struct mpx_str){ json_string_value(value), json_string_length(value) });
    } else if (json_is_integer(value)) {
        j->kind = NODE_INT;
        j->integer = json_integer_value(value);
    } else if (json_is_real(value)) {
        j->kind = NODE_REAL;
        j->real = json_real_value(value);
    } else if (json_is_boolean(value)) {
        j->kind = NODE_BOOL;
        j->boolean = json_is_true(value);
    }
    json_decref(value);
}

static void read_scalar(struct reading *rd, struct node *j)
{
    size_t from = rd->at;

    if (rd->text[from] == '"')
        rd->at = skip_string(rd->text, rd->n, from);
    else
        while (rd->at < rd->n && !is_space(rd->text[rd->at]) &&
               strchr(",]}", rd->text[rd->at]) == NULL)
            rd->at++;
    j->at.len = rd->at - from;
    decode_scalar(rd, j, from, rd->at);
}

/* Keys that stand twice, when all members are there: the tree has the first one's value first. */
static void note_duplicates(struct reading *rd, const struct node *object)
{
    struct node_index ix;

    if (rd->problems == NULL)
        return;
    node_index_init(&ix, object);
    for (const struct node *m = object->first; m != NULL; m = m->next) {
        const struct node *first = node_index_find(&ix, m->key);

        if (first != m)
            problem_add(rd->problems, m->key_at,
                        "duplicate key \"%.*s\" (the first one is at %s): remove one",
                        STR_ARGS(m->key), place_text(rd->a, first->key_at));
    }
    node_index_finish(&ix);
}

static void read_members(struct reading *rd, struct node *object)
{
    while (!take_char(rd, '}')) {
        struct node *key = node_new(rd->a, NODE_NULL, here(rd, 0, 0));

        skip_spaces(rd);
        key->at.off = rd->at;
        read_scalar(rd, key);
        (void)take_char(rd, ':');
        struct node *value = read_value(rd);
        value->key_at = key->at;
        node_append(object, value, key->string);
        (void)take_char(rd, ',');
    }
    note_duplicates(rd, object);
}

static struct node *read_value(struct reading *rd)
{
    struct node *j = node_new(rd->a, NODE_NULL, here(rd, 0, 1));

    skip_spaces(rd);
    j->at.off = rd->at;
    j->key_at = j->at;
    if (take_char(rd, '{')) {
        j->kind = NODE_OBJECT;
        read_members(rd, j);
    } else if (take_char(rd, '[')) {
        j->kind = NODE_ARRAY;
        while (!take_char(rd, ']')) {
            node_append(j, read_value(rd), (struct mpx_str){ NULL, 0 });
            (void)take_char(rd, ',');
        }
    } else {
        read_scalar(rd, j);
        j->key_at = j->at;
    }
    return j;
}

static struct node *read_text(struct reading *rd, size_t flags)
{
    json_error_t error;
    json_t *whole = json_loadb(rd->text, rd->n, flags, &error);

    if (whole == NULL) {
        if (rd->problems != NULL)
            syntax_error(rd, &error);
        return NULL;
    }
    json_decref(whole);
    return read_value(rd);
}

struct node *json_read(struct mpx_arena *a, const struct source *src, bool strict,
                       struct problems *problems)
{
    struct reading rd = { .a = a, .src = src, .problems = problems, .n = src->text.n };
    struct node *j = NULL;
    char *text = must_alloc(src->text.n + 1);

    if (rd.n > 0)
        memcpy(text, src->text.p, rd.n);
    text[rd.n] = '\0';
    if (rd.n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        blank(text, 0, 3); /* a byte order mark */
    rd.text = text;
    if (blank_comments(&rd, text, strict) == 0 && refuse_nul(&rd) == 0) {
        blank_commas(&rd, text, strict);
        j = read_text(&rd, JSON_DECODE_ANY);
    }
    free(text);
    if (j != NULL && j->kind != NODE_OBJECT) {
        problem_add(problems, j->at, "a configuration is a JSON object, { ... }, not %s",
                    node_kind_name(j));
        return NULL;
    }
    return j;
}

struct node *json_read_value(struct mpx_arena *a, const char *text)
{
    struct reading rd = { .a = a, .text = text, .n = strlen(text) };

    return read_text(&rd, JSON_DECODE_ANY);
}

const char *json_version(void)
{
    return "jansson " JANSSON_VERSION;
}
