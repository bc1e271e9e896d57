# SPDX-License-Identifier: MIT
"""One line for each request, whatever the client sends; the lines that were asked for, where they were asked for."""
import os
import random
import re
import signal
import socket
import stat
import threading
import time

from harness import *


def lines_of(server, path, count):
    end = time.monotonic() + 5
    while True:
        try:
            with open(path, encoding="latin-1") as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= count:
            return lines
        assert time.monotonic() < end, lines
        time.sleep(0.02)


def objects_of(server, path, count):
    """The lines of a log in JSON, read."""
    return [json.loads(line) for line in text_of(server, path, count).split("\n")[:-1]]


def text_of(server, path, count):
    end = time.monotonic() + 5
    while True:
        with open(path, encoding="utf-8", newline="\n") as f:
            text = f.read()
        if text.count("\n") >= count:
            return text
        assert time.monotonic() < end, text
        time.sleep(0.02)


def test_a_combined_line_has_all_its_fields():
    with folder() as where:
        write(where + "/www/a.txt", "0123456789")
        with serving(configuration({"documents": where + "/www", "accesslog": where + "/log"})) as server:
            server.get("/a.txt?q", fields=["Referer: http://r.example/", "User-Agent: test/1"])
            line, = lines_of(server, where + "/log", 1)
    form = (r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a\.txt\?q HTTP/1\.1" 200 10 '
            r'"http://r\.example/" "test/1"')
    assert re.fullmatch(form, line), line


def test_a_common_line_ends_with_the_bytes():
    with folder() as where:
        settings = {"file": where + "/log", "format": "common"}
        with serving(configuration({"documents": where, "accesslog": settings})) as server:
            server.get("/none", method="HEAD", fields=["User-Agent: test/1"])
            line, = lines_of(server, where + "/log", 1)
    assert line.endswith('"HEAD /none HTTP/1.1" 404 0'), line


def test_an_answer_that_never_left_is_a_client_that_left():
    with folder() as where:
        write(where + "/www/a.txt", "0123456789")
        vhosts = {"documents": where + "/www", "modules": ["accesslog", "evil", "static"], "accesslog": where + "/log"}
        with serving(configuration(vhosts)) as server:
            with server.connect() as s:
                s.sendall(request("/declare-more-late") + request("/a.txt"))
                try:
                    while s.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
            lines = lines_of(server, where + "/log", 2)
    contains(lines[0], '"GET /declare-more-late HTTP/1.1" 200 4')
    contains(lines[1], '"GET /a.txt HTTP/1.1" 499 0')


def test_untrusted_bytes_are_escaped():
    with folder() as where:
        with serving(configuration({"documents": where, "accesslog": where + "/log"})) as server:
            server.get("/", fields=['User-Agent: a"b\\c\xfc\td'])
            line, = lines_of(server, where + "/log", 1)
    assert line.endswith(' "-" "a\\x22b\\x5Cc\\xFC\\x09d"'), line


def test_malformed_requests_are_logged_by_the_defaults():
    with folder() as where:
        with serving(configuration({"name": "www.example", "documents": where},
                                   defaults={"modules": ["accesslog", "static"], "accesslog": where + "/log"})) as server:
            with server.connect() as s:
                s.sendall(b"GET /\x00 HTTP/1.1\r\n\r\n")
                equal(read_response(s)[0], 400)
            equal(server.get("/", host="unknown.example")[0], 421)
            lines = lines_of(server, where + "/log", 2)
    assert ' 400 ' in lines[0] and '"GET / HTTP/1.1" 421 ' in lines[1], lines


def test_a_client_that_left_is_logged():
    with folder() as where:
        with serving(configuration({"modules": ["accesslog", "probe"], "accesslog": where + "/log"})) as server:
            with server.connect() as s:
                s.sendall(request("/sleep-long"))
                time.sleep(0.1)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            line, = lines_of(server, where + "/log", 1)
    assert '"GET /sleep-long HTTP/1.1" 499 0' in line, line


def test_false_switches_it_off_for_one_host():
    with folder() as where:
        vhosts = [{"name": "default", "documents": where}, {"name": "quiet", "documents": where, "accesslog": False}]
        with serving(configuration(vhosts, defaults={"accesslog": where + "/log"})) as server:
            server.get("/quiet", host="quiet")
            server.get("/loud")
            line, = lines_of(server, where + "/log", 1)
    contains(line, "/loud")


