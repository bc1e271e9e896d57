# SPDX-License-Identifier: MIT
"""Module exec: programs that answer requests, made up ones as data (tests/cgi) and real ones."""
import atexit
import glob
import random
import socket
import threading
import urllib.parse

from harness import *

CASES = os.path.join(SOURCE, "tests/cgi")
USER = {"user": "nobody"} if IS_ROOT else {}  # programs have no business with root's rights


# ---- cases that are data

class Broken(Exception):
    """The response breaks off."""


def unescape(text):
    one = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "\\": b"\\"}
    out = bytearray()
    for plain, hexes, sign in re.findall(r"([^\\]+)|\\x([0-9a-fA-F]{2})|\\(.)", text):
        out += plain.encode() or (bytes([int(hexes, 16)]) if hexes else one[sign])
    return bytes(out)


def read_cases(name):
    """[(title, lines)] of a file."""
    cases = []
    with open(os.path.join(CASES, name), encoding="utf-8") as f:
        for line in f.read().split("\n"):
            if line.startswith("=== "):
                cases.append((line[4:].split(" | ")[0], []))
            elif line and not line.startswith("#"):
                cases[-1][1].append(line)
    return cases


def read_answer(s, is_head):
    """(status, [(name, value)], body, whether it is whole)."""
    buffer = bytearray()
    try:
        head = read_until(s, buffer, b"\r\n\r\n").decode("latin-1").split("\r\n")
    except AssertionError as e:
        raise Broken from e
    fields = [tuple(x.strip() for x in line.split(":", 1)) for line in head[1:] if line]
    names = {n.lower(): v for n, v in fields}
    status = int(head[0].split(" ")[1])
    body = bytearray()
    if is_head or status in (204, 304):
        return status, fields, b"", True
    try:
        if names.get("transfer-encoding") == "chunked":
            while (size := int(read_until(s, buffer, b"\r\n"), 16)) > 0:
                while len(buffer) < size + 2:
                    part = s.recv(65536)
                    if not part:
                        return status, fields, bytes(body + buffer), False
                    buffer += part
                body += buffer[:size]
                del buffer[:size + 2]
            return status, fields, bytes(body), True
    except AssertionError:
        return status, fields, bytes(body), False
    while len(buffer) < int(names["content-length"]):
        part = s.recv(65536)
        if not part:
            return status, fields, bytes(buffer), False
        buffer += part
    return status, fields, bytes(buffer), True


class Case:
    """What is asked, what the program does, what must come."""

    def __init__(self, lines):
        self.method, self.path, self.name = "GET", "", "p"
        self.fields, self.body, self.chunked, self.once = [], b"", False, False
        self.actions, self.wanted, self.logged, self.status, self.broken = [], [], [], None, False
        for line in lines:
            self.read(line)

    def read(self, line):
        if line == ">chunked":
            self.chunked = True
        elif line == "once":
            self.once = True
        elif line.startswith(">= "):
            self.body = unescape(line[3:])
        elif line.startswith(">* "):
            count, text = line[3:].split(" ", 1)
            self.body = unescape(text) * int(count)
        elif line.startswith("> ") and ":" in line.split(" ")[1]:
            self.fields.append(line[2:])
        elif line.startswith("> "):
            self.method, self.path = (line[2:] + " ").split(" ")[:2]
        elif line.startswith("name "):
            self.name = line[5:]
        elif line.startswith("do "):
            self.actions.append(line[3:])
        elif line.startswith("log "):
            self.logged.append(line[4:])
        elif line == "< broken":
            self.broken = True
        elif line.startswith("<   "):
            self.wanted.append(line[4:])
        elif line.startswith("< "):
            self.status = int(line[2:])
        else:
            raise AssertionError(f"what is {line!r}?")

    def request(self, where, port):
        query = "?" + urllib.parse.quote("\n".join(self.actions)) if self.actions else ""
        lines = [f"{self.method} /{where}/{self.name}{self.path}{query} HTTP/1.1", f"Host: www.example:{port}", *self.fields]
        body = self.body
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in
                            (self.body[i:i + 5000] for i in range(0, len(self.body), 5000))) + b"0\r\n\r\n"
        elif body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def check(self, answer, fill):
        status, fields, body, whole = answer
        if self.status is not None:
            equal(status, self.status, body)
            equal(whole, not self.broken, f"whole: {body[:200]!r}")
        for line in self.wanted:
            line = fill(line)
            kind, text = line[0], unescape(line[2:]) if line[1:2] == " " else b""
            if kind == "=":
                equal(body, text)
            elif kind == "~":
                contains(body, text)
            elif kind == "^":
                assert text not in body, (text, body)
            elif kind == "#":
                equal(len(body), int(text))
            elif kind == "!":
                assert line[1:].lower() not in [n.lower() for n, _ in fields], (line, fields)
            else:
                name, value = line.split(":", 1)
                value = unescape(value.strip()).decode("latin-1")
                found = [v for n, v in fields if n.lower() == name.lower()]
                assert value in found or (value == "*" and found), (line, fields)


