/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include "dso.h"
#include "json.h"
#include "loop.h"
#include "parser.h"
#include "str.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_help(void)
{
    fputs("usage: multiplexd [OPTION]... FOLDER     serve a folder on 127.0.0.1:8080\n"
          "       multiplexd [OPTION]... -c FILE    serve what a configuration says\n"
          "\n"
          "  -c, --config FILE   the configuration (JSON; see multiplexd.json(5))\n"
          "  -p, --port PORT     listen on this port, 0 for any\n"
          "      --host ADDRESS  listen on this address, \"*\" for all\n"
          "  -u, --user USER     who to become when started as root\n"
          "  -g, --group GROUPS  its groups, blanks between them\n"
          "  -d, --detach        go on without the terminal as soon as all is well\n"
          "      --foreground    stay, whatever the configuration says\n"
          "  -v, --verbose       log all there is\n"
          "      --strict-json   no comments and no commas behind the last element\n"
          "\n"
          "      --test          tell all that is wrong with the configuration, and end\n"
          "      --modules       tell what modules are installed, and end\n"
          "      --version       versions of multiplexd, its module ABI and its libraries\n"
          "      --help          this text\n"
          "\n"
          "Exit status: 0, 1 when it cannot serve or the configuration is wrong, 2 for a\n"
          "mistake in the command line. SIGTERM ends it when all answers are sent.\n",
          stdout);
}

void cli_version(void)
{
    printf("multiplexd %s\nmodule ABI %d.%d\n%s\n%s (strict)\n%s\n%s\n", PACKAGE_VERSION,
           MPX_ABI_MAJOR, MPX_ABI_MINOR, loop_version(), parser_version(), json_version(),
           dso_version());
}

static int mistake(const char *what, const char *word)
{
    fprintf(stderr, "multiplexd: %s%s%s\nTry multiplexd --help.\n", what, word != NULL ? ": " : "",
            word != NULL ? word : "");
    return -1;
}

static int parse_port(struct cli *c, const char *text)
{
    uint64_t port;

    if (str_to_u64(str_of(text), &port) < 0 || port > 65535)
        return mistake("a port is a number from 0 to 65535, not", text);
    c->port = (long)port;
    return 0;
}

enum { OPT_HOST = 256, OPT_TEST, OPT_MODULES, OPT_VERSION, OPT_HELP, OPT_STRICT, OPT_STAY };

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },
    { "port", required_argument, NULL, 'p' },
    { "host", required_argument, NULL, OPT_HOST },
    { "user", required_argument, NULL, 'u' },
    { "group", required_argument, NULL, 'g' },
    { "verbose", no_argument, NULL, 'v' },
    { "detach", no_argument, NULL, 'd' },
    { "foreground", no_argument, NULL, OPT_STAY },
    { "strict-json", no_argument, NULL, OPT_STRICT },
    { "test", no_argument, NULL, OPT_TEST },
    { "modules", no_argument, NULL, OPT_MODULES },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

static int take(struct cli *c, int option)
{
    switch (option) {
    case 'c':
        c->config = optarg;
        return 0;
    case 'p':
        return parse_port(c, optarg);
    case 'u':
        c->user = optarg;
        return 0;
    case 'g':
        c->group = optarg;
        return 0;
    case 'd':
        c->detach = true;
        return 0;
    case OPT_STAY:
        c->stay = true;
        return 0;
    case 'v':
        c->verbose = true;
        return 0;
    case OPT_HOST:
        c->host = optarg;
        return 0;
    case OPT_STRICT:
        c->strict = true;
        return 0;
    case OPT_TEST:
        c->command = CLI_TEST;
        return 0;
    case OPT_MODULES:
        c->command = CLI_MODULES;
        return 0;
    case OPT_VERSION:
        c->command = CLI_VERSION;
        return 0;
    case OPT_HELP:
        c->command = CLI_HELP;
        return 0;
    default:
        fputs("Try multiplexd --help.\n", stderr); /* getopt has said what is wrong */
        return -1;
    }
}

int cli_parse(struct cli *c, int argc, char **argv)
{
    int option;

    *c = (struct cli){ .command = CLI_SERVE, .port = -1 };
    while ((option = getopt_long(argc, argv, "c:p:u:g:dv", options, NULL)) != -1)
        if (take(c, option) < 0)
            return -1;
    if (c->detach && c->stay)
        return mistake("--detach and --foreground contradict each other", NULL);
    if (optind < argc)
        c->folder = argv[optind++];
    if (optind < argc)
        return mistake("one folder is served, this is one too many", argv[optind]);
    if (c->folder != NULL && c->config != NULL)
        return mistake("name a folder or a configuration, not both", NULL);
    return 0;
}
