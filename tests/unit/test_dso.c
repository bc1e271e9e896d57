/* SPDX-License-Identifier: MIT
   Shared objects made on the spot, whole and damaged. */
#include "dso.h"

#include "aid.h"
#include "str.h"
#include "unit.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mpx_arena a;
static char folder[64];
static const char *error;

static void set_up(void)
{
    unit_folder(folder);
    arena_init(&a, NULL);
    error = NULL;
}

static void take_down(void)
{
    arena_finish(&a);
}

static const char *in_folder(const char *name)
{
    return arena_printf(&a, "%s/%s", folder, name).p;
}

/* Compiles it; where it is. */
static const char *object(const char *name, const char *text)
{
    aid_compile(folder, name, text, NULL);
    return arena_printf(&a, "%s/%s.so", folder, name).p;
}

static struct dso *open_object(const char *path)
{
    struct dso *d = dso_open(&a, path, &error);

    ck_assert_msg(d != NULL, "%s: %s", path, error);
    return d;
}

/* What the function of that name in it returns. */
static int call(struct dso *d, const char *name)
{
    int (*fn)(void);
    void *address = dso_symbol(d, name);

    ck_assert_msg(address != NULL, "no %s", name);
    memcpy(&fn, &address, sizeof(fn));
    return fn();
}

START_TEST(a_whole_object_is_opened_and_its_symbols_found)
{
    set_up();
    const char *path = object("whole", "int answer(void) { return 42; }\nint data = 7;\n");
    ck_assert_ptr_null(dso_verify(&a, path));
    ck_assert_ptr_null(dso_try(&a, path));
    struct dso *d = open_object(path);
    ck_assert_ptr_null(error);
    ck_assert_int_eq(call(d, "answer"), 42);
    ck_assert_int_eq(*(int *)dso_symbol(d, "data"), 7);
    ck_assert_ptr_null(dso_symbol(d, "question"));
    ck_assert_ptr_null(dso_symbol(d, ""));
    ck_assert_int_eq(call(open_object(path), "answer"), 42); /* and a second time */
    ck_assert_int_eq(strncmp(dso_version(), "libltdl (libltdl.so.", 20), 0);
    take_down();
}
END_TEST

START_TEST(what_is_no_file_or_no_elf_is_told)
{
    set_up();
    unit_write(folder, "empty", "");
    unit_write(folder, "short", "\177ELF and no more");
    unit_write(folder, "text",
               "This is a text that is longer than the header of an ELF file.\n"
               "It is no object though.\n");
    ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
    const char *const cases[][2] = {
        { in_folder("missing"), "there is no such file, or it is a link that leads nowhere" },
        { in_folder("text/below"), "Not a directory" },
        { folder, "it is not a regular file" },
        { "/dev/null", "it is not a regular file" },
        { in_folder("fifo"), "it is not a regular file" },
        { in_folder("empty"), "the file is cut short: not even the ELF header is whole" },
        { in_folder("short"), "the file is cut short: not even the ELF header is whole" },
        { in_folder("text"), "it is not an ELF file" },
    };
    size_t before = aid_descriptors();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = dso_verify(&a, cases[i][0]);

        ck_assert_msg(why != NULL, "%s", cases[i][0]);
        ck_assert_str_eq(why, cases[i][1]);
    }
    ck_assert_uint_eq(aid_descriptors(), before);
    take_down();
}
END_TEST

/* A file in memory. */
struct bytes {
    char *p;
    size_t n;
};

static struct bytes read_all(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    struct bytes b = { arena_take(&a, (size_t)st.st_size), (size_t)st.st_size };
    ck_assert_int_eq(read(fd, b.p, b.n), (ssize_t)b.n);
    close(fd);
    return b;
}

static void write_all(const char *path, const void *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
    close(fd);
}

/* The header of a file that exists nowhere else, with a change. */
static const char *why_of(struct bytes whole, const ElfW(Ehdr) * changed)
{
    const char *path = in_folder("changed.so");

    memcpy(whole.p, changed, sizeof(*changed));
    write_all(path, whole.p, whole.n);
    const char *why = dso_verify(&a, path);
    return why != NULL ? why : "nothing is wrong";
}

#define ck_assert_header(member, value, says)             \
    do {                                                  \
        ElfW(Ehdr) changed_ = header;                     \
        changed_.member = (value);                        \
        ck_assert_str_eq(why_of(whole, &changed_), says); \
    } while (0)

