/* SPDX-License-Identifier: MIT
   accesslog - one line for each request, in the common or combined format, through a sink.
   Whatever a client sends stays inside its quotes. */
#include <multiplexd/module.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LINE_BYTES = 8192, FIELD_BYTES = 2048 };

struct conf {
    struct mpx_str file;
    int format;
    struct mpx_sink *sink;
    struct stamp *stamp;
};

/* The time as text, made once a second. */
struct stamp {
    time_t second;
    char text[40];
};

static const char *const formats[] = { "combined", "common", NULL };
enum { COMBINED, COMMON };

static const struct mpx_option options[] = {
    { .name = "file",
      .help = "a file, \"stderr\" or \"syslog:FACILITY\"",
      .type = MPX_T_PATH,
      .flags = MPX_OPT_REQUIRED | MPX_OPT_BARE | MPX_OPT_SINK,
      .offset = offsetof(struct conf, file) },
    { .name = "format",
      .help = "combined has Referer and User-Agent as well",
      .type = MPX_T_ENUM,
      .names = formats,
      .fallback = "\"combined\"",
      .offset = offsetof(struct conf, format) },
    MPX_OPTION_END,
};

static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;

    conf->stamp = mpx_alloc(mpx_conf_arena(c), sizeof(*conf->stamp));
    conf->sink = mpx_sink_open(c, conf->file);
    return conf->sink != NULL ? 0 : -1;
}

/* A line while it is made; what does not fit is cut off. */
struct line {
    char text[LINE_BYTES];
    size_t n;
};

static void add(struct line *l, struct mpx_str s)
{
    size_t room = sizeof(l->text) - l->n, n = s.n < room ? s.n : room;

    if (n > 0)
        memcpy(l->text + l->n, s.p, n);
    l->n += n;
}

static void add_number(struct line *l, uint64_t n)
{
    char digits[20];
    size_t i = sizeof(digits);

    do
        digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    add(l, (struct mpx_str){ digits + i, sizeof(digits) - i });
}

/* Between quotes; quotes, backslashes and what is not printable ASCII as \xHH. "-" for nothing. */
static void add_quoted(struct line *l, struct mpx_str s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t plain = 0;

    if (s.n == 0) {
        add(l, MPX_STR("\"-\""));
        return;
    }
    if (s.n > FIELD_BYTES)
        s.n = FIELD_BYTES;
    add(l, MPX_STR("\""));
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char text[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            continue;
        add(l, (struct mpx_str){ s.p + plain, i - plain });
        add(l, (struct mpx_str){ text, sizeof(text) });
        plain = i + 1;
    }
    add(l, (struct mpx_str){ s.p + plain, s.n - plain });
    add(l, MPX_STR("\""));
}

static void add_client(struct line *l, const struct mpx_req *r)
{
    char text[INET6_ADDRSTRLEN] = "-";
    socklen_t len;
    const struct sockaddr *address = mpx_req_client(r, &len);

    if (address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        (void)inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
    } else if (address != NULL && address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
    } else if (address != NULL && address->sa_family == AF_UNIX) {
        memcpy(text, "unix", sizeof("unix"));
    }
    add(l, (struct mpx_str){ text, strlen(text) });
}

/* A user name cannot end the field it stands in. */
static void add_user(struct line *l, struct mpx_str user)
{
    for (size_t i = 0; i < user.n && i < 64; i++) {
        char c = user.p[i];

        add(l, c > 0x20 && c < 0x7f ? (struct mpx_str){ &c, 1 } : MPX_STR("_"));
    }
    if (user.n == 0)
        add(l, MPX_STR("-"));
}

static struct mpx_str now(struct stamp *s)
{
    time_t second = time(NULL);
    struct tm tm;

    if (second != s->second && localtime_r(&second, &tm) != NULL) {
        s->second = second;
        (void)strftime(s->text, sizeof(s->text), " [%d/%b/%Y:%H:%M:%S %z] ", &tm);
    }
    return (struct mpx_str){ s->text, strlen(s->text) };
}

static void add_header(struct line *l, const struct mpx_req *r, const char *name)
{
    struct mpx_str value = { NULL, 0 };

    (void)mpx_req_header(r, name, &value);
    add(l, MPX_STR(" "));
    add_quoted(l, value);
}

static enum mpx_rc log_request(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    struct line l;

    l.n = 0;

    add_client(&l, r);
    add(&l, MPX_STR(" - "));
    add_user(&l, mpx_req_user(r));
    add(&l, now(conf->stamp));
    add_quoted(&l, mpx_req_line(r));
    add(&l, MPX_STR(" "));
    add_number(&l, (uint64_t)mpx_res_get_status(r));
    add(&l, MPX_STR(" "));
    add_number(&l, mpx_res_bytes(r));
    if (conf->format == COMBINED) {
        add_header(&l, r, "Referer");
        add_header(&l, r, "User-Agent");
    }
    mpx_sink_write(conf->sink, (struct mpx_str){ l.text, l.n });
    return MPX_NEXT;
}

MPX_MODULE(accesslog) = {
    MPX_HEADER(accesslog, "1.0"),
    .summary = "one line for each request",
    .options = options,
    .conf_size = sizeof(struct conf),
    .open = open_conf,
    .on = { [MPX_PH_LOG] = log_request },
};
