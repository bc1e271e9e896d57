/* SPDX-License-Identifier: MIT
   Runs every suite, in TAP. CK_RUN_SUITE names a single one. */
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *unit_suite(const char *name, const TTest **const *tests)
{
    Suite *s = suite_create(name);
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 60);
    for (; *tests != NULL; tests++)
        tcase_add_test(tc, **tests);
    suite_add_tcase(s, tc);
    return s;
}

static char folder_to_remove[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_folder(void)
{
    (void)nftw(folder_to_remove, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void unit_folder(char *out)
{
    (void)snprintf(folder_to_remove, sizeof(folder_to_remove), "/tmp/multiplexd-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder_to_remove));
    (void)snprintf(out, 64, "%s", folder_to_remove);
    (void)atexit(remove_folder); /* each test is a process of its own */
}

void unit_write(const char *folder, const char *name, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

int main(void)
{
    SRunner *runner = srunner_create(NULL);

#define ADD(name) srunner_add_suite(runner, suite_##name());
    UNIT_SUITES(ADD)
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
