/* SPDX-License-Identifier: MIT
   The command line. */
#ifndef CLI_H
#define CLI_H
#include <stdbool.h>

struct cli {
    enum { CLI_SERVE, CLI_TEST, CLI_MODULES, CLI_VERSION, CLI_HELP } command;
    const char *folder; /* to serve; or NULL */
    const char *config; /* or NULL */
    const char *host, *user, *group;
    long port; /* -1: not given */
    bool verbose, strict;
    bool detach, stay; /* whatever the configuration says; both false: as it says */
};
/* 0; -1 for a mistake, which was told on standard error. */
int cli_parse(struct cli *c, int argc, char **argv);
void cli_help(void);
void cli_version(void);

#endif
