/* SPDX-License-Identifier: MIT
   Runs every suite, in TAP. CK_RUN_SUITE names a single one. */
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARTS_MAX = 16 };

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

/* Each runs its share of the suites, beside the others: most tests wait most of the time. */
static int parts(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors > PARTS_MAX / 2 ? PARTS_MAX : processors > 0 ? 2 * (int)processors : 1;
}

static void file_of(int part, char out[64])
{
    (void)snprintf(out, 64, "%s/part-%d", all_folders, part);
}

static int run_part(int part, int count)
{
    SRunner *runner = srunner_create(NULL);
    char file[64];
    int at = 0;

#define ADD(name)             \
    if (at++ % count == part) \
        srunner_add_suite(runner, suite_##name());
    UNIT_SUITES(ADD)
    file_of(part, file);
    srunner_set_tap(runner, file);
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What a part has said, its tests numbered on from *number. False when it has not come to its end.
   */
static bool show_part(int part, int *number)
{
    static char line[65536];
    char file[64];
    bool has_plan = false;

    file_of(part, file);
    FILE *f = fopen(file, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        bool is_ok = strncmp(line, "ok ", 3) == 0, is_not = strncmp(line, "not ok ", 7) == 0;
        const char *dash = strstr(line, " - ");

        if (strncmp(line, "1..", 3) == 0)
            has_plan = true;
        else if ((is_ok || is_not) && dash != NULL)
            printf("%s %d%s", is_ok ? "ok" : "not ok", ++*number, dash);
        else
            (void)fputs(line, stdout);
    }
    if (f != NULL)
        (void)fclose(f);
    return has_plan;
}

int main(void)
{
    int count = parts(), status, number = 0;
    bool well = true;

    /* a test may go on as somebody else */
    if (mkdtemp(all_folders) == NULL || chmod(all_folders, 01777) < 0) {
        perror(all_folders);
        return EXIT_FAILURE;
    }
    for (int i = 0; i < count; i++)
        if (fork() == 0)
            return run_part(i, count);
    while (wait(&status) > 0)
        well = well && status == 0;
    for (int i = 0; i < count; i++)
        well = show_part(i, &number) && well;
    printf("1..%d\n", number);
    (void)nftw(all_folders, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
