/* SPDX-License-Identifier: MIT */
#include "chunk.h"

#include "str.h"

/* Where in the line we are; named by what was read last. */
enum state {
    AT_SIZE, /* nothing yet, or digits of the size */
    AT_SEMICOLON,
    AT_NAME,
    AT_NAME_BLANK, /* blanks behind a name */
    AT_EQUALS,
    AT_TOKEN,
    AT_QUOTE,  /* inside of a quoted string */
    AT_ESCAPE, /* a backslash there */
    AT_UNQUOTE,
    AT_BLANK, /* blanks where only a semicolon may follow */
    AT_CR,
    AT_LF,
    REFUSED
};

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t';
}

/* What may stand in a quoted string: qdtext, or behind a backslash (RFC 9110 5.6.4). */
static bool is_quotable(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* Behind something that is whole: the next extension, the line's end, or blanks before either. */
static enum state behind(unsigned char c, enum state blank)
{
    if (c == ';')
        return AT_SEMICOLON;
    if (c == '\r')
        return AT_CR;
    return is_blank(c) ? blank : REFUSED;
}

static enum state after_size(const struct chunk_line *l, unsigned char c)
{
    if (str_hex_digit((char)c) >= 0)
        return l->digits < CHUNK_SIZE_DIGITS ? AT_SIZE : REFUSED;
    return l->digits > 0 ? behind(c, AT_BLANK) : REFUSED;
}

static enum state after_name(unsigned char c)
{
    if (str_is_token_char(c))
        return AT_NAME;
    return c == '=' ? AT_EQUALS : behind(c, AT_NAME_BLANK);
}

static enum state after_blank(unsigned char c)
{
    return c == ';' ? AT_SEMICOLON : is_blank(c) ? AT_BLANK : REFUSED;
}

static enum state after_equals(unsigned char c)
{
    if (c == '"')
        return AT_QUOTE;
    return str_is_token_char(c) ? AT_TOKEN : is_blank(c) ? AT_EQUALS : REFUSED;
}

static enum state in_quotes(unsigned char c)
{
    if (c == '"')
        return AT_UNQUOTE;
    if (c == '\\')
        return AT_ESCAPE;
    return is_quotable(c) ? AT_QUOTE : REFUSED;
}

/* chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) (RFC 9112 7.1.1):
   blanks are bad but must be taken. */
static enum state next(const struct chunk_line *l, unsigned char c)
{
    switch ((enum state)l->state) {
    case AT_SIZE:
        return after_size(l, c);
    case AT_SEMICOLON:
        return str_is_token_char(c) ? AT_NAME : is_blank(c) ? AT_SEMICOLON : REFUSED;
    case AT_NAME:
        return after_name(c);
    case AT_NAME_BLANK:
        return is_blank(c) ? AT_NAME_BLANK : c == '=' ? AT_EQUALS : after_blank(c);
    case AT_EQUALS:
        return after_equals(c);
    case AT_TOKEN:
        return str_is_token_char(c) ? AT_TOKEN : behind(c, AT_BLANK);
    case AT_QUOTE:
        return in_quotes(c);
    case AT_ESCAPE:
        return is_quotable(c) ? AT_QUOTE : REFUSED;
    case AT_UNQUOTE:
        return behind(c, AT_BLANK);
    case AT_BLANK:
        return after_blank(c);
    case AT_CR:
        return c == '\n' ? AT_LF : REFUSED;
    case AT_LF:
    case REFUSED:
        break;
    }
    return REFUSED;
}

static bool is_extension(enum state s)
{
    return s != AT_SIZE && s != AT_CR && s != AT_LF;
}

/* Takes one byte; false when it is refused. */
static bool step(struct chunk_line *l, unsigned char c)
{
    enum state s = next(l, c);

    l->state = (uint8_t)s;
    if (s == AT_SIZE) {
        l->digits++;
        l->size = l->size << 4 | (uint64_t)str_hex_digit((char)c);
    } else if (is_extension(s)) {
        l->extension++;
        l->extensions++;
    }
    return s != REFUSED && l->extension <= CHUNK_EXTENSION_MAX &&
           l->extensions <= CHUNK_EXTENSIONS_MAX;
}

int chunk_scan(struct chunk_line *l, const char *p, size_t n, size_t *used)
{
    if (l->state == AT_LF)
        *l = (struct chunk_line){ .extensions = l->extensions };
    for (size_t i = 0; i < n; i++) {
        if (!step(l, (unsigned char)p[i]))
            return 400;
        if (l->state == AT_LF) {
            *used = i + 1;
            return CHUNK_COMPLETE;
        }
    }
    *used = n;
    return CHUNK_MORE;
}