def compile_program(where):
    out = where + "/p"
    subprocess.run([*CC, "-O1", "-w", os.path.join(CASES, "program.c"), "-o", out], check=True)
    return out


def site(where):
    """The folder www with a program; made for all tests once."""
    program = compile_program(where)
    for name in ("p", "nph-p"):
        write(f"{where}/www/cgi/{name}", open(program, "rb").read(), 0o755)
    write(where + "/www/page.txt", "a page")
    write(where + "/www/cgi/circle", "#!/bin/sh\nprintf 'Location: /whole/circle\\n\\n'\n", 0o755)
    write(where + "/www/cgi/query", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nQUERY_STRING=%s\\n' \"$QUERY_STRING\"\n", 0o755)
    os.chmod(where + "/www", 0o755)
    return where + "/www"


def cgi(where, settings=None, directories=(), **more):
    """A configuration with one directory of programs."""
    directory = {"path": "/cgi", "exec": settings if settings is not None else True}
    config = configuration({"documents": where + "/www", "directories": [directory, *directories], **more}, daemon=dict(USER))
    if IS_ROOT:
        config["daemon"]["module_path"] = modules_for_all()
    return config


_shared = {}


def modules_for_all():
    """Copies of the modules that user nobody can read."""
    if "modules" not in _shared:
        path = tempfile.mkdtemp(prefix="multiplexd-test-")
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        os.chmod(path, 0o755)
        for folder_of in MODULES:
            for file in glob.glob(folder_of + "/*.so"):
                write(f"{path}/{os.path.basename(file)}", open(file, "rb").read(), 0o755)
        _shared["modules"] = path
    return _shared["modules"]


def case_server():
    """The daemon that serves all cases."""
    if "server" not in _shared:
        where = tempfile.mkdtemp(prefix="multiplexd-test-")
        atexit.register(shutil.rmtree, where, ignore_errors=True)
        os.chmod(where, 0o755)
        site(where)
        base = {"env": {"GREETING": "hello $method $host"}, "pass_env": ["MPX_PASSED", "MPX_ABSENT"]}
        config = cgi(where, base, [
            {"path": "/" + name, "location": where + "/www/cgi", "exec": {**base, "env": {**base["env"], "BYTEWISE": step}}}
            for name, step in (("whole", ""), ("bytes", "1"), ("pieces", "7"))])
        server = Server(where, config, env={**os.environ, "MPX_SECRET": "s", "MPX_PASSED": "by"})
        server.folder = where
        _shared["server"] = server
    return _shared["server"]


def run_case(lines):
    case, server = Case(lines), case_server()
    for where in ("whole",) if case.once else ("whole", "bytes", "pieces"):
        def fill(text):
            return text.replace("@ROOT@", server.folder + "/www").replace("@DIR@", where).replace("@PORT@", str(server.port))
        at = len(server.log())
        with server.connect() as s:
            with contextlib.suppress(ConnectionError):
                s.sendall(case.request(where, server.port))
            try:
                case.check(read_answer(s, case.method == "HEAD"), fill)
            except Broken:
                assert case.status is None or case.broken, "no answer"
            wait_for_lines(server, at, case.logged)


def wait_for_lines(server, at, wanted):
    """While the client is there: one who leaves ends its program."""
    for text in wanted:
        pattern = re.escape(text).replace("@ID@", "[0-9a-f]{16}")
        end = time.monotonic() + 5
        while not re.search(pattern, server.log()[at:]):
            assert time.monotonic() < end, f"{text!r} is not in {server.log()[at:]!r}"
            time.sleep(0.005)


def add_cases():
    for name in sorted(os.path.basename(path) for path in glob.glob(CASES + "/*.cases")):
        for title, lines in read_cases(name):
            def test(lines=lines):
                run_case(lines)
            test.__name__ = f"test_{name[:-6]}: {title}"
            assert test.__name__ not in globals(), title
            globals()[test.__name__] = test


add_cases()


def test_after_all_cases_no_program_and_no_descriptor_is_left():
    server = case_server()
    worker = server.worker()
    wait_until(lambda: children(worker) == [], "programs are left")
    before = descriptors(worker)
    for _ in range(50):
        server.get("/whole/p?out%20Content-Type:%20text/plain%5cn%5cn")
        server.get("/whole/none")
        server.get("/whole/p?exit%201")
    wait_until(lambda: children(worker) == [] and descriptors(worker) <= before, "descriptors are left")
    server.stop()
    assert "AddressSanitizer" not in server.log(), server.log()


# ---- what is looked at from outside

def children(pid):
    out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(x) for x in out.stdout.split()]


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return ") Z" not in f.read()
    except OSError:
        return False


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def do(*actions):
    return "?" + urllib.parse.quote("\n".join(actions))


