# SPDX-License-Identifier: MIT
"""What the supervisor keeps, what its workers get of it, and what they can do to it."""
import os
import re
import signal
import stat
import subprocess
import time

from harness import *


def gone(pid, seconds=5):
    end = time.monotonic() + seconds
    while True:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return
        except OSError:
            return
        assert time.monotonic() < end, f"{pid} lives on"
        time.sleep(0.02)


def test_a_worker_has_the_descriptors_that_it_serves_with():
    with folder() as where:
        open(where + "/inherited", "w").close()
        inherited = os.open(where + "/inherited", os.O_RDONLY)
        config = configuration({"modules": ["hostile"]}, daemon={"pid_file": where + "/pid", "log": where + "/log"})
        server = Server(where, config, pass_fds=[inherited])
        os.close(inherited)
        found = server.get("/descriptors")[2].decode()
        server.stop()
    for name in ("/pid", "/inherited", "signalfd"):
        assert name not in found, found
    equal(found.count(where + "/log"), 1, "the log is open once: " + found)


def test_a_restart_after_kill_is_not_held_up_by_the_old_worker():
    with folder() as where:
        write(where + "/www/big", b"x" * (32 << 20))
        config = configuration({"documents": where + "/www"}, daemon={"pid_file": where + "/pid"})
        server = Server(where, config)
        with server.connect() as slow:
            slow.sendall(request("/big"))
            slow.recv(1000)
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()
            again = Server(where, config)
            equal(open(where + "/pid").read(), f"{again.process.pid}\n")
            again.stop()


def test_a_pid_file_outlives_no_start_that_failed():
    with folder() as where, socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        config = configuration({"modules": ["probe"]}, daemon={"pid_file": where + "/pid"},
                               connection={"port": s.getsockname()[1]})
        status, _, err = run("-c", write(where + "/site.json", json.dumps(config)))
        equal(status, 1)
        contains(err, "cannot listen on")
        assert not os.path.exists(where + "/pid")


def test_a_pid_file_that_became_another_ones_is_left_alone():
    with folder() as where:
        path = where + "/pid"
        with serving(configuration({"modules": ["probe"]}, daemon={"pid_file": path})):
            os.remove(path)
            write(path, "1\n")
        equal(open(path).read(), "1\n")


def test_a_process_that_gave_up_root_leaves_an_empty_pid_file():
    need(IS_ROOT, "needs root")
    with folder() as where:
        write(where + "/www/a.txt", "a")
        os.mkdir(where + "/run", 0o755)
        config = configuration({"documents": where + "/www"}, daemon={"workers": 0, "pid_file": where + "/run/pid"})
        for_nobody(where, config)
        server = Server(where, config)
        equal(open(where + "/run/pid").read(), f"{server.process.pid}\n")
        server.stop()
        equal(open(where + "/run/pid").read(), "")


def test_files_never_take_the_place_of_the_standard_descriptors():
    for shut in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        with folder() as where:
            path = where + "/pid"
            config = configuration({"modules": ["probe"]}, daemon={"pid_file": path})
            file = write(where + "/site.json", json.dumps(config))
            p = subprocess.Popen(["/bin/sh", "-c", f'exec "$0" -c "$1" {shut}', PROGRAM, file],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                end = time.monotonic() + 10
                while not os.path.exists(path) or not os.path.getsize(path):
                    assert time.monotonic() < end, "no pid file"
                    time.sleep(0.02)
                time.sleep(0.2)  # the line that tells that it is ready comes later
                equal(open(path).read(), f"{p.pid}\n", shut)
            finally:
                p.terminate()
                equal(p.wait(20), 0)


def test_signals_that_are_the_supervisors_do_not_end_a_worker():
    with serving(configuration({"modules": ["probe"]})) as server:
        worker = server.worker()
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGQUIT):
            os.kill(worker, number)
        time.sleep(0.1)
        equal(server.get("/counts")[0], 200)
        equal(server.worker(), worker)


def test_what_a_single_process_cannot_do_is_told():
    with serving(configuration({"modules": ["probe"]}, daemon={"workers": 0})) as server:
        server.process.send_signal(signal.SIGUSR2)
        server.wait_for_log('does nothing where "workers" is 0')
        equal(server.get("/counts")[0], 200)


def start_with(where, names, **more):
    config = configuration({"modules": names, **{n: {"text": "hi"} for n in names}, **more}, daemon={"module_path": [where]})
    return run("-c", write(where + "/site.json", json.dumps(config)),
               env={**os.environ, "ASAN_OPTIONS": "handle_segv=0:handle_abort=0:handle_sigill=0"})


