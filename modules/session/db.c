/* SPDX-License-Identifier: MIT */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

enum statement { BEGIN, COMMIT, ROLLBACK, READ, WRITE, TOUCH, DELETE, EXPIRE, EVICT, STATEMENTS };

/* A sweep takes a thousand rows at most, so that nobody waits for long. */
static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [READ] = "SELECT created, used, expires, moved, data FROM session WHERE id = ?1",
    [WRITE] = "INSERT OR REPLACE INTO session (id, created, used, expires, moved, data) "
              "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [TOUCH] = "UPDATE session SET used = ?2, expires = ?3 WHERE id = ?1",
    [DELETE] = "DELETE FROM session WHERE id = ?1",
    [EXPIRE] = "DELETE FROM session WHERE id IN "
               "(SELECT id FROM session WHERE expires <= ?1 LIMIT 1000)",
    [EVICT] = "DELETE FROM session WHERE id IN (SELECT id FROM session ORDER BY used LIMIT "
              "min(1000, max(0, (SELECT count(*) FROM session) - ?1)))",
};

/* Written at the first opening. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS session (id BLOB PRIMARY KEY, created INTEGER NOT NULL, "
    "used INTEGER NOT NULL, expires INTEGER NOT NULL, moved INTEGER NOT NULL, "
    "data BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS session_expires ON session (expires);"
    "CREATE INDEX IF NOT EXISTS session_used ON session (used);";

struct db {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENTS];
    char *path;
};

static bool is_corrupt(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

static void let_go(struct db *db)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(db->statements[i]);
    memset(db->statements, 0, sizeof(db->statements));
    (void)sqlite3_close(db->sqlite);
    db->sqlite = NULL;
}

/* Survives the daemon's death at any point; the machine's, too, but for the last moments. */
static int set_up(struct db *db)
{
    int rc = sqlite3_exec(db->sqlite, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->sqlite, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->sqlite, schema, NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < STATEMENTS; i++)
        rc = sqlite3_prepare_v3(db->sqlite, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &db->statements[i], NULL);
    return rc;
}

