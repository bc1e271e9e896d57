/* SPDX-License-Identifier: MIT
   A program for the tests of module exec: does what its query says, one action a line, percent-
   encoded. BYTEWISE in its environment: it writes so many bytes at a time. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static size_t step = 1 << 16;

static int hex(int c)
{
    return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

/* Takes the escapes of '%' or, with backslashes, of a C string out, in place; the new length. */
static size_t decode(char *s, char mark)
{
    char *to = s;

    for (const char *p = s; *p != '\0'; p++) {
        if (*p != mark) {
            *to++ = *p;
        } else if (mark == '%' || p[1] == 'x') {
            p += mark == '%' ? 0 : 1;
            *to++ = (char)(hex(p[1]) << 4 | hex(p[2]));
            p += 2;
        } else {
            p++;
            *to++ = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p == '0' ? '\0' : *p;
        }
    }
    *to = '\0';
    return (size_t)(to - s);
}

static void put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n < step ? n : step);

        if (w <= 0)
            exit(99);
        p += w;
        n -= (size_t)w;
    }
}

static void say(const char *text)
{
    put(1, text, strlen(text));
}

static void pause_ms(long ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

    (void)nanosleep(&t, NULL);
}

static void fill(long n)
{
    static char block[1 << 16];

    memset(block, 'x', sizeof(block));
    for (; n > 0; n -= (long)sizeof(block))
        put(1, block, n < (long)sizeof(block) ? (size_t)n : sizeof(block));
}

/* At most n bytes of the body; to standard output, or only counted. */
static void take(long n, int echoes)
{
    static char block[1 << 16];
    long all = 0;
    ssize_t got;

    while (n > all &&
           (got = read(0, block,
                       n - all < (long)sizeof(block) ? (size_t)(n - all) : sizeof(block))) > 0) {
        all += got;
        if (echoes)
            put(1, block, (size_t)got);
    }
    if (!echoes) {
        (void)snprintf(block, sizeof(block), "%ld bytes\n", all);
        say(block);
    }
}

static void show(const char *name)
{
    const char *value = getenv(name);

    say(name);
    say(value != NULL ? "=" : " is not set");
    say(value != NULL ? value : "");
    say("\n");
}

static void show_all(void)
{
    for (char **e = environ; *e != NULL; e++) {
        say(*e);
        say("\n");
    }
}

static void show_folder(void)
{
    char path[4096];

    say(getcwd(path, sizeof(path)) != NULL ? path : "?");
    say("\n");
}

/* A child that holds all descriptors for a while. */
static void leave_child(long ms)
{
    if (fork() == 0) {
        pause_ms(ms);
        _exit(0);
    }
}

static void act(char *line)
{
    char *rest = strchr(line, ' ');
    long n;

    if (rest != NULL)
        *rest++ = '\0';
    else
        rest = line + strlen(line);
    n = strtol(rest, NULL, 10);
    if (strcmp(line, "out") == 0)
        put(1, rest, decode(rest, '\\'));
    else if (strcmp(line, "err") == 0)
        put(2, rest, decode(rest, '\\'));
    else if (strcmp(line, "fill") == 0)
        fill(n);
    else if (strcmp(line, "sleep") == 0)
        pause_ms(n);
    else if (strcmp(line, "count") == 0)
        take(*rest != '\0' ? n : 1L << 40, 0);
    else if (strcmp(line, "echo") == 0)
        take(*rest != '\0' ? n : 1L << 40, 1);
    else if (strcmp(line, "env") == 0)
        show(rest);
    else if (strcmp(line, "environ") == 0)
        show_all();
    else if (strcmp(line, "cwd") == 0)
        show_folder();
    else if (strcmp(line, "close") == 0)
        (void)close((int)n);
    else if (strcmp(line, "exit") == 0)
        exit((int)n);
    else if (strcmp(line, "kill") == 0)
        (void)kill(getpid(), (int)n);
    else if (strcmp(line, "ignore") == 0)
        (void)signal((int)n, SIG_IGN);
    else if (strcmp(line, "child") == 0)
        leave_child(n);
    else
        exit(98);
}

int main(int argc, char **argv)
{
    const char *bytewise = getenv("BYTEWISE"), *query = getenv("QUERY_STRING");
    char *text = strdup(query != NULL ? query : ""), *line, *end;

    if (bytewise != NULL && *bytewise != '\0')
        step = (size_t)strtol(bytewise, NULL, 10);
    (void)decode(text, '%');
    for (line = text; line != NULL && *line != '\0'; line = end) {
        end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        if (strcmp(line, "args") == 0)
            for (int i = 0; i < argc; i++) {
                say(argv[i]);
                say("\n");
            }
        else
            act(line);
    }
    return 0;
}
