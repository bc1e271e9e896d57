/* SPDX-License-Identifier: MIT
   access - who may ask: by address, by name, by method, by the page that led here. The rules of
   enclosing levels hold as well, so that inner ones narrow. */
#include "rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

struct conf {
    struct mpx_list allow_texts, deny_texts, methods, referer_texts; /* of struct mpx_str */
    bool inherit;
    struct rules allow, deny;
    struct referers referers;
};

static const struct mpx_option text_element = { .name = "", .type = MPX_T_STRING };

#define TEXTS(key, field, text)                                                                   \
    {                                                                                             \
        .name = key, .help = text, .type = MPX_T_LIST, .flags = MPX_OPT_OWN, .of = &text_element, \
        .of_size = sizeof(struct mpx_str), .offset = offsetof(struct conf, field)                 \
    }

static const struct mpx_option options[] = {
    TEXTS("allow", allow_texts, "the only clients that are admitted"),
    TEXTS("deny", deny_texts, "clients that are refused, also of those"),
    TEXTS("methods", methods, "the only methods that are admitted; GET includes HEAD"),
    TEXTS("referer", referer_texts,
          "hosts whose pages may lead here; also \"none\", \"blocked\", \"own\""),
    { .name = "inherit",
      .help = "false: the rules of enclosing levels do not hold here",
      .type = MPX_T_BOOL,
      .flags = MPX_OPT_OWN,
      .fallback = "true",
      .offset = offsetof(struct conf, inherit) },
    MPX_OPTION_END,
};

static bool is_method(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] != '\0' && strchr("-_", s.p[i]) != NULL)))
            return false;
    return s.n > 0;
}

static int check_methods(struct mpx_conf *c, struct mpx_list methods)
{
    const struct mpx_str *list = methods.items;
    int rc = 0;

    for (size_t i = 0; i < methods.count; i++)
        if (!is_method(list[i]))
            rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "methods/%zu", i).p,
                                "\"%.*s\" must be a method in capitals, such as \"GET\"",
                                (int)list[i].n, list[i].p);
    return rc;
}

static int check(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;

    return rules_read(c, "allow", conf->allow_texts, &conf->allow) |
           rules_read(c, "deny", conf->deny_texts, &conf->deny) |
           referers_read(c, "referer", conf->referer_texts, &conf->referers) |
           check_methods(c, conf->methods);
}

/* Who asks, as far as it is known. */
struct who {
    const struct sockaddr *address;
    struct mpx_str name;
    int name_rc; /* as mpx_client_name_result says */
};

/* What one level says, or all of them. */
enum verdict { NOTHING_AGAINST, ADMITTED, NEEDS_NAME, REFUSED };

/* Why somebody is refused, for the log. */
struct reason {
    const char *what;
    struct mpx_str rule;
};

static enum verdict refuse(struct reason *why, const char *what, struct mpx_str rule)
{
    *why = (struct reason){ what, rule };
    return REFUSED;
}

static enum verdict judge_allow(const struct rules *allow, const struct who *who,
                                struct reason *why)
{
    if (allow->texts == NULL)
        return NOTHING_AGAINST;
    if (rules_by_address(allow, who->address) != NULL)
        return ADMITTED;
    if (allow->hosts.count > 0 && who->name_rc == -EINPROGRESS)
        return NEEDS_NAME;
    if (who->name_rc == 0 && rules_by_name(allow, who->name) != NULL)
        return ADMITTED;
    return refuse(why, "not in \"allow\"", MPX_STR(""));
}

/* Whose name cannot be found out may be the one who is meant. */
static enum verdict judge_deny(const struct rules *deny, const struct who *who, struct reason *why)
{
    if (deny->texts == NULL)
        return NOTHING_AGAINST;
    const struct mpx_str *rule = rules_by_address(deny, who->address);
    if (rule == NULL && deny->hosts.count > 0) {
        if (who->name_rc == -EINPROGRESS)
            return NEEDS_NAME;
        if (who->name_rc == -EAGAIN)
            return refuse(why, "\"deny\" has names, and this client's cannot be found out",
                          MPX_STR(""));
        rule = rules_by_name(deny, who->name);
    }
    return rule != NULL ? refuse(why, "in \"deny\": ", *rule) : NOTHING_AGAINST;
}

