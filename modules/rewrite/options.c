/* SPDX-License-Identifier: MIT
   The keys of this module. */
#include "rewrite.h"

static const struct mpx_option string = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option entry_options[] = {
    { .name = "to",
      .help = "a path, or an absolute URI",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_BARE,
      .offset = offsetof(struct entry_option, to) },
    { .name = "status",
      .help = "301, 302, 303, 307 or 308 redirects; an error without \"to\" is the answer",
      .type = MPX_T_INT,
      .min = 300,
      .max = 599,
      .offset = offsetof(struct entry_option, status) },
    { .name = "last",
      .help = "no rule is asked behind this one",
      .type = MPX_T_BOOL,
      .offset = offsetof(struct entry_option, last) },
    MPX_OPTION_END,
};
static const struct mpx_option entry = { .name = "", .type = MPX_T_OBJECT, .of = entry_options };

static const struct mpx_option query_options[] = {
    { .name = "*",
      .help = "an expression for the query as it was sent",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_BARE,
      .offset = offsetof(struct query_option, whole) },
    { .name = "",
      .help = "a parameter's name: an expression for its decoded value; it must be there",
      .type = MPX_T_MAP,
      .flags = MPX_OPT_PREFIX,
      .offset = offsetof(struct query_option, parameters) },
    MPX_OPTION_END,
};

#define STRINGS(key, text)                                                                  \
    {                                                                                       \
        .name = #key, .help = text, .type = MPX_T_LIST, .of = &string,                      \
        .of_size = sizeof(struct mpx_str), .offset = offsetof(struct condition_option, key) \
    }

enum { CONDITION_OPTIONS = 9 };
static const struct mpx_option condition_options[CONDITION_OPTIONS]; /* holds itself, in "not" */
static const struct mpx_option condition = { .name = "",
                                             .type = MPX_T_OBJECT,
                                             .of = condition_options };
static const struct mpx_option condition_options[CONDITION_OPTIONS] = {
    STRINGS(method, "one of these"),
    STRINGS(host, "the Host is one of these; \"*.example.org\" stands for all below"),
    STRINGS(scheme, "\"http\" or \"https\": what the client uses"),
    STRINGS(from, "the client's address is in one of these networks"),
    { .name = "header",
      .help = "a field's name: an expression for its value, which is empty where there is none",
      .type = MPX_T_MAP,
      .offset = offsetof(struct condition_option, header) },
    { .name = "query",
      .help = "an expression for all of it, or for single parameters",
      .type = MPX_T_OBJECT,
      .of = query_options,
      .offset = offsetof(struct condition_option, query) },
    { .name = "exists",
      .help =
          "a path, with variables and captures, where there is a file; with a slash at its end, "
          "a folder",
      .type = MPX_T_STRING,
      .offset = offsetof(struct condition_option, exists) },
    { .name = "not",
      .help = "none of these, which are written as in \"if\", holds",
      .type = MPX_T_LIST,
      .of = &condition,
      .of_size = sizeof(struct condition_option),
      .offset = offsetof(struct condition_option, none) },
    MPX_OPTION_END,
};

static const struct mpx_option rule_options[] = {
    { .name = "match",
      .help = "an expression (PCRE2) for the decoded path; without it every path matches",
      .type = MPX_T_STRING,
      .offset = offsetof(struct rule_option, match) },
    { .name = "to",
      .help = "a path, or an absolute URI, with $1 to $9 and variables",
      .type = MPX_T_STRING,
      .offset = offsetof(struct rule_option, to) },
    { .name = "if",
      .help = "what must hold besides",
      .type = MPX_T_OBJECT,
      .of = condition_options,
      .offset = offsetof(struct rule_option, condition) },
    { .name = "last",
      .help = "no rule is asked behind this one",
      .type = MPX_T_BOOL,
      .offset = offsetof(struct rule_option, last) },
    { .name = "status",
      .help = "301, 302, 303, 307 or 308 redirects; an error without \"to\" is the answer",
      .type = MPX_T_INT,
      .min = 300,
      .max = 599,
      .offset = offsetof(struct rule_option, status) },
    { .name = "set",
      .help = "a name: a text that $rewrite.NAME is from now on",
      .type = MPX_T_MAP,
      .offset = offsetof(struct rule_option, set) },
    { .name = "map",
      .help = "a file with a line \"FROM TO [STATUS]\" for each path",
      .type = MPX_T_PATH,
      .flags = MPX_OPT_EXISTS,
      .offset = offsetof(struct rule_option, map) },
    { .name = "/",
      .help = "a path, or with \"/*\" at its end all below it: where it leads",
      .type = MPX_T_MAP,
      .flags = MPX_OPT_PREFIX,
      .of = &entry,
      .of_size = sizeof(struct entry_option),
      .offset = offsetof(struct rule_option, table) },
    MPX_OPTION_END,
};
static const struct mpx_option rule = { .name = "", .type = MPX_T_OBJECT, .of = rule_options };

const struct mpx_option rewrite_options[] = {
    { .name = "rules",
      .help = "what becomes of paths inside the server: tables and expressions",
      .type = MPX_T_LIST,
      .flags = MPX_OPT_BARE | MPX_OPT_WHOLE,
      .where = MPX_AT_VHOST,
      .of = &rule,
      .of_size = sizeof(struct rule_option),
      .offset = offsetof(struct conf, rules) },
    { .name = "redirect",
      .help = "the same as answers to the client, 301 where no status is given",
      .type = MPX_T_LIST,
      .where = MPX_AT_VHOST,
      .of = &rule,
      .of_size = sizeof(struct rule_option),
      .offset = offsetof(struct conf, redirect) },
    { .name = "/",
      .help = "a path, or with \"/*\" at its end all below it: where it leads",
      .type = MPX_T_MAP,
      .flags = MPX_OPT_PREFIX,
      .where = MPX_AT_VHOST,
      .of = &entry,
      .of_size = sizeof(struct entry_option),
      .offset = offsetof(struct conf, table) },
    { .name = "fallback",
      .help = "what to try where there is no file; the last is taken: a path, or an error's status",
      .type = MPX_T_LIST,
      .of = &string,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct conf, fallback) },
    MPX_OPTION_END,
};
