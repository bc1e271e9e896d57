/* SPDX-License-Identifier: MIT
   One listener of settings.h: its short forms, and the rules across its keys. */
#include "inherited.h"
#include "option_value.h"
#include "quantity.h"
#include "settings.h"

#include <sys/un.h>

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

static struct node *string_node(struct mpx_arena *a, struct place at, struct mpx_str text)
{
    struct node *n = node_new(a, NODE_STRING, at);

    n->string = text;
    return n;
}

/* Adds "host" and "port" to object; false when s is not the two. */
static bool add_host_port(struct mpx_arena *a, struct node *object, struct mpx_str s)
{
    size_t colon = str_find_last(s, ':');
    struct mpx_str host = str_head(s, colon);

    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_head(str_from(host, 1), host.n - 2);
    else if (str_find(host, ':') < host.n)
        return false;
    if (colon == s.n || host.n == 0)
        return false;
    struct node *port = string_node(a, object->at, str_from(s, colon + 1));
    port->expanded = true;
    node_append(object, string_node(a, object->at, host), MPX_STR("host"));
    node_append(object, port, MPX_STR("port"));
    return true;
}

/* "host:port", "[::1]:port", "*:port" or "unix:path" as the object it stands for; NULL for anything
   else. */
static struct node *from_string(struct mpx_arena *a, const struct node *value)
{
    static const struct mpx_str prefix = { "unix:", 5 };
    struct node *object = node_new(a, NODE_OBJECT, value->at);

    if (str_starts(value->string, prefix))
        node_append(object, string_node(a, value->at, str_from(value->string, prefix.n)),
                    MPX_STR("unix"));
    else if (!add_host_port(a, object, value->string))
        return NULL;
    object->parent = value->parent; /* in its place, for pointers */
    object->next = value->next;
    return object;
}

/* A key's value, or NULL when it is not given. */
static const struct node *given(const struct node *object, const char *name)
{
    const struct node *value = node_member(object, name);

    return value != NULL && value->kind != NODE_NULL ? value : NULL;
}

/* Complains of each of these keys that is given. */
static int refuse(const struct option_reading *rd, const struct node *object,
                  const char *const *names, const char *why)
{
    int rc = 0;

    for (; *names != NULL; names++) {
        const struct node *value = given(object, *names);

        if (value == NULL)
            continue;
        rc = -1;
        if (rd->problems != NULL)
            problem_add(rd->problems, value->key_at, "\"%s\" cannot stand here: %s", *names, why);
    }
    return rc;
}

static int check_path(const struct option_reading *rd, const struct node *value,
                      struct mpx_str path)
{
    if (path.n <= SOCKET_PATH_MAX)
        return 0;
    if (rd->problems != NULL)
        problem_add(rd->problems, value->at,
                    "%s is too long for a socket: with its folder it has %zu bytes, %d are "
                    "allowed: choose a shorter path",
                    option_pointer(rd, value), path.n, (int)SOCKET_PATH_MAX);
    return -1;
}

static int check_mode(const struct option_reading *rd, const struct node *value,
                      struct listener_settings *l)
{
    if (quantity_mode(l->mode, &l->mode_bits) == 0 ||
        (value != NULL && (value->kind != NODE_STRING || value->is_wrong)))
        return 0; /* another kind was complained of before */
    return option_complain(rd, NULL, value, "must be octal digits such as \"0660\"");
}

/* A name that systemd can have given: FileDescriptorName of systemd.socket(5). */
static int check_name(const struct option_reading *rd, const struct node *value,
                      struct mpx_str name)
{
    bool fits = name.n > 0 && name.n <= INHERITED_NAME_MAX && str_find(name, ':') == name.n;

    if (value->kind != NODE_STRING || value->is_wrong) /* was complained of before */
        return 0;
    for (size_t i = 0; i < name.n; i++)
        fits = fits && name.p[i] >= 0x20 && name.p[i] < 0x7f;
    return fits ? 0
                : option_complain(rd, NULL, value,
                                  "must be the FileDescriptorName of a socket unit, such as "
                                  "\"http\": up to %d printable characters of ASCII, no colon",
                                  (int)INHERITED_NAME_MAX);
}

