/* SPDX-License-Identifier: MIT */
#include "op.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From the arena, a request that only reads takes nothing from the system. */
static char *take(const struct op *op, size_t n)
{
    return op->arena != NULL ? mpx_alloc(op->arena, n) : malloc(n);
}

/* The picture of what there is. */
static int copy(struct op *op, struct mpx_str data)
{
    op->picture = take(op, data.n + 1);
    if (op->picture == NULL)
        return -EIO;
    if (data.n > 0)
        memcpy(op->picture, data.p, data.n);
    op->size = data.n;
    return 0;
}

static int put(struct op *op, struct mpx_str key, struct mpx_str value)
{
    struct mpx_str data = { op->picture, op->size };
    char *out = take(op, data.n + VALUES_HEAD + key.n + value.n);

    if (out == NULL)
        return -EIO;
    op->size = values_put(data, key, value, out);
    if (op->arena == NULL)
        free(op->picture);
    op->picture = out;
    return 0;
}

static struct mpx_str value_of(const struct op *op, struct mpx_str key)
{
    struct mpx_str value;

    if (!values_get((struct mpx_str){ op->picture, op->size }, key, &value))
        return (struct mpx_str){ NULL, 0 };
    return value;
}

static int increment(struct op *op)
{
    char digits[21];
    size_t n = values_add(value_of(op, op->changes->key), op->by, digits);

    return n > 0 ? put(op, op->changes->key, (struct mpx_str){ digits, n }) : -ERANGE;
}

static int update(struct op *op)
{
    struct mpx_str now = value_of(op, op->changes->key);

    if ((now.p == NULL) != (op->old.p == NULL) || (now.p != NULL && !mpx_str_eq(now, op->old)))
        return -EAGAIN;
    return put(op, op->changes->key, op->changes->value);
}

/* Makes the picture what the session is to be. */
static int change(struct op *op, struct mpx_str data)
{
    int rc = copy(op, data);

    if (rc == 0 && op->kind == OP_INCREMENT)
        rc = increment(op);
    else if (rc == 0 && op->kind == OP_UPDATE)
        rc = update(op);
    for (size_t i = 0; rc == 0 && op->kind == OP_CHANGE && i < op->count; i++)
        rc = put(op, op->changes[i].key, op->changes[i].value);
    return rc == 0 && op->size > op->max_size && op->size > data.n ? -E2BIG : rc;
}

static void use(const struct op *op, struct row *row)
{
    row->used = op->now;
    row->expires = op->now + op->idle;
    if (row->expires > row->created + op->lifetime)
        row->expires = row->created + op->lifetime;
}

static enum op_deed load(struct op *op, const struct row *before, struct row *after)
{
    op->rc = copy(op, before->data);
    op->is_found = op->rc == 0;
    *after = *before;
    if (op->now - before->used < op->idle / OP_TOUCHES)
        return OP_NOTHING;
    use(op, after);
    return OP_TOUCH;
}

static enum op_deed alter(struct op *op, const struct row *before, struct row *after)
{
    *after = *before;
    if (!before->exists)
        *after = (struct row){ .created = op->now };
    op->rc = change(op, after->data);
    op->is_found = before->exists;
    if (op->rc != 0 || (!before->exists && op->size == 0))
        return OP_NOTHING;
    if (!op->may_begin && (op->renews || !before->exists)) {
        op->rc = -EALREADY;
        return OP_NOTHING;
    }
    op->is_found = after->exists = true;
    op->is_begun = op->renews || !before->exists;
    after->data = (struct mpx_str){ op->picture, op->size };
    use(op, after);
    if (!before->exists)
        return OP_BEGIN;
    return op->renews ? OP_MOVE : OP_WRITE;
}

enum op_deed op_apply(struct op *op, const struct row *before, struct row *after)
{
    struct row row = *before;
    /* a lifetime that was made shorter holds for sessions that there are */
    bool is_over = op->now >= row.expires || op->now >= row.created + op->lifetime;

    op->rc = 0;
    if (row.exists && !row.is_moved && is_over) {
        row = (struct row){ .exists = false };
        if (op->kind == OP_END)
            return OP_DELETE;
    }
    if (op->kind == OP_END)
        return row.exists && !row.is_moved ? OP_DELETE : OP_NOTHING;
    bool is_moved = row.exists && row.is_moved && op->now < row.expires;
    if (row.is_moved)
        row = (struct row){ .exists = false };
    if (op->kind == OP_LOAD && !row.exists) {
        op->is_found = false;
        op->rc = is_moved ? -ESTALE : 0;
        return OP_NOTHING;
    }
    if (op->kind == OP_LOAD)
        return load(op, &row, after);
    if (!row.exists && (is_moved || op->is_known)) {
        op->rc = -ESTALE;
        return OP_NOTHING;
    }
    return alter(op, &row, after);
}
