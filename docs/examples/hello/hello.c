/* hello - answers one path with a configured greeting. */
#include <multiplexd/module.h>

struct hello { struct mpx_str path, text; };

static const struct mpx_option options[] = {
    { .name = "path", .type = MPX_T_STRING, .offset = offsetof(struct hello, path), .fallback = "\"/hello\"" },
    { .name = "text", .type = MPX_T_STRING, .offset = offsetof(struct hello, text), .flags = MPX_OPT_REQUIRED },
    MPX_OPTION_END
};

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    const struct hello *h = conf;

    if (!mpx_str_eq(mpx_req_path(r), h->path))
        return MPX_NEXT;
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    mpx_res_write(r, h->text);
    return mpx_res_end(r);
}

MPX_MODULE(hello) = {
    MPX_HEADER(hello, "1.0"),
    .options = options, .conf_size = sizeof(struct hello),
    .on = { [MPX_PH_CONTENT] = content },
};