def test_it_may_go_to_standard_error():
    with folder() as where:
        with serving(configuration({"documents": where, "accesslog": "stderr"})) as server:
            server.get("/none")
            server.wait_for_log('"GET /none HTTP/1.1" 404 ')


def logged(settings, *requests, **sections):
    """The lines of one log after these requests, each the arguments of a GET."""
    with folder() as where:
        write(where + "/www/a.txt", "0123456789")
        for log in settings.get("logs", [settings]):
            log["file"] = where + "/log"
        with serving(configuration({"documents": where + "/www", "accesslog": settings}, **sections)) as server:
            for path, more in requests:
                server.get(path, **more)
            server.get("/end-of-test")
            end = time.monotonic() + 5
            while not any("/end-of-test" in line for line in lines_of(server, where + "/log", 1)):
                assert time.monotonic() < end
            return [line for line in lines_of(server, where + "/log", 1) if "/end-of-test" not in line]


def problems_of(accesslog):
    with folder() as where:
        config = configuration({"documents": where, "accesslog": accesslog})
        return run("--test", "-c", write(where + "/site.json", json.dumps(config, indent=2)))[2]


def test_a_format_of_ones_own():
    form = "$method|$target|$path|$query|$status|$protocol|$host|$scheme|$bytes_sent|$header.x-a|$response.etag|$$|$user"
    line, = logged({"format": form}, ("/./a.txt?b=c", {"fields": ["X-A: 1"]}))
    assert re.fullmatch(r'GET\|/\./a\.txt\?b=c\|/a\.txt\|b=c\|200\|HTTP/1\.1\|localhost\|http\|10\|1\|\\x22[^|"]+\\x22\|\$\|-', line), line


def test_every_number_and_time_has_its_form():
    form = ("$remote_addr $remote_port $peer_addr $peer_port $server_addr $server_port $connection_id $connection_requests "
            "$request_id $bytes_out $bytes_in $request_time $time_iso8601 [$time_local] $time_epoch $vhost")
    sent = request("/a.txt /end-of-test".split()[0])
    line, = logged({"format": form + " $path"}, ("/a.txt", {}))
    found = re.fullmatch(r"127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+ ([0-9a-f]{16}) 1 ([0-9a-f]{16}) (\d+) (\d+) "
                         r"\d+\.\d{6} \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
                         r"(\d+\.\d{3}) default /a\.txt", line)
    assert found, line
    assert found.group(1) != found.group(2), line
    assert 100 < int(found.group(3)) < 1000, line
    equal(int(found.group(4)), len(sent))
    assert abs(float(found.group(5)) - time.time()) < 60, line


def test_requests_of_a_connection_are_numbered():
    with folder() as where:
        settings = {"file": where + "/log", "format": "$connection_id $connection_requests"}
        with serving(configuration({"documents": where, "accesslog": settings})) as server:
            with server.connect() as s:
                s.sendall(request("/a") * 3)
                lines = [line.split() for line in lines_of(server, where + "/log", 3)]
    equal([n for _, n in lines], ["1", "2", "3"])
    equal(len({c for c, _ in lines}), 1)


def test_json_has_types_and_null():
    form = {"time": "$time_iso8601", "status": "$status:int", "seconds": "$request_time:num", "whole": "$request_time:int",
            "id": "$request_id", "none": "$user", "text": "<$method> \"$header.none\" $$", "no number": "$method:num", "\u00e9\n": "x"}
    line, = logged({"format": {**form, "path": "$path"}}, ("/a.txt", {}))
    found = json.loads(line.encode("latin-1").decode())
    equal(list(found), [*form, "path"])
    equal((found["status"], found["none"], found["text"], found["no number"], found["\u00e9\n"], found["whole"]),
          (200, None, '<GET> "" $', None, "x", 0))
    assert isinstance(found["seconds"], float) and re.fullmatch("[0-9a-f]{16}", found["id"]), line


