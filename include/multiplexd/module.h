/* SPDX-License-Identifier: MIT
   multiplexd/module.h - everything a module may use; nothing else is public.

   A module is one shared object that exports one descriptor (section 6). The daemon reads its
   options from the configuration (section 5) and calls its hooks (section 4), always on the one
   thread that runs the event loop: a module needs no locks, and no hook may block. What takes
   time is begun with a helper of section 9 and goes on in a function of yours when it is done.

   Ownership is said at each pointer: "copies" (yours stays yours), "borrows" (keep it alive as
   long as said), "takes" (it is no longer yours). Nothing here returns memory that you free. */
#ifndef MULTIPLEXD_MODULE_H
#define MULTIPLEXD_MODULE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#define MPX_EXTERN extern "C"
#else
#define MPX_EXTERN extern
#endif
#pragma GCC visibility push(default)

/* 1. Handshake. A module loads when its major is ours and its minor is at most ours. Structs and
   tables that cross carry their size and grow only at their end; mpx_str and mpx_list are frozen.
   History: 1.0 is the first. */
#define MPX_ABI_MAJOR 1
#define MPX_ABI_MINOR 0
/* Whether this server can do something beyond ABI 1.0, by name; none is defined yet. */
bool mpx_has(const char *feature);

/* 2. Opaque objects, and the one string type: a view that never owns and has no NUL at its end. */
struct mpx_conf;     /* one use of a module: its settings in a virtual host or directory */
struct mpx_conn;     /* a client's connection */
struct mpx_req;      /* a request and its response */
struct mpx_arena;    /* memory that goes with its owner, all at once */
struct mpx_file;     /* an open file, counted by core */
struct mpx_blob;     /* immutable bytes, counted */
struct mpx_ticket;   /* a wait that other code ends */
struct mpx_watch;    /* a descriptor under observation */
struct mpx_sink;     /* where lines are logged */
struct mpx_networks; /* networks of clients, ready to be searched */
struct mpx_filter;   /* one use of a filter, over one response */
struct mpx_var;      /* a variable that was found by its name */
struct mpx_variable;
struct mpx_str {
    const char *p;
    size_t n;
};
struct mpx_list {
    const void *items;
    size_t count;
};
struct mpx_pair {
    struct mpx_str key, value;
};
#ifdef __cplusplus
#define MPX_STR(literal) (mpx_str{ "" literal, sizeof(literal) - 1 })
#else
#define MPX_STR(literal) ((struct mpx_str){ "" literal, sizeof(literal) - 1 })
#endif
bool mpx_str_eq(struct mpx_str a, struct mpx_str b);

/* 3. What a hook or a resumed function may answer; the same meaning everywhere. */
enum mpx_rc {
    MPX_NEXT = 0, /* not mine, or finished here: ask the next module */
    MPX_DONE,     /* the response is complete: what mpx_res_end, _error and _redirect return */
    MPX_WAIT,     /* suspended: what a helper of section 9 returned */
    MPX_RESTART,  /* mpx_req_rewrite was called: begin again with ROUTE, at most 10 times */
    MPX_FAIL,     /* an error, already logged by whoever found it: core answers 500 */
    MPX_GRANT     /* ACCESS only: this rule admits; the others are asked all the same */
};
typedef enum mpx_rc (*mpx_hook_fn)(struct mpx_req *r, const void *conf);
typedef enum mpx_rc (*mpx_resume_fn)(struct mpx_req *r, const void *conf, void *state);

/* 4. Phases, in the order of a request's life. Inside a phase, the order of the "modules" list. */
enum mpx_phase {
    MPX_PH_ROUTE = 0, /* the path is normal, the directory not chosen; the virtual host's list */
    MPX_PH_ACCESS,    /* every module is asked; DONE refuses: see below */
    MPX_PH_CONTENT,   /* the first DONE owns the response; 404 or 405 when nobody does */
    MPX_PH_RESPONSE,  /* header complete, unsent: edit it; answer NEXT or FAIL */
    MPX_PH_LOG,       /* everything sent, or the client gone; answer NEXT */
    MPX_PH_COUNT,
    MPX_PH_SLOTS = 16 /* room to grow: unknown slots are NULL */
};

