/* SPDX-License-Identifier: MIT */
#include "format.h"

#include "../common/pointer.h"

#include <string.h>

enum {
    LITERAL_MAX = 4096, /* bytes of a line that are the format's own */
    STEPS_MAX = 256,
    LEAST = 24 /* bytes that every value has room for: all of a number */
};

enum deed {
    AS_IT_IS,   /* literal */
    ESCAPED,    /* a field of a text */
    JSON_TEXT,  /* a string with its quotes, or null */
    JSON_PART,  /* inside a string */
    JSON_NUMBER /* or null */
};
struct step {
    enum deed deed;
    struct mpx_str literal;
    const struct mpx_var *var;
    enum mpx_var_kind kind;
    bool secret, whole;     /* whole: an integer is wanted */
    enum query_place query; /* where parameters are hidden */
    char also, and_also;    /* ESCAPED: would end the field */
    size_t rest;            /* bytes to keep for the steps behind it */
};

/* A format while it is read. */
struct reading {
    struct mpx_conf *c;
    const char *below; /* where errors are told */
    struct format *f;
    const struct privacy *privacy;
    size_t literals; /* bytes */
    bool in_quotes, in_brackets;
    int rc;
};

static const struct {
    const char *name, *text;
} texts[] = {
    { "combined", "$remote_addr - $user [$time_local] \"$line\" $status $bytes_sent "
                  "\"$header.referer\" \"$header.user-agent\"" },
    { "common", "$remote_addr - $user [$time_local] \"$line\" $status $bytes_sent" },
};

#define PAIR(key, value)             \
    {                                \
        { key, sizeof(key) - 1 },    \
        {                            \
            value, sizeof(value) - 1 \
        }                            \
    }
static const struct mpx_pair json[] = {
    PAIR("time", "$time_iso8601"),
    PAIR("id", "$request_id"),
    PAIR("client", "$remote_addr"),
    PAIR("user", "$user"),
    PAIR("vhost", "$vhost"),
    PAIR("host", "$host"),
    PAIR("method", "$method"),
    PAIR("path", "$path"),
    PAIR("query", "$query"),
    PAIR("protocol", "$protocol"),
    PAIR("status", "$status:int"),
    PAIR("bytes", "$bytes_sent:int"),
    PAIR("seconds", "$request_time:num"),
    PAIR("referer", "$header.referer"),
    PAIR("agent", "$header.user-agent"),
};

static struct step *add_step(struct reading *rd, enum deed deed)
{
    if (rd->f->count == STEPS_MAX) {
        rd->rc = -1;
        rd->f->count--; /* refused at the end, with all that is in it */
    }
    struct step *s = &rd->f->steps[rd->f->count++];
    *s = (struct step){ .deed = deed };
    return s;
}

static void add_literal(struct reading *rd, struct mpx_str text)
{
    struct step *before = rd->f->count > 0 ? &rd->f->steps[rd->f->count - 1] : NULL;

    if (text.n == 0)
        return;
    if (before != NULL && before->deed == ESCAPED && before->also == '\0')
        before->also = text.p[0];
    add_step(rd, AS_IT_IS)->literal = text;
    rd->literals += text.n;
}

/* A piece of a text as it is: whether what follows stands in quotes or brackets. */
static void follow_quotes(struct reading *rd, struct mpx_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            rd->in_quotes = !rd->in_quotes;
        else if (!rd->in_quotes && (text.p[i] == '[' || text.p[i] == ']'))
            rd->in_brackets = text.p[i] == '[';
    }
}

static struct step *add_variable(struct reading *rd, enum deed deed, const struct mpx_piece *p)
{
    const struct privacy *privacy = rd->privacy;
    struct step *s = add_step(rd, deed);

    s->var = p->var;
    s->kind = mpx_var_kind(p->var);
    s->secret = !privacy->show_secrets && discreet_is_secret(p->text);
    if (privacy->hidden.count > 0)
        s->query = discreet_query_place(p->text);
    if (mask_is_on(&privacy->mask) && discreet_has_addresses(p->text))
        rd->rc = mpx_conf_error(rd->c, rd->below,
                                "$%.*s holds addresses as they are, in spite of \"ip_mask\": leave "
                                "out the one or the other",
                                (int)p->text.n, p->text.p);
    return s;
}

