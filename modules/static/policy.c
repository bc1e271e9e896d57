/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include "../common/glob.h"

const char *const policy_links[] = { "beneath", "deny", "owner", "follow", NULL };

static const struct mpx_str well_known = { "/.well-known/", 13 };

static bool hides_name(const struct policy *p, struct mpx_str name)
{
    const struct mpx_str *patterns = p->hidden.items;

    for (size_t i = 0; i < p->hidden.count; i++)
        if (glob_matches(patterns[i], name))
            return true;
    return false;
}

static bool hides_names(const struct mpx_files_policy *told, struct mpx_str path)
{
    const struct policy *p = (const struct policy *)told;
    size_t i = 0;

    if (path.n > well_known.n && memcmp(path.p, well_known.p, well_known.n) == 0)
        i = well_known.n;
    while (i < path.n) {
        const char *end = memchr(path.p + i, '/', path.n - i);
        size_t n = end != NULL ? (size_t)(end - path.p) - i : path.n - i;

        if (n > 0 && hides_name(p, (struct mpx_str){ path.p + i, n }))
            return true;
        i += n + 1;
    }
    return false;
}

static bool hides_nothing(const struct mpx_files_policy *told, struct mpx_str path)
{
    (void)told;
    (void)path;
    return false;
}

static bool is_word(struct mpx_str s)
{
    return mpx_str_eq(s, MPX_STR("deny")) || mpx_str_eq(s, MPX_STR("allow"));
}

int policy_check(struct mpx_conf *c, struct mpx_list hidden)
{
    const struct mpx_str *names = hidden.items;
    int rc = 0;

    for (size_t i = 0; i < hidden.count; i++) {
        const char *at = mpx_printf(mpx_conf_arena(c), "hidden/%zu", i).p;

        if (hidden.count > 1 && is_word(names[i]))
            rc = mpx_conf_error(c, at,
                                "\"%.*s\" stands alone: in a list, write \".*\" for names "
                                "that begin with a dot",
                                (int)names[i].n, names[i].p);
        else if (names[i].n == 0 || memchr(names[i].p, '/', names[i].n) != NULL)
            rc = mpx_conf_error(c, at,
                                "\"%.*s\" is not the name of a file or folder, such as "
                                "\"*.bak\"",
                                (int)names[i].n, names[i].p);
    }
    return rc;
}

void policy_init(struct policy *p, struct mpx_list hidden, int links)
{
    static const unsigned flags[] = { MPX_OPEN_LINKS_BENEATH, MPX_OPEN_LINKS_DENY,
                                      MPX_OPEN_LINKS_OWNER, MPX_OPEN_LINKS_FOLLOW };
    const struct mpx_str *first = hidden.items;

    p->hidden = hidden;
    p->told.links = flags[links];
    p->told.hides = hides_names;
    if (hidden.count == 0 || (hidden.count == 1 && mpx_str_eq(*first, MPX_STR("allow"))))
        p->told.hides = hides_nothing;
    else if (hidden.count == 1 && mpx_str_eq(*first, MPX_STR("deny")))
        p->told.hides = mpx_files_hides_dots;
}
