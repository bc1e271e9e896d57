# SPDX-License-Identifier: MIT
"""Under systemd, or what does as it does: sockets that are passed, what the service manager is told, units."""
import contextlib
import ctypes
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import time

from harness import *

ACTIVATE = "/usr/bin/systemd-socket-activate"


def free_ports(count):
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in taken]
    for s in taken:
        s.close()
    return ports


def site(connection, **daemon):
    config = configuration({"modules": "probe"}, daemon=daemon)
    config["connection"] = connection
    return config


def as_systemd(passed, names, command, **more):
    """Runs a command with sockets as descriptors from 3 on, as systemd does."""
    base = 3

    def place():
        copies = [os.dup2(s.fileno(), 200 + i, inheritable=False) for i, s in enumerate(passed)]
        for i, copy in enumerate(copies):
            os.dup2(copy, base + i)
        if names is not None:
            os.environ.update({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": names,
                               **more.get("env", {})})
            os.execvp(command[0], command)
    return subprocess.Popen(command, preexec_fn=place, close_fds=False, stdout=subprocess.PIPE, **more)


@contextlib.contextmanager
def passed_to(config, passed, names, **more):
    """A daemon with those sockets; .ready, .log() and .folder."""
    with folder() as where:
        errors = where + "/stderr"
        with open(errors, "wb") as stderr:
            process = as_systemd(passed, names, [PROGRAM, "-c", write(where + "/site.json", json.dumps(config))], stderr=stderr, **more)
        server = Server.__new__(Server)
        server.process, server.errors, server.folder = process, errors, where
        server.ready = process.stdout.readline().decode()
        try:
            yield server
        finally:
            if process.poll() is None:
                server.stop()
            process.stdout.close()


def ask(port, path="/expand?$server_port"):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(request(path))
        return read_response(s)


def why_not(config, passed=(), names=None):
    """What is said when it cannot start with these."""
    with passed_to(config, passed, names) as server:
        equal(server.ready, "")
        equal(server.process.wait(20), 1)
        return server.log()


