/* SPDX-License-Identifier: MIT
   The reader of JSON with comments: any text is a tree or problems; the tree written and read again
   is the same; every place lies in the text. */
#include "json.h"

#include "fuzz.h"
#include "str.h"

enum { OUT_MAX = 1 << 20 };

struct one {
    struct mpx_arena arena;
    struct sources sources;
    struct problems problems;
    struct node *root;
    struct buffer out;
};

static void check_places(const struct node *j, size_t n)
{
    FUZZ_MUST(j->at.off <= n && j->at.len <= n - j->at.off, "a value stands outside of the text");
    FUZZ_MUST(j->key_at.off <= n && j->key_at.len <= n - j->key_at.off,
              "a key stands outside of the text");
    for (const struct node *k = j->first; k != NULL; k = k->next)
        check_places(k, n);
}

static void read_one(struct one *o, struct mpx_str text, bool strict)
{
    arena_init(&o->arena, NULL);
    sources_init(&o->sources);
    o->sources.frozen = true;
    problems_init(&o->problems);
    buffer_init(&o->out, OUT_MAX);
    const struct source *src = source_add(&o->sources, "f.json", text);
    o->root = json_read(&o->arena, src, strict, &o->problems);
    FUZZ_MUST(o->root != NULL || o->problems.count > 0, "nothing is read, and nothing said");
    if (o->root != NULL) {
        check_places(o->root, text.n);
        node_write(o->root, &o->out);
    } else {
        problems_print(&o->problems, &o->out);
    }
}

static void finish(struct one *o)
{
    buffer_finish(&o->out);
    problems_finish(&o->problems);
    sources_finish(&o->sources);
    arena_finish(&o->arena);
}

void fuzz_json(const uint8_t *data, size_t n)
{
    struct mpx_str text = { (const char *)data, n };
    struct one lax, strict, again;

    if (n > 65536)
        return;
    read_one(&lax, text, false);
    read_one(&strict, text, true);
    if (strict.root != NULL && strict.problems.count == 0)
        FUZZ_MUST(lax.root != NULL && lax.problems.count == 0 &&
                      str_eq(buffer_str(&lax.out), buffer_str(&strict.out)),
                  "what is strict JSON is read otherwise when it need not be");
    if (lax.root != NULL && !lax.out.full) {
        read_one(&again, buffer_str(&lax.out), true);
        FUZZ_MUST(again.root != NULL, "what was written is no JSON");
        FUZZ_MUST(str_eq(buffer_str(&again.out), buffer_str(&lax.out)), "it reads otherwise again");
        finish(&again);
    }
    finish(&strict);
    finish(&lax);
}