/* ACCESS. GRANT: a rule of mine admits whoever asks. NEXT: I have no rule here, or none that says
   yes. DONE: refused, with the response that was ended. Where the configuration says "satisfy":
   "all", the default, GRANT is like NEXT and the first DONE stands. With "any" all modules are
   asked. A response with 3xx, 401, 403 or 404 refuses the one who asks: it waits, and is thrown
   away when any module grants, before or after; when none does, the first with 401 is sent, else
   the first. Any other response (429, 503) is about something else and stands at once; so does one
   that was flushed. Without a refusal there is nothing to overcome: the request goes on. WAIT, FAIL
   and RESTART mean what they always mean. */

/* 5. Options are declared; core parses, checks, defaults and reports them with their position. */
enum mpx_type {
    MPX_T_BOOL,   /* bool */
    MPX_T_INT,    /* int64_t */
    MPX_T_SIZE,   /* int64_t, bytes: 4096, "4k", "10M", "1G" (powers of 1024) */
    MPX_T_MSEC,   /* int64_t, milliseconds: "250ms", "30s", "5m", "12h", "7d" */
    MPX_T_STRING, /* struct mpx_str */
    MPX_T_PATH,   /* struct mpx_str, made absolute against the folder of the file that names it */
    MPX_T_ENUM,   /* int, index into names */
    MPX_T_LIST,   /* struct mpx_list of 'of'; one item may stand for a list of one; items is NULL
                     where neither a list, be it empty, nor a default was given */
    MPX_T_OBJECT, /* a nested struct, members in 'of' */
    MPX_T_MAP,    /* struct mpx_list of struct mpx_pair, in the order of the file; with 'of', of
                     elements that begin with the key, a struct mpx_str, and hold the value at the
                     offset of 'of' (members of an OBJECT at their own) */
    MPX_T_JSON    /* struct mpx_str, the value as JSON text: the last resort */
};
enum { MPX_AT_PROCESS = 1, MPX_AT_VHOST = 4, MPX_AT_DIRECTORY = 8 };
enum {
    MPX_OPT_REQUIRED = 1, /* no default: its absence is an error */
    MPX_OPT_BARE = 2,     /* a value in the place of the object fills this member; of two, a list
                             fills the one that is a LIST, and each takes the other's place */
    MPX_OPT_EXISTS = 4,   /* a PATH that must exist when the configuration is checked */
    MPX_OPT_PRIVATE = 8,  /* a PATH that perhaps only root may read: the field holds its text */
    MPX_OPT_SECRET = 16,  /* never repeated in messages */
    MPX_OPT_SINK = 32, /* a PATH for mpx_sink_open: also "stderr", "journald", "syslog:FACILITY" */
    MPX_OPT_OR_TEXT = 64, /* a MAP in whose place a string may stand: a pair with an empty key */
    MPX_OPT_PREFIX =
        128,            /* a MAP: all members whose keys begin with its name and are no option's */
    MPX_OPT_OWN = 256,  /* of its level alone: not merged into inner ones; see mpx_conf_outer */
    MPX_OPT_WHOLE = 512 /* with BARE: so does an object that has no other option's name as a key */
};
#ifdef __cplusplus /* clang-format off */
#define MPX_OPTION_END { }
#else
#define MPX_OPTION_END { 0 }
#endif /* clang-format on */
struct mpx_option {
    const char *name, *help;     /* the key; one line for people */
    uint32_t type, flags;        /* MPX_T_*, MPX_OPT_* */
    uint32_t where;              /* MPX_AT_* where it may stand; 0: vhost and directory */
    uint32_t offset;             /* of its field in the conf struct */
    const char *fallback;        /* the default as JSON text; NULL: all zero */
    int64_t min, max;            /* INT, SIZE, MSEC: bounds; both 0: none but no negatives */
    const char *const *names;    /* ENUM: the words, NULL at the end */
    const struct mpx_option *of; /* LIST, MAP: one element; OBJECT: members, MPX_OPTION_END */
    uint32_t of_size;            /* LIST, MAP: bytes of an element */
};
/* For check() and open(): complains at "below" ("rules/0/to", "" for the key itself) with its
   position in the file. A '/' within a key is "~1", a '~' is "~0" (RFC 6901). Returns -1, so that
   it can be returned. */