def test_sockets_of_systemd_are_served_by_their_names():
    need(os.path.exists(ACTIVATE), "the package systemd is not installed")
    with folder() as where:
        ports = free_ports(2)
        config = write(where + "/site.json", json.dumps(site([{"systemd": "http"}, {"systemd": "other"}])))
        listen = [word for port in ports for word in ("-l", f"127.0.0.1:{port}")]
        process = subprocess.Popen([ACTIVATE, *listen, "--fdname=http:other", PROGRAM, "-c", config],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 10
            while True:  # it listens soon, and starts the daemon when somebody comes
                try:
                    equal(ask(ports[0])[0], 200)
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < end, "nobody listens"
                    time.sleep(0.05)
            contains(process.stdout.readline().decode(),
                     f" at http://127.0.0.1:{ports[0]}/, http://127.0.0.1:{ports[1]}/")
            equal(ask(ports[1])[0], 200)
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()


def test_a_name_stands_for_all_its_sockets():
    with folder() as where:
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(where + "/passed.sock")
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0multiplexd-test-{os.getpid()}")
        tcp = socket.socket()
        tcp.bind(("127.0.0.1", 0))
        for s in (unix, abstract, tcp):
            s.listen(10)
        with passed_to(site({"systemd": "www"}), [unix, tcp, abstract], "www:www:www") as server:
            port = tcp.getsockname()[1]
            contains(server.ready, f" at unix:{where}/passed.sock, http://127.0.0.1:{port}/, "
                     f"unix:@multiplexd-test-{os.getpid()}")
            equal(ask(port)[0], 200)
            for address in (where + "/passed.sock", f"\0multiplexd-test-{os.getpid()}"):
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(address)
                    s.sendall(request("/expand?$remote_addr"))
                    equal(read_response(s)[2], b"unix")
            server.stop()
            assert os.path.exists(where + "/passed.sock"), "the socket is not ours to remove"


def test_a_listening_descriptor_is_served_and_keeps_the_rest_of_a_listener():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = site({"fd": 3, "limits": {"uri": 100}, "trust": ["127.0.0.1"], "proxy_protocol": True})
        with passed_to(config, [listening], None) as server:
            port = listening.getsockname()[1]
            contains(server.ready, f" at http://127.0.0.1:{port}/")
            with socket.create_connection(("127.0.0.1", port), 10) as s:
                s.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n" + request("/expand?$remote_addr"))
                equal(read_response(s)[2], b"192.0.2.7")
                s.sendall(request("/" + "x" * 200))
                equal(read_response(s)[0], 414)


def test_a_socket_that_is_passed_outlives_a_worker_and_the_daemon():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        for _ in range(2):
            with passed_to(site({"systemd": "http"}), [listening], "http") as server:
                equal(ask(port)[0], 200)
                os.kill(server.worker(), 9)
                equal(ask(port)[0], 200)
        waiting = socket.create_connection(("127.0.0.1", port), 10)  # between two daemons
        waiting.sendall(request("/expand?x"))
        with passed_to(site({"systemd": "http"}), [listening], "http"):
            equal(read_response(waiting)[2], b"x")
        waiting.close()


def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are():
    with socket.create_server(("127.0.0.1", 0)) as s:
        contains(why_not(site({"systemd": "web"}), [s, s, s], "http:https:http"),
                 "multiplexd: cannot listen on systemd's socket \"web\": systemd passed only \"http\", \"https\": name one of "
                 "these, or set FileDescriptorName= in the unit")
    contains(why_not(site({"systemd": "web"})), "systemd passed no sockets: start multiplexd by its socket unit")


def test_a_descriptor_that_is_no_listening_stream_socket_is_an_error_that_names_it():
    with socket.socket() as quiet, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, open("/dev/null", "rb") as f:
        cases = ((quiet, "is a socket that does not listen"), (datagrams, "is not a stream socket"), (f, "is not a socket"))
        for what, fault in cases:
            contains(why_not(site({"fd": 3}), [what]), f"multiplexd: cannot listen on descriptor 3: it {fault}: ")
        contains(why_not(site({"systemd": "http"}), [datagrams], "http"),
                 "cannot listen on systemd's socket \"http\": it is not a stream socket")
    contains(why_not(site({"fd": 99})), "cannot listen on descriptor 99: it was not open when multiplexd was started")


def test_sockets_that_no_listener_has_are_told():
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        with passed_to(site([{"systemd": "http"}, {"fd": 5}]), [a, b, a], "http:admin:more") as server:
            server.wait_for_log("systemd passed sockets that no listener has: \"admin\": add ")


def test_a_passed_socket_has_no_address_of_its_own():
    with folder() as where:
        path = write(where + "/site.json", json.dumps(site(
            [{"systemd": "http", "port": 80, "listen": 5}, {"fd": 4, "unix": "x", "systemd": "x"}, {"fd": 2}, {"systemd": "a:b"},
             {"systemd": "http"}, {"systemd": "x", "mode": "0660"}, {"systemd": ""}])))
        status, _, err = run("--test", "-c", path)
    equal(status, 1)
    for key, other in (("port", "systemd"), ("listen", "systemd"), ("unix", "fd"), ("systemd", "fd"), ("mode", "systemd")):
        contains(err, f"\"{key}\" cannot stand here: the listener has \"{other}\", a socket that is made elsewhere")
    contains(err, "/connection/2/fd must be a number from 3 to 1023, not 2")
    equal(err.count("must be the FileDescriptorName of a socket unit"), 2)


def test_a_check_needs_no_sockets():
    with folder() as where:
        path = write(where + "/site.json", json.dumps(site([{"systemd": "http"}, {"fd": 7}])))
        equal(run("--test", "-c", path)[0], 0)
        path = write(where + "/twice.json", json.dumps(site([{"systemd": "http"}, {"systemd": "http"}])))
        status, _, err = run("--test", "-c", path)
        equal(status, 1)
        contains(err, "this address is listened on already")


class Manager:
    """A service manager that hears what a daemon tells it."""

    def __init__(self, where, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"multiplexd-notify-{os.getpid()}"
        self.socket.bind("\0" + name if abstract else f"{where}/notify")
        self.socket.settimeout(10)
        self.environment = {**os.environ, "NOTIFY_SOCKET": "@" + name if abstract else f"{where}/notify"}

    def hear(self):
        """The next message, as a dictionary."""
        text = self.socket.recv(8192).decode()
        return dict(line.split("=", 1) for line in text.splitlines())

    def hear_until(self, key):
        while key not in (message := self.hear()):
            pass
        return message

    def hears_nothing(self, seconds):
        self.socket.settimeout(seconds)
        try:
            raise AssertionError(f"it hears {self.hear()}")
        except TimeoutError:
            self.socket.settimeout(10)


def check_steps(workers, abstract):
    with folder() as where:
        manager = Manager(where, abstract)
        server = Server(where, configuration({"modules": "probe"}, daemon={"workers": workers}), env=manager.environment)
        ready = manager.hear()
        equal((ready["READY"], ready["MAINPID"]), ("1", str(server.process.pid)))
        equal(ready["STATUS"], f"serves {where}/site.json at http://127.0.0.1:{server.port}/")
        server.process.terminate()
        equal(manager.hear()["STOPPING"], "1")
        equal(server.process.wait(20), 0)
        server.process.stdout.close()


def test_the_service_manager_is_told_when_it_serves_and_when_it_stops():
    check_steps(1, False)


def test_a_single_process_tells_the_same_and_the_address_may_be_abstract():
    check_steps(0, True)


def test_the_service_manager_is_told_why_it_cannot_start():
    with folder() as where, socket.create_server(("127.0.0.1", 0)) as taken:
        manager = Manager(where)
        port = taken.getsockname()[1]
        cases = (({"host": "127.0.0.1", "port": port}, "98",
                  f"cannot listen on 127.0.0.1:{port}: Address already in use: stop the process that has it, or choose "
                  "another port"),
                 ({"por": 1}, "22", "the configuration is wrong: the log says how"))
        for connection, number, why in cases:
            path = write(where + "/site.json", json.dumps(site(connection)))
            equal(run("-c", path, env=manager.environment)[0], 1)
            equal(manager.hear(), {"ERRNO": number, "STATUS": why})
        config = configuration({"modules": "refuse", "refuse": "open"})
        equal(run("-c", write(where + "/site.json", json.dumps(config)), env=manager.environment)[0], 1)
        contains(manager.hear()["STATUS"], ": the log says")


def test_workers_have_no_descriptor_but_the_sockets_they_serve():
    need(IS_ROOT, "only root sees the descriptors of a process that has changed its rights")
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b, open("/etc/passwd", "rb") as f:
        with passed_to(site({"systemd": "http"}), [a, b, f], "http:admin:file") as server:
            links = [os.readlink(p) for p in glob.glob(f"/proc/{server.worker()}/fd/*")]
            assert "/etc/passwd" not in links, links
            inode = {s: f"socket:[{os.fstat(s.fileno()).st_ino}]" for s in (a, b)}
            equal([links.count(inode[a]), links.count(inode[b])], [1, 0])
            equal(ask(a.getsockname()[1], "/expand?x")[2], b"x")


class Journal:
    """A journald that keeps what it hears, as dictionaries."""

    def __init__(self, path):
        self.path = path
        self.socket = None
        self.listen()

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(10)

    def go_away(self):
        self.socket.close()
        os.unlink(self.path)

    def hear(self):
        data, ancillary, _, _ = socket.recv_fds(self.socket, 1 << 20, 1)
        if ancillary:
            with open(ancillary[0], "rb") as f:
                f.seek(0)
                data = f.read()
        return dict(line.split("=", 1) for line in data.decode().splitlines())

    def hear_until(self, text):
        while text not in (entry := self.hear())["MESSAGE"]:
            pass
        return entry


def test_errors_reach_journald_with_fields_of_their_own():
    with folder() as where:
        journal = Journal(where + "/journal")
        config = configuration({"name": "www.example", "modules": "evil"}, daemon={"log": "journald:" + journal.path})
        with serving(config) as server:
            equal(server.get("/end-twice", host="www.example")[0], 500)
            entry = journal.hear_until("")
            while "MULTIPLEXD_REQUEST" not in entry:
                entry = journal.hear()
            equal((entry["MULTIPLEXD_VHOST"], entry["MULTIPLEXD_MODULE"], entry["SYSLOG_IDENTIFIER"]),
                  ("www.example", "evil", "multiplexd"))
            assert re.fullmatch("[0-9a-f]{16}", entry["MULTIPLEXD_REQUEST"]), entry
            assert entry["PRIORITY"] in "34", entry
            os.kill(server.worker(), 9)  # what the supervisor says goes there, too
            equal(journal.hear_until("a worker died")["PRIORITY"], "3")


def test_access_lines_reach_journald():
    with folder() as where:
        journal = Journal(where + "/journal")
        vhost = {"documents": where, "accesslog": {"file": "journald:" + journal.path, "format": "$status $path"}}
        with serving(configuration(vhost)) as server:
            server.get("/none")
            entry = journal.hear()
            equal((entry["MESSAGE"], entry["PRIORITY"]), ("404 /none", "6"))


def test_a_journald_that_is_away_costs_lines_and_no_requests():
    with folder() as where:
        journal = Journal(where + "/journal")
        vhost = {"documents": where, "accesslog": {"file": "journald:" + journal.path, "format": "$path"}}
        with serving(configuration(vhost)) as server:
            server.get("/before")
            equal(journal.hear()["MESSAGE"], "/before")
            journal.go_away()
            for _ in range(20):
                equal(server.get("/lost")[0], 404)
            server.wait_for_log(f'lines for "journald:{journal.path}" were lost: No such file or directory')
            journal.listen()
            server.get("/again")
            equal(journal.hear()["MESSAGE"], "/again")
            equal(journal.hear()["MESSAGE"], "20 lines were lost here")


def test_a_full_disk_loses_lines_and_logs_go_on_when_there_is_room():
    need(IS_ROOT, "only root mounts")
    with folder() as where:
        os.mkdir(where + "/small")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", where + "/small"], check=False,
                              capture_output=True)
        need(done.returncode == 0, "nothing may be mounted here")
        try:
            log = where + "/small/access.log"
            vhost = {"documents": where, "accesslog": {"file": log, "format": "$path"}}
            with serving(configuration(vhost)) as server:
                with server.connect() as s:
                    for _ in range(100):
                        s.sendall(request("/" + "x" * 2000))
                        equal(read_response(s)[0], 404)
                server.wait_for_log(f'lines for "{log}" were lost: No space left on device')
                os.truncate(log, 0)
                server.get("/again")
                end = time.monotonic() + 5
                while b"/again\n" not in (text := open(log, "rb").read()) or b" lines were lost here\n" not in text:
                    assert time.monotonic() < end, text[-200:]
                    server.get("/again")
                    time.sleep(0.05)
        finally:
            subprocess.run(["umount", "-l", where + "/small"], check=True)


def fill(fd):
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"x")
    os.set_blocking(fd, True)


