/* SPDX-License-Identifier: MIT */
#include "quantity.h"
#include "unit.h"

static int64_t bytes(const char *text)
{
    int64_t n;

    return quantity_bytes(str_of(text), &n) == 0 ? n : -1;
}

static int64_t ms(const char *text)
{
    int64_t n;

    return quantity_ms(str_of(text), &n) == 0 ? n : -1;
}

START_TEST(reads_sizes_with_units_of_1024)
{
    ck_assert_int_eq(bytes("0"), 0);
    ck_assert_int_eq(bytes("4096"), 4096);
    ck_assert_int_eq(bytes("4k"), 4096);
    ck_assert_int_eq(bytes("4K"), 4096);
    ck_assert_int_eq(bytes("10M"), 10485760);
    ck_assert_int_eq(bytes("2G"), 2147483648);
}
END_TEST

START_TEST(refuses_sizes_that_are_none)
{
    static const char *const wrong[] = { "", "k", "-1", "+1", " 1", "1 k", "1kb", "1.5M", "0x10" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(bytes(wrong[i]) == -1, "\"%s\"", wrong[i]);
}
END_TEST

START_TEST(refuses_what_does_not_fit_63_bits)
{
    ck_assert_int_eq(bytes("9223372036854775807"), INT64_MAX);
    ck_assert_int_eq(bytes("9223372036854775808"), -1);
    ck_assert_int_eq(bytes("8589934592G"), -1);
    ck_assert_int_eq(bytes("18446744073709551616"), -1);
    ck_assert_int_eq(ms("106751991168d"), -1);
}
END_TEST

START_TEST(reads_times_with_units)
{
    ck_assert_int_eq(ms("250ms"), 250);
    ck_assert_int_eq(ms("30s"), 30000);
    ck_assert_int_eq(ms("5m"), 300000);
    ck_assert_int_eq(ms("12h"), 43200000);
    ck_assert_int_eq(ms("7d"), 604800000);
}
END_TEST

START_TEST(a_time_without_unit_is_only_zero)
{
    ck_assert_int_eq(ms("0"), 0);
    ck_assert_int_eq(ms("30"), -1);
    ck_assert_int_eq(ms("1M"), -1);
    ck_assert_int_eq(ms("1w"), -1);
}
END_TEST

START_TEST(reads_modes_of_files)
{
    static const char *const wrong[] = { "", "8", "1000", "00640", "u=rw", "-1", " 640" };
    unsigned mode;

    ck_assert_int_eq(quantity_mode(MPX_STR("0640"), &mode), 0);
    ck_assert_uint_eq(mode, 0640);
    ck_assert_int_eq(quantity_mode(MPX_STR("777"), &mode), 0);
    ck_assert_uint_eq(mode, 0777);
    ck_assert_int_eq(quantity_mode(MPX_STR("0"), &mode), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(quantity_mode(str_of(wrong[i]), &mode) < 0, "\"%s\"", wrong[i]);
}
END_TEST

Suite *suite_quantity(void)
{
    static const TTest **const tests[] = {
        &reads_sizes_with_units_of_1024,
        &refuses_sizes_that_are_none,
        &refuses_what_does_not_fit_63_bits,
        &reads_times_with_units,
        &a_time_without_unit_is_only_zero,
        &reads_modes_of_files,
        NULL,
    };

    return unit_suite("quantity", tests);
}
