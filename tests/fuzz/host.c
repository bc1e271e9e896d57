/* SPDX-License-Identifier: MIT
   Host: what is read is what the naive reader reads, in lower case, and reads the same again. */
#include "fuzz.h"
#include "naive.h"
#include "str.h"
#include "uri.h"

void fuzz_host(const uint8_t *data, size_t n)
{
    static struct naive v;
    struct mpx_str text = { (const char *)data, n }, theirs = { NULL, 0 };
    char out[URI_HOST_MAX], again[URI_HOST_MAX];

    if (n > NAIVE_ROOM)
        return;
    v.used = 0;
    int length = uri_parse_host(text, out);
    bool is_host = naive_host(&v, text, &theirs);
    FUZZ_MUST((length > 0) == is_host, "length %d, but to the naive reader %d", length, is_host);
    if (length <= 0)
        return;
    struct mpx_str ours = { out, (size_t)length };
    FUZZ_MUST(str_eq(ours, theirs), "\"%.*s\", to the naive reader \"%.*s\"", STR_ARGS(ours),
              STR_ARGS(theirs));
    FUZZ_MUST(uri_parse_host(ours, again) == length && memcmp(out, again, ours.n) == 0,
              "the host reads otherwise again");
    for (size_t i = 0; i < ours.n; i++)
        FUZZ_MUST(out[i] == str_lower(out[i]), "a capital is left");
}
