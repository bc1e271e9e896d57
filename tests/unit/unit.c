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

/* Holds the folders of all tests; removed when all have run, however they ended. */
static char all_folders[] = "/tmp/multiplexd-unit-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void unit_folder(char *out)
{
    (void)snprintf(out, 64, "%s/XXXXXX", all_folders);
    ck_assert_ptr_nonnull(mkdtemp(out));
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

    /* a test may go on as somebody else */
    if (mkdtemp(all_folders) == NULL || chmod(all_folders, 01777) < 0) {
        perror(all_folders);
        return EXIT_FAILURE;
    }
#define ADD(name) srunner_add_suite(runner, suite_##name());
    UNIT_SUITES(ADD)
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    (void)nftw(all_folders, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
