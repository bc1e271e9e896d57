/* SPDX-License-Identifier: MIT
   Dates of HTTP (RFC 9110 5.6.7) and the two clocks. No locale, no time zone. */
#ifndef DATE_H
#define DATE_H
#include <multiplexd/module.h>

#include <time.h>

enum {
    DATE_HTTP = 30, /* bytes of "Sun, 06 Nov 1994 08:49:37 GMT" with its NUL */
    DATE_ISO = 25,  /* ... "1994-11-06T08:49:37.000Z" */
    DATE_LOG = 27   /* ... "06/Nov/1994:08:49:37 +0000" */
};

/* Writes an IMF-fixdate; t is brought between the years 1970 and 9999. */
void date_http(time_t t, char out[DATE_HTTP]);
/* Writes a time of ISO 8601 (RFC 3339) in UTC, as logs have it; between the same years. */
void date_iso(time_t t, char out[DATE_ISO]);
void date_iso_ms(char iso[DATE_ISO], unsigned ms); /* puts milliseconds into it, 0 to 999 */
/* Writes a time of the Common Log Format, in the time zone that tm is in. */
void date_log(const struct tm *tm, char out[DATE_LOG]);
/* Reads any of the three forms: 0, or -1 for anything else (also for a date that does not exist;
   that the weekday fits is not asked for). A two-digit year is one of the century of 'now', or of
   the one before where it would lie more than 50 years ahead. */
int date_parse(struct mpx_str s, time_t now, time_t *t);
/* Below, at or above 0: whether the first of two IMF-fixdates is the earlier, as far as can be told
   without asking whether they are well formed. Each has DATE_HTTP - 1 bytes. */
int date_compare(const char *a, const char *b);
/* Year, month 1-12, day 1-31 of a day counted from 1970-01-01. */
void date_civil(int64_t days, int *year, int *month, int *day);

int64_t clock_ms(void); /* monotonic milliseconds */
int64_t clock_us(void); /* monotonic microseconds */

#endif