def test_the_json_format_has_its_members():
    line, = logged({"format": "json"}, ("/a.txt?x", {"fields": ["Referer: r"]}))
    found = json.loads(line)
    equal(list(found), ["time", "id", "client", "user", "vhost", "host", "method", "path", "query", "protocol", "status",
                        "bytes", "seconds", "referer", "agent"])
    equal([found[k] for k in ("client", "user", "path", "query", "status", "bytes", "referer", "agent")],
          ["127.0.0.1", None, "/a.txt", "x", 200, 10, "r", None])


def hostile(dice):
    """A value of a field or query of bytes that may be sent."""
    alphabet = dice.choice([[*range(0x21, 0x7f)], [0x22, 0x5c, 0x20, 0x5b, 0x5d, 0x7c, 0x2c], [*range(0x80, 0x100), 0x20, 0x22],
                            list("\u00e9\u4e2d\u2028\U0001f600\"\\".encode())])
    text = bytes(dice.choice(alphabet) for _ in range(dice.choice([1, 3, 20, 300, 1500])))
    return text.strip() or b"x"


def unescaped(text):
    return re.sub(r"\\x([0-9A-F]{2})", lambda m: chr(int(m.group(1), 16)), text).encode("latin-1")


def test_no_bytes_of_a_client_leave_their_field():
    dice = random.Random(4)
    plain = r'(?:[!#-Z^-~]|\\x[0-9A-F]{2})+'  # neither blank nor quote, backslash, bracket
    quoted = r'"((?:[ !#-\[\]-~]|\\x[0-9A-F]{2})*)"'
    text = re.compile(rf'127\.0\.0\.1 - - \[[^]]+\] {quoted} (\d{{3}}) \d+ {quoted} {quoted}')
    bars = re.compile(rf'GET\|((?:[!#-\[\]-{{}}~]|\\x[0-9A-F]{{2}})*)\|((?:[!#-\[\]-{{}}~]|\\x[0-9A-F]{{2}})*)\|{plain}')
    form = {"r": "$header.referer", "a": "$header.user-agent", "both": "<$header.referer>\\$header.user-agent", "s": "$status:int",
            "line": "$line", "q": "$query", "p": "$path", "n": "$header.referer:num"}
    with folder() as where:
        logs = [{"file": where + "/text"}, {"file": where + "/json", "format": form},
                {"file": where + "/bars", "format": "$method|$header.referer|$header.user-agent|$status"}]
        limits = {"limits": {"header_bytes": "64k", "uri": "16k"}}
        with serving(configuration({"documents": where, "accesslog": logs}, connection=limits)) as server:
            sent = []
            with server.connect() as s:
                buffer = bytearray()
                for _ in range(300):
                    referer, agent = hostile(dice), hostile(dice)
                    query = re.sub(rb"[^!$-;=?-Z_a-z~]", lambda m: b"%%%02x" % m.group()[0], hostile(dice))
                    s.sendall(b"GET /" + b"%ff\xc3"[:3] + b"?" + query + b" HTTP/1.1\r\nHost: localhost\r\nReferer: " + referer +
                              b"\r\nUser-Agent: " + agent + b"\r\n\r\n")
                    status, fields, _ = read_response(s, buffer=buffer)
                    assert status in (200, 404), status
                    sent.append((query, referer, agent, status))
            found = lines_of(server, where + "/text", 300)
            objects = objects_of(server, where + "/json", 300)
            barred = lines_of(server, where + "/bars", 300)
    equal((len(found), len(objects), len(barred)), (300, 300, 300))
    for (query, referer, agent, status), line, value, bar in zip(sent, found, objects, barred):
        match = text.fullmatch(line)
        assert match, line
        equal(unescaped(match.group(1)), (b"GET /%ff?" + query + b" HTTP/1.1")[:2048])
        equal(unescaped(match.group(3)), referer[:2048])
        equal(unescaped(match.group(4)), agent[:2048])
        match = bars.fullmatch(bar)
        assert match, bar
        equal(unescaped(match.group(1)), referer[:2048])
        equal(list(value), list(form))
        equal((value["s"], value["p"]), (status, "/\ufffd"))
        # a replacement character stands for each byte that is no UTF-8
        def decoded(b):
            return "".join(c if not 0xdc80 <= ord(c) <= 0xdcff else "\ufffd" for c in b.decode("utf-8", "surrogateescape"))
        if len(referer) <= 2048:
            equal(value["r"], decoded(referer))
        if len(agent) <= 300 and len(referer) <= 300:
            equal(value["both"], "<" + decoded(referer) + ">\\" + decoded(agent))