static void read_text(struct reading *rd, struct mpx_str text)
{
    struct mpx_list pieces = mpx_text_pieces(rd->c, rd->below, text);
    const struct mpx_piece *p = pieces.items;

    for (size_t i = 0; i < pieces.count; i++) {
        if (p[i].var == NULL) {
            follow_quotes(rd, p[i].text);
            add_literal(rd, p[i].text);
            continue;
        }
        struct step *s = add_variable(rd, ESCAPED, &p[i]);
        s->and_also = rd->in_quotes || rd->in_brackets ? '\0' : ' ';
        if (i + 1 < pieces.count && p[i + 1].var != NULL)
            s->also = ' '; /* nothing ends it: no field of its own */
    }
}

/* "$status:int": a variable and a type behind it. False when it is none, or an unknown one. */
static bool read_type(struct reading *rd, struct mpx_list pieces, bool *is_typed, bool *whole)
{
    const struct mpx_piece *p = pieces.items;

    *is_typed = pieces.count == 2 && p[0].var != NULL && p[1].var == NULL && p[1].text.n > 1 &&
                p[1].text.p[0] == ':';
    for (size_t i = 1; *is_typed && i < p[1].text.n; i++)
        *is_typed = p[1].text.p[i] >= 'a' && p[1].text.p[i] <= 'z';
    if (!*is_typed)
        return true;
    *whole = mpx_str_eq(p[1].text, MPX_STR(":int"));
    if (*whole || mpx_str_eq(p[1].text, MPX_STR(":num")))
        return true;
    rd->rc =
        mpx_conf_error(rd->c, rd->below,
                       "there is no type \"%.*s\": \"int\" and \"num\" are numbers, without one "
                       "it is a string",
                       (int)(p[1].text.n - 1), p[1].text.p + 1);
    return false;
}

/* The value of one member. */
static void read_member(struct reading *rd, struct mpx_str text)
{
    struct mpx_list pieces = mpx_text_pieces(rd->c, rd->below, text);
    const struct mpx_piece *p = pieces.items;
    bool is_typed, whole = false;

    if (!read_type(rd, pieces, &is_typed, &whole))
        return;
    if (is_typed || (pieces.count == 1 && p[0].var != NULL)) {
        add_variable(rd, is_typed ? JSON_NUMBER : JSON_TEXT, p)->whole = whole;
        return;
    }
    add_literal(rd, MPX_STR("\""));
    for (size_t i = 0; i < pieces.count; i++) {
        struct line l = { .end = LINE_BYTES };

        if (p[i].var != NULL) {
            (void)add_variable(rd, JSON_PART, &p[i]);
            continue;
        }
        line_add_json(&l, p[i].text);
        add_literal(rd, mpx_printf(mpx_conf_arena(rd->c), "%.*s", (int)l.n, l.text));
    }
    add_literal(rd, MPX_STR("\""));
}

static void read_object(struct reading *rd, const struct mpx_pair *pairs, size_t count)
{
    const char *below = rd->below;

    for (size_t i = 0; i < count; i++) {
        struct line l = { .end = LINE_BYTES };

        line_add(&l, i == 0 ? MPX_STR("{\"") : MPX_STR(",\""));
        line_add_json(&l, pairs[i].key);
        line_add(&l, MPX_STR("\":"));
        add_literal(rd, mpx_printf(mpx_conf_arena(rd->c), "%.*s", (int)l.n, l.text));
        rd->below = pointer_below(rd->c, below, pairs[i].key);
        read_member(rd, pairs[i].value);
        rd->below = below;
    }
    add_literal(rd, MPX_STR("}"));
}

static int read_string(struct reading *rd, struct mpx_str s)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (mpx_str_eq(s, (struct mpx_str){ texts[i].name, strlen(texts[i].name) }))
            s = (struct mpx_str){ texts[i].text, strlen(texts[i].text) };
    if (mpx_str_eq(s, MPX_STR("json"))) {
        read_object(rd, json, sizeof(json) / sizeof(json[0]));
        return rd->rc;
    }
    if (s.n == 0 || memchr(s.p, '$', s.n) == NULL)
        return mpx_conf_error(
            rd->c, rd->below,
            "\"%.*s\" is no format: \"combined\", \"common\", \"json\", a text with "
            "variables such as \"$method $path $status\", or an object of them",
            (int)(s.n < 80 ? s.n : 80), s.p);
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t')
            return mpx_conf_error(rd->c, rd->below,
                                  "a line of a log has no control characters but tabs");
    read_text(rd, s);
    return rd->rc;
}