START_TEST(a_header_that_makes_no_sense_is_told)
{
    static const char machine[] = "it is no shared object for this machine";
    static const char nonsense[] = "its program headers make no sense";
    static const char cut[] = "the file is cut short: its program headers are missing";
    ElfW(Ehdr) header;

    set_up();
    struct bytes whole = read_all(object("whole", "int answer(void) { return 42; }\n"));
    memcpy(&header, whole.p, sizeof(header));
    ck_assert_str_eq(why_of(whole, &header), "nothing is wrong");
    ck_assert_header(e_ident[0], 0, "it is not an ELF file");
    ck_assert_header(e_ident[EI_CLASS], sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64, machine);
    ck_assert_header(e_type, ET_EXEC, machine);
    ck_assert_header(e_type, ET_REL, machine);
    ck_assert_header(e_phnum, 0, nonsense);
    ck_assert_header(e_phnum, 65, nonsense);
    ck_assert_header(e_phnum, 0xffff, nonsense);
    ck_assert_header(e_phentsize, 0, nonsense);
    ck_assert_header(e_phentsize, sizeof(ElfW(Phdr)) + 1, nonsense);
    ck_assert_header(e_phoff, whole.n - 1, cut);
    ck_assert_header(e_phoff, whole.n + 1, cut);
    ck_assert_header(e_phoff, (ElfW(Off)) - 1, cut);
    take_down();
}
END_TEST

START_TEST(a_segment_that_the_file_does_not_hold_is_told)
{
    static const char says[] = "the file is cut short: a segment reaches past its end";
    ElfW(Ehdr) header;
    ElfW(Phdr) * programs;

    set_up();
    struct bytes whole = read_all(object("whole", "int answer(void) { return 42; }\n"));
    memcpy(&header, whole.p, sizeof(header));
    programs = arena_take(&a, header.e_phnum * sizeof(*programs));
    memcpy(programs, whole.p + header.e_phoff, header.e_phnum * sizeof(*programs));
    for (size_t i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) changed = programs[i];
        char *place = whole.p + header.e_phoff + i * sizeof(changed);
        bool is_load = changed.p_type == PT_LOAD;

        changed.p_filesz = (ElfW(Xword)) - 1; /* its end is before its beginning */
        memcpy(place, &changed, sizeof(changed));
        ck_assert_str_eq(why_of(whole, &header), is_load ? says : "nothing is wrong");
        changed = programs[i];
        changed.p_offset = whole.n + 1;
        changed.p_filesz = 0;
        memcpy(place, &changed, sizeof(changed));
        ck_assert_str_eq(why_of(whole, &header), is_load ? says : "nothing is wrong");
        memcpy(place, &programs[i], sizeof(programs[i]));
    }
    take_down();
}
END_TEST

/* How much of the file the dynamic linker maps. */
static size_t mapped_bytes(struct bytes whole)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) program;
    size_t most = 0;

    memcpy(&header, whole.p, sizeof(header));
    for (size_t i = 0; i < header.e_phnum; i++) {
        memcpy(&program, whole.p + header.e_phoff + i * sizeof(program), sizeof(program));
        if (program.p_type == PT_LOAD && program.p_offset + program.p_filesz > most)
            most = program.p_offset + program.p_filesz;
    }
    return most;
}

static int try_object(void *arg)
{
    return dso_try(&a, arg) == NULL ? 0 : 3;
}

START_TEST(an_object_cut_anywhere_is_refused_or_can_be_opened)
{
    char path[128];
    int opened = 0;

    set_up();
    (void)snprintf(path, sizeof(path), "%s/cut.so", folder);
    struct bytes whole = read_all(object("whole", "static char room[50000] = \"x\";\n"
                                                  "char *answer(int i) { return room + i; }\n"));
    size_t mapped = mapped_bytes(whole), before = aid_descriptors();
    for (size_t n = 0; n < whole.n; n += n < 1000 ? 1 : 61) {
        write_all(path, whole.p, n);
        const char *why = dso_verify(&a, path);
        if (n < mapped) {
            ck_assert_msg(why != NULL, "cut at %zu", n);
            ck_assert_msg(strstr(why, "the file is cut short: ") == why, "%zu: %s", n, why);
            continue;
        }
        ck_assert_msg(why == NULL, "cut at %zu: %s", n, why);
        int status = aid_fork(try_object, path); /* SIGBUS is what it would die of */
        ck_assert_msg(WIFEXITED(status), "cut at %zu: status %d", n, status);
        opened += WEXITSTATUS(status) == 0;
    }
    ck_assert_int_gt(opened, 0);
    ck_assert_uint_eq(aid_descriptors(), before);
    take_down();
}
END_TEST