TEXT = "out Content-Type: text/plain\\n\\n"


@contextlib.contextmanager
def programs(settings=None, directories=(), arguments=(), **more):
    """A daemon that runs p at /cgi/p."""
    with folder() as where:
        site(where)
        server = Server(where, cgi(where, settings, directories, **more), arguments)
        server.folder = where
        try:
            yield server
        except BaseException:
            for line in server.log().splitlines()[-20:]:
                print(f"# log: {line}")
            server.stop(None)
            raise
        if server.process.poll() is None:
            server.stop()


# ---- what is a program

def test_a_program_is_never_sent_as_a_file():
    with programs(index_file=["index.cgi", "index.html"]) as server:
        www = server.folder + "/www/cgi/"
        secret = "#!/bin/sh\n# a secret\nprintf 'Content-Type: text/plain\\n\\nrun %s' \"$REQUEST_METHOD\"\n"
        for name in ("s.cgi", "index.cgi", "sub/index.cgi"):
            write(www + name, secret, 0o755)
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "LOCK"):
            for path in ("/cgi/s.cgi", "/cgi/", "/cgi/sub/", "/cgi/s.cgi/", "/cgi/s.cgi/x/y", "/cgi/./s.cgi", "/cgi/%73.cgi", "//cgi//s.cgi"):
                status, _, body = server.get(path, method=method)
                equal((status, body), (200, b"" if method == "HEAD" else f"run {method}".encode()), f"{method} {path}")
        for fields in (["Range: bytes=0-9"], ["If-Modified-Since: Wed, 25 Nov 2037 00:00:00 GMT"], ["Accept-Encoding: gzip"]):
            equal(server.get("/cgi/s.cgi", fields=fields)[2], b"run GET")
        equal(server.get("/cgi/sub")[0], 301)


def test_whatever_permission_to_execute_a_file_has_it_is_a_program():
    with programs() as server:
        for mode in (0o744, 0o654, 0o645, 0o755):
            write(f"{server.folder}/www/cgi/m{mode:o}", "a secret", mode)
            status, _, body = server.get(f"/cgi/m{mode:o}")
            equal(status, 500)
            assert b"secret" not in body


def test_other_files_are_sent_as_ever():
    with programs() as server:
        write(server.folder + "/www/cgi/read.me", "read me")
        equal(server.get("/cgi/read.me")[2], b"read me")
        equal(server.get("/cgi/read.me/more")[0], 404)
        equal(server.get("/cgi/none")[0], 404)
        equal(server.get("/cgi/none/more")[0], 404)
        equal(server.get("/cgi/read.me", method="POST")[0], 405)


def test_elsewhere_programs_are_files():
    with programs(directories=[{"path": "/cgi/off", "exec": False}]) as server:
        write(server.folder + "/www/script", "#!/bin/sh\n", 0o755)
        write(server.folder + "/www/cgi/off/script", "#!/bin/sh\n", 0o755)
        equal(server.get("/script")[2], b"#!/bin/sh\n")
        equal(server.get("/cgi/off/script")[2], b"#!/bin/sh\n")


