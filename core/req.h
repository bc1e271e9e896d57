/* SPDX-License-Identifier: MIT
   A request: what was asked, where it stands in the phases, what it waits for, its response. It
   knows nothing of connections but the interface that carries its response away and brings its
   body. */
#ifndef REQ_H
#define REQ_H
#include "address.h"
#include "body.h"
#include "res.h"
#include "worker.h"

/* Fields that core itself reads, found once. */
enum req_field {
    REQ_HOST,
    REQ_CONNECTION,
    REQ_CONTENT_LENGTH,
    REQ_TRANSFER_ENCODING,
    REQ_EXPECT,
    REQ_IF_MATCH,
    REQ_IF_NONE_MATCH,
    REQ_IF_MODIFIED_SINCE,
    REQ_IF_UNMODIFIED_SINCE,
    REQ_IF_RANGE,
    REQ_RANGE,
    REQ_FIELDS
};

/* Who takes the response away and brings the body: HTTP/1, or a test without a connection. */
struct carrier {
    void (*start)(struct mpx_req *r); /* the header is final: see r->res */
    /* pieces were added, the response ended or broke, or the body is wanted again */
    void (*more)(struct mpx_req *r);
    /* a module that is running waits for the body, which is to be brought when more is called */
    void (*want_body)(struct mpx_req *r);
};

enum wait_kind {
    WAIT_NONE,
    WAIT_SLEEP,
    WAIT_FD,
    WAIT_DRAIN,
    WAIT_TICKET,
    WAIT_BODY,
    WAIT_OPEN,
    WAIT_OFFLOAD,
    WAIT_PROGRAM,
    WAIT_NAME
};
struct wait {
    enum wait_kind kind;
    bool ready, expired;
    mpx_resume_fn fn;
    void *state;
    struct loop_event *event;  /* SLEEP, FD, TICKET with a time-out */
    struct mpx_ticket *ticket; /* TICKET */
    struct wait_job *job;      /* OPEN, OFFLOAD on a thread */
    struct wait_name *name;    /* NAME that is asked for */
};

struct mpx_req {
    struct worker *w;
    struct generation *g; /* a use counted */
    struct mpx_arena arena;
    const struct carrier *carrier;
    void *carrier_data;
    const struct listener_limits *limits; /* of where it came in */
    struct mpx_conn *conn;                /* or NULL */
    struct mpx_req *next;                 /* in the carrier's queue */

    uint64_t id;
    int64_t started_us;
    unsigned number; /* 1 for the first of its connection */
    size_t head_bytes;
    struct mpx_str line, method, path, query, host;
    int version; /* 10 or 11 */
    bool is_head, is_asterisk, keep_alive, expects_continue;
    bool is_read; /* all of its head */
    struct mpx_pair *fields;
    size_t field_count;
    struct {
        uint16_t index, count;
    } known[REQ_FIELDS];
    struct body body;
    uint64_t content_length; /* of the request's body; UINT64_MAX: chunked */

    const struct vhost *vhost;
    const struct directory *directory; /* NULL before it is chosen */
    const struct chain *chain;
    struct mpx_str rest;
    struct mpx_str user;
    const union address *client; /* see client.h; NULL: nobody has asked yet */
    struct mpx_str scheme;       /* the same */
    struct mpx_str client_name;  /* "" where there is none */
    int client_name_rc;          /* mpx_client_name_result */
    struct wait_name *name;      /* whom the resolver tells; or NULL */
    uint32_t allow;              /* methods that modules said they serve here (method.h) */
    int unserved;                /* what a module said in the place of 404, or 0 */
    void **slots;                /* by module, NULL where unused */
    unsigned slot_count;

    enum mpx_phase phase;
    unsigned at;                   /* which hook of the phase */
    unsigned restarts;             /* how often RESTART was answered */
    const struct mpx_conf *caller; /* the module that runs or is suspended */
    const struct module *lacks;    /* in quarantine: it was asked for a variable of it */
    bool running;                  /* its hooks are on the stack */
    bool suspended;                /* a hook answered WAIT */
    bool rewritten, finished, logged;
    bool edited;                 /* RESPONSE hooks saw the response, or are not to see it */
    bool gone;                   /* the client left */
    int fail_status;             /* what FAIL means after a helper that knows better; 0: 500 */
    unsigned resumes;            /* in this turn */
    unsigned holds;              /* work that still runs for it on threads */
    struct admission *admission; /* where one that admits is enough; or NULL */
    struct own_page *own_page;   /* the virtual host's page for an error, once it was begun */
    struct wait wait;
    struct loop_event *wait_event; /* SLEEP, FD, TICKET with a time-out; or NULL */
    struct wait_job *spare_job;
    struct list watches;
    struct run *run;           /* a child process that serves it, or NULL */
    bool run_is_new;           /* the carrier has not looked whether its client is still there */
    int run_rc, run_status;    /* mpx_spawn_status of the last one */
    struct mpx_str run_result; /* mpx_fork_result */
    struct link ready;
    int open_rc; /* mpx_open_result */
    struct mpx_file *open_file;

    struct res res;
    struct filters *filters; /* of the response; NULL: none were pushed */
};

/* A fresh request in its own arena. */
struct mpx_req *req_create(struct worker *w, const struct carrier *carrier, void *data);
/* Ends it; it waits for nothing any more. Its slots are ended, its memory goes - when the last
   thread that works for it is done. */
const char *req_rc_name(enum mpx_rc rc); /* for the log */
void req_destroy(struct mpx_req *r);
/* A field that core reads, its lines joined; false when it is not there. */
bool req_known(const struct mpx_req *r, enum req_field f, struct mpx_str *value);
/* Whether there is a condition (RFC 9110 13.1), If-Range aside. */
bool req_has_condition(const struct mpx_req *r);
bool req_header(const struct mpx_req *r, struct mpx_str name, struct mpx_str *value);
/* Notes where the known fields are. */
void req_index_fields(struct mpx_req *r);
/* Chooses the virtual host for r->host, and its chain; false when nobody answers to it. */
bool req_choose_vhost(struct mpx_req *r);
/* Chooses the directory for r->path, the chain that goes with it, and how long a body may be. */
void req_choose_directory(struct mpx_req *r);
/* Lets its files lie beneath another folder: see mpx_req_set_root. */
int req_set_root(struct mpx_req *r, struct mpx_str prefix, struct mpx_str folder, uid_t owner);
/* Where the files of another path lie, normal and without a slash at its end: beneath the folder
   that was set for this request, unless one is configured more closely. */
const struct directory *req_directory_of(const struct mpx_req *r, struct mpx_str path);
/* Whether the body is announced with more bytes than it may have. */
static inline bool req_is_too_long(const struct mpx_req *r)
{
    return r->content_length != UINT64_MAX && r->content_length > r->body.limit;
}
/* What stands in the place of the hooks of a module in quarantine, m: what it would have said is
   not known, so nothing passes. Becomes 503 with the time that is left. */
enum mpx_rc req_refuse_confined(struct mpx_req *r, const struct module *m);
void req_log(const struct mpx_req *r, enum mpx_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void req_vlog(const struct mpx_req *r, enum mpx_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

#endif
