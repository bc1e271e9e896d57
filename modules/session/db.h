/* SPDX-License-Identifier: MIT
   Sessions in a file of SQLite, for one thread at a time. Whoever calls may wait for the disk. */
#ifndef DB_H
#define DB_H
#include "op.h"

struct db;

/* Opens the file, makes it where there is none. A file that is no database, or a broken one, is put
   aside under a name of its own and begun anew: that, and why NULL is returned, is told in note (""
   where all is well). */
struct db *db_open(const char *path, char *note, size_t size);
void db_close(struct db *db);
/* One op, in one transaction. What goes wrong is rc -EIO, and told in note. */
void db_run(struct db *db, struct op *op, char *note, size_t size);
/* Deletes what is over, and the least recently used above max, some at a time. */
void db_sweep(struct db *db, int64_t now, int64_t max);

#endif