/* From the last one to the first: what is to be left for those behind. */
static void keep_room(struct format *f)
{
    size_t rest = 0;

    for (size_t i = f->count; i > 0; i--) {
        f->steps[i - 1].rest = rest;
        rest += f->steps[i - 1].deed == AS_IT_IS ? f->steps[i - 1].literal.n : LEAST;
    }
}

int format_read(struct mpx_conf *c, const char *below, struct mpx_list option,
                const struct privacy *privacy, struct format *f)
{
    static const struct mpx_pair standard = PAIR("", "combined");
    const struct mpx_pair *pairs = option.count > 0 ? option.items : &standard;
    struct reading rd = { .c = c, .below = below, .f = f, .privacy = privacy };

    f->privacy = privacy;
    f->count = 0;
    f->steps = mpx_alloc(mpx_conf_arena(c), STEPS_MAX * sizeof(*f->steps));
    if (option.count == 0 && option.items != NULL)
        return mpx_conf_error(c, below, "an object without members makes no line: name some");
    if (pairs[0].key.n > 0 || option.count > 1)
        read_object(&rd, pairs, option.count);
    else if (read_string(&rd, pairs[0].value) < 0)
        return -1;
    if (f->count == STEPS_MAX || rd.literals > LITERAL_MAX)
        return mpx_conf_error(c, below,
                              "the format is too long: it may have %d variables and %d "
                              "bytes of its own",
                              STEPS_MAX / 2, LITERAL_MAX);
    keep_room(f);
    return rd.rc;
}

/* What is left of the value when the log is discreet; perhaps in memory (VALUE_BYTES). */
static struct mpx_str lessen(const struct format *f, const struct step *s, struct mpx_str value,
                             char *memory)
{
    const struct privacy *privacy = f->privacy;

    if (s->secret)
        return MPX_STR("***");
    if (s->kind == MPX_VAR_ADDRESS && mask_is_on(&privacy->mask))
        return mask_address(&privacy->mask, value, memory);
    if (s->query != QUERY_NOWHERE)
        return discreet_query(value, s->query, privacy->hidden, memory, VALUE_BYTES);
    return value;
}

static void add_json_text(struct line *l, struct mpx_str value)
{
    line_add(l, MPX_STR("\""));
    l->end--;
    line_add_json(l, value);
    l->end++;
    line_add(l, MPX_STR("\""));
}

static void add_value(struct line *l, const struct step *s, bool there, struct mpx_str value)
{
    size_t n;

    switch (s->deed) {
    case AS_IT_IS:
        break;
    case ESCAPED:
        if (!there)
            line_add(l, MPX_STR("-"));
        else if (s->kind == MPX_VAR_TEXT)
            line_add_escaped(l, value, s->also, s->and_also);
        else
            line_add(l, value);
        break;
    case JSON_TEXT:
        if (there)
            add_json_text(l, value);
        else
            line_add(l, MPX_STR("null"));
        break;
    case JSON_PART:
        line_add_json(l, value);
        break;
    case JSON_NUMBER:
        n = there ? line_json_number(value, s->whole) : 0;
        line_add(l, n > 0 && n <= LEAST ? (struct mpx_str){ value.p, n } : MPX_STR("null"));
        break;
    }
}

struct mpx_str format_write(const struct format *f, struct mpx_req *r, struct line *l)
{
    char memory[VALUE_BYTES];

    l->n = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct step *s = &f->steps[i];
        struct mpx_str value = { NULL, 0 };
        bool there;

        l->end = LINE_BYTES - s->rest;
        if (s->deed == AS_IT_IS) {
            line_add(l, s->literal);
            continue;
        }
        there = mpx_var_get(r, s->var, &value) && value.n > 0;
        if (there)
            value = lessen(f, s, value, memory);
        if (value.n > VALUE_BYTES)
            value.n = VALUE_BYTES;
        add_value(l, s, there, value);
    }
    return (struct mpx_str){ l->text, l->n };
}
