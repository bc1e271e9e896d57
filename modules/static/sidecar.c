/* SPDX-License-Identifier: MIT */
#include "sidecar.h"

#include "../common/glob.h"

#include <string.h>

const char *const sidecar_suffixes[] = { "br", "zst", "gz", NULL };

int sidecars_check(struct mpx_conf *c, const struct sidecars *s)
{
    const int *listed = s->listed.items;
    const struct mpx_str *types = s->types.items;
    struct mpx_arena *a = mpx_conf_arena(c);
    unsigned seen = 0;
    int rc = 0;

    for (size_t i = 0; i < s->listed.count; i++) {
        if ((seen & 1u << listed[i]) != 0)
            rc = mpx_conf_error(c, mpx_printf(a, "precompressed/%zu", i).p,
                                "\"%s\" stands here twice", sidecar_suffixes[listed[i]]);
        seen |= 1u << listed[i];
    }
    for (size_t i = 0; i < s->types.count; i++)
        if (types[i].n == 0 || memchr(types[i].p, '/', types[i].n) == NULL)
            rc = mpx_conf_error(c, mpx_printf(a, "precompressed_types/%zu", i).p,
                                "must be a media type such as \"text/*\"");
    return rc;
}

void sidecars_open(struct mpx_conf *c, struct sidecars *s)
{
    const struct mpx_str *types = s->types.items;
    struct mpx_str *own = mpx_alloc(mpx_conf_arena(c), (s->types.count + 1) * sizeof(*own));

    for (size_t i = 0; i < s->types.count; i++)
        own[i] = glob_lower(mpx_conf_arena(c), types[i]);
    s->types.items = own;
}

bool sidecars_may_be(const struct sidecars *s, struct mpx_str type)
{
    const struct mpx_str *types = s->types.items;
    char room[GLOB_TYPE_BYTES];

    if (s->listed.count == 0)
        return false;
    type = glob_type(type, room);
    for (size_t i = 0; i < s->types.count; i++)
        if (glob_matches(types[i], type))
            return true;
    return false;
}

size_t sidecars_order(const struct sidecars *s, const struct mpx_req *r,
                      enum encoding order[ENCODING_COUNT])
{
    const int *listed = s->listed.items;
    enum encoding offered[ENCODING_COUNT];

    for (size_t i = 0; i < s->listed.count; i++)
        offered[i] = (enum encoding)listed[i];
    return encodings_accepted(r, offered, s->listed.count, order);
}

struct mpx_str sidecar_name(struct mpx_arena *a, struct mpx_str original, enum encoding e)
{
    size_t n = strlen(sidecar_suffixes[e]);
    char *name = mpx_alloc(a, original.n + 1 + n);

    memcpy(name, original.p, original.n);
    name[original.n] = '.';
    memcpy(name + original.n + 1, sidecar_suffixes[e], n);
    return (struct mpx_str){ name, original.n + 1 + n };
}

bool sidecar_is_good(const struct stat *sidecar, const struct stat *original)
{
    const struct timespec *a = &sidecar->st_mtim, *b = &original->st_mtim;

    return S_ISREG(sidecar->st_mode) &&
           (a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec >= b->tv_nsec);
}
