/* SPDX-License-Identifier: MIT */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORD = 4096, RECORD_MAX = 256 << 10, FOLDER_MAX = 1024 };

void home_finish(struct home *home)
{
    free(home->folder);
    free(home->at_fault);
    *home = (struct home){ .folder = NULL };
}

/* What is no answer about a user but about the system; other errors of getpwnam_r(3) mean that
   there is no such user. */
static bool is_failure(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO ||
           error == EINTR || error == ERANGE;
}

/* The record of a user; its strings lie in *buffer, which is the caller's to free. 0 and
   *found, or an errno. */
static int ask(const char *name, struct passwd *pw, char **buffer, bool *found)
{
    struct passwd *result = NULL;
    int error = ERANGE;

    *buffer = NULL;
    for (size_t size = RECORD; error == ERANGE && size <= RECORD_MAX; size *= 4) {
        free(*buffer);
        *buffer = malloc(size);
        if (*buffer == NULL)
            return ENOMEM;
        error = getpwnam_r(name, pw, *buffer, size, &result);
    }
    *found = result != NULL;
    return result == NULL && is_failure(error) ? error : 0;
}

/* A database that takes no notice of case knows one user by many names: rules about paths and lists
   of names are about one of them. */
static bool is_named(const struct passwd *pw, const char *name)
{
    return strcmp(pw->pw_name, name) == 0;
}

/* People have a home of their own. */
static bool is_home(const char *home)
{
    return home != NULL && home[0] == '/' && home[strspn(home, "/.")] != '\0' &&
           strlen(home) < FOLDER_MAX;
}

static bool has_pages(const struct home_wanted *wanted, const struct passwd *pw)
{
    return wanted->allowed && is_named(pw, wanted->name) && pw->pw_uid >= wanted->min_uid &&
           pw->pw_uid != wanted->nobody && is_home(pw->pw_dir);
}

/* home/sub, malloc'ed; NULL when there is no memory. */
static char *join(const char *home, const char *sub)
{
    size_t n = strlen(home), m = strlen(sub) + 1;
    char *path = malloc(n + 1 + m);

    while (n > 0 && home[n - 1] == '/')
        n--;
    if (path != NULL) {
        memcpy(path, home, n);
        path[n] = '/';
        memcpy(path + n + 1, sub, m);
    }
    return path;
}

/* *error is 0 when the folder is there, can be entered and belongs to uid; else it says why not. */
static enum home_problem look_at(const char *folder, uid_t uid, int *error)
{
    enum home_problem problem = HOME_FINE;
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    *error = fd < 0 ? errno : 0;
    if (fd < 0 && is_failure(*error))
        return HOME_FAILED;
    if (fd < 0)
        return *error == ENOENT || *error == ENOTDIR ? HOME_FINE : HOME_NO_ENTRY;
    if (fstat(fd, &st) < 0 || st.st_uid != uid) {
        *error = EPERM;
        problem = HOME_OF_OTHER;
    } else if (faccessat(fd, "./.", F_OK, AT_EACCESS) < 0) {
        *error = errno;
        problem = HOME_NO_ENTRY;
    }
    close(fd);
    return problem;
}

/* Whether to go on with the next folder. */
static bool try_folder(struct home *home, char *folder, uid_t uid)
{
    int error;
    enum home_problem problem = look_at(folder, uid, &error);

    if (error == 0) {
        home->folder = folder;
        home->uid = uid;
        return false;
    }
    if (problem == HOME_FINE) {
        free(folder);
        return true;
    }
    home->problem = problem;
    home->error = error;
    home->at_fault = folder;
    return false;
}

void home_look_up(const struct home_wanted *wanted, struct home *home)
{
    struct passwd pw = { .pw_dir = NULL };
    char *buffer;
    bool found;

    *home = (struct home){ .folder = NULL };
    home->error = ask(wanted->name, &pw, &buffer, &found);
    if (home->error != 0)
        home->problem = HOME_FAILED;
    bool is_one = found && has_pages(wanted, &pw);
    /* where there is nobody the disk is asked as well, about a folder that cannot be */
    const char *dir = is_one ? pw.pw_dir : "/nonexistent";
    bool more = home->error == 0;
    for (const char *const *sub = wanted->subdirs; more && *sub != NULL; sub++) {
        char *folder = join(dir, *sub);

        if (folder == NULL) {
            home->problem = HOME_FAILED;
            home->error = ENOMEM;
        }
        more = folder != NULL && try_folder(home, folder, is_one ? pw.pw_uid : wanted->nobody);
    }
    if (!is_one && home->problem != HOME_FAILED)
        home_finish(home);
    free(buffer);
}