def test_with_extensions_the_suffix_says_what_is_a_program():
    settings = {"executable": False, "extensions": {".sh": "/bin/sh", ".cgi": "", ".x.sh": "/bin/cat"}}
    with programs(settings) as server:
        www = server.folder + "/www/cgi/"
        write(www + "a.sh", "printf 'Content-Type: text/plain\\n\\nby sh %s' \"$1$PATH_INFO\"\n")
        write(www + "a.x.sh", "Content-Type: text/plain\n\nby cat")
        write(www + "a.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nitself'\n", 0o755)
        write(www + "b.cgi", "a secret")
        write(www + ".sh", "no program")
        write(www + "plain", "a file", 0o755)
        equal(server.get("/cgi/a.sh/more")[2], b"by sh /more")
        equal(server.get("/cgi/a.x.sh")[2], b"by cat")
        equal(server.get("/cgi/a.cgi")[2], b"itself")
        equal(server.get("/cgi/b.cgi")[0], 500)
        server.wait_for_log('"b.cgi" cannot be run: Permission denied')
        equal(server.get("/cgi/plain")[2], b"a file")
        equal(server.get("/cgi/.sh")[0], 404)


def test_links_and_hidden_names_are_those_of_static():
    directories = [{"path": "/deny", "location": "@", "exec": True, "static": {"symlinks": "deny"}},
                   {"path": "/follow", "location": "@", "exec": True, "static": {"symlinks": "follow", "hidden": "allow"}}]
    with folder() as where:
        www = site(where)
        for d in directories:
            d["location"] = www + "/cgi"
        script = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nrun'\n"
        write(where + "/outside", script, 0o755)
        write(www + "/cgi/s", script, 0o755)
        write(www + "/cgi/.hidden", script, 0o755)
        os.symlink("s", www + "/cgi/inner")
        os.symlink(where + "/outside", www + "/cgi/outer")
        with serving(cgi(where, directories=directories)) as server:
            for path, wanted in (("/cgi/s", 200), ("/cgi/inner", 200), ("/cgi/outer", 404), ("/cgi/.hidden", 404), ("/cgi/.hidden/x", 404),
                                 ("/deny/s", 200), ("/deny/inner", 404), ("/deny/outer", 404),
                                 ("/follow/inner", 200), ("/follow/outer", 200), ("/follow/.hidden", 200)):
                equal(server.get(path)[0], wanted, path)


def test_an_error_page_may_be_a_program():
    with programs(error_pages={"404": "/cgi/lost"}) as server:
        write(server.folder + "/www/cgi/lost", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s %s' "
              "\"$REQUEST_METHOD\" \"$REDIRECT_STATUS\" \"$CONTENT_LENGTH\"\n", 0o755)
        equal(server.get("/none")[::2], (404, b"GET 404 "))
        equal(server.get("/none", method="POST", body=b"data")[::2], (404, b"GET 404 "))


def test_authorization_is_passed_where_that_is_said():
    with programs({"pass_authorization": True}) as server:
        equal(server.get("/cgi/p" + do(TEXT, "env HTTP_AUTHORIZATION"), fields=["Authorization: Bearer x"])[2], b"HTTP_AUTHORIZATION=Bearer x\n")


# ---- time and number

def test_a_program_that_says_nothing_is_504():
    with programs({"timeout": "200ms"}) as server:
        equal(server.get("/cgi/p" + do("sleep 60000"))[0], 504)
        equal(server.get("/cgi/p" + do("out Content-Type: text/plain\\n", "sleep 60000"))[0], 504)
        wait_until(lambda: children(server.worker()) == [], "it still runs")


def test_a_program_that_falls_silent_is_broken_off():
    with programs({"timeout": "200ms"}) as server:
        with server.connect() as s:
            s.sendall(request("/cgi/p" + do(TEXT, "out hello", "sleep 60000")))
            equal(read_answer(s, False)[2:], (b"hello", False))


