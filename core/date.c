/* SPDX-License-Identifier: MIT */
#include "date.h"

#include "str.h"

enum { DAY = 86400 };

static const char weekdays[7][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Days from 1970-01-01 to a date: eras of 400 years that begin in March, so that the leap day comes
   last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

void date_civil(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2 ? 1 : 0));
}

static char *put_digits(char *at, unsigned n, size_t digits)
{
    for (size_t i = digits; i > 0; i--, n /= 10)
        at[i - 1] = (char)('0' + n % 10);
    return at + digits;
}

static char *put_text(char *at, const char *text, size_t n)
{
    memcpy(at, text, n);
    return at + n;
}

/* Between the years 1970 and 9999. */
static time_t bounded(time_t t)
{
    const time_t last = 253402300799; /* 9999-12-31 23:59:59 */

    return t < 0 ? 0 : t > last ? last : t;
}

static char *put_clock(char *at, unsigned hour, unsigned minute, unsigned second)
{
    at = put_digits(at, hour, 2);
    *at++ = ':';
    at = put_digits(at, minute, 2);
    *at++ = ':';
    return put_digits(at, second, 2);
}

void date_iso(time_t t, char out[DATE_ISO])
{
    int year, month, day;

    t = bounded(t);
    unsigned second = (unsigned)(t % DAY);
    date_civil(t / DAY, &year, &month, &day);
    char *at = put_digits(out, (unsigned)year, 4);
    *at++ = '-';
    at = put_digits(at, (unsigned)month, 2);
    *at++ = '-';
    at = put_digits(at, (unsigned)day, 2);
    *at++ = 'T';
    at = put_clock(at, second / 3600, second / 60 % 60, second % 60);
    (void)put_text(at, ".000Z", sizeof(".000Z"));
}

void date_iso_ms(char iso[DATE_ISO], unsigned ms)
{
    (void)put_digits(iso + DATE_ISO - 5, ms, 3);
}

void date_log(const struct tm *tm, char out[DATE_LOG])
{
    long minutes = tm->tm_gmtoff / 60;
    char sign = minutes < 0 ? '-' : '+';

    minutes = minutes < 0 ? -minutes : minutes;
    char *at = put_digits(out, (unsigned)tm->tm_mday, 2);
    *at++ = '/';
    at = put_text(at, months[tm->tm_mon], 3);
    *at++ = '/';
    at = put_digits(at, (unsigned)tm->tm_year + 1900, 4);
    *at++ = ':';
    at = put_clock(at, (unsigned)tm->tm_hour, (unsigned)tm->tm_min, (unsigned)tm->tm_sec);
    *at++ = ' ';
    *at++ = sign;
    at = put_digits(at, (unsigned)(minutes / 60), 2);
    at = put_digits(at, (unsigned)(minutes % 60), 2);
    *at = '\0';
}

/* Written by hand: it runs for every answer that has a date of its own. */
void date_http(time_t t, char out[DATE_HTTP])
{
    int year, month, day;

    t = bounded(t);
    int64_t days = t / DAY;
    unsigned second = (unsigned)(t % DAY);
    date_civil(days, &year, &month, &day);
    out = put_text(out, weekdays[(days + 4) % 7], 3);
    out = put_text(out, ", ", 2);
    out = put_digits(out, (unsigned)day, 2);
    *out++ = ' ';
    out = put_text(out, months[month - 1], 3);
    *out++ = ' ';
    out = put_digits(out, (unsigned)year, 4);
    *out++ = ' ';
    out = put_digits(out, second / 3600, 2);
    *out++ = ':';
    out = put_digits(out, second / 60 % 60, 2);
    *out++ = ':';
    out = put_digits(out, second % 60, 2);
    (void)put_text(out, " GMT", 5);
}

/* What is left of the text while it is read. */
struct reader {
    struct mpx_str s;
    bool bad;
};

static void expect(struct reader *d, const char *z)
{
    struct mpx_str want = str_of(z);

    if (!str_starts(d->s, want))
        d->bad = true;
    d->s = str_from(d->s, want.n);
}