def test_a_line_that_is_too_long_is_still_json():
    form = {f"k{i}": "$header.x" for i in range(20)}
    line, = logged({"format": {**form, "path": "$path", "s": "$status:int"}}, ("/a.txt", {"fields": ["X: " + "\"" * 3000]}))
    value = json.loads(line)
    equal((value["k0"], value["s"], len(value)), ("\"" * 2048, 200, 22))
    assert len(line) <= 16384, len(line)


def test_one_host_may_have_several_logs():
    with folder() as where:
        logs = [where + "/a", {"file": where + "/b", "format": "$status $path"}, {"file": where + "/c", "if": {"status": "4xx"}}]
        with serving(configuration([{"documents": where, "accesslog": logs}, {"name": "own", "accesslog": where + "/d"}],
                                   defaults={"accesslog": [where + "/e", where + "/f"]})) as server:
            server.get("/none")
            server.get("/own", host="own")
            equal(lines_of(server, where + "/b", 1), ["404 /none"])
            contains(lines_of(server, where + "/a", 1)[0], "GET /none")
            contains(lines_of(server, where + "/c", 1)[0], "GET /none")
            line, = lines_of(server, where + "/d", 1)
            contains(line, "GET /own")
            equal(os.path.getsize(where + "/e"), 0)


def test_conditions_choose_what_is_logged():
    asked = [("/a.txt", {}), ("/health", {}), ("/x.css", {}), ("/b", {"method": "HEAD"}), ("/a.txt", {"fields": ["X-Probe: kube 1"]})]

    def paths(settings):
        return [line.split()[1] + line.split()[0][:1] for line in logged({"format": "$method $path $status", **settings}, *asked)]

    equal(paths({}), ["/a.txtG", "/healthG", "/x.cssG", "/bH", "/a.txtG"])
    equal(paths({"unless": {"path": "/health"}}), ["/a.txtG", "/x.cssG", "/bH", "/a.txtG"])
    equal(paths({"unless": [{"path": ["/health", "*.css"]}, {"method": "HEAD"}]}), ["/a.txtG", "/a.txtG"])
    equal(paths({"unless": {"header": {"x-probe": "kube*"}}}), ["/a.txtG", "/healthG", "/x.cssG", "/bH"])
    equal(paths({"if": {"status": ["4xx"]}, "unless": {"status": 404, "method": "HEAD"}}), ["/healthG", "/x.cssG"])
    equal(paths({"if": [{"status": "200-299"}, {"path": "/end*"}]}), ["/a.txtG", "/a.txtG"])
    equal(paths({"if": [{"host": "other"}, {"slower": "1h"}, {"path": "/end*"}]}), [])


def test_a_sample_is_one_of_so_many():
    lines = logged({"format": "$path", "sample": 3, "unless": {"path": "/skip"}},
                   *[(p, {}) for p in ("/1", "/skip", "/2", "/3", "/4", "/5", "/6")])
    equal(lines, ["/1", "/4"])


def test_addresses_are_cut_short():
    trust = {"connection": {"host": "127.0.0.1", "port": 0, "trust": ["127.0.0.1"]}}
    asked = [("/a.txt", {"fields": [f"X-Forwarded-For: {a}"]}) for a in ("192.0.2.129", "2001:db8:1:2:3:4:5:6", "nobody")]
    for mask, wanted in ((True, ["192.0.2.0 127.0.0.0", "2001:db8:1:: 127.0.0.0", "127.0.0.0 127.0.0.0"]),
                         ({"v4": 25, "v6": 33}, ["192.0.2.128 127.0.0.0", "2001:db8:: 127.0.0.0", "127.0.0.0 127.0.0.0"]),
                         (False, ["192.0.2.129 127.0.0.1", "2001:db8:1:2:3:4:5:6 127.0.0.1", "127.0.0.1 127.0.0.1"])):
        with folder() as where:
            settings = {"file": where + "/log", "format": "$remote_addr $peer_addr", "ip_mask": mask}
            config = configuration({"documents": where, "accesslog": settings}, **trust)
            with serving(config) as server:
                for path, more in asked:
                    server.get(path, **more)
                equal(lines_of(server, where + "/log", 3), wanted)