START_TEST(what_the_dynamic_linker_says_is_told_without_the_path)
{
    set_up();
    const char *path = object("lacks", "int nowhere(void);\n"
                                       "int never_called(void) { return nowhere(); }\n");
    ck_assert_ptr_null(dso_verify(&a, path));
    ck_assert_str_eq(dso_try(&a, path), "undefined symbol: nowhere");
    path = object("lacks_data", "extern int nowhere;\nint *where(void) { return &nowhere; }\n");
    ck_assert_str_eq(dso_try(&a, path), "undefined symbol: nowhere");
    ck_assert_ptr_null(dso_open(&a, path, &error));
    ck_assert_str_eq(error, "undefined symbol: nowhere");
    ck_assert_ptr_null(dso_open(&a, in_folder("missing.so"), &error));
    ck_assert_str_eq(error, "cannot open shared object file: No such file or directory");
    take_down();
}
END_TEST

START_TEST(a_library_that_an_object_needs_and_does_not_find_is_named)
{
    char needed[128];

    set_up();
    (void)snprintf(needed, sizeof(needed), "%s", object("needed", "int used(void) { return 1; }"));
    aid_compile(folder, "needs", "int used(void);\nint use(void) { return used(); }\n", needed);
    ck_assert_int_eq(unlink(needed), 0);
    const char *why = dso_try(&a, in_folder("needs.so"));
    ck_assert_str_eq(why, arena_printf(&a,
                                       "%s: cannot open shared object file: No such file or "
                                       "directory",
                                       needed)
                              .p);
    take_down();
}
END_TEST

START_TEST(constructors_run_when_it_is_tried_and_not_before)
{
    set_up();
    const char *path = object("runs", "#include <stdlib.h>\n"
                                      "__attribute__((constructor)) static void run(void)\n"
                                      "{ setenv(\"MPX_UNIT_RAN\", \"yes\", 1); }\n");
    ck_assert_ptr_null(dso_verify(&a, path));
    ck_assert_ptr_null(getenv("MPX_UNIT_RAN"));
    ck_assert_ptr_null(dso_try(&a, path));
    ck_assert_str_eq(getenv("MPX_UNIT_RAN"), "yes");
    take_down();
}
END_TEST

START_TEST(symbols_are_seen_by_nobody_else)
{
    set_up();
    const char *first = object("one", "int which(void) { return 1; }\n");
    const char *second = object("two", "int which(void) { return 2; }\n"
                                       "int ask(void) { return which(); }\n");
    ck_assert_ptr_null(dso_try(&a, first));
    ck_assert_ptr_null(dso_try(&a, second));
    struct dso *one = open_object(first), *two = open_object(second);
    ck_assert_int_eq(call(one, "which"), 1);
    ck_assert_int_eq(call(two, "which"), 2);
    ck_assert_int_eq(call(two, "ask"), 2);
    ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "which"));
    first = object("three", "int which(void);\nint ask(void) { return which(); }\n");
    ck_assert_str_eq(dso_try(&a, first), "undefined symbol: which");
    take_down();
}
END_TEST

START_TEST(what_is_open_stays_for_good)
{
    set_up();
    const char *path = object("stays", "int answer(void) { return 42; }\n");
    struct dso *d = open_object(path);
    void *address = dso_symbol(d, "answer");
    int (*fn)(void);

    memcpy(&fn, &address, sizeof(fn));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(lt_dlclose((lt_dlhandle)(void *)d), 1); /* it is resident: refused */
    ck_assert_int_eq(fn(), 42);
    take_down();
}
END_TEST

Suite *suite_dso(void)
{
    static const TTest **const tests[] = {
        &a_whole_object_is_opened_and_its_symbols_found,
        &what_is_no_file_or_no_elf_is_told,
        &a_header_that_makes_no_sense_is_told,
        &a_segment_that_the_file_does_not_hold_is_told,
        &an_object_cut_anywhere_is_refused_or_can_be_opened,
        &what_the_dynamic_linker_says_is_told_without_the_path,
        &a_library_that_an_object_needs_and_does_not_find_is_named,
        &constructors_run_when_it_is_tried_and_not_before,
        &symbols_are_seen_by_nobody_else,
        &what_is_open_stays_for_good,
        NULL,
    };

    return unit_suite("dso", tests);
}
