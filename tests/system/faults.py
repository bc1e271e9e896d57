# SPDX-License-Identifier: MIT
"""Every system call of the worker fails in turn, or falls short: no crash, no descriptor lost, each answer right or
its connection ended, the next connection served. The calendar's clock jumps: no time-out moves."""
import errno
import mmap
import re
import struct

from harness import *

LIBRARY = os.path.join(BUILD, "tests/faults/.libs/faults.so")
HEADER = os.path.join(SOURCE, "tests/faults/faults.h")
SHORT = -1
# What each call can fail with: of the manual pages, the errors that are not the caller's own fault.
ERRORS = {
    "recv": "EINTR EAGAIN ECONNRESET ENOMEM ENOBUFS EIO SHORT",
    "sendmsg": "EINTR EAGAIN ECONNRESET EPIPE ENOBUFS ENOMEM SHORT",
    "sendfile": "EINTR EAGAIN ECONNRESET EPIPE EIO ENOMEM SHORT",
    "accept4": "EINTR EAGAIN ECONNABORTED EMFILE ENFILE ENOBUFS ENOMEM",
    "openat2": "EINTR EAGAIN EMFILE ENFILE ENOMEM EIO",
    "fstat": "EIO ENOMEM",
    "preadv2": "EINTR EAGAIN EIO ENOMEM SHORT",
    "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait": "EINTR",
    "read": "EINTR EAGAIN",
    "write": "EINTR",
    "setsockopt": "ENOBUFS ENOMEM",
    "shutdown": "ENOBUFS ENOTCONN",
    "ioctl": "ENOMEM",
    "poll": "EINTR ENOMEM",
}
OF_ENDS = ("setsockopt", "shutdown", "poll")  # made only where a connection ends
BIG = bytes(range(256)) * 1200
SMALL = b"small"
# Connections that end: what is sent, what the client does then, the answer or 0 for none.
RUDE = [
    (b"BAD\r\n\r\nmore", "waits", 400),
    (request("/blob"), "closes its half", 200),
    (b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab", "closes its half", 0),
    (request("/sleep-long"), "resets", 0),
]


class Ended(Exception):
    """The server has closed the connection, or reset it."""


class Control:
    """The file that the library looks at: see faults.h."""

    def __init__(self, path):
        with open(HEADER, encoding="utf-8") as f:
            self.calls = re.findall(r"X\((\w+)\)", f.read().split("enum fault_call")[0].split("FAULT_CALLS(X)")[1])
        self.format = f"=6iq{len(self.calls)}Q"
        write(path, bytes(struct.calcsize(self.format)))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 0)
        self.env = {**os.environ, "LD_PRELOAD": LIBRARY, "FAULTS_CONTROL": path,
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        self.set(call=-1)

    def set(self, pid=0, main_pid=0, call=-1, nth=0, error=0, jump=0):
        self.map[:] = struct.pack(self.format, 0, 0, -1, 0, 0, 0, 0, *[0] * len(self.calls))
        whole = struct.pack(self.format, pid, main_pid, call, nth, error, 0, jump, *[0] * len(self.calls))
        self.map[4:] = whole[4:]
        self.map[:4] = whole[:4]  # last: this sets it off

    def get(self):
        """How often the fault came, and the number of calls by name."""
        values = struct.unpack(self.format, self.map[:])
        return values[5], dict(zip(self.calls, values[7:]))


def receive(s, buffer):
    try:
        part = s.recv(65536)
    except ConnectionError:
        part = b""
    if not part:
        raise Ended
    buffer += part


def take(s, buffer, count):
    while len(buffer) < count:
        receive(s, buffer)
    taken = bytes(buffer[:count])
    del buffer[:count]
    return taken


def take_line(s, buffer):
    while b"\r\n" not in buffer:
        receive(s, buffer)
    line = take(s, buffer, buffer.index(b"\r\n") + 2)
    return line[:-2].decode("latin-1")


def read_answer(s, buffer):
    """(status, body); Ended; anything that is no right answer fails the test."""
    found = re.fullmatch(r"HTTP/1\.1 ([1-5]\d\d) [\w' -]+", line := take_line(s, buffer))
    assert found, f"a wrong status line: {line!r}"
    fields = {}
    while line := take_line(s, buffer):
        name, _, value = line.partition(": ")
        assert re.fullmatch(r"[\w-]+", name) and name.lower() not in fields, f"a wrong field line: {line!r}"
        fields[name.lower()] = value
    body = b""
    if fields.get("transfer-encoding") == "chunked":
        assert "content-length" not in fields
        while size := int(take_line(s, buffer), 16):
            body += take(s, buffer, size)
            equal(take_line(s, buffer), "", "behind a chunk")
        equal(take_line(s, buffer), "", "behind the last chunk")
    else:
        body = take(s, buffer, int(fields["content-length"]))
    return int(found.group(1)), body


def conversation(server, number, rude=True):
    """Everything once, on one connection as long as it lasts: how many answers were right, how many refused, how
    often the connection ended. Rude: and what makes connections end."""
    steps = [
        (request(f"/{number}.txt"), [SMALL]),
        (request(f"/{number}.bin"), [BIG]),
        (request("/body", method="POST", body=b"posted"), [b"posted"]),
        (request(f"/{number}.txt") + request("/blob"), [SMALL, b"a blob, twice; a blob, twice; "]),
        (request("/pieces"), [b"piece 1\npiece 2\npiece 3\n"]),
        (request("/offload"), [b"42"]),
        (request("/none"), [None]),
    ]
    good = refused = ended = 0
    s = None
    for sent, wanted in steps:
        try:
            if s is None:
                s, buffer = server.connect(5), bytearray()
            s.sendall(sent)
            for body in wanted:
                status, found = read_answer(s, buffer)
                if body is None:
                    assert status in (404, 500, 503), status
                elif status == 200:
                    assert found == body, f"a wrong answer: {len(found)} bytes {found[:60]!r}"
                else:
                    assert status in (500, 503), f"status {status} for {sent[:40]!r}"
                good, refused = good + (status in (200, 404)), refused + (status >= 500)
        except (Ended, ConnectionError):
            if s is not None:
                s.close()
            s, ended = None, ended + 1
    if s is not None:
        assert not buffer, f"bytes behind the last answer: {bytes(buffer)!r}"
        s.close()
    for sent, then, status in RUDE if rude else []:
        buffer = bytearray()
        try:
            with server.connect(5) as s:
                s.sendall(sent)
                if then == "closes its half":
                    s.shutdown(socket.SHUT_WR)
                elif then == "resets":
                    time.sleep(0.003)
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if status:
                    equal(read_answer(s, buffer)[0], status, sent)
                    while True:
                        receive(s, buffer)
        except (Ended, OSError):
            assert not buffer, f"bytes behind the last answer: {bytes(buffer)!r}"
    return good, refused, ended


def descriptors(pid):
    """What the process has open, by name; files of the site apart."""
    names = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return sorted(n for n in names if "/www/" not in n), sorted(n for n in names if "/www/" in n)


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return int(f.read().rpartition(")")[2].split()[1])


def without_numbers(names):
    return [re.sub(r"\d+", "N", n) for n in names]


def settle(pid, before):
    """All that is not a file of the site is as it was; none of these is open twice."""
    end = time.monotonic() + 5
    while True:
        now, files = descriptors(pid)
        if len(now) == len(before) and len(set(files)) == len(files):
            return
        assert time.monotonic() < end, f"left open: {without_numbers(now)} {files[-5:]}"
        time.sleep(0.002)


@contextlib.contextmanager
def faulty(connection=None, more=None):
    if os.environ.get("MPX_SANITIZERS") and "clang" in os.environ.get("MPX_CC", ""):
        raise Skip("clang's sanitizer stands where the library would")
    with folder() as where:
        os.mkdir(where + "/www")
        write(where + "/www/seed.txt", SMALL)
        write(where + "/www/seed.bin", BIG)
        control = Control(where + "/control")
        config = configuration({"documents": where + "/www", "modules": ["probe", "static"]},
                               connection={"sndbuf": "16k", **(connection or {})})
        server = Server(where, config, env=control.env, **(more or {}))
        server.folder = where
        try:
            yield server, control
        finally:
            control.set()
            server.stop(None)


def prepare(server, number):
    """Files that were never opened, so that they are opened now."""
    for kind in ("txt", "bin"):
        os.link(f"{server.folder}/www/seed.{kind}", f"{server.folder}/www/{number}.{kind}")


def walk(server, control, worker, before, call, error, most, number):
    """All places where one call can fail with one error. How many there were, and what came of them."""
    came, sums = 0, [0, 0, 0]
    for nth in range(1, most + 1):
        number[0] += 1
        prepare(server, number[0])
        value = SHORT if error == "SHORT" else getattr(errno, error)
        where = f"call {nth} of {call} with {error}"
        control.set(pid=worker, call=control.calls.index(call), nth=nth, error=value)
        try:
            result = conversation(server, number[0], call in OF_ENDS)
            came += control.get()[0]
            control.set(pid=worker)
            equal(server.get("/seed.txt")[2], SMALL, "the next connection")
            settle(worker, before)
        except (AssertionError, OSError) as what:
            raise AssertionError(f"{where}: {what}: {server.log()[-500:]}") from what
        equal(parent(worker), server.process.pid, where + ": the worker's parent")
        sums = [a + b for a, b in zip(sums, result)]
    return came, sums


def count_calls(server, control, worker, rude):
    """Of a conversation in which nothing fails."""
    count_calls.number = getattr(count_calls, "number", 0) + 1
    prepare(server, count_calls.number)
    control.set(pid=worker)
    equal(conversation(server, count_calls.number, rude), (8, 0, 0))
    time.sleep(0.1)
    return control.get()[1]


def test_every_call_may_fail():
    with faulty() as (server, control):
        worker, number = server.worker(), [100]
        count_calls(server, control, worker, False)  # what comes once only: threads, the module's own
        counts = count_calls(server, control, worker, False)
        of_ends = count_calls(server, control, worker, True)
        counts.update({call: of_ends[call] for call in OF_ENDS})
        before = descriptors(worker)[0]
        total = 0
        print(f"# {'call':10} {'calls':>5}  each fails with")
        for call, errors in ERRORS.items():
            most = min(counts[call], 16)
            cells = []
            for error in errors.split():
                came, (good, refused, ended) = walk(server, control, worker, before, call, error, most, number)
                if error == "EINTR":
                    equal((refused, ended), (0, 0), f"{call}: what is interrupted is called again")
                total += came
                cells.append(f"{error} {came}: {good}/{refused}/{ended}")
            print(f"# {call:10} {counts[call]:5}  {', '.join(cells)}", flush=True)
        print(f"# {total} faults; answers right/refused, connections ended")
        assert total > 300, f"only {total} faults came about"
        missing = [call for call in ERRORS if counts[call] == 0]
        equal(missing, [], "calls that do not pass through the library")


def test_a_worker_that_cannot_begin_is_tried_again():
    """Some of the calls are the event library's own, which has another way."""
    with faulty() as (server, control):
        for nth in (1, 2):
            before = server.worker()
            control.set(pid=-1, main_pid=server.process.pid, call=control.calls.index("eventfd"), nth=nth,
                        error=errno.EMFILE)
            os.kill(before, signal.SIGKILL)
            with server.connect(20) as s:
                s.sendall(request("/seed.txt"))
                equal(read_response(s)[2], SMALL)
            if control.get()[0] == 1 and "Too many open files" in server.log():
                return
        raise AssertionError("no worker failed to begin: " + server.log())


def test_a_file_cut_while_it_is_sent_is_never_padded():
    for cut in (100_000, 1_000, 0):
        with faulty() as (server, _):
            path = write(server.folder + "/www/large.bin", b"x" * (64 << 20))
            with server.connect(60) as s:
                s.sendall(request("/large.bin"))
                time.sleep(0.1)
                os.truncate(path, cut)
                got = bytearray()
                try:
                    while True:
                        receive(s, got)
                except Ended:
                    pass
                head, _, body = bytes(got).partition(b"\r\n\r\n")
                contains(head, b"Content-Length: 67108864")
                assert len(body) < 64 << 20, f"{len(body)} bytes"
            equal(server.get("/seed.txt")[2], SMALL)


def is_open(s):
    s.setblocking(False)
    try:
        return s.recv(1) != b""
    except BlockingIOError:
        return True
    finally:
        s.setblocking(True)


def open_late(server):
    """Three connections that a time-out of two seconds will end: idle, in a header, in a body."""
    idle, header, body = (server.connect() for _ in range(3))
    idle.sendall(request("/counts"))
    read_response(idle)
    header.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
    body.sendall(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab")
    return idle, header, body


def test_a_clock_that_jumps_an_hour_moves_no_time_out():
    short = {"timeouts": {name: "2s" for name in ("header", "body", "keepalive", "send")}}
    with faulty(connection=short) as (server, control):
        worker = server.worker()
        for jump in (3600, -3600):
            begin = time.monotonic()
            three = open_late(server)
            slept = server.connect()
            slept.sendall(request("/sleep") * 3)
            time.sleep(0.3)
            control.set(pid=worker, jump=jump)
            time.sleep(0.9)
            equal([is_open(s) for s in three], [True] * 3, f"open after 1.2 s, {jump} s wrong")
            buffer = bytearray()
            equal([read_response(slept, buffer=buffer)[2] for _ in range(3)], [b"done"] * 3)
            date = server.get("/counts")[1]["date"]
            now = time.time() + jump
            said = time.mktime(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
            assert abs(said - now) < 3, f"{date}: the clock did not jump"
            for s in three:
                s.settimeout(5)
                while s.recv(65536):
                    pass
                s.close()
            took = time.monotonic() - begin
            assert 1.8 < took < 4.5, f"closed after {took:.1f} s, {jump} s wrong"
            control.set()


main()