def test_secrets_are_not_logged():
    fields = ["Authorization: Basic c2VjcmV0", "Cookie: id=1"]
    form = "$header.Authorization $header.cookie $header.proxy-authorization $path"
    equal(logged({"format": form}, ("/a.txt", {"fields": fields})), ["*** *** - /a.txt"])
    equal(logged({"format": form, "show_secrets": True}, ("/a.txt", {"fields": fields})), [r"Basic\x20c2VjcmV0 id=1 - /a.txt"])
    line, = logged({"format": {"a": "$header.authorization", "p": "$path"}}, ("/a.txt", {"fields": fields}))
    equal(json.loads(line)["a"], "***")


def test_parameters_of_queries_are_hidden():
    asked = ("/a.txt?a=1&token=s&t%6fken=s;b=2&token&tokens=3", {"fields": ["Referer: http://x/?token=s#f"]})
    form = "\"$line\" $query $target $header.referer"
    hidden = "a=1&token=***&t%6fken=***;b=2&***&tokens=3"
    line, = logged({"format": form, "hide_query": "token"}, asked)
    equal(line, f"\"GET /a.txt?{hidden} HTTP/1.1\" {hidden} /a.txt?{hidden} http://x/?token=***#f")
    line, = logged({"format": form, "hide_query": ["*"]}, asked)
    contains(line, "\"GET /a.txt?a=***&token=***&t%6fken=***;b=***&***&tokens=*** HTTP/1.1\"")


def test_what_is_wrong_is_told_with_its_place_and_cure():
    for settings, wanted in (
            ({"format": "$methd $path"}, 'accesslog/format: there is no variable $methd (did you mean "method"?)'),
            ({"format": {"a": "$headr.x"}}, 'accesslog/format/a: there is no variable $headr.x (did you mean "header.x"?)'),
            ({"format": {"a/b": "$statu"}}, 'accesslog/format/a~1b: there is no variable $statu'),
            ({"format": "$header"}, "accesslog/format: $header needs the name of a field: $header.NAME"),
            ({"format": "jsn"}, '"jsn" is no format: "combined", "common", "json"'),
            ({"format": {}}, "an object without members makes no line"),
            ({"format": {"a": "$status:itn"}}, 'there is no type "itn"'),
            ({"format": {"a": 5}}, "accesslog/format/a must be a string"),
            ({"format": "$path\n"}, "no control characters but tabs"),
            ({"format": "$header.x-forwarded-for", "ip_mask": True}, "holds addresses as they are"),
            ({"if": {"status": [200, "6xx"]}}, 'accesslog/if/0/status/1: "6xx" is no status'),
            ({"unless": [{"path": "/"}, {"pth": "/"}]}, 'unknown key "pth"'),
            ({"logs": ["x"]}, '"file"'),
            ({"format": "x" * 5000 + "$path"}, "the format is too long")):
        with folder() as where:
            text = problems_of({"file": where + "/log", **settings})
        contains(text, wanted, str(settings)[:80])
        assert "site.json:" in text, text
    with folder() as where:
        contains(problems_of({}), 'needs "file"')
        text = problems_of([where + "/a", {"file": where + "/b", "format": "$pth"}])
        contains(text, "accesslog/logs/1/format: there is no variable $pth")
        contains(problems_of([where + "/a", {"format": "json"}]), 'needs "file"')


def test_a_mode_that_is_none_is_told():
    for mode, wanted in (("0648", True), ("0444", True), ("0600", False), (640, True)):
        with folder() as where:
            config = configuration({"documents": where}, daemon={"log_mode": mode})
            status, _, text = run("--test", "-c", write(where + "/site.json", json.dumps(config)))
        equal("/daemon/log_mode must be" in text, wanted, text)
        equal(status, 1 if wanted else 0)


def test_an_unknown_variable_in_headers_is_told():
    with folder() as where:
        config = configuration({"documents": where, "headers": {"X-A": "$hst", "X-B": "$probe.path"}, "modules": ["static", "probe"]})
        text = run("--test", "-c", write(where + "/site.json", json.dumps(config, indent=2)))[2]
    contains(text, 'headers/X-A: there is no variable $hst (did you mean "host"?)')
    assert "probe.path" not in text.split("X-A")[0] and text.count("error:") == 1, text