def replaced_when_killed(server):
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    end = time.monotonic() + 5
    while server.workers() in ([], [worker]):
        assert time.monotonic() < end, "it is not replaced"
        time.sleep(0.02)
    equal(server.get("/none")[0], 404)


def test_a_log_that_nobody_reads_keeps_no_worker_from_being_replaced():
    with folder() as where:
        os.mkfifo(where + "/log")
        fifo = os.open(where + "/log", os.O_RDWR)
        ends = os.pipe()
        for log, pipe, more in ((where + "/log", fifo, {}), ("stderr", ends[1], {"preexec_fn": lambda: os.dup2(ends[1], 2)})):
            with serving(configuration({"documents": where}, daemon={"log": log}), **more) as server:
                fill(pipe)
                replaced_when_killed(server)


def test_a_log_that_is_gone_keeps_no_worker_from_being_replaced():
    with folder() as where:
        os.mkdir(where + "/logs")
        log = where + "/logs/access"
        with serving(configuration({"documents": where, "accesslog": {"file": log}})) as server:
            equal(server.get("/none")[0], 404)
            shutil.rmtree(where + "/logs")
            replaced_when_killed(server)
            server.wait_for_log(f'cannot log to "{log}": No such file or directory: what comes for it is lost')
            os.mkdir(where + "/logs")
            server.process.send_signal(signal.SIGUSR1)
            end = time.monotonic() + 5
            while not os.path.exists(log) or os.path.getsize(log) == 0:
                assert time.monotonic() < end, "it is not opened again"
                server.get("/again")
                time.sleep(0.05)


