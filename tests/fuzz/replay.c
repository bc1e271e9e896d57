/* SPDX-License-Identifier: MIT
   Gives every file of the corpora to its target, in TAP: what the fuzzers have found stays found,
   without them. MPX_SOURCE is the source folder; arguments are files for the target named first. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, PATH_BYTES = 1024 };

static const struct target {
    const char *name;
    void (*run)(const uint8_t *data, size_t n);
} targets[] = {
#define FUZZ_ENTRY(name) { #name, fuzz_##name },
    FUZZ_TARGETS(FUZZ_ENTRY)
#undef FUZZ_ENTRY
};

/* Seen by both processes: which file is at work. */
struct progress {
    char path[PATH_BYTES];
    unsigned count;
};

static void run_file(const struct target *t, const char *path)
{
    static uint8_t bytes[FILE_MAX];
    FILE *f = fopen(path, "rb");

    FUZZ_MUST(f != NULL, "%s: %s", path, strerror(errno));
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    uint8_t *exact = malloc(n > 0 ? n : 1); /* so that a sanitizer sees a read past its end */
    FUZZ_MUST(exact != NULL, "no memory");
    memcpy(exact, bytes, n);
    t->run(exact, n);
    free(exact);
}

static void run_folder(const struct target *t, const char *source, struct progress *p)
{
    char folder[PATH_BYTES / 2];
    struct dirent *e;

    (void)snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", source, t->name);
    DIR *d = opendir(folder);
    FUZZ_MUST(d != NULL, "%s: %s", folder, strerror(errno));
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(p->path, sizeof(p->path), "%s/%s", folder, e->d_name);
        run_file(t, p->path);
        p->count++;
    }
    (void)closedir(d);
    FUZZ_MUST(p->count > 0, "%s is empty", folder);
}

/* In a process of its own: a target that dies is one line, not the end. */
static void replay(const struct target *t, const char *source, unsigned number)
{
    struct progress *p =
        mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = -1;

    FUZZ_MUST(p != MAP_FAILED, "mmap: %s", strerror(errno));
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run_folder(t, source, p);
        exit(0);
    }
    (void)waitpid(pid, &status, 0);
    if (status == 0)
        printf("ok %u - %s: %u inputs of its corpus\n", number, t->name, p->count);
    else
        printf("not ok %u - %s: %s ends it\n", number, t->name, p->path);
    (void)munmap(p, sizeof(*p));
}

int main(int argc, char **argv)
{
    const char *source = getenv("MPX_SOURCE") != NULL ? getenv("MPX_SOURCE") : ".";
    const unsigned count = sizeof(targets) / sizeof(targets[0]);

    if (argc == 1)
        printf("1..%u\n", count);
    for (unsigned i = 0; i < count; i++) {
        if (argc == 1)
            replay(&targets[i], source, i + 1);
        else if (strcmp(argv[1], targets[i].name) == 0)
            for (int k = 2; k < argc; k++)
                run_file(&targets[i], argv[k]);
    }
    return 0;
}
