# SPDX-License-Identifier: MIT
"""What a change of the configuration means to those who are served meanwhile, and to modules: requests end as they
began, connections go on, what nobody uses any more is closed."""
import contextlib
import os
import re
import signal
import socket
import time

from harness import *

TAKEN, NOT_TAKEN = "configuration read again: ", "the configuration is not taken"

# says its text: at once, after a while, after a body; tells the log what becomes of its settings
MODULE = r"""
#include <multiplexd/module.h>
#include <stdio.h>
struct conf { struct mpx_str text; struct mpx_conf *c; unsigned *count; };
static enum mpx_rc say(struct mpx_req *r, const void *conf, void *state)
{
    const struct conf *c = conf;
    char text[64];
    (void)state;
    *(unsigned **)mpx_conn_slot(mpx_req_conn(r), conf) = c->count;
    struct mpx_str s = mpx_printf(mpx_req_arena(r), "%.*s %u", (int)c->text.n, c->text.p, ++*c->count);
    mpx_res_write(r, s);
    return mpx_res_end(r);
}
static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_str path = mpx_req_path(r);
    if (mpx_str_eq(path, MPX_STR("/slow")))
        return mpx_sleep(r, 700, say, 0);
    if (mpx_str_eq(path, MPX_STR("/body")))
        return mpx_read_body(r, 0, say, 0);
    return say(r, conf, 0);
}
static void conn_end(struct mpx_conn *k, void *slot)
{
    fprintf(stderr, "slot ended at %u\n", **(unsigned **)slot);
}
static int open_it(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;
    conf->c = c;
    conf->count = mpx_keep(c, "count", sizeof(*conf->count), 0);
    mpx_log(c, MPX_INFO, "opened %.*s", (int)conf->text.n, conf->text.p);
    if (mpx_str_eq(conf->text, MPX_STR("bad")))
        return mpx_conf_error(c, "text", "this text cannot be opened");
    return 0;
}
static void close_it(void *data)
{
    struct conf *conf = data;
    mpx_log(conf->c, MPX_INFO, "closed %.*s", (int)conf->text.n, conf->text.p);
}
static const struct mpx_option options[] = {
    { .name = "text", .type = MPX_T_STRING, .offset = offsetof(struct conf, text) }, MPX_OPTION_END };
MPX_MODULE(NAME) = { MPX_HEADER(NAME, "1.0"), .options = options, .conf_size = sizeof(struct conf), .conn_size = sizeof(unsigned *), .conn_end = conn_end,
    .open = open_it, .close = close_it, .on = { [MPX_PH_CONTENT] = content } };
"""


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def reload(server, config, wanted=TAKEN):
    """Writes that, hangs up, waits for the outcome."""
    write(server.config, json.dumps(config, indent=2))
    before = server.log().count(TAKEN) + server.log().count(NOT_TAKEN)
    told = len(server.log())
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log().count(TAKEN) + server.log().count(NOT_TAKEN) > before, "an outcome")
    contains(server.log()[told:], wanted)


def site(where, text, name="says", **more):
    more.setdefault("daemon", {})
    more["daemon"].update(module_path=[where, *MODULES], log_level="info")
    return configuration({"modules": [name], name: {"text": text}}, **more)


@contextlib.contextmanager
def saying(text="old", **more):
    with folder() as where:
        compile_module(where, "says", MODULE.replace("NAME", "says"))
        server = Server(where, site(where, text, **more))
        server.folder = where
        try:
            yield server
        except BaseException:
            print("".join(f"# {line}\n" for line in server.log().splitlines()), end="")
            server.process.kill()
            raise
        server.stop()


def ask(s, path="/", **more):
    s.sendall(request(path, **more))
    return read_response(s)


def test_a_request_ends_as_it_began_and_its_configuration_with_it():
    with saying() as server, server.connect() as slow:
        slow.sendall(request("/slow"))
        time.sleep(0.1)
        reload(server, site(server.folder, "new"))
        equal(server.get("/")[2], b"new 1")
        assert "closed old" not in server.log(), server.log()
        equal(read_response(slow)[2], b"old 2")
        server.wait_for_log("closed old")
        equal(ask(slow)[2], b"new 3", "the connection goes on")