class Load:
    """Requests that are numbered, from some clients at once, until it is stopped."""

    def __init__(self, server, clients=3):
        self.done, self.stopping, self.failed = 0, False, None
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(server, i)) for i in range(clients)]
        for t in self.threads:
            t.start()

    def run(self, server, client):
        try:
            with server.connect() as s:
                buffer = bytearray()
                n = 0
                while not self.stopping:
                    s.sendall(b"".join(request(f"/{client}-{n + i}") for i in range(8)))
                    for _ in range(8):
                        equal(read_response(s, buffer=buffer)[0], 404)
                    n += 8
                    with self.lock:
                        self.done += 8
        except BaseException as e:
            self.failed = e

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join()
        if self.failed:
            raise self.failed


def rotate(server, where, name, number, reopen=signal.SIGUSR1):
    os.rename(f"{where}/{name}", f"{where}/{name}.{number}")
    server.process.send_signal(reopen)
    end = time.monotonic() + 5
    while not os.path.exists(f"{where}/{name}"):
        assert time.monotonic() < end, "the log is not opened again"
        time.sleep(0.005)


def rotated_under_load(server, where, name):
    """Every line of some files that a log was rotated to, and how many requests there were."""
    load = Load(server)
    for number in range(12):
        time.sleep(0.05)
        rotate(server, where, name, number, signal.SIGHUP if number == 5 else signal.SIGUSR1)
    load.stop()
    server.stop()
    lines = []
    for file in [f"{name}.{n}" for n in range(12)] + [name]:
        with open(f"{where}/{file}", encoding="ascii") as f:
            text = f.read()
        assert text == "" or text.endswith("\n"), file
        lines += text.splitlines()
    return lines, load.done


def test_no_line_is_lost_or_torn_when_logs_are_rotated_under_load():
    for workers in (1, 0):
        with folder() as where:
            os.mkdir(where + "/logs")
            settings = {"file": where + "/logs/access", "format": "$path $status"}
            config = configuration({"documents": where, "accesslog": settings}, daemon={"workers": workers})
            server = Server(where, config)
            lines, count = rotated_under_load(server, where + "/logs", "access")
        assert count > 500, count
        assert all(re.fullmatch(r"/\d-\d+ 404", line) for line in lines), [x for x in lines if not re.fullmatch(r"/\d-\d+ 404", x)][:5]
        equal((len(lines), len(set(lines))), (count, count), f"{workers} workers")


def test_a_log_that_root_alone_may_open_is_rotated_for_a_worker():
    need(IS_ROOT, "needs root")
    with folder() as where:
        os.mkdir(where + "/logs", 0o700)
        os.mkdir(where + "/www")
        config = configuration({"documents": where + "/www", "accesslog": {"file": where + "/logs/access", "format": "$path $status"}},
                               daemon={"log": where + "/logs/error", "log_mode": "0604"})
        program = for_nobody(where, config)
        with serving_program(program, where, config) as server:
            server.get("/before")
            lines_of(server, where + "/logs/access", 1)
            rotate(server, where + "/logs", "access", 1)
            rotate(server, where + "/logs", "error", 1)
            os.kill(server.worker(), signal.SIGKILL)
            end = time.monotonic() + 5
            while "starting another" not in open(where + "/logs/error").read():
                assert time.monotonic() < end, "the supervisor's own log goes on"
                time.sleep(0.02)
            server.get("/after")
            equal(lines_of(server, where + "/logs/access", 1), ["/after 404"])
            equal(lines_of(server, where + "/logs/access.1", 1), ["/before 404"])
            for name in ("access", "error"):
                st = os.stat(f"{where}/logs/{name}")
                equal((stat.S_IMODE(st.st_mode), st.st_uid), (0o604, 0))


@contextlib.contextmanager
def serving_program(program, where, config):
    """A daemon of that program; it is stopped at the end of the block."""
    import harness
    before, harness.PROGRAM = harness.PROGRAM, program
    try:
        server = Server(where, config)
    finally:
        harness.PROGRAM = before
    try:
        yield server
    finally:
        server.stop()