def test_silence_does_not_count_while_the_client_is_slow():
    with programs({"timeout": "250ms"}) as server:
        with server.connect() as s:
            s.sendall(request("/cgi/p" + do(TEXT, "echo"), method="POST", fields=["Content-Length: 4"]))
            for byte in (b"l", b"a", b"t", b"e"):
                time.sleep(0.15)
                s.sendall(byte)
            equal(read_answer(s, False)[2:], (b"late", True))
        with server.connect() as s:
            s.sendall(request("/cgi/p" + do(TEXT, "fill 20000000")))
            time.sleep(0.6)
            equal(len(read_answer(s, False)[2]), 20000000)


def test_max_time_ends_a_program_that_goes_on():
    with programs({"max_time": "300ms"}) as server:
        with server.connect() as s:
            s.sendall(request("/cgi/p" + do(TEXT, *["out x", "sleep 50"] * 100)))
            status, _, body, whole = read_answer(s, False)
            equal((status, whole), (200, False))
            assert b"x" in body


def test_whoever_ignores_term_is_killed_with_its_children():
    with programs({"timeout": "100ms"}) as server:
        write(server.folder + "/www/cgi/stubborn", "#!/bin/sh\ntrap '' TERM\nsh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo $! >&2\n"
              "while :; do sleep 1; done\n", 0o755)
        equal(server.get("/cgi/stubborn")[0], 504)
        server.wait_for_log("exec ")
        pid = int(re.search(r"exec [0-9a-f]+: (\d+)\n", server.log()).group(1))
        assert is_running(pid)
        wait_until(lambda: not is_running(pid) and children(server.worker()) == [], "they still run")


