/* SPDX-License-Identifier: MIT
   multiplexd/files.h - the service "files", which module "static" provides: what it would serve.
   Whoever lists, opens or runs files beneath a directory asks here, so that no module shows what
   another one hides.

   In open():  p->files = (const struct mpx_files *)mpx_require(c, "files", 1, 0);
   with "static" in the descriptor's "after"; whoever must stand before "static" requires it in a
   hook. NULL is a right value for mpx_files_policy_of. */
#ifndef MULTIPLEXD_FILES_H
#define MULTIPLEXD_FILES_H
#include <multiplexd/module.h>

#include <string.h>

/* The rules in force for a request. Core keeps it as long as the request; it never changes, so
   that work() of mpx_offload may use it on its thread. It grows at its end only. */
struct mpx_files_policy {
    unsigned links; /* MPX_OPEN_LINKS_...: add it to the flags of mpx_open and mpx_file_look */
    /* Whether a path (decoded, as in mpx_req_path: of the whole URI, not of the directory) is as if
       it was not there. For an entry of a folder: the folder's path, then the name; a folder with
       or without a slash behind it. Links are not looked at. Safe in any thread. */
    bool (*hides)(const struct mpx_files_policy *p, struct mpx_str path);
    struct mpx_list index_file; /* of struct mpx_str: served for a folder, the first that exists */
};

struct mpx_files {
    struct mpx_service head; /* 1.0 */
    /* The policy of the "static" settings of this request's directory; the default where static is
       not active. Never NULL. */
    const struct mpx_files_policy *(*policy)(struct mpx_req *r);
};

/* The default: a segment that begins with a dot is hidden, but for /.well-known (RFC 8615). */
static inline bool mpx_files_hides_dots(const struct mpx_files_policy *p, struct mpx_str path)
{
    size_t i = 0;

    (void)p;
    if (path.n > 13 && memcmp(path.p, "/.well-known/", 13) == 0)
        i = 12;
    for (; i + 1 < path.n; i++)
        if (path.p[i] == '/' && path.p[i + 1] == '.')
            return true;
    return false;
}

/* What a module asks, whether "static" is there or not: files is what mpx_require gave. */
static inline const struct mpx_files_policy *mpx_files_policy_of(const struct mpx_files *files,
                                                                 struct mpx_req *r)
{
    static const struct mpx_files_policy fallback = { MPX_OPEN_LINKS_BENEATH,
                                                      mpx_files_hides_dots,
                                                      { NULL, 0 } };

    return files != NULL ? files->policy(r) : &fallback;
}

#endif
