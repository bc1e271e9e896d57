# SPDX-License-Identifier: MIT
"""What the system tests share: a daemon of their own, raw connections, TAP."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ.get("MPX_BUILD", os.getcwd())
SOURCE = os.environ.get("MPX_SOURCE", os.getcwd())
CC = os.environ.get("MPX_CC", "cc").split()
SANITIZERS = os.environ.get("MPX_SANITIZERS") == "1"
PROGRAM = os.path.join(BUILD, "multiplexd")
MODULES = [os.path.join(BUILD, "modules/.libs"), os.path.join(BUILD, "tests/modules/.libs")]
IS_ROOT = os.geteuid() == 0
UNDER = os.environ.get("MPX_UNDER", "").split()  # a program that daemons are run by: valgrind
CHOSEN = os.environ.get("MPX_TESTS", "")         # a pattern: only tests whose names it finds are run
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"


# a tree that root alone can read has to be tried as root: nobody, who would try it else, cannot
AS_ROOT = ("-u", "root") if IS_ROOT and subprocess.run(
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "test", "-r", PROGRAM],
    stderr=subprocess.DEVNULL, check=False).returncode != 0 else ()


class Skip(Exception):
    """This test cannot run here, for the reason given."""


def need(condition, reason):
    if not condition:
        raise Skip(reason)


def equal(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} is not {wanted!r}")


def contains(text, part, what=""):
    if part not in text:
        raise AssertionError(f"{what}: {part!r} is not in {text!r}")


def run_tests(module):
    """Runs every test_... function of the caller's module in the order of the file."""
    tests = [f for n, f in module.items() if n.startswith("test_") and re.search(CHOSEN, n)]
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = test.__name__[5:].replace("_", " ")
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            if os.environ.get("CI") == "true":
                print(f"not ok {number} - {name}: skipped: {why}", flush=True)
            else:
                print(f"ok {number} - {name} # SKIP skipped: {why}", flush=True)
        except BaseException:
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} - {name}", flush=True)


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="multiplexd-test-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write(path, content, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    os.chmod(path, mode)
    return path


def run(*arguments, as_given=False, **more):
    """The program, to its end: (exit status, standard output, standard error)."""
    named = as_given or "-u" in arguments or not {"--test", "--modules", "-c"} & set(arguments)
    own = () if named else AS_ROOT
    done = subprocess.run([PROGRAM, *own, *arguments], capture_output=True, text=True, timeout=120, **more)
    return done.returncode, done.stdout, done.stderr


def configuration(vhosts, daemon=None, connection=None, **sections):
    """A configuration for this build, on a port that the kernel chooses."""
    daemon = {"module_path": MODULES, **(daemon or {})}
    if IS_ROOT:
        daemon.setdefault("user", "root")
    connection = {"host": "127.0.0.1", "port": 0, **(connection or {})}
    return {"daemon": daemon, "connection": connection, "vhosts": vhosts, **sections}


def blocks(name, language):
    """The texts that a page shows in a language."""
    with open(os.path.join(SOURCE, name), encoding="utf-8") as f:
        return re.findall(rf"^```{language}\n(.*?)^```$", f.read(), re.M | re.S)


def beneath(where, text):
    """A configuration that is shown, with its folders moved into one of ours, where they are made."""
    for path in sorted(set(re.findall(r'"(/(?:srv|var|run|home)[^"$*]*)"', text))):
        os.makedirs(where + (path if path.startswith("/srv") else os.path.dirname(path)), exist_ok=True)
    return re.sub(r'"(/(?:srv|var|run|home))', rf'"{where}\1', text)


def example_of(module, where):
    """The first configuration that the page of a module shows, to be served by a daemon of ours; its folders lie in where."""
    write(where + "/shown.json", beneath(where, blocks(f"docs/modules/{module}.md", "json")[0]))
    config = configuration({})
    del config["vhosts"]
    return {"include": where + "/shown.json", **config}