def test_too_many_wait_their_turn_and_more_are_503():
    process = {"process": {"exec": {"max_children": 2, "queue": 3, "queue_timeout": "10s"}}}
    with folder() as where:
        site(where)
        with serving({**cgi(where), **process}) as server:
            results = []

            def get():
                results.append(server.get("/cgi/p" + do("sleep 300", TEXT, "out done")))
            threads = [threading.Thread(target=get) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            equal(sorted(r[0] for r in results), [200] * 5 + [503] * 3)
            equal({r[1].get("retry-after") for r in results if r[0] == 503}, {"5"})
            equal(server.get("/cgi/p" + do(TEXT, "out again"))[2], b"again")


def test_who_waits_for_long_is_503_and_who_leaves_makes_room():
    process = {"process": {"exec": {"max_children": 1, "queue": 2, "queue_timeout": "150ms"}}}
    with folder() as where:
        site(where)
        with serving({**cgi(where), **process}) as server:
            with server.connect() as s:
                s.sendall(request("/cgi/p" + do("sleep 60000")))
                wait_until(lambda: len(children(server.worker())) == 1, "no program")
                equal(server.get("/cgi/p" + do(TEXT))[0], 503)
                waiting = server.connect()
                waiting.sendall(request("/cgi/p" + do(TEXT)))
                waiting.close()
            wait_until(lambda: children(server.worker()) == [], "it still runs")
            equal(server.get("/cgi/p" + do(TEXT, "out x"))[2], b"x")


def test_limits_hold():
    with programs({"limits": {"files": 20, "memory": "100M", "cpu": "9s", "file_size": "1k"}}) as server:
        write(server.folder + "/www/cgi/limits", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nulimit -n; ulimit -v; ulimit -t; ulimit -f\n", 0o755)
        equal(server.get("/cgi/limits")[2].split(), [b"20", b"102400", b"9", b"2"])


def test_slow_programs_hold_up_nobody():
    with programs() as server:
        slow = [server.connect() for _ in range(40)]
        for s in slow:
            s.sendall(request("/cgi/p" + do("sleep 60000")))
        wait_until(lambda: len(children(server.worker())) == 40, "they do not start")
        for _ in range(100):
            equal(server.get("/page.txt")[0], 200)
        equal(server.get("/cgi/p" + do(TEXT, "out fast"))[2], b"fast")
        equal(len(children(server.worker())), 40)
        for s in slow:
            s.close()
        wait_until(lambda: children(server.worker()) == [], "they still run")


# ---- who leaves, who stops

def test_a_thousand_requests_of_clients_who_leave_at_random_leave_nothing():
    dice = random.Random(1)
    kinds = [do("sleep 30", TEXT, "out x"), do(TEXT, "fill 300000"), do(TEXT, "echo"), do("count 10", TEXT), do("sleep 60000"), do("kill 9"),
             do(TEXT, "out x", "sleep 60000"), do("close 0", TEXT, "err oops\\n")] * 4 + [do("ignore 15", "sleep 60000")]
    with programs({"timeout": "2s"}) as server:
        worker = server.worker()
        temporary = set(os.listdir(tempfile.gettempdir()))
        for _ in range(3):
            server.get("/cgi/p" + do(TEXT))
        wait_until(lambda: children(worker) == [], "the first still run")
        before = descriptors(worker)

        def visit(seed):
            mine = random.Random(seed)
            for _ in range(125):
                body = b"x" * mine.choice((0, 10, 100000))
                with contextlib.suppress(OSError), server.connect() as s:
                    s.settimeout(mine.uniform(0.001, 0.03))
                    s.sendall(request("/cgi/p" + mine.choice(kinds), method="POST", body=body)[:mine.choice((60, 1 << 20, 1 << 20))])
                    if mine.random() < 0.7:
                        while s.recv(65536):
                            pass
        threads = [threading.Thread(target=visit, args=(dice.random(),)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        wait_until(lambda: children(worker) == [], "programs are left", 20)
        wait_until(lambda: descriptors(worker) <= before, f"descriptors are left: {before}, {descriptors(worker)}")
        equal(server.worker(), worker, "the same worker")
        equal({name for name in set(os.listdir(tempfile.gettempdir())) - temporary if "multiplexd" not in name and "body" in name}, set())
        equal(server.get("/cgi/p" + do(TEXT, "out well"))[2], b"well")


def test_a_program_goes_on_across_a_reload():
    with programs() as server:
        with server.connect() as s:
            s.sendall(request("/cgi/p" + do(TEXT, "out a", "sleep 800", "out b")))
            wait_until(lambda: len(children(server.worker())) == 1, "it does not start")
            site_of = json.load(open(server.config, encoding="utf-8"))
            site_of["vhosts"]["directories"][0]["exec"] = {"env": {"NEW": "yes"}}
            write(server.config, json.dumps(site_of))
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: server.get("/cgi/p" + do(TEXT, "env NEW"))[2] == b"NEW=yes\n", "no reload")
            equal(read_answer(s, False)[2:], (b"ab", True))


def test_no_program_outlives_a_stop():
    with programs() as server:
        clients = [server.connect() for _ in range(5)]
        for s in clients:
            s.sendall(request("/cgi/p" + do("ignore 15", "sleep 60000")))
        worker = server.worker()
        wait_until(lambda: len(children(worker)) == 5, "they do not start")
        pids = children(worker)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)
        for s in clients:
            s.close()
        server.process.wait(20)
        wait_until(lambda: not any(map(is_running, pids)), "programs are left")


def test_no_program_outlives_a_worker_that_is_killed():
    with programs() as server:
        with server.connect() as s:
            s.sendall(request("/cgi/p" + do("ignore 15", "sleep 60000")))
            worker = server.worker()
            wait_until(lambda: len(children(worker)) == 1, "it does not start")
            pid = children(worker)[0]
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: not is_running(pid), "it is left")


def test_a_slow_reader_of_much_costs_little_memory():
    with programs() as server:
        server.get("/cgi/p" + do(TEXT, "fill 1000000"))
        worker = server.worker()
        before = memory_kib(worker)
        size = (1 << 30) if os.environ.get("MPX_FULL") else 200 << 20
        with server.connect() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.sendall(request("/cgi/p" + do(TEXT, f"fill {size}"), version="1.0"))
            most = got = 0
            while part := s.recv(1 << 20):
                got += len(part)
                if got < 4 << 20:
                    time.sleep(0.01)
                if got % 64 == 0:
                    most = max(most, memory_kib(worker))
        assert got > size, got
        if not SANITIZERS:
            assert most - before < 8 << 10, (before, most)


# ---- real programs

def test_scripts_of_several_languages():
    with programs({"extensions": {".pl": "/usr/bin/perl", ".php": "/usr/bin/php-cgi"}}) as server:
        www = server.folder + "/www/cgi/"
        write(www + "s.sh", "#!/bin/sh\necho 'Content-Type: text/plain'\necho\necho \"sh $QUERY_STRING\"; cat\n", 0o755)
        write(www + "s.py", "#!/usr/bin/python3\nimport os, sys\nprint('Content-Type: text/plain\\n\\npython', os.environ['QUERY_STRING'])\nprint(sys.stdin.read(), end='')\n", 0o755)
        write(www + "s.pl", "print \"Content-Type: text/plain\\n\\nperl $ENV{QUERY_STRING}\\n\", <STDIN>;\n")
        for name, language in (("s.sh", "sh"), ("s.py", "python"), ("s.pl", "perl")):
            equal(server.get(f"/cgi/{name}?q", method="POST", body=b"data")[2], f"{language} q\ndata".encode(), name)


def test_php_by_php_cgi():
    need(os.path.exists("/usr/bin/php-cgi"), "needs php-cgi")
    with programs({"extensions": {".php": "/usr/bin/php-cgi"}}) as server:
        write(server.folder + "/www/cgi/s.php", "<?php header('X-P: 1'); http_response_code(201); echo $_GET['a'], $_POST['b'], $_SERVER['PATH_INFO'];")
        status, fields, body = server.get("/cgi/s.php/more?a=1", method="POST", body=b"b=2",
                                          fields=["Content-Type: application/x-www-form-urlencoded"])
        equal((status, fields["x-p"], body), (201, "1", b"12/more"))


def git(*arguments, where=None, **more):
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
           "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_TERMINAL_PROMPT": "0"}
    subprocess.run(["git", *arguments], cwd=where, env=env, check=True, capture_output=True, timeout=60, **more)