def in_another_dev(dev):
    """In a child: /dev is that folder, with the little that is needed there."""
    equal(ctypes.CDLL(None).unshare(0x20000), 0)  # CLONE_NEWNS
    subprocess.run(["sh", "-ec", """mount --make-rprivate /
                                    for f in null urandom; do touch $0/$f; mount --bind /dev/$f $0/$f; done
                                    mount --rbind $0 /dev""", dev], check=True)


def test_neither_does_a_syslog_that_nobody_reads():
    need(IS_ROOT and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0, "nothing may be mounted here")
    with folder() as where:
        os.mkdir(where + "/dev")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as more:
            log.bind(where + "/dev/log")
            log.settimeout(10)
            with serving(configuration({"documents": where}, daemon={"log": "syslog:daemon"}),
                         preexec_fn=lambda: in_another_dev(where + "/dev")) as server:
                os.kill(server.worker(), signal.SIGKILL)
                text = log.recv(1 << 16).decode()
                assert re.fullmatch(r"<27>\w{3} [ \d]\d [\d:]{8} multiplexd: .* error: a worker died: .*", text), text
                while server.get("/none")[0] != 404:
                    pass
                more.connect(where + "/dev/log")
                fill(more.fileno())
                replaced_when_killed(server)


def test_the_watchdog_hears_of_loops_that_turn_and_of_no_other():
    for workers in (2, 0):
        with folder() as where:
            manager = Manager(where)
            manager.environment["WATCHDOG_USEC"] = "200000"
            config = configuration({"modules": "crash"}, daemon={"workers": workers, "watchdog": {"kill": "8s"}})
            server = Server(where, config, env=manager.environment)
            for _ in range(3):
                equal(manager.hear_until("WATCHDOG"), {"WATCHDOG": "1"})
            s = server.connect()
            s.sendall(request("/content/loop"))  # for ever
            quiet, end = False, time.monotonic() + 30
            while not quiet:
                assert time.monotonic() < end, "it is still called alive"
                manager.socket.settimeout(1)
                try:
                    manager.hear()
                except TimeoutError:
                    quiet = True
            s.close()
            children = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=False)
            for pid in [server.process.pid, *map(int, children.stdout.split())]:
                os.kill(pid, 9)
            server.process.wait(10)
            server.process.stdout.close()