static void tell(const struct db *db, const char *doing, int rc, char *note, size_t size)
{
    int error = db->sqlite != NULL ? sqlite3_system_errno(db->sqlite) : 0;
    const char *why = db->sqlite != NULL ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(rc);

    (void)snprintf(note, size, "cannot %s \"%s\": %s%s%s", doing, db->path, why,
                   error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

static int try_open(struct db *db)
{
    int rc =
        sqlite3_open_v2(db->path, &db->sqlite,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_extended_result_codes(db->sqlite, 1);
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    return set_up(db);
}

static bool rename_beside(const struct db *db, const char *aside, const char *suffix)
{
    char from[4200], to[4200];

    return snprintf(from, sizeof(from), "%s%s", db->path, suffix) < (int)sizeof(from) &&
           snprintf(to, sizeof(to), "%s%s", aside, suffix) < (int)sizeof(to) &&
           rename(from, to) == 0;
}

/* A name that nothing has. */
static int find_aside(const struct db *db, char *aside, size_t size)
{
    for (long long at = (long long)time(NULL);; at++) {
        int n = snprintf(aside, size, "%s.broken-%lld", db->path, at);

        if (n < 0 || (size_t)n >= size)
            return -1;
        if (access(aside, F_OK) < 0)
            return 0;
    }
}

/* Puts the broken file aside and begins a new one. */
static int replace(struct db *db, int rc, char *note, size_t size)
{
    char why[200], aside[4200];

    (void)snprintf(why, sizeof(why), "%s", sqlite3_errstr(rc));
    let_go(db);
    if (find_aside(db, aside, sizeof(aside)) < 0 || !rename_beside(db, aside, "")) {
        (void)snprintf(note, size, "\"%s\" is broken (%s) and cannot be put aside: %s", db->path,
                       why, strerror(errno));
        return rc;
    }
    (void)rename_beside(db, aside, "-wal");
    (void)rename_beside(db, aside, "-shm");
    (void)snprintf(
        note, size,
        "\"%s\" is broken (%s): it is now \"%s\", and all sessions in it are lost; a new "
        "file was begun",
        db->path, why, aside);
    return try_open(db);
}

/* Opens it, anew where it is open. One worker after another: SQLite would have some of those that
   begin a file at the same time fail, and whoever comes behind one that has put a broken file aside
   finds the new one. */
static int begin(struct db *db, char *note, size_t size)
{
    char folder[4200];

    (void)snprintf(folder, sizeof(folder), "%s", db->path);
    int lock = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0)
        (void)flock(lock, LOCK_EX);
    let_go(db);
    int rc = try_open(db);
    if (is_corrupt(rc))
        rc = replace(db, rc, note, size);
    if (lock >= 0)
        close(lock);
    if (rc != SQLITE_OK && note[0] == '\0')
        tell(db, "open", rc, note, size);
    if (rc != SQLITE_OK)
        let_go(db); /* so that it is tried again */
    return rc;
}

struct db *db_open(const char *path, char *note, size_t size)
{
    struct db *db = calloc(1, sizeof(*db));

    note[0] = '\0';
    if (db == NULL || (db->path = strdup(path)) == NULL) {
        free(db);
        (void)snprintf(note, size, "no memory for \"%s\"", path);
        return NULL;
    }
    if (begin(db, note, size) == SQLITE_OK)
        return db;
    db_close(db);
    return NULL;
}

void db_close(struct db *db)
{
    let_go(db);
    free(db->path);
    free(db);
}

static void bind_id(sqlite3_stmt *s, const unsigned char *id)
{
    (void)sqlite3_bind_blob(s, 1, id, OP_ID, SQLITE_STATIC);
}

/* Runs a statement that gives no rows. */
static int finish(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);

    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* The row; its data lives until the statement is reset. */
static int read_row(struct db *db, const struct op *op, struct row *row)
{
    sqlite3_stmt *s = db->statements[READ];

    *row = (struct row){ .exists = false };
    if (!op->has_id)
        return SQLITE_OK;
    bind_id(s, op->id);
    int rc = sqlite3_step(s);
    if (rc == SQLITE_DONE)
        return SQLITE_OK;
    if (rc != SQLITE_ROW)
        return rc;
    *row = (struct row){ .exists = true,
                         .created = sqlite3_column_int64(s, 0),
                         .used = sqlite3_column_int64(s, 1),
                         .expires = sqlite3_column_int64(s, 2),
                         .is_moved = sqlite3_column_int(s, 3) != 0 };
    row->data.p = sqlite3_column_blob(s, 4);
    row->data.n = (size_t)sqlite3_column_bytes(s, 4);
    return SQLITE_OK;
}

static void done_reading(struct db *db)
{
    (void)sqlite3_reset(db->statements[READ]);
    (void)sqlite3_clear_bindings(db->statements[READ]);
}

static int write_row(struct db *db, const unsigned char *id, const struct row *row)
{
    sqlite3_stmt *s = db->statements[WRITE];

    bind_id(s, id);
    (void)sqlite3_bind_int64(s, 2, row->created);
    (void)sqlite3_bind_int64(s, 3, row->used);
    (void)sqlite3_bind_int64(s, 4, row->expires);
    (void)sqlite3_bind_int(s, 5, row->is_moved ? 1 : 0);
    (void)sqlite3_bind_blob(s, 6, row->data.n > 0 ? row->data.p : "", (int)row->data.n,
                            SQLITE_STATIC);
    return finish(s);
}

static int touch(struct db *db, const struct op *op, const struct row *row)
{
    sqlite3_stmt *s = db->statements[TOUCH];

    bind_id(s, op->id);
    (void)sqlite3_bind_int64(s, 2, row->used);
    (void)sqlite3_bind_int64(s, 3, row->expires);
    return finish(s);
}

static int move(struct db *db, const struct op *op, const struct row *row)
{
    const struct row moved = { .exists = true,
                               .is_moved = true,
                               .created = op->now,
                               .used = op->now,
                               .expires = op->now + OP_MOVED_MS };
    int rc = write_row(db, op->new_id, row);

    return rc == SQLITE_OK ? write_row(db, op->id, &moved) : rc;
}

static int carry_out(struct db *db, struct op *op)
{
    struct row before, after = { .exists = false };
    int rc = read_row(db, op, &before);
    enum op_deed deed = rc == SQLITE_OK ? op_apply(op, &before, &after) : OP_NOTHING;

    done_reading(db);
    if (rc != SQLITE_OK)
        return rc;
    switch (deed) {
    case OP_NOTHING:
        break;
    case OP_TOUCH:
        (void)touch(db, op, &after); /* a disk that is full costs no reader anything */
        break;
    case OP_WRITE:
        return write_row(db, op->id, &after);
    case OP_BEGIN:
        return write_row(db, op->new_id, &after);
    case OP_MOVE:
        return move(db, op, &after);
    case OP_DELETE:
        bind_id(db->statements[DELETE], op->id);
        return finish(db->statements[DELETE]);
    }
    return SQLITE_OK;
}

static int transact(struct db *db, struct op *op)
{
    if (op->kind == OP_LOAD)
        return carry_out(db, op);
    int rc = finish(db->statements[BEGIN]);
    if (rc != SQLITE_OK)
        return rc;
    rc = carry_out(db, op);
    if (rc == SQLITE_OK)
        rc = finish(db->statements[COMMIT]);
    if (rc != SQLITE_OK && sqlite3_get_autocommit(db->sqlite) == 0)
        (void)finish(db->statements[ROLLBACK]);
    return rc;
}

static void fail(struct op *op)
{
    op->rc = -EIO;
    free(op->picture);
    op->picture = NULL;
    op->size = 0;
    op->is_found = op->is_begun = false;
}

void db_run(struct db *db, struct op *op, char *note, size_t size)
{
    int rc = db->sqlite != NULL ? SQLITE_OK : begin(db, note, size);

    if (rc == SQLITE_OK)
        rc = transact(db, op);
    if (is_corrupt(rc)) {
        fail(op);
        rc = begin(db, note, size);
        if (rc == SQLITE_OK)
            rc = transact(db, op);
    }
    if (rc == SQLITE_OK)
        return;
    fail(op);
    if (note[0] == '\0')
        tell(db, op->kind == OP_LOAD ? "read" : "write", rc, note, size);
}

void db_sweep(struct db *db, int64_t now, int64_t max)
{
    if (db->sqlite == NULL)
        return;
    (void)sqlite3_bind_int64(db->statements[EXPIRE], 1, now);
    if (finish(db->statements[EXPIRE]) != SQLITE_OK)
        return;
    (void)sqlite3_bind_int64(db->statements[EVICT], 1, max);
    (void)finish(db->statements[EVICT]);
}