def test_mode_and_owner_of_a_file_that_is_there_stay():
    with folder() as where:
        write(where + "/log", "old\n", 0o666)
        with serving(configuration({"documents": where, "accesslog": {"file": where + "/log", "format": "$path"}})) as server:
            server.get("/a")
            equal(lines_of(server, where + "/log", 2), ["old", "/a"])
            os.rename(where + "/log", where + "/log.1")
            write(where + "/log", "made by logrotate\n", 0o640)
            if IS_ROOT:
                os.chown(where + "/log", 1234, 4321)
            server.process.send_signal(signal.SIGUSR1)
            end = time.monotonic() + 5
            while len(open(where + "/log").read().splitlines()) < 2:
                assert time.monotonic() < end
                server.get("/b")
                time.sleep(0.02)
            st = os.stat(where + "/log")
            equal(stat.S_IMODE(st.st_mode), 0o640)
            if IS_ROOT:
                equal((st.st_uid, st.st_gid), (1234, 4321))


def test_what_a_worker_may_change_leads_root_nowhere():
    need(IS_ROOT, "needs root")
    with folder() as where:
        os.mkdir(where + "/logs")
        os.chown(where + "/logs", 65534, 65534)
        write(where + "/precious", "root's\n", 0o600)
        os.mkdir(where + "/etc", 0o755)
        config = configuration({"documents": where, "accesslog": {"file": where + "/logs/access", "format": "$path"}},
                               daemon={"log": where + "/error"})
        program = for_nobody(where, config)
        with serving_program(program, where, config) as server:
            equal(os.stat(where + "/logs/access").st_uid, 65534, "made with the rights of who may change the folder")
            server.get("/before")
            lines_of(server, where + "/logs/access", 1)
            for target in ("/precious", "/etc/new"):
                os.unlink(where + "/logs/access")
                os.symlink(where + target, where + "/logs/access")
                before = open(where + "/error").read()
                server.process.send_signal(signal.SIGUSR1)
                end = time.monotonic() + 5
                while "cannot be opened again: Permission denied" not in open(where + "/error").read()[len(before):]:
                    assert time.monotonic() < end, open(where + "/error").read()
                    time.sleep(0.02)
                server.get("/after")
            equal(open(where + "/precious").read(), "root's\n")
            equal(os.listdir(where + "/etc"), [])


def test_a_log_that_cannot_be_opened_again_goes_on_as_it_is():
    with folder() as where:
        os.mkdir(where + "/logs")
        with serving(configuration({"documents": where, "accesslog": {"file": where + "/logs/log", "format": "$path"}})) as server:
            os.rename(where + "/logs", where + "/old")
            server.process.send_signal(signal.SIGUSR1)
            server.wait_for_log("logs/log\" cannot be opened again: No such file or directory; what comes goes into the old file")
            server.get("/after")
            equal(lines_of(server, where + "/old/log", 1), ["/after"])


def test_a_full_disk_costs_lines_and_no_requests():
    with folder() as where:
        with serving(configuration({"documents": where, "accesslog": "/dev/full"})) as server:
            for _ in range(20):
                equal(server.get("/a")[0], 404)
            server.wait_for_log('lines for "/dev/full" were lost: No space left on device')
            equal(server.get("/a")[0], 404)


def test_the_example_of_its_page_works():
    with folder() as where:
        config = example_of("accesslog", where)
        write(where + "/srv/www/index.html", "x" * 512)
        with serving(config) as server:
            server.get("/health")
            server.get("/index.html")
            line, = lines_of(server, where + "/var/log/access.log", 1)
    form = (r'\{"time":"[-0-9]{10}T[0-9:.]{12}Z","request":"GET /index\.html","status":200,"seconds":\d\.\d{6},'
            r'"id":"[0-9a-f]{16}"\}')
    assert re.fullmatch(form, line), line


def test_the_example_with_several_logs_works():
    with folder() as where:
        write(where + "/shown.json", beneath(where, blocks("docs/modules/accesslog.md", "json")[1]))
        config = configuration({})
        del config["vhosts"]
        write(where + "/srv/www/health", "ok")
        with serving({"include": where + "/shown.json", **config}) as server:
            for path in ("/health", "/a.css", "/b"):
                server.get(path)
            found, = objects_of(server, where + "/var/log/access.log", 1)
            equal((found["path"], found["status"]), ("/b", 404))
            equal(os.path.getsize(where + "/var/log/slow.log"), 0)


main()