def test_a_body_that_is_coming_is_taken_by_the_configuration_that_began():
    with saying() as server, server.connect() as s:
        head = request("/body", method="POST", body=b"x" * 1000)
        s.sendall(head[:-600])
        time.sleep(0.1)
        reload(server, site(server.folder, "new"))
        s.sendall(head[-600:])
        equal(read_response(s)[2], b"old 1")
        equal(ask(s)[2], b"new 2")


def test_a_request_belongs_to_the_configuration_of_its_first_byte():
    with saying() as server, server.connect() as s:
        s.sendall(request("/")[:10])
        time.sleep(0.1)
        reload(server, site(server.folder, "new"))
        s.sendall(request("/")[10:])
        equal(read_response(s)[2], b"old 1")
        server.wait_for_log("closed old")


def test_what_modules_keep_outlives_a_reload():
    with saying() as server:
        equal(server.get("/")[2], b"old 1")
        for i in range(5):
            reload(server, site(server.folder, f"new{i}"))
        equal(server.get("/")[2], b"new4 2")


def test_a_module_that_refuses_to_be_opened_changes_nothing_and_all_is_closed_again():
    with saying() as server:
        reload(server, site(server.folder, "bad"), NOT_TAKEN)
        contains(server.log(), "this text cannot be opened")
        equal(server.get("/")[2], b"old 1")
        reload(server, site(server.folder, "new"))
        equal(server.get("/")[2], b"new 2")


def test_what_a_module_refuses_is_not_taken_while_no_worker_is_there():
    with saying() as server:
        for _ in range(4):  # the pause before the next one grows
            wait_until(server.workers, "a worker")
            server.get("/")
            os.kill(server.worker(), signal.SIGKILL)
        wait_until(lambda: server.log().count("starting another") == 4, "the last one has ended")
        reload(server, site(server.folder, "bad"), NOT_TAKEN)
        equal(server.get("/")[0], 200)


def test_a_module_that_is_named_for_the_first_time_is_loaded():
    with saying() as server, server.connect() as s:
        equal(ask(s)[2], b"old 1")
        compile_module(server.folder, "later", MODULE.replace("NAME", "later"))
        reload(server, site(server.folder, "other", "later"))
        equal(ask(s)[2], b"other 1")
        server.wait_for_log("closed old")
        contains(server.log(), "slot ended at 1\n", "the connection goes on, what the module kept for it does not")
        reload(server, site(server.folder, "again"))
        equal(ask(s)[2], b"again 1", "nobody kept its block")


def test_a_listener_that_is_gone_ends_its_connections_with_their_next_answer():
    both = [{"host": "127.0.0.1", "port": 0}, {"host": "127.0.0.2", "port": 0}]
    with folder() as where:
        compile_module(where, "says", MODULE.replace("NAME", "says"))
        config = {**site(where, "old"), "connection": both}
        with serving(config) as server:
            port = int(re.search(r"127\.0\.0\.2:(\d+)", server.ready).group(1))
            with socket.create_connection(("127.0.0.2", port), 10) as s:
                equal(ask(s)[2], b"old 1")
                reload(server, {**site(where, "new"), "connection": both[:1]})
                status, fields, body = ask(s)
                equal((status, fields.get("connection"), body), (200, "close", b"new 2"))
                equal(s.recv(1), b"")
            server.wait_for_log("closed old")


def test_an_idle_connection_is_under_the_new_time_outs():
    with saying(connection={"timeouts": {"keepalive": "60s"}}) as server, server.connect(30) as s:
        equal(ask(s)[2], b"old 1")
        reload(server, site(server.folder, "new", connection={"timeouts": {"keepalive": "1s"}}))
        began = time.monotonic()
        equal(s.recv(1), b"")
        assert time.monotonic() - began < 20, "far less than what it was told at first"


def test_limits_of_a_listener_follow():
    with saying(connection={"limits": {"requests": 1000}}) as server, server.connect() as s:
        equal(ask(s)[2], b"old 1")
        reload(server, site(server.folder, "new", connection={"limits": {"requests": 2}}))
        status, fields, body = ask(s)
        equal((fields.get("connection"), body), ("close", b"new 2"))