static int number(struct reader *d, size_t digits)
{
    uint64_t v = 0;

    if (d->s.n < digits || str_to_u64(str_head(d->s, digits), &v) < 0)
        d->bad = true;
    d->s = str_from(d->s, digits);
    return (int)v;
}

static int month(struct reader *d)
{
    for (int i = 0; i < 12; i++)
        if (str_starts(d->s, str_of(months[i]))) {
            d->s = str_from(d->s, 3);
            return i + 1;
        }
    d->bad = true;
    return 1;
}

static int clock_of(struct reader *d)
{
    int hour = number(d, 2);
    expect(d, ":");
    int minute = number(d, 2);
    expect(d, ":");
    int second = number(d, 2);

    if (hour > 23 || minute > 59 || second > 60)
        d->bad = true;
    return hour * 3600 + minute * 60 + second;
}

static int short_year(struct reader *d, time_t now)
{
    int this_year, m, day;

    date_civil(now / DAY, &this_year, &m, &day);
    int year = this_year - this_year % 100 + number(d, 2);
    if (year > this_year + 50)
        year -= 100;
    return year;
}

/* The weekday that s begins with, by its long name or its first three letters: how many bytes it
   has; 0 for none. */
static size_t weekday(struct mpx_str s, bool *is_long)
{
    for (size_t i = 0; i < 7; i++) {
        *is_long = str_starts(s, str_of(weekdays[i]));
        if (*is_long)
            return strlen(weekdays[i]);
        if (str_starts(s, str_head(str_of(weekdays[i]), 3)))
            return 3;
    }
    return 0;
}

static int asctime_day(struct reader *d)
{
    if (d->s.n > 0 && d->s.p[0] == ' ') {
        d->s = str_from(d->s, 1);
        return number(d, 1);
    }
    return number(d, 2);
}

int date_parse(struct mpx_str s, time_t now, time_t *t)
{
    struct reader d = { .s = s };
    bool is_long;
    int year, mon, day, y, m, dd;
    int second;
    size_t n = weekday(s, &is_long);

    if (n == 0)
        return -1;
    d.s = str_from(s, n);
    if (!is_long && d.s.n > 0 && d.s.p[0] == ' ') { /* asctime: "Sun Nov  6 08:49:37 1994" */
        expect(&d, " ");
        mon = month(&d);
        expect(&d, " ");
        day = asctime_day(&d);
        expect(&d, " ");
        second = clock_of(&d);
        expect(&d, " ");
        year = number(&d, 4);
    } else { /* "Sun, 06 Nov 1994 08:49:37 GMT" or "Sunday, 06-Nov-94 08:49:37 GMT" */
        expect(&d, ", ");
        day = number(&d, 2);
        expect(&d, is_long ? "-" : " ");
        mon = month(&d);
        expect(&d, is_long ? "-" : " ");
        year = is_long ? short_year(&d, now) : number(&d, 4);
        expect(&d, " ");
        second = clock_of(&d);
        expect(&d, " GMT");
    }
    if (d.bad || d.s.n > 0)
        return -1;
    int64_t days = days_of(year, mon, day);
    date_civil(days, &y, &m, &dd);
    if (y != year || m != mon || dd != day) /* the 30th of February */
        return -1;
    *t = (time_t)(days * DAY + second);
    return 0;
}

/* The place of a month in the year, by its name; 12 for anything else. */
static int month_index(const char *name)
{
    int i = 0;

    while (i < 12 && memcmp(months[i], name, 3) != 0)
        i++;
    return i;
}

/* Written by hand: it runs for every answer with a Last-Modified, and the year tells for most. */
int date_compare(const char *a, const char *b)
{
    enum { DAY_AT = 5, MONTH_AT = 8, YEAR_AT = 12, TIME_AT = 17 };
    int rc = memcmp(a + YEAR_AT, b + YEAR_AT, 4);

    if (rc == 0)
        rc = month_index(a + MONTH_AT) - month_index(b + MONTH_AT);
    if (rc == 0)
        rc = memcmp(a + DAY_AT, b + DAY_AT, 2);
    return rc != 0 ? rc : memcmp(a + TIME_AT, b + TIME_AT, 8);
}

int64_t clock_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
    return clock_us() / 1000;
}