/* What makes a socket that is passed has said these of it. */
static int check_passed(const struct option_reading *rd, const struct node *object, const char *key,
                        const struct listener_settings *l)
{
    static const char *const not_beside[] = { "host", "port",  "v6only", "unix",
                                              "mode", "owner", "listen", NULL };
    static const char *const not_systemd[] = { "systemd", NULL };
    const char *why =
        arena_printf(rd->a, "the listener has \"%s\", a socket that is made elsewhere", key).p;
    int rc = refuse(rd, object, not_beside, why);

    if (str_is(str_of(key), "fd"))
        return rc | refuse(rd, object, not_systemd, why);
    return rc | check_name(rd, given(object, key), l->systemd);
}

bool settings_has_no_address(const struct listener_settings *l)
{
    return l->socket.n > 0 || l->systemd.n > 0 || l->inherited > 0;
}

static int check_socket(const struct option_reading *rd, const struct node *object,
                        struct listener_settings *l)
{
    static const char *const not_beside[] = { "host", "port", "v6only", NULL };
    static const char *const not_alone[] = { "mode", "owner", NULL };
    const struct node *path = given(object, "unix"), *owner = given(object, "owner");

    if (given(object, "fd") != NULL)
        return check_passed(rd, object, "fd", l);
    if (given(object, "systemd") != NULL)
        return check_passed(rd, object, "systemd", l);
    if (path == NULL)
        return refuse(rd, object, not_alone, "it is for a \"unix\" socket");
    if (owner != NULL)
        l->owner_at = owner->at;
    return refuse(rd, object, not_beside, "the listener has a \"unix\" socket") |
           check_path(rd, path, l->socket) | check_mode(rd, given(object, "mode"), l);
}

static int read_network(const struct option_reading *rd, const struct node *value,
                        struct mpx_network *net)
{
    const char *wrong = cidr_read(rd->a, value->string, net);

    return wrong != NULL ? option_complain(rd, NULL, value, "%s", wrong) : 0;
}

static int check_trust(const struct option_reading *rd, const struct node *object,
                       struct listener_settings *l)
{
    const struct node *list = given(object, "trust"), *proxy = given(object, "proxy_protocol");
    const struct node *e = list != NULL && list->kind == NODE_ARRAY ? list->first : list;
    struct mpx_network *networks = arena_take(rd->a, l->trust.count * sizeof(*networks));
    size_t count = 0;
    int rc = 0;

    for (; e != NULL && count < l->trust.count; e = e->next)
        if (e->kind != NODE_STRING || e->is_wrong || read_network(rd, e, &networks[count++]) < 0)
            rc = -1; /* another kind was complained of before */
    cidr_table_make(rd->a, networks, rc == 0 ? count : 0, &l->trusted);
    if (l->proxy_protocol && l->trust.count == 0 && rd->problems != NULL)
        problem_add(rd->problems, proxy->at,
                    "%s needs \"trust\": name the proxies that may tell who the client is",
                    option_pointer(rd, proxy));
    return l->proxy_protocol && l->trust.count == 0 ? -1 : rc;
}

int settings_read_listener(const struct option_reading *rd, const struct node *value,
                           struct listener_settings *l)
{
    const struct node *object = value;

    l->at = value->at;
    if (value->is_wrong)
        return -1;
    if (value->kind == NODE_INT)
        return option_complain(rd, NULL, value,
                               "must be \"host:port\", such as \"*:%lld\", or an object, "
                               "{ \"port\": %lld }",
                               (long long)value->integer, (long long)value->integer);
    if (value->kind == NODE_STRING) {
        object = from_string(rd->a, value);
        if (object == NULL)
            return option_complain(rd, NULL, value,
                                   "must be \"host:port\" (an IPv6 address in brackets), "
                                   "\"unix:path\" or an object");
    }
    if (object->kind != NODE_OBJECT)
        return option_read(rd, settings_connection_keys, object, value->at, l);
    return option_read(rd, settings_connection_keys, object, value->at, l) |
           check_socket(rd, object, l) | check_trust(rd, object, l);
}