def test_the_level_of_the_log_follows():
    with saying() as server:
        config = site(server.folder, "new")
        config["daemon"]["log_level"] = "debug"
        reload(server, config)
        server.get("/")
        server.wait_for_log('"GET / HTTP/1.1": 200')


def test_a_stop_finishes_what_began_before_a_reload():
    with saying() as server, server.connect() as slow:
        slow.sendall(request("/slow"))
        time.sleep(0.1)
        reload(server, site(server.folder, "new"))
        server.process.send_signal(signal.SIGTERM)
        status, fields, body = read_response(slow)
        equal((status, fields.get("connection"), body), (200, "close", b"old 1"))
        equal(server.process.wait(20), 0)
        contains(server.log(), "closed old")
        contains(server.log(), "closed new")


def test_a_hundred_reloads_leave_nothing_behind():
    def descriptors(server):
        with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children", encoding="ascii") as f:
            return len(os.listdir(f"/proc/{f.read().split()[0]}/fd"))

    with saying() as server, server.connect() as s:
        equal(ask(s)[0], 200)
        reload(server, site(server.folder, "n"))
        before = descriptors(server)
        for i in range(100):
            reload(server, site(server.folder, f"n{i}"))
        equal(ask(s)[2], b"n99 2")
        wait_until(lambda: server.log().count("closed ") == 101, "all but the last are closed")
        equal(descriptors(server), before)


def test_a_module_whose_file_has_changed_is_named_once():
    with saying() as server:
        file = server.folder + "/says.so"
        reload(server, site(server.folder, "new"))
        assert "has changed since" not in server.log(), server.log()
        os.utime(file, (1, 1))
        reload(server, site(server.folder, "newer"))
        server.wait_for_log('the file of module "says" (' + os.path.realpath(file) + ") has changed since it was loaded")
        reload(server, site(server.folder, "newest"))
        equal(server.log().count("has changed since"), 1)


def test_a_process_without_workers_reads_its_configuration_again():
    with saying(daemon={"workers": 0}) as server, server.connect() as slow, server.connect() as s:
        equal(ask(s)[2], b"old 1")
        slow.sendall(request("/slow"))
        time.sleep(0.1)
        reload(server, site(server.folder, "new", daemon={"workers": 0}))
        equal(ask(s)[2], b"new 2", "the connection goes on")
        equal(read_response(slow)[2], b"old 3")
        server.wait_for_log("closed old")
        for i in range(10):
            reload(server, site(server.folder, f"n{i}", daemon={"workers": 0}))
        equal(ask(s)[2], b"n9 4")


def test_a_process_without_workers_goes_on_with_what_it_has():
    with saying(daemon={"workers": 0}) as server, server.connect() as s:
        wrong = site(server.folder, "new", daemon={"workers": 0})
        reload(server, {**wrong, "nonsense": 1, "nowhere": 2}, NOT_TAKEN)
        contains(server.log(), '"nonsense"')
        contains(server.log(), '"nowhere"')
        reload(server, site(server.folder, "bad", daemon={"workers": 0}), NOT_TAKEN)
        contains(server.log(), "this text cannot be opened")
        equal(ask(s)[2], b"old 1")
        reload(server, site(server.folder, "new", daemon={"workers": 0}))
        equal(ask(s)[2], b"new 2")


def test_a_process_without_workers_adds_and_removes_listeners():
    with saying(daemon={"workers": 0}) as server, server.connect() as s:
        first = site(server.folder, "two", daemon={"workers": 0})["connection"]
        with socket.create_server(("127.0.0.2", 0)) as free:
            port = free.getsockname()[1]
        hosts = [first, {"host": "127.0.0.2", "port": port}]
        reload(server, {**site(server.folder, "two", daemon={"workers": 0}), "connection": hosts})
        with socket.create_connection(("127.0.0.2", port), 10) as other:
            equal(ask(other)[2], b"two 1")
            reload(server, site(server.folder, "one", daemon={"workers": 0}))
            equal(ask(other)[1].get("connection"), "close")
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), 1):
            raise AssertionError("nobody is to listen there")
        equal(ask(s)[2], b"one 3")


if __name__ == "__main__":
    main()