def test_git_clones_and_pushes_ten_megabytes_while_others_fetch_files():
    backend = "/usr/lib/git-core/git-http-backend"
    need(shutil.which("git") and os.path.exists(backend), "needs git")
    with folder() as where:
        site(where)
        os.makedirs(where + "/www/git")
        shutil.copy(backend, where + "/www/git/http")
        os.chmod(where + "/www/git/http", 0o755)
        git("init", "-q", "--bare", where + "/repos/r.git")
        git("config", "http.receivepack", "true", where=where + "/repos/r.git")
        if IS_ROOT:
            subprocess.run(["chown", "-R", "nobody", where + "/repos"], check=True)
        settings = {"env": {"GIT_PROJECT_ROOT": where + "/repos", "GIT_HTTP_EXPORT_ALL": "1"}}
        config = cgi(where, directories=[{"path": "/git", "exec": settings, "limits": {"body": "100M"}}])
        with serving(config) as server:
            url = f"http://127.0.0.1:{server.port}/git/http/r.git"
            ended, fetched = threading.Event(), []

            def fetch():
                while not ended.is_set():
                    fetched.append(server.get("/page.txt")[0])
                    time.sleep(0.02)
            threads = [threading.Thread(target=fetch) for _ in range(16)]
            for t in threads:
                t.start()
            try:
                git("clone", "-q", url, where + "/one")
                write(where + "/one/large", os.urandom(10 << 20))
                git("add", ".", where=where + "/one")
                git("commit", "-qm", "large", where=where + "/one")
                git("push", "-q", "origin", "HEAD", where=where + "/one")
                git("clone", "-q", url, where + "/two")
            finally:
                ended.set()
                for t in threads:
                    t.join()
            equal(open(where + "/one/large", "rb").read() == open(where + "/two/large", "rb").read(), True, "the same")
            equal(set(fetched), {200})


# ---- sessions: a provider of our own, that has one for everybody and takes its time