int mpx_conf_error(struct mpx_conf *c, const char *below, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether the configuration says anything of the module here or further out, "process" apart: false
   for one that is only in the "modules" list. */
bool mpx_conf_given(const struct mpx_conf *c);
/* Where it was configured: MPX_AT_VHOST ("defaults" too) or MPX_AT_DIRECTORY. */
unsigned mpx_conf_at(const struct mpx_conf *c);
/* In check(): whether the configuration is tried before anything serves it, so that an error stops
   the start. Otherwise a worker reads what was accepted, perhaps long ago in the place of one that
   died: what the disk lacks by now, it tells and does without. */
bool mpx_conf_is_tried(const struct mpx_conf *c);
/* How many processes serve beside each other (daemon.workers), each with a memory of its own; 1
   where a single process does all, too. */
unsigned mpx_conf_workers(const struct mpx_conf *c);
/* Memory that lives as long as this configuration. */
struct mpx_arena *mpx_conf_arena(struct mpx_conf *c);
/* The settings of the same module one level further out (the virtual host's for a directory), or
   NULL. "conf" is what check(), open() or a hook was given. */
const void *mpx_conf_outer(const void *conf);
/* State that outlives a configuration: the same block for the same module and key, zeroed at
   first. end() runs when no configuration uses it any more; may be NULL. Not in check(): NULL. */
void *mpx_keep(struct mpx_conf *c, const char *key, size_t size, void (*end)(void *block));

/* 6. The descriptor: the one symbol a module exports. Everything but the header may be NULL. */
struct mpx_module {
    uint16_t abi_major, abi_minor;
    uint32_t size, option_size; /* of this struct; of one mpx_option */
    const char *name, *version, *summary;
    const struct mpx_option *options;             /* ends with MPX_OPTION_END */
    size_t conf_size;                             /* the struct that options fill */
    size_t req_size, conn_size;                   /* what mpx_req_slot and mpx_conn_slot give */
    int (*check)(struct mpx_conf *c, void *conf); /* rules across fields; acquires nothing */
    int (*open)(struct mpx_conf *c, void *conf);  /* acquires; -1 (after an error) refuses */
    void (*close)(void *conf);                    /* undoes open */
    mpx_hook_fn on[MPX_PH_SLOTS];
    void (*req_end)(struct mpx_req *r, void *slot);   /* only if the slot was used */
    void (*conn_end)(struct mpx_conn *k, void *slot); /* only if the slot was used */
    const char *const *after; /* modules that must stand earlier where both are listed; NULL end */
    const struct mpx_variable *variables; /* what it provides (section 10); the last is all NULL */
};
/* MPX_MODULE(hello) = { MPX_HEADER(hello, "1.0"), ... }; the file is hello.so. */
#define MPX_MODULE(id)                                \
    MPX_EXTERN __attribute__((visibility("hidden")))  \
    const struct mpx_module mpx_##id##_descriptor;    \
    MPX_EXTERN __attribute__((visibility("default"))) \
    const struct mpx_module *mpx_##id##_module(void); \
    const struct mpx_module *mpx_##id##_module(void)  \
    {                                                 \
        return &mpx_##id##_descriptor;                \
    }                                                 \
    const struct mpx_module mpx_##id##_descriptor
#define MPX_HEADER(id, ver)                                                                    \
    .abi_major = MPX_ABI_MAJOR, .abi_minor = MPX_ABI_MINOR, .size = sizeof(struct mpx_module), \
    .option_size = sizeof(struct mpx_option), .name = #id, .version = ver

/* 7. The request (RFC 9110 6, RFC 9112 3). Views live as long as the request; those of what can be
   rewritten (path, query) until it is. */
struct mpx_str mpx_req_method(const struct mpx_req *r);
struct mpx_str mpx_req_path(const struct mpx_req *r);        /* decoded once; no "..", "//", NUL */
struct mpx_str mpx_req_rest(const struct mpx_req *r);        /* the path beneath its directory */
struct mpx_str mpx_req_prefix(const struct mpx_req *r);      /* the directory's path, "" for "/" */
struct mpx_str mpx_req_location(const struct mpx_req *r);    /* where that lies on disk, or "" */
struct mpx_str mpx_req_root_prefix(const struct mpx_req *r); /* see mpx_req_set_root */
/* Where a path of this virtual host, in its normal form, would lie on disk, or "". */
struct mpx_str mpx_req_translate(struct mpx_req *r, struct mpx_str path);
struct mpx_str mpx_req_query(const struct mpx_req *r); /* as sent, without '?' */
struct mpx_str mpx_req_line(const struct mpx_req *r);  /* the request line as sent */
struct mpx_str mpx_req_host(const struct mpx_req *r);  /* lower case, without port, or "" */
struct mpx_str mpx_req_vhost(const struct mpx_req *r); /* the virtual host's name */
/* Whether a host name, in any case and without port, is one of this virtual host's: its name or an
   alias. The virtual host for unknown names does not answer to those. */
bool mpx_req_owns_host(const struct mpx_req *r, struct mpx_str host);
struct mpx_str mpx_req_scheme(const struct mpx_req *r);       /* the client's: "http", "https" */
struct mpx_str mpx_req_id(const struct mpx_req *r);           /* 16 hex digits, unlike any other */
struct mpx_str mpx_req_user(const struct mpx_req *r);         /* who signed in, or "" */
int mpx_req_set_user(struct mpx_req *r, struct mpx_str user); /* copies; 0 */
int mpx_req_version(const struct mpx_req *r);                 /* 10 or 11 */
int64_t mpx_req_elapsed_us(const struct mpx_req *r);          /* since its first byte was read */
/* A field by name, whatever its case; the lines of a repeated one joined by ", " (RFC 9110 5.3). */
bool mpx_req_header(const struct mpx_req *r, const char *name, struct mpx_str *value);
/* Which of these media types suits the client best, by Accept (RFC 9110 12.5.1): its index; the
   first where the client does not care or wants none of them. "type/subtype" in lower case, at
   most 8. An answer that depends on it says "Vary: Accept". */
size_t mpx_req_accept(const struct mpx_req *r, const struct mpx_str *types, size_t count);
/* The i-th field line as sent; false past the last. */
bool mpx_req_header_at(const struct mpx_req *r, size_t i, struct mpx_pair *line);
/* Another path (decoded, begins with '/') and query; copies. Return MPX_RESTART after it. -1, and
   logged, when the path has no normal form. */
int mpx_req_rewrite(struct mpx_req *r, struct mpx_str path, struct mpx_str query);
/* For ACCESS and CONTENT hooks that know better where the files of a request lie: as if a directory
   of that path ("/~jane"; the request's own path, or one that it lies beneath, without a slash at
   its end; "" for "/") had that folder (absolute) as its location. From then on, and until a
   rewrite, rest, prefix and location tell of that, and mpx_open opens beneath it; rules and
   settings stay those of the directory that was configured. Unless the folder belongs to that user
   it is as if it were not there, and MPX_OPEN_LINKS_FOLLOW means no more than MPX_OPEN_LINKS_OWNER
   beneath it; (uid_t)-1: anybody's. Copies both; waits for no disk, mpx_open finds what is there. A
   location that is configured for that path, or more closely, gives way as well:
   mpx_req_root_prefix tells for which path the folder was named that the request's files may not
   leave now, "" also where there is none. 0; -1, and logged, when it cannot be. */
int mpx_req_set_root(struct mpx_req *r, struct mpx_str prefix, struct mpx_str folder, uid_t owner);
/* For a CONTENT hook that serves this path but not this method: "GET, POST", then answer NEXT. When
   nobody answers, core makes 405 or OPTIONS of it, with what all modules said united (RFC 9110
   10.2.1, 15.5.6); GET includes HEAD. A method that the server does not know is logged. */
void mpx_req_allow(struct mpx_req *r, const char *methods);
/* For a CONTENT hook that finds something which it does not serve, such as a folder without an
   index, then answer NEXT: when nobody else serves it, the answer is this status, 400 to 499, in
   the place of 404. The last call counts; where methods are allowed, these go before. */
void mpx_req_unserved(struct mpx_req *r, int status);
struct mpx_arena *mpx_req_arena(struct mpx_req *r);
/* The module's own memory on the request or connection (req_size, conn_size), zeroed at first. A
   connection may outlive the configuration: its slot must not point into that. */
void *mpx_req_slot(struct mpx_req *r, const void *conf);
void *mpx_conn_slot(struct mpx_conn *k, const void *conf);
struct mpx_conn *mpx_req_conn(struct mpx_req *r); /* NULL where a request has none */
/* Who is at the other end of the socket, be it a proxy: AF_INET, AF_INET6, or AF_UNIX without a
   path. IPv4 is never told as IPv4-mapped IPv6. Lives as long as the connection. */
const struct sockaddr *mpx_conn_peer(const struct mpx_conn *k, socklen_t *len);
/* Who asks: the peer, or whom proxies that are trusted name (PROXY protocol, Forwarded,
   X-Forwarded-For), with port 0 where they name none. The same for all hooks of a request; found at
   the first call. NULL: unknown. */
const struct sockaddr *mpx_req_client(const struct mpx_req *r, socklen_t *len);

/* 8. The response. It is buffered until the hook has returned; RESPONSE hooks run when it is ended,
   when mpx_res_flush was called or 64 KiB are waiting. Ended before that: Content-Length, else
   chunked (HTTP/1.1) or until close (1.0). HEAD, 204 and 304 have no body: what is written only
   counts.
   Core does conditions and ranges (RFC 9110 13, 14), after RESPONSE. An answer to GET or HEAD
   with an ETag or a Last-Modified becomes 304 or 412 when the client's conditions say so. One with
   status 200 whose length is known besides (it has ended, or Content-Length was set) becomes 206
   or 416 where GET asks for ranges: write all of the body, core cuts it. "Accept-Ranges: none" or
   a Content-Range of your own forbid that. When nothing of what may still be written would go
   out, the request ends as if the client had left. A method that changes something is not judged:
   what it did is done; a module that serves one looks at If-Match and the like before it acts. */
void mpx_res_status(struct mpx_req *r, int status); /* 200 to 599; 200 at first */
/* Sets, adds, removes a field; copies. -1, and logged, for a name that is no token, a value with a
   control byte, a field that core owns (Connection, Transfer-Encoding), or a header already sent. A
   Content-Length set here is a promise: a body of any other length ends the connection. */
int mpx_res_header(struct mpx_req *r, const char *name, struct mpx_str value);
int mpx_res_header_add(struct mpx_req *r, const char *name, struct mpx_str value);
int mpx_res_header_remove(struct mpx_req *r, const char *name);
/* Body: copied bytes, a blob, a whole regular file (both borrowed: core counts a use). 0; 1 when
   more than 64 KiB wait for the client: stop and mpx_wait_drain, past 1 MiB the response is broken
   off; -1 when the response has ended, is broken off, or when it is not this request that runs. */
int mpx_res_write(struct mpx_req *r, struct mpx_str bytes);
int mpx_res_blob(struct mpx_req *r, struct mpx_blob *b);
int mpx_res_file(struct mpx_req *r, struct mpx_file *f);
int mpx_res_flush(struct mpx_req *r); /* send what there is when the hook returns; 0, -1 */
/* The three ways to end a response: return what they return. */
enum mpx_rc mpx_res_end(struct mpx_req *r);
/* 400 to 599: a standard page by Accept, or the virtual host's own (error_pages). Your fields stay,
   but those that describe a body: Content-Type, ETag and the like. */
enum mpx_rc mpx_res_error(struct mpx_req *r, int status);
enum mpx_rc mpx_res_redirect(struct mpx_req *r, int status, struct mpx_str location); /* copies */
int mpx_res_get_status(const struct mpx_req *r); /* in LOG 499: the client left unanswered */
bool mpx_res_get_header(const struct mpx_req *r, const char *name, struct mpx_str *value);
uint64_t mpx_res_bytes(const struct mpx_req *r);      /* of the body, sent so far; for LOG */
struct mpx_blob *mpx_blob_make(struct mpx_str bytes); /* copies; one use is yours */
/* Takes, for what is too large to be copied on the loop: release(owner) runs when the last use is
   given back. One use is yours. */
struct mpx_blob *mpx_blob_take(struct mpx_str bytes, void (*release)(void *owner), void *owner);
void mpx_blob_drop(struct mpx_blob *b); /* gives that use back; NULL is harmless */

/* 9. Suspension: return what the call returns. On success that is WAIT: fn runs once, after the
   hook has returned (in the same turn when the result is there already), and its answer counts as
   the hook's. If the client leaves, fn never runs and what was begun is cancelled. One wait at a
   time; watches may stand beside it. "ms" is a time-out in milliseconds, 0 for none. */
enum mpx_rc mpx_sleep(struct mpx_req *r, int64_t ms, mpx_resume_fn fn, void *state);
/* Until fd is ready for events (POLLIN, POLLOUT); the fd stays yours. */
enum mpx_rc mpx_wait_fd(struct mpx_req *r, int fd, short events, int64_t ms, mpx_resume_fn fn,
                        void *state);
/* Until less than 16 KiB of the response wait for the client; more than that is sent now. */
enum mpx_rc mpx_wait_drain(struct mpx_req *r, mpx_resume_fn fn, void *state);
/* Until someone calls mpx_wake(*out): another request, a watch, a timer. */
enum mpx_rc mpx_wait_ticket(struct mpx_req *r, struct mpx_ticket **out, int64_t ms,
                            mpx_resume_fn fn, void *state);
/* Ends the ticket: call it once. False, and harmless, when the request is gone or timed out. */
bool mpx_wake(struct mpx_ticket *t);
bool mpx_wait_expired(const struct mpx_req *r); /* in fn: the wait ended by its time-out */
/* A watch of the module's own, beside all requests; ends with the configuration. */
struct mpx_watch *mpx_conf_watch(struct mpx_conf *c, int fd, short events,
                                 void (*fn)(int fd, short events, void *arg), void *arg);
/* A watch that holds the request in WAIT: fn runs at each event; the request goes on when it
   answers anything but WAIT, which ends all its watches. NULL after an error, already logged. */
struct mpx_watch *mpx_req_watch(struct mpx_req *r, int fd, short events, mpx_resume_fn fn,
                                void *state);
void mpx_watch_want(struct mpx_watch *w, short events); /* 0 pauses */
void mpx_watch_end(struct mpx_watch *w);                /* the fd stays yours */
/* The request's body, whole or in parts; no body is an empty one, as it is for a page of
   error_pages, whatever the client sent. 100 Continue is sent with the first of these calls, when
   it is due. A body that is too long, malformed, or stops coming ends the request (413, 400, 408; a
   response that has begun is broken off), and fn does not run. */
/* Whole: at most max bytes (0: what limits.body allows). Past limits.body_memory it lies in a file
   without a name; where that cannot be written the answer is 500. */
enum mpx_rc mpx_read_body(struct mpx_req *r, size_t max, mpx_resume_fn fn, void *state);
struct mpx_str mpx_req_body(const struct mpx_req *r); /* "" before it is read */
int mpx_body_fd(const struct mpx_req *r); /* its file, to be read, at offset 0; borrowed. Or -1 */
/* In parts: until there is one, or the body has ended; at most limits.body bytes in all. The next
   call is the end of the part. Between two calls the client is not read: at most 64 KiB of its body
   wait in memory, and its time does not run. A body that was read whole is one part. */
enum mpx_rc mpx_body_next(struct mpx_req *r, mpx_resume_fn fn, void *state);
/* The part, the same at each call until mpx_body_next; the view moves when the hook waits for
   anything else: ask again. False at the end of the body. Empty when nothing has come yet. */
bool mpx_body_part(const struct mpx_req *r, struct mpx_str *part);
/* Opens beneath the request's directory; "" is the directory itself. -EXDEV for a ".." or a leading
   slash, and where a symbolic link leads out of the location that was configured (which may be
   that of an enclosing directory). The file lives as long as the request. */
enum {
    MPX_OPEN_DIRECTORY = 1,  /* -ENOTDIR for anything else */
    MPX_OPEN_DESCRIPTOR = 2, /* mpx_file_fd is wanted: small files may be held as bytes alone */
    /* Symbolic links below that location (it may itself be reached through some), in every
       component; one of these. What is checked is what is opened: no change of a link between the
       two leads around it. */
    MPX_OPEN_LINKS_BENEATH = 0 << 2, /* followed where they do not lead out: -EXDEV */
    MPX_OPEN_LINKS_DENY = 1 << 2,    /* none is followed: -ELOOP */
    MPX_OPEN_LINKS_OWNER = 2 << 2,   /* followed, also out of the location, where link and target
                                        have one owner, each link on the way: else -ELOOP */
    MPX_OPEN_LINKS_FOLLOW = 3 << 2,  /* all are followed, also out of the location */
    MPX_OPEN_LINKS = 3 << 2,         /* the bits of these */
    MPX_OPEN_ABSENCE = 16 /* that there is nothing (-ENOENT, -ENOTDIR) is believed for a second, as
                             a file is: for names that clients do not choose */
};
enum mpx_rc mpx_open(struct mpx_req *r, struct mpx_str rel, unsigned flags, mpx_resume_fn fn,
                     void *state);
/* The same for a path of this virtual host (decoded, begins with '/'), which is brought to its
   normal form; in ROUTE too, where no directory is chosen yet: that of the path counts, or the
   folder that mpx_req_set_root has named for it. One that ends with a slash is a directory or
   -ENOTDIR. -EINVAL: there is no normal form. */
enum mpx_rc mpx_open_path(struct mpx_req *r, struct mpx_str path, unsigned flags, mpx_resume_fn fn,
                          void *state);
int mpx_open_result(const struct mpx_req *r, struct mpx_file **file); /* 0 or -errno */
const struct stat *mpx_file_stat(const struct mpx_file *f);
int mpx_file_fd(const struct mpx_file *f); /* borrowed; -1 without MPX_OPEN_DESCRIPTOR */
/* A use beyond the request, for what outlives it; given back with the second, on the loop. */
struct mpx_file *mpx_file_hold(struct mpx_file *f);
void mpx_file_drop(struct mpx_file *f); /* NULL is harmless */
/* What mpx_open with these flags would find for an entry of a directory, which was opened with
   MPX_OPEN_DIRECTORY: 0, or the -errno that it would answer (-EACCES where reading is not allowed,
   -ENXIO for a socket). *entry is of the entry itself, be it a link, and filled whenever there is
   one; *found is of what the open would lead to, and filled on 0; either may be NULL. The name is
   one component with a NUL at its end, -EINVAL for any other, "." and "..". It may wait for the
   disk: call it where that is allowed, in work() of mpx_offload. */
int mpx_file_look(const struct mpx_file *dir, const char *name, unsigned flags, struct stat *entry,
                  struct stat *found);
/* The host name of the client (mpx_req_client), asked of the DNS: the name of its address, where
   that name has the address in turn. It is asked once for a request, and mostly remembered from
   others (daemon.resolver); ask only when nothing else decides. */
enum mpx_rc mpx_client_name(struct mpx_req *r, mpx_resume_fn fn, void *state);
/* What that found, in any later hook. 0: *name is the name, lower case, without a dot at its end,
   and lives as long as r. Else *name is "": -ENOENT, it has none; -EAGAIN, that could not be found
   out: no answer in time, or a name that does not have the address; -EINPROGRESS, nobody asked. */
int mpx_client_name_result(const struct mpx_req *r, struct mpx_str *name);
/* Blocking work on another thread: of this header work() calls mpx_file_look, mpx_file_stat and
   mpx_file_fd alone. It finishes even if the client leaves; arg must live until then (the request's
   arena and files do). A full queue answers 503. */
enum mpx_rc mpx_offload(struct mpx_req *r, void (*work)(void *arg), void *arg, mpx_resume_fn fn,
                        void *state);
/* The same without a request: done() runs on the loop. 0, or -1 when the queue is full. */
int mpx_background(struct mpx_conf *c, void (*work)(void *arg), void *arg, void (*done)(void *arg));
/* Other processes: mpx_spawn runs a program, mpx_fork a function. */
#include <multiplexd/spawn.h>

/* 10. Body filters: functions that see and change what goes out. */
#include <multiplexd/filter.h>

/* 11. Run-time variables ($name) and services between modules. */
/* 0 and *value (alive as long as r), or -1 for "no value". */
typedef int (*mpx_var_fn)(struct mpx_req *r, struct mpx_str word, struct mpx_str *value);
/* A line of a descriptor's table: get answers for $name.WORD, and for $name with WORD empty. A name
   is letters, digits and "_"; one that the server or another module has does not load. Frozen. */
struct mpx_variable {
    const char *name;
    mpx_var_fn get;
};
/* A text is taken apart once, in check() or open(), so that no request has to look for names. */
struct mpx_piece {
    struct mpx_str text;       /* bytes as they are; or the variable's name, without its dollar */
    const struct mpx_var *var; /* NULL: bytes */
};
/* Its pieces, struct mpx_piece, in the memory of c; copies. "$$" is a dollar; a name is words, dots
   between, behind a dot also with hyphens; "$path.html" is $path and ".html". The call cannot fail:
   a name that neither the server nor a module of this configuration provides is an error at "below"
   (see mpx_conf_error), told when all modules are loaded, be it after check(). */
struct mpx_list mpx_text_pieces(struct mpx_conf *c, const char *below, struct mpx_str text);
/* For texts that are read by rules of the module's own: the variable whose name text, what stands
   behind a dollar, begins with, and the bytes of that name; an unknown one is an error as above.
   NULL where there is no name. */
const struct mpx_var *mpx_var_find(struct mpx_conf *c, const char *below, struct mpx_str text,
                                   size_t *length);
/* The value, alive as long as r and never empty; false when there is none. */
bool mpx_var_get(struct mpx_req *r, const struct mpx_var *v, struct mpx_str *value);
enum mpx_var_kind {
    MPX_VAR_TEXT,   /* any bytes, perhaps of a client's choice */
    MPX_VAR_OWN,    /* printable ASCII of the server's making */
    MPX_VAR_NUMBER, /* digits, perhaps with a decimal point: JSON takes it as it is */
    MPX_VAR_ADDRESS /* of a client: IPv4, IPv6 or "unix" */
};
enum mpx_var_kind mpx_var_kind(const struct mpx_var *v);
/* Puts pieces together; what has no value is left out. 0; -1 past 64 KiB. */
int mpx_join(struct mpx_req *r, struct mpx_list pieces, struct mpx_str *out);
/* The same for a text that is known in a request only; an unknown name stays empty. */
int mpx_expand(struct mpx_req *r, struct mpx_str text, struct mpx_str *out);
struct mpx_service { /* what a service's table begins with; it grows at its end only */
    uint32_t size;
    uint16_t major, minor;
};
/* In open(). Borrows: the table is static. -1, and logged, when another module has the name. */
int mpx_provide(struct mpx_conf *c, const char *name, const struct mpx_service *s);
/* In open() of a module that names the provider in "after", or later; NULL when it is not there. */
const struct mpx_service *mpx_require(struct mpx_conf *c, const char *name, unsigned major,
                                      unsigned minor);
/* Another module's settings for this request, or NULL where it is not active. */
const void *mpx_req_conf(const struct mpx_req *r, const char *module);

/* 12. Memory, timer, text, networks, log. */
void *mpx_alloc(struct mpx_arena *a, size_t n); /* zeroed, never NULL; n is yours to bound */
struct mpx_str mpx_printf(struct mpx_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));                          /* with a NUL behind it */
void mpx_defer(struct mpx_arena *a, void (*fn)(void *), void *arg); /* last in, first out */
int mpx_every(struct mpx_conf *c, int64_t ms, void (*fn)(void *), void *arg);
/* A time as MPX_T_MSEC has it, "30s" or "7d", in milliseconds; for values that are texts. 0, or -1
   when it is none. */
