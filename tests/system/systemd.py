# SPDX-License-Identifier: MIT
"""Under systemd, or what does as it does: sockets that are passed, what the service manager is told, units."""
import contextlib
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
            os.environ.update({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": names})
            os.execvp(command[0], command)
    return subprocess.Popen(command, preexec_fn=place, close_fds=False, stdout=subprocess.PIPE, **more)


@contextlib.contextmanager
def passed_to(config, passed, names):
    """A daemon with those sockets; .ready, .log() and .folder."""
    with folder() as where:
        errors = where + "/stderr"
        with open(errors, "wb") as stderr:
            process = as_systemd(passed, names, [PROGRAM, "-c", write(where + "/site.json", json.dumps(config))], stderr=stderr)
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


main()