def test_a_module_that_dies_when_it_is_opened_is_named_at_the_start():
    for deed, says in (("abort();", r"a worker died: signal 6 \(Aborted\) at .*, called from bad\.so\+0x[0-9a-f]+, "),
                       ("exit(3);", "a worker ended: exit status 3, ")):
        with folder() as where:
            module_with(where, "bad", "open", deed)
            status, out, err = start_with(where, ["bad"])
            equal((status, out), (1, ""))
            assert re.fullmatch(f'multiplexd: {says}module "bad" in its open\\(\\), virtual host "default"\n', err), err


def test_all_that_cannot_be_opened_is_told():
    with folder() as where:
        os.mkdir(where + "/logs")
        for name, text in (("one", 'return mpx_conf_error(c, "text", "the first reason");'), ("two", "return -1;"),
                           ("three", 'return mpx_conf_error(c, "", "the third reason");')):
            module_with(where, name, "open", text)
        status, out, err = start_with(where, ["one", "two", "three"])
    equal((status, out), (1, ""))
    equal(err.count(": error: "), 3, err)
    for says in ("/vhosts/0/one/text: the first reason", 'module "two" cannot be opened at /vhosts/0/two',
                 "/vhosts/0/three: the third reason"):
        contains(err, says)


def test_why_no_worker_can_start_again_is_logged_once():
    with folder() as where:
        mark = where + "/mark"
        module_with(where, "moody", "open",
                    f'if (access("{mark}", F_OK) == 0) {{ mpx_conf_error(c, "", "not now"); return -1; }} return 0;')
        config = configuration({"modules": ["moody"], "moody": {"text": "hi"}},
                               daemon={"log": where + "/error.log", "module_path": [where, *MODULES]})
        server = Server(where, config)
        write(mark, "")
        os.kill(server.worker(), signal.SIGKILL)

        def logged():
            with open(where + "/error.log", encoding="utf-8") as f:
                return f.read()

        reason = "/vhosts/0/moody: not now"
        wait_until(lambda: reason in logged(), "the reason is logged")
        contains(logged(), "site.json:")
        contains(logged(), "no worker can start; trying again")
        time.sleep(1)  # some more tries
        equal(logged().count(reason), 1, "the reason")
        equal(logged().count("a worker "), 1, logged())
        os.remove(mark)
        wait_until(lambda: "a worker serves again" in logged(), "it serves again")
        equal(server.get("/none")[0], 404)
        server.stop()


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def test_a_folder_that_is_gone_does_not_keep_a_worker_from_starting_again():
    with folder() as where:
        for name in ("one", "two"):
            write(f"{where}/{name}/a.txt", name)
        with serving(configuration([{"name": n, "documents": f"{where}/{n}"} for n in ("one", "two")])) as server:
            shutil.rmtree(where + "/one")
            os.kill(server.worker(), signal.SIGKILL)
            equal(server.get("/a.txt", host="two")[2], b"two")
            equal(server.get("/a.txt", host="one")[0], 404)


def test_a_worker_that_breaks_the_rules_is_killed():
    for deed in ("/garbage", "/large", "/open?/etc/passwd", "/read?/etc/passwd", "/open?{log}"):
        with folder() as where:
            config = configuration({"modules": ["hostile"]}, daemon={"log": where + "/log"})
            server = Server(where, config)
            before = server.worker()
            with server.connect() as s:
                s.sendall(request(deed.replace("{log}", where + "/log")))
                gone(before)
                assert b"answer" not in s.recv(1000), "it was given something"
            equal(server.get("/nothing")[0], 404, "the next worker answers")
            with open(where + "/log", encoding="utf-8") as f:
                contains(f.read(), "a worker says to its supervisor what no worker says: it is killed")
            server.stop()


def test_half_a_message_holds_up_nobody():
    with serving(configuration({"modules": ["hostile"]})) as server:
        equal(server.get("/half")[2], b"said")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("the one before goes on serving")  # who said half a word cannot be talked with
        equal(server.get("/half")[2], b"said", "another one serves")
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 5, "TERM is heard"


def test_a_worker_that_hears_nothing_is_killed_in_the_end():
    with serving(configuration({"modules": ["probe"]}, daemon={"shutdown_timeout": "100ms"})) as server:
        os.kill(server.worker(), signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        equal(server.process.wait(20), 0)
        contains(server.log(), "the worker does not stop: it is killed")


main()