def test_a_reload_is_told_and_what_came_of_it():
    with folder() as where:
        manager = Manager(where)
        config = configuration({"modules": "probe"})
        server = Server(where, config, env=manager.environment)
        manager.hear_until("READY")
        for vhosts, status in (({"modules": "probe"}, "serves, with its configuration read again"),
                               ({"modulse": "probe"}, "serves on: another configuration was not taken, the log says why")):
            write(server.config, json.dumps({**config, "vhosts": vhosts}))
            server.process.send_signal(1)
            begun = manager.hear()
            equal(begun["RELOADING"], "1")
            assert 0 < int(begun["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, begun
            ended = manager.hear()
            equal((ended["READY"], ended["MAINPID"], ended["STATUS"]), ("1", str(server.process.pid), status))
        server.stop()


def test_passed_sockets_stay_through_reloads_also_while_no_listener_has_them():
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        ports = [s.getsockname()[1] for s in (a, b)]
        both, one = site([{"systemd": "a"}, {"systemd": "b"}], workers=2), site({"systemd": "a"}, workers=2)
        with passed_to(both, [a, b], "a:b") as server:
            kept = socket.create_connection(("127.0.0.1", ports[0]), 10)
            kept.sendall(request("/expand?1"))
            equal(read_response(kept)[2], b"1")
            for config, text in ((one, "listeners removed: http://127.0.0.1:%d/" % ports[1]),
                                 (both, "listeners added: http://127.0.0.1:%d/" % ports[1])):
                write(server.folder + "/site.json", json.dumps(config))
                server.process.send_signal(1)
                server.wait_for_log(text)
                kept.sendall(request("/expand?2"))
                equal(read_response(kept)[2], b"2")
            contains(server.log(), 'systemd passed sockets that no listener has: "b"')
            for port in ports:
                equal(ask(port)[0], 200)
            kept.close()


def test_another_image_has_the_passed_sockets_and_the_service_manager():
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b, folder() as where:
        manager = Manager(where)
        both, one = site([{"systemd": "a"}, {"systemd": "b"}]), site({"systemd": "a"})
        with passed_to(one, [a, b], "a:b", env=manager.environment) as server:
            ready = manager.hear_until("READY")
            server.process.send_signal(signal.SIGUSR2)
            equal(manager.hear_until("RELOADING")["STATUS"], "another image takes over")
            equal(manager.hear_until("READY"), ready)
            write(server.folder + "/site.json", json.dumps(both))  # b was never used
            server.process.send_signal(signal.SIGHUP)
            equal(manager.hear_until("READY")["STATUS"], "serves, with its configuration read again")
            for s in (a, b):
                equal(ask(s.getsockname()[1])[0], 200)
            server.process.terminate()
            manager.hear_until("STOPPING")
            equal(server.process.wait(20), 0)


def test_the_limit_of_descriptors_is_raised_as_far_as_it_goes():
    with open("/proc/self/status", encoding="ascii") as f:
        may_raise = int(re.search(r"CapEff:\s+(\w+)", f.read()).group(1), 16) >> 24 & 1  # CAP_SYS_RESOURCE
    config = configuration({"modules": "probe"}, connection={"limits": {"connections": 3000}})
    with folder() as where:
        path = write(where + "/site.json", json.dumps(config))
        for command, wanted in ((["prlimit", "--nofile=500:1000"], 3064 if may_raise else 1000), (["prlimit", "--nofile=500:4000"], 4000)):
            with open(where + "/stderr", "wb") as stderr:
                process = subprocess.Popen([*command, PROGRAM, "-c", path], stdout=subprocess.PIPE, stderr=stderr)
            assert process.stdout.readline()
            children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
            for pid in (process.pid, int(children.stdout.split()[0])):
                with open(f"/proc/{pid}/limits", encoding="ascii") as f:
                    contains(f.read(), f"Max open files            {wanted} ")
            process.terminate()
            equal(process.wait(20), 0)
            process.stdout.close()
            with open(where + "/stderr", encoding="utf-8") as f:
                equal("limits.connections ask for" in f.read(), wanted < 3064)


def test_too_few_descriptors_are_told_at_the_start_for_each_worker():
    bounds = ["setpriv", "--bounding-set=-sys_resource"] if IS_ROOT else []
    for workers, each in ((1, ""), (2, " in each worker")):
        config = configuration({"modules": "probe"}, daemon={"workers": workers}, connection={"limits": {"connections": 3000}})
        with folder() as where:
            path = write(where + "/site.json", json.dumps(config))
            with open(where + "/stderr", "wb") as stderr:
                process = subprocess.Popen(["prlimit", "--nofile=500:1000", *bounds, PROGRAM, "-c", path],
                                           stdout=subprocess.PIPE, stderr=stderr)
            assert process.stdout.readline()
            process.terminate()
            equal(process.wait(20), 0)
            process.stdout.close()
            with open(where + "/stderr", encoding="utf-8") as f:
                contains(f.read(), f"limits.connections ask for 3064 descriptors{each} but there are 1000: raise the limit "
                         "(ulimit -n, LimitNOFILE) or lower limits.connections")


EXAMPLES = sorted(glob.glob(os.path.join(SOURCE, "conf/examples/*.json")))


def example(path, where):
    """A configuration that is installed as an example, its folders and ports moved, for this build."""
    with open(path, encoding="utf-8") as f:
        shown = re.sub(r'"port": \d+', '"port": 0', beneath(where, f.read()))
    if not IS_ROOT:  # who cannot give a socket away
        shown = re.sub(r', "owner": "[^"]+"', "", shown)
    for name in re.findall(r'"documents": "([^"]+)"', shown):
        write(name + "/index.html", "the first page")
    config = {"include": write(where + "/shown.json", shown), "daemon": {"module_path": MODULES}}
    return write(where + "/site.json", json.dumps(config)), shown


def test_each_example_is_without_a_mistake():
    assert len(EXAMPLES) >= 7, EXAMPLES
    for path in EXAMPLES:
        with folder() as where:
            config, _ = example(path, where)
            equal(run("--test", "-c", config, "-u", "root") if IS_ROOT else run("--test", "-c", config),
                  (0, f"{config}: nothing is wrong\n", ""), path)


def test_each_example_serves_its_first_page():
    for path in EXAMPLES:
        with folder() as where, socket.create_server(("127.0.0.1", 0)) as passed:
            config, shown = example(path, where)
            program, user = PROGRAM, ("-u", "root") if IS_ROOT else ()
            if IS_ROOT and '"user_dirs"' in shown:  # not as root; and nobody may not reach the build
                reachable = {"daemon": {}}
                program, user = for_nobody(where, reachable, "userdir.so"), ("-u", "nobody")
                with open(config, encoding="utf-8") as f:
                    write(config, f.read().replace(json.dumps(MODULES), json.dumps(reachable["daemon"]["module_path"])))
            command = [program, "-c", config, *user]
            with open(where + "/stderr", "wb") as stderr:
                process = as_systemd([passed], "http" if '"systemd"' in shown else None, command, stderr=stderr)
            try:
                ready = process.stdout.readline().decode()
                with open(where + "/stderr", encoding="utf-8") as f:
                    assert ready, f"{path}: {f.read()}"
                port = int(re.search(r"http://[^/]*:(\d+)/", ready).group(1))
                with socket.create_connection(("127.0.0.1", port), 10) as s:
                    name = re.search(r'"name": "([^"]+)"', shown)
                    host = name.group(1) if name else "localhost"
                    s.sendall(request("/", host=host))
                    status, _, body = read_response(s)
                    equal((status, body), (200, b"the first page"), path)
            finally:
                process.terminate()
                equal(process.wait(20), 0, path)
                process.stdout.close()


def unit_files(where):
    """The units as make install would have them, with the program of this build as what they start."""
    for name in ("multiplexd.service", "multiplexd.socket"):
        built = os.path.join(BUILD, "conf", name)
        with open(built if os.path.exists(built) else os.path.join(SOURCE, "conf", name), encoding="utf-8") as f:
            text = f.read()
        write(f"{where}/{name}", re.sub(r"(?m)^ExecStart=\S+", "ExecStart=" + PROGRAM, text))
    return where + "/multiplexd.service", where + "/multiplexd.socket"


def unit_value(path, key):
    with open(path, encoding="utf-8") as f:
        return re.findall(rf"(?m)^{key}=(.*)$", f.read())


def tool(*command):
    found = shutil.which(command[0])
    need(found, f"{command[0]} is not installed")
    done = subprocess.run([found, *command[1:]], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def test_systemd_finds_no_fault_with_the_units():
    with folder() as where:
        equal(tool("systemd-analyze", "verify", "--man=no", *unit_files(where)), (0, ""))


def test_the_service_is_exposed_by_2_5_at_most():
    with folder() as where:
        status, text = tool("systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", unit_files(where)[0])
        equal(status, 0, text[-200:])


def test_users_and_folders_are_made_in_an_empty_root():
    with folder() as where:
        os.makedirs(where + "/etc")
        if IS_ROOT:
            status, text = tool("systemd-sysusers", "--root=" + where, os.path.join(SOURCE, "conf/multiplexd.sysusers"))
            equal(status, 0, text)
            with open(where + "/etc/passwd", encoding="utf-8") as f:
                contains(f.read(), "www-data:")
        need(IS_ROOT, "only root may make users and give folders away")
        status, text = tool("systemd-tmpfiles", "--create", "--root=" + where, os.path.join(SOURCE, "conf/multiplexd.tmpfiles"))
        equal((status, text), (0, ""))
        for path in ("/run/multiplexd", "/var/log/multiplexd", "/var/lib/multiplexd"):
            assert os.path.isdir(where + path), path


def test_logrotate_takes_its_file():
    with folder() as where:
        write(where + "/log/access.log", "a line\n")
        with open(os.path.join(SOURCE, "conf/multiplexd.logrotate"), encoding="utf-8") as f:
            conf = write(where + "/rotate", f.read().replace("/var/log/multiplexd", where + "/log"))
        status, text = tool("logrotate", "--debug", "--state", where + "/state", conf)
        equal(status, 0, text)
        contains(text, f"considering log {where}/log/access.log")
        assert "error:" not in text, text


def test_the_rights_that_the_service_leaves_it_are_enough():
    need(IS_ROOT, "only root starts with the rights of root")
    with folder() as where:
        service, _ = unit_files(where)
        left = unit_value(service, "CapabilityBoundingSet")[0].split()
        bounding = ",".join(["-all", *("+" + name[4:].lower() for name in left)])
        write(where + "/www/index.html", "served")
        write(where + "/unread.json", "{}", 0o600)
        config = configuration({"documents": where + "/www", "accesslog": where + "/log/access.log"},
                               daemon={"log": where + "/log/error.log"})
        program = for_nobody(where, config)
        os.makedirs(where + "/log")
        config["connection"] = [{"host": "127.0.0.1", "port": 80}, {"unix": where + "/www.sock", "owner": "nobody"}]
        path = write(where + "/site.json", json.dumps(config))
        ask = (f"import socket\ns = socket.create_connection(('127.0.0.1', 80), 5)\n"
               "s.sendall(b'GET / HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n')\nprint(s.makefile().read())")
        up = "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1))"  # SIOCSIFFLAGS
        script = (f"/usr/bin/python3 -c \"{up}\" || exit 77\n"
                  f"setpriv --bounding-set={bounding} --no-new-privs {program} -c {path} >{where}/out & pid=$!\n"
                  f"for i in $(seq 100); do test -s {where}/out && break; sleep 0.1; done\n"
                  f"/usr/bin/python3 -c \"{ask}\"\nkill -USR1 $pid; sleep 0.2; kill $pid; wait $pid; echo \"exit $?\"")
        status, text = tool("unshare", "-n", "sh", "-c", script)
        need(status != 77 and "unshare failed" not in text, "no network of one's own can be had here: " + text[:80])
        contains(text, "served")
        contains(text, "exit 0")
        with open(where + "/log/error.log", encoding="utf-8") as f:
            assert " error: " not in f.read()


def test_no_system_call_is_made_that_the_service_forbids():
    if SANITIZERS:
        return  # they make calls of their own, and cannot be traced
    need(shutil.which("strace"), "strace is not installed")
    with folder() as where:
        service, _ = unit_files(where)
        allowed = set()
        for words in unit_value(service, "SystemCallFilter"):
            names = names_of(words.lstrip("~"))
            allowed = allowed - names if words.startswith("~") else allowed | names
        write(where + "/www/a.txt", "x" * 100000)
        config = configuration({"documents": where + "/www", "accesslog": where + "/access.log", "directory_list": True})
        path = write(where + "/site.json", json.dumps(config))
        process = subprocess.Popen(["strace", "-f", "-qq", "-o", where + "/trace", PROGRAM, "-c", path], stdout=subprocess.PIPE)
        port = int(re.search(r":(\d+)/", process.stdout.readline().decode()).group(1))
        for target in ("/a.txt", "/", "/none", "/a.txt"):
            ask(port, target)
        with open(where + "/trace", encoding="utf-8", errors="replace") as f:
            pid = int(f.readline().split()[0])
        os.kill(pid, 1)  # the logs are opened, and the configuration is read again
        time.sleep(1)
        os.kill(pid, 15)
        equal(process.wait(60), 0)
        process.stdout.close()
        with open(where + "/trace", encoding="utf-8", errors="replace") as f:
            made = set(re.findall(r"(?m)^\d+ +(\w+)\(", f.read()))
        contains(made, "accept4")
        # these fail with EPERM there, and nothing is lost
        equal(sorted(made - allowed - {"execve"}), [])


def names_of(word, seen=None):
    """The system calls of a set such as @system-service."""
    seen = set() if seen is None else seen
    if not word.startswith("@"):
        return {word}
    if word in seen:
        return set()
    seen.add(word)
    _, text = tool("systemd-analyze", "syscall-filter", "--no-pager", word)
    lines = [line.strip() for line in text.splitlines()[1:]]
    return set().union(*(names_of(line, seen) for line in lines if line and not line.startswith("#")))


main()
