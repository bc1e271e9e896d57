/* SPDX-License-Identifier: MIT */
#include "dso.h"

#include "str.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRAM_HEADERS_MAX = 64 };

static const char *verify_loads(const ElfW(Phdr) * headers, size_t count, uint64_t size)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = headers[i].p_offset, length = headers[i].p_filesz;

        if (headers[i].p_type == PT_LOAD && (offset > size || length > size - offset))
            return "the file is cut short: a segment reaches past its end";
    }
    return NULL;
}

static const char *verify_header(const ElfW(Ehdr) * e, uint64_t size)
{
    const unsigned char class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

    if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
        return "it is not an ELF file";
    if (e->e_ident[EI_CLASS] != class || e->e_type != ET_DYN)
        return "it is no shared object for this machine";
    if (e->e_phentsize != sizeof(ElfW(Phdr)) || e->e_phnum == 0 || e->e_phnum > PROGRAM_HEADERS_MAX)
        return "its program headers make no sense";
    if (e->e_phoff > size || e->e_phnum * sizeof(ElfW(Phdr)) > size - e->e_phoff)
        return "the file is cut short: its program headers are missing";
    return NULL;
}

static const char *verify_fd(int fd)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) programs[PROGRAM_HEADERS_MAX];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is not a regular file";
    if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
        return "the file is cut short: not even the ELF header is whole";
    const char *why = verify_header(&header, (uint64_t)st.st_size);
    if (why != NULL)
        return why;
    size_t bytes = header.e_phnum * sizeof(programs[0]);
    if (pread(fd, programs, bytes, (off_t)header.e_phoff) != (ssize_t)bytes)
        return "the file is cut short: its program headers are missing";
    return verify_loads(programs, header.e_phnum, (uint64_t)st.st_size);
}

const char *dso_verify(struct mpx_arena *a, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */

    if (fd < 0 && errno == ENOENT)
        return "there is no such file, or it is a link that leads nowhere";
    if (fd < 0)
        return arena_copyz(a, str_of(strerror(errno)));
    const char *why = verify_fd(fd);
    close(fd);
    return why != NULL ? arena_copyz(a, str_of(why)) : NULL;
}

/* The dynamic linker's last words, without the path that they begin with. */
static const char *last_error(struct mpx_arena *a, const char *path)
{
    const char *text = dlerror();
    struct mpx_str said = str_of(text != NULL ? text : "unknown error"), prefix = str_of(path);

    if (str_starts(said, prefix))
        said = str_from(said, prefix.n);
    while (said.n > 0 && (said.p[0] == ':' || said.p[0] == ' '))
        said = str_from(said, 1);
    return arena_copyz(a, said);
}

const char *dso_try(struct mpx_arena *a, const char *path)
{
    /* stays open: what runs next in this process wants it anyhow */
    return dlopen(path, RTLD_NOW | RTLD_LOCAL) != NULL ? NULL : last_error(a, path);
}

struct dso *dso_open(struct mpx_arena *a, const char *path, const char **error)
{
    lt_dladvise advice;
    lt_dlhandle handle = NULL;

    if (lt_dlinit() != 0 || lt_dladvise_init(&advice) != 0) {
        *error = "libltdl cannot be initialised";
        return NULL;
    }
    if (lt_dladvise_local(&advice) == 0 && lt_dladvise_resident(&advice) == 0)
        handle = lt_dlopenadvise(path, advice);
    (void)lt_dladvise_destroy(&advice);
    if (handle == NULL) {
        const char *said = dso_try(a, path);

        *error = said != NULL ? said : "libltdl refuses it";
    }
    return (struct dso *)(void *)handle;
}

void *dso_symbol(struct dso *d, const char *name)
{
    return lt_dlsym((lt_dlhandle)(void *)d, name);
}

struct telling {
    void (*fn)(void *arg, const char *path, uintptr_t start, uintptr_t end, uintptr_t bias);
    void *arg;
};

static int tell_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    const struct telling *t = arg;

    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + p->p_vaddr;

        if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0)
            t->fn(t->arg, info->dlpi_name, start, start + p->p_memsz, info->dlpi_addr);
    }
    return 0;
}

void dso_each(void (*fn)(void *arg, const char *path, uintptr_t start, uintptr_t end,
                         uintptr_t bias),
              void *arg)
{
    struct telling t = { fn, arg };

    (void)dl_iterate_phdr(tell_object, &t);
}

/* The library has no call that tells its version; the file that it was loaded from does. */
const char *dso_version(void)
{
    static char text[64];
    char real[PATH_MAX];
    Dl_info info;
    void *inside = dlsym(RTLD_DEFAULT, "lt_dlopenadvise");

    if (inside == NULL || dladdr(inside, &info) == 0 || realpath(info.dli_fname, real) == NULL)
        return "libltdl";
    struct mpx_str file = str_of(real);
    snprintf(text, sizeof(text), "libltdl (%.40s)", str_from(file, str_find_last(file, '/') + 1).p);
    return text;
}
