/* SPDX-License-Identifier: MIT
   Dates: what is read can be written and read again, whatever time it was said in; what is written
   is what libc's calendar says. */
#include "date.h"

#include "fuzz.h"
#include "str.h"

enum { NOW = 1750000000 };

static const time_t last = 253402300799; /* 9999-12-31 23:59:59 */

/* A time there and back. */
static void check_time(time_t t)
{
    char text[DATE_HTTP], theirs[64];
    time_t clamped = t < 0 ? 0 : t > last ? last : t, back;
    struct tm tm;

    date_http(t, text);
    FUZZ_MUST(strlen(text) == DATE_HTTP - 1, "\"%s\" has another length", text);
    FUZZ_MUST(date_parse(str_of(text), NOW, &back) == 0 && back == clamped,
              "\"%s\" is not read back", text);
    FUZZ_MUST(gmtime_r(&clamped, &tm) != NULL, "libc has no such time");
    FUZZ_MUST(strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0, "no room");
    FUZZ_MUST(strcmp(text, theirs) == 0, "\"%s\", by libc \"%s\"", text, theirs);
}

void fuzz_date(const uint8_t *data, size_t n)
{
    struct mpx_str text = { (const char *)data, n };
    time_t t;

    if (date_parse(text, NOW, &t) == 0) {
        FUZZ_MUST(n >= 24 && n <= 33, "a date of %zu bytes", n);
        check_time(t);
    }
    if (n >= sizeof(t)) {
        memcpy(&t, data, sizeof(t));
        check_time(t);
        check_time((time_t)((uint64_t)t % 300000000000));
    }
}