int mpx_duration(struct mpx_str text, int64_t *ms);
/* Bytes of the UTF-8 character that text begins with (RFC 3629 4); 0: it begins with none. */
size_t mpx_utf8_length(struct mpx_str text);
/* A path as it stands in a URI: everything but unreserved characters and '/' percent-encoded. */
struct mpx_str mpx_encode_path(struct mpx_arena *a, struct mpx_str path);
/* An IMF-fixdate, as Last-Modified wants it (RFC 9110 5.6.7). */
struct mpx_str mpx_http_date(struct mpx_arena *a, int64_t seconds);
#include <multiplexd/network.h>
/* In open(): a file (opened with the daemon's rights; it must be the value of a SINK option),
   "stderr", "journald" or "syslog:FACILITY". NULL after an error, already told. Written by a
   thread of its own: when the disk is slower than the lines they are dropped and counted. */
struct mpx_sink *mpx_sink_open(struct mpx_conf *c, struct mpx_str target);
void mpx_sink_write(struct mpx_sink *s, struct mpx_str line); /* copies; core adds the newline */
enum mpx_level { MPX_ERROR, MPX_WARN, MPX_INFO, MPX_DEBUG };
/* Core adds the virtual host, module and request id: write only the message. */
void mpx_log(const struct mpx_conf *c, enum mpx_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mpx_rlog(const struct mpx_req *r, enum mpx_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
