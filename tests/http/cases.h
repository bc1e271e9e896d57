/* SPDX-License-Identifier: MIT
   HTTP conversations as data: what is sent, what may come back. Two forms are read:
   rfc-cases.json, and files in the form that tests/http/README describes. */
#ifndef CASES_H
#define CASES_H
#include <stdbool.h>
#include <stddef.h>

enum { CASE_ANSWERS_MAX = 8, CASE_CHECKS_MAX = 12, CASE_REASON = 256 };

enum case_end { CASE_ANY, CASE_KEEP, CASE_CLOSE };

/* One thing that an answer must have. */
struct case_check {
    enum { CHECK_FIELD, CHECK_NO_FIELD, CHECK_BODY, CHECK_HAS, CHECK_PART } kind;
    char *name, *value; /* value NULL: any; PART: name is its Content-Range */
    size_t value_n;
};
struct case_answer {
    int status;
    struct case_check checks[CASE_CHECKS_MAX];
    size_t check_count;
};
/* One list of answers that is right. */
struct case_choice {
    struct case_answer answers[CASE_ANSWERS_MAX];
    size_t count;
};
struct http_case {
    char *id;
    char *bytes;
    size_t n;
    char heads[CASE_ANSWERS_MAX]; /* answers to HEAD */
    struct case_choice *choices;
    size_t choice_count;
    size_t interim; /* 1xx answers that must come */
    enum case_end end;
};
struct case_file {
    struct case_file *next;
    char *name;
    char *config; /* or NULL */
    struct http_case *cases;
    size_t count;
};
/* Reads a file by its suffix; NULL after a message. Everything lives to the end of the program. */
struct case_file *cases_read(const char *path);
/* Whether a case does not pass yet, with the reason: from a file of lines "ID: REASON". */
bool cases_not_yet(const char *path, const char *id, char reason[CASE_REASON]);

#endif
