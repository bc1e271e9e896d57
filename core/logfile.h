/* SPDX-License-Identifier: MIT
   Opens log files. Root does so again and again, whenever logs are rotated, while a worker that
   may have been taken over is at work: nothing that this worker may do to a folder makes root open
   or create anything for it. */
#ifndef LOGFILE_H
#define LOGFILE_H
#include "child.h"

struct logfile_as {
    unsigned mode;                 /* of a file that is made, as for chmod(2) */
    const struct child_user *user; /* who serves; NULL: nobody else */
};
/* A descriptor to append to, close-on-exec; the file is made where there is none, and its mode and
   owner stay as they are where there is one. A folder on the way that the user who serves may
   change is not trusted: then the file is opened with that user's rights. Never waits for the other
   end of a pipe. -errno. */
int logfile_open(const char *path, const struct logfile_as *as);

#endif