static bool has_method(struct mpx_list methods, struct mpx_str method)
{
    const struct mpx_str *list = methods.items;
    bool is_head = mpx_str_eq(method, MPX_STR("HEAD"));

    for (size_t i = 0; i < methods.count; i++)
        if (mpx_str_eq(list[i], method) || (is_head && mpx_str_eq(list[i], MPX_STR("GET"))))
            return true;
    return false;
}

/* Addresses go before names: a name is asked for when nothing else decides. */
static enum verdict judge_level(const struct mpx_req *r, const struct conf *conf,
                                const struct who *who, struct reason *why)
{
    if (conf->methods.items != NULL && !has_method(conf->methods, mpx_req_method(r)))
        return refuse(why, "its method is not in \"methods\"", MPX_STR(""));
    if (conf->referers.is_given && !referers_have(&conf->referers, r))
        return refuse(why, "the page that led here is not in \"referer\"", MPX_STR(""));
    enum verdict deny = judge_deny(&conf->deny, who, why);
    if (deny == REFUSED)
        return REFUSED;
    enum verdict allow = judge_allow(&conf->allow, who, why);
    if (allow == REFUSED)
        return REFUSED;
    return deny == NEEDS_NAME ? NEEDS_NAME : allow;
}

static enum verdict judge(const struct mpx_req *r, const struct conf *conf, const struct who *who,
                          struct reason *why)
{
    enum verdict all = NOTHING_AGAINST;

    while (conf != NULL) {
        enum verdict one = judge_level(r, conf, who, why);

        if (one > all)
            all = one;
        conf = all != REFUSED && conf->inherit ? mpx_conf_outer(conf) : NULL;
    }
    return all;
}

static const char *address_text(const struct sockaddr *address, char text[INET6_ADDRSTRLEN])
{
    if (address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        return inet_ntop(AF_INET, &in.sin_addr, text, INET6_ADDRSTRLEN);
    }
    if (address != NULL && address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        return inet_ntop(AF_INET6, &in6.sin6_addr, text, INET6_ADDRSTRLEN);
    }
    return address != NULL && address->sa_family == AF_UNIX ? "unix" : "unknown";
}

static enum mpx_rc send_refusal(struct mpx_req *r, const struct who *who, const struct reason *why)
{
    char text[INET6_ADDRSTRLEN];
    const char *quote = why->rule.n > 0 ? "\"" : "";

    mpx_rlog(r, MPX_INFO, "refused %s%s%.*s: %s%s%.*s%s", address_text(who->address, text),
             who->name.n > 0 ? " " : "", (int)who->name.n, who->name.p, why->what, quote,
             (int)why->rule.n, why->rule.p, quote);
    return mpx_res_error(r, 403);
}

static enum mpx_rc decide(struct mpx_req *r, const void *data, void *state)
{
    struct who who = { .name.n = 0 };
    struct reason why = { .what = "" };
    socklen_t len;

    (void)state;
    who.address = mpx_req_client(r, &len);
    who.name_rc = mpx_client_name_result(r, &who.name);
    switch (judge(r, data, &who, &why)) {
    case NOTHING_AGAINST:
        return MPX_NEXT;
    case ADMITTED:
        return MPX_GRANT;
    case NEEDS_NAME:
        return mpx_client_name(r, decide, NULL);
    case REFUSED:
        break;
    }
    return send_refusal(r, &who, &why);
}

static enum mpx_rc access_hook(struct mpx_req *r, const void *data)
{
    return decide(r, data, NULL);
}

MPX_MODULE(access) = {
    MPX_HEADER(access, "1.0"),
    .summary = "who may ask: addresses, host names, methods, referers",
    .options = options,
    .conf_size = sizeof(struct conf),
    .check = check,
    .on = { [MPX_PH_ACCESS] = access_hook },
};