SESSION = """
#include <multiplexd/session.h>
#include <string.h>
static struct mpx_pair values[8];
static char texts[8][2][64];
static size_t count;
static struct { mpx_resume_fn fn; void *state; struct mpx_list pairs; } now;
static struct mpx_list all(struct mpx_req *r) { return (struct mpx_list){ values, count }; }
static void put(struct mpx_str key, struct mpx_str value)
{
    size_t i = 0;
    while (i < count && !mpx_str_eq(values[i].key, key)) i++;
    if (value.p == NULL) { if (i < count) values[i] = values[--count]; return; }
    if (i == count) count++;
    memcpy(texts[i][0], key.p, key.n); memcpy(texts[i][1], value.p, value.n);
    values[i] = (struct mpx_pair){ { texts[i][0], key.n }, { texts[i][1], value.n } };
}
static enum mpx_rc waited(struct mpx_req *r, const void *conf, void *state)
{
    for (size_t i = 0; i < now.pairs.count; i++)
        put(((const struct mpx_pair *)now.pairs.items)[i].key, ((const struct mpx_pair *)now.pairs.items)[i].value);
    return now.fn(r, conf, now.state);
}
static enum mpx_rc change(struct mpx_req *r, struct mpx_list pairs, mpx_resume_fn fn, void *state)
{
    now.fn = fn; now.state = state; now.pairs = pairs;
    return mpx_sleep(r, 50, waited, 0);
}
static int result(const struct mpx_req *r) { return count > 7 ? -5 : 0; }
static const struct mpx_session service = { .head = { sizeof(service), 1, 0 }, .all = all, .change = change, .result = result };
static int start(struct mpx_conf *c, void *conf) { return mpx_provide(c, "session", &service.head); }
static enum mpx_rc nothing(struct mpx_req *r, const void *conf) { return MPX_NEXT; }
MPX_MODULE(session) = { MPX_HEADER(session, "1"), .conf_size = 8, .open = start, .on = { [MPX_PH_ACCESS] = nothing } };
"""


def test_programs_see_the_session_and_set_it():
    with folder() as where:
        site(where)
        os.makedirs(where + "/mod")
        compile_module(where + "/mod", "session", SESSION)
        config = cgi(where, modules=["session", "exec", "static"])
        for name in ("exec.so", "static.so"):  # without the server's own module of that name
            shutil.copy(f"{MODULES[0]}/{name}", where + "/mod")
        config["daemon"]["module_path"] = where + "/mod"
        with serving(config) as server:
            see = [TEXT, "env SESSION_user", "env SESSION_n"]
            unset = b"SESSION_user is not set\nSESSION_n is not set\n"
            equal(server.get("/cgi/p" + do(*see))[2], unset)
            head = "out Content-Type: text/plain\\nSession-Set: user=jane doe\\nSession-Set: n=1\\n\\n"
            status, fields, body = server.get("/cgi/p" + do(head, "fill 300000", "echo"), method="POST", body=b"y" * 300000)
            equal((status, len(body), "session-set" in fields), (200, 600000, False))
            equal(server.get("/cgi/p" + do(*see))[2], b"SESSION_user=jane doe\nSESSION_n=1\n")
            equal(server.get("/cgi/p" + do("out Location: /page.txt\\nSession-Set: n=\\n\\n"))[2], b"a page")
            equal(server.get("/cgi/p" + do(*see))[2], b"SESSION_user=jane doe\nSESSION_n is not set\n")
            equal(server.get("/cgi/p" + do("out Status: 204\\nSession-Set: user=\\n\\n"))[0], 204)
            equal(server.get("/cgi/p" + do(*see))[2], unset)


# ---- settings

def test_settings_that_cannot_be_are_refused():
    cases = (({"extensions": {"php": "/usr/bin/php-cgi"}}, '"php" is no suffix such as ".cgi"'),
             ({"extensions": {".php": "php-cgi"}}, '"php-cgi" is no interpreter'),
             ({"env": {"A-B": "x"}}, '"A-B" is no name of a variable'),
             ({"env": {"A": "$nothing"}}, "nothing"),
             ({"pass_env": ["1"]}, '"1" is no name of a variable'),
             ({"limits": {"cpu": "1500ms"}}, "must be whole seconds"),
             ({"max_children": 3}, "max_children"))
    with folder() as where:
        site(where)
        for settings, message in cases:
            config = write(where + "/wrong.json", json.dumps(cgi(where, settings)))
            status, _, err = run("--test", "-c", config)
            equal(status, 1, settings)
            contains(err, message)


def test_static_in_front_of_exec_is_refused():
    with folder() as where:
        site(where)
        config = write(where + "/wrong.json", json.dumps(cgi(where, modules=["static", "exec"])))
        status, _, err = run("--test", "-c", config)
        equal(status, 1)
        contains(err, 'module "static" must stand behind "exec"')


def test_the_example_runs():
    with folder() as where:
        config = example_of("exec", where)
        config["daemon"].update(USER)
        if IS_ROOT:
            config["daemon"]["module_path"] = modules_for_all()
        write(where + "/srv/cgi-bin/hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n", 0o755)
        with serving(config) as server:
            equal(server.get("/cgi-bin/hello")[2], b"hello")


main()