class Server:
    """A running daemon."""

    def __init__(self, where, config, arguments=(), program=PROGRAM, **more):
        self.config = write(os.path.join(where, "site.json"), json.dumps(config, indent=2))
        self.errors = os.path.join(where, "stderr")
        with open(self.errors, "wb") as stderr:
            self.process = subprocess.Popen([*UNDER, program, "-c", self.config, *arguments],
                                            stdout=subprocess.PIPE, stderr=stderr, **more)
        self.ready = self.process.stdout.readline().decode()
        found = re.search(r"http://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)/", self.ready)
        if not found:
            self.process.wait(10)
            raise AssertionError(f"no start: {self.ready!r} {self.log()}")
        self.port = int(found.group(1))

    def log(self):
        with open(self.errors, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for_log(self, text, seconds=5):
        end = time.monotonic() + seconds
        while text not in self.log():
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} does not come: {self.log()}")
            time.sleep(0.02)

    def wait_for_status(self, path, status, seconds=5):
        """A change on disk is seen within a second or so."""
        end = time.monotonic() + seconds
        while self.get(path)[0] != status:
            if time.monotonic() > end:
                raise AssertionError(f"{path} does not become {status}")
            time.sleep(0.05)

    def worker(self):
        """The pid of the worker."""
        return self.workers()[0]

    def workers(self):
        """The pids of all of them."""
        out = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in out.stdout.split()]

    def connect(self, timeout=10):
        s = socket.create_connection(("127.0.0.1", self.port), timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def get(self, path, **more):
        """One request on a connection of its own: (status, fields, body)."""
        with self.connect() as s:
            s.sendall(request(path, **more))
            return read_response(s, more.get("method") == "HEAD")

    def stop(self, wanted=0):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("it does not stop")
        self.process.stdout.close()
        if wanted is not None:
            equal(status, wanted, "exit status: " + self.log())


def for_nobody(where, config, *more):
    """What user nobody needs to run the program: copies, since the build tree may be root's alone."""
    program = write(where + "/bin/multiplexd", open(PROGRAM, "rb").read(), 0o755)
    for name in ("static.so", "accesslog.so", *more):
        write(f"{where}/mod/{name}", open(f"{MODULES[0]}/{name}", "rb").read(), 0o755)
    config["daemon"].update({"user": "nobody", "module_path": where + "/mod"})
    return program


@contextlib.contextmanager
def serving(config, arguments=(), **more):
    """A daemon for the length of a block; with a folder of its own as .folder."""
    with folder() as where:
        server = Server(where, config, arguments, **more)
        server.folder = where
        try:
            yield server
        except BaseException:
            for line in server.log().splitlines():
                print(f"# log: {line}")
            server.stop(None)
            raise
        if server.process.poll() is None:
            server.stop()


HELLO = os.path.join(SOURCE, "docs/examples/hello/hello.c")


def compile_module(where, name, text, *flags):
    source = write(f"{where}/src/{name}.c", text)
    out = f"{where}/{name}.so"
    sanitize = ["-fsanitize=address,undefined"] if SANITIZERS else []
    subprocess.run([*CC, "-shared", "-fPIC", "-w", "-I", SOURCE + "/include", *sanitize, *flags, source, "-o", out],
                   check=True)
    return out


def hello(name="hello"):
    with open(HELLO, encoding="ascii") as f:
        return f.read().replace("MODULE(hello)", f"MODULE({name})").replace("HEADER(hello", f"HEADER({name}")


def module_with(where, name, member, text):
    """Compiles hello.c with that in its open() or check()."""
    source = "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n" + hello(name)
    source = source.replace("MPX_MODULE", f"static int {member}(struct mpx_conf *c, void *d) {{ {text} }}\nMPX_MODULE")
    compile_module(where, name, source.replace(".options = options", f".{member} = {member}, .options = options"))


def request(path, method="GET", host="localhost", fields=(), body=b"", version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def read_until(s, buffer, mark):
    while mark not in buffer:
        part = s.recv(65536)
        if not part:
            raise AssertionError(f"the connection ended after {bytes(buffer)!r}")
        buffer += part
    at = buffer.index(mark) + len(mark)
    head = bytes(buffer[:at])
    del buffer[:at]
    return head


def read_response(s, is_head=False, buffer=None):
    """(status, fields with names in lower case, body)."""
    buffer = bytearray() if buffer is None else buffer
    lines = read_until(s, buffer, b"\r\n\r\n").decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    fields = {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines[1:] if line)}
    if is_head or status in (204, 304):
        return status, fields, b""
    if fields.get("transfer-encoding") == "chunked":
        body = bytearray()
        while True:
            size = int(read_until(s, buffer, b"\r\n"), 16)
            while len(buffer) < size + 2:
                part = s.recv(65536)
                assert part, "the connection ended inside a chunk"
                buffer += part
            body += buffer[:size]
            del buffer[:size + 2]
            if size == 0:
                return status, fields, bytes(body)
    length = int(fields["content-length"]) if "content-length" in fields else None
    while length is None or len(buffer) < length:
        part = s.recv(1 << 20)
        if not part:
            assert length is None, f"the connection ended after {len(buffer)} of {length} bytes"
            length = len(buffer)
            break
        buffer += part
    body = bytes(buffer[:length])
    del buffer[:length]
    return status, fields, body


def main():
    run_tests(sys.modules["__main__"].__dict__)
