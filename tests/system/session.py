# SPDX-License-Identifier: MIT
"""Sessions: cookies, expiry, limits, the stores in memory and in a file, rules of access; what a module does with them is done
by the test module visitor."""
import http.cookies
import resource
import sqlite3
import threading

from harness import *

HAS_SESSION = os.path.exists(MODULES[0] + "/session.so")
STORES = ("memory", "sqlite")


def need_session():
    need(HAS_SESSION, "the module session was left out")


class Browser:
    """A cookie jar, and a connection of its own for each request."""

    def __init__(self, server, cookie=None, fields=(), port=None):
        self.server, self.fields, self.cookie = server, list(fields), cookie

    def get(self, path, **more):
        fields = self.fields + ([f"Cookie: {self.cookie}"] if self.cookie else [])
        status, self.answer, body = self.server.get(path, fields=fields + list(more.pop("extra", ())), **more)
        told = self.answer.get("set-cookie")
        if told:
            pair, *rest = told.split("; ")
            self.cookie = None if "Max-Age=0" in rest else pair
            self.told = rest
        return status, body.decode()

    def ask(self, path):
        """The text of a 200."""
        status, body = self.get(path)
        equal(status, 200, path)
        return body


def site(store="memory", where=None, session=None, process=None, daemon=None, connection=None, **more):
    process = dict(process or {})
    if store == "sqlite":
        process |= {"store": "sqlite", "file": where + "/sessions.db"}
    vhost = {"name": "one", "aliases": ["localhost"], "session": session or {}, "visitor": {}, **more}
    return configuration(vhost, daemon={"log_level": "info", **(daemon or {})}, connection=connection,
                         process={"session": process})


@contextlib.contextmanager
def daemon(store="memory", **more):
    need_session()
    with folder() as where:
        if IS_ROOT:
            os.chmod(where, 0o777)
        with serving(site(store, where, **more)) as server:
            server.state = where
            yield server


def both(test):
    """Runs a test with each store; one claim for both."""
    def run_both():
        for store in STORES:
            test(store)
    run_both.__name__ = test.__name__
    return run_both


# ---- what a session is


@both
def test_a_value_is_there_on_any_connection(store):
    with daemon(store) as server:
        b = Browser(server)
        equal(b.ask("/set?user=jane"), "0 jane")
        equal(b.ask("/get?user"), "0 jane")
        equal(b.ask("/set?a_1=2"), "0 2")
        equal(b.ask("/all"), "user=jane;a_1=2;")
        equal(b.ask("/drop?user"), "0 -")
        equal(b.ask("/all"), "a_1=2;")
        other = Browser(server)
        equal(other.ask("/all"), "", "another browser")


@both
def test_no_session_begins_before_something_is_stored(store):
    with daemon(store) as server:
        b = Browser(server)
        for path in ("/get?a", "/all", "/drop?a", "/renew", "/end", "/fresh?a", "/swap?a=old,new"):
            b.ask(path)
            assert "set-cookie" not in b.answer, path
        b.ask("/set?a=1")
        assert b.cookie
        told = b.cookie
        b.ask("/set?a=2")
        equal((b.cookie, "set-cookie" in b.answer), (told, False), "the cookie is told once")


def test_the_cookie_holds_an_id_and_nothing_else():
    with daemon() as server:
        b = Browser(server)
        b.ask("/set?user=jane")
        assert re.fullmatch(r"sid=[0-9a-f]{40}", b.cookie), b.cookie
        equal(b.told, ["Path=/", "HttpOnly", "SameSite=Lax"])


def test_over_a_secure_connection_the_cookie_is_bound_to_it():
    with daemon(connection={"trust": ["127.0.0.0/8"]}) as server:
        b = Browser(server, fields=["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"])
        b.ask("/set?user=jane")
        assert re.fullmatch(r"__Host-sid=[0-9a-f]{40}", b.cookie), b.cookie
        equal(b.told, ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"])
        equal(b.ask("/get?user"), "0 jane")
        plain = Browser(server, b.cookie)
        equal(plain.ask("/get?user"), "0 -", "the same cookie in the clear")
        plain.cookie = b.cookie.replace("__Host-", "")
        equal(plain.ask("/get?user"), "0 -", "... without its prefix")


def test_the_cookie_is_as_configured():
    cookie = {"name": "visit", "path": "/shop", "domain": "example.org", "same_site": "strict", "persistent": True}
    with daemon(session={"cookie": cookie, "lifetime": "2h"}, connection={"trust": ["127.0.0.0/8"]}) as server:
        b = Browser(server, fields=["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"])
        b.ask("/set?user=jane")
        assert b.cookie.startswith("__Secure-visit="), b.cookie
        equal(b.told, ["Path=/shop", "Domain=example.org", "Max-Age=7200", "HttpOnly", "SameSite=Strict", "Secure"])


def test_an_answer_with_a_cookie_is_for_no_shared_cache():
    with folder() as www:
        write(www + "/page", "text")
        with daemon(documents=www) as server:
            b = Browser(server)
            b.ask("/set?user=jane")
            equal((b.answer["cache-control"], b.answer["vary"]), ("private", "Cookie"))
            b.ask("/get?user")
            equal((b.answer["cache-control"], b.answer["vary"]), ("private", "Cookie"), "an answer that read it")
            b.ask("/page")
            assert "cache-control" not in b.answer and "vary" not in b.answer, b.answer


@both
def test_a_forged_id_gets_a_new_one(store):
    with daemon(store) as server:
        for forged in ("0" * 40, "A" * 40, "x", "", "0" * 41, "'; DROP TABLE session; --"):
            b = Browser(server, f"sid={forged}")
            equal(b.ask("/set?a=1"), "0 1", forged)
            assert b.cookie != f"sid={forged}" and re.fullmatch("sid=[0-9a-f]{40}", b.cookie), b.cookie
            equal(b.ask("/get?a"), "0 1", forged)


def test_the_id_is_found_among_other_cookies():
    with daemon() as server:
        b = Browser(server)
        b.ask("/set?a=1")
        mine = b.cookie
        for cookie in (f"a=b; {mine}", f"{mine}; a=b", f";; ;{mine} ;", f"xsid=1; sid; sid=; {mine}", f"sid={'Z' * 40};{mine}"):
            b.cookie = cookie
            equal(b.ask("/get?a"), "0 1", cookie)
        for cookie in (mine.replace("sid", "SID"), "x" + mine, mine.replace("=", " = ")):
            b.cookie = cookie
            equal(b.ask("/get?a"), "0 -", cookie)


def test_a_session_of_one_site_is_none_of_another():
    need_session()
    config = site()
    config["vhosts"] = [config["vhosts"], {**config["vhosts"], "name": "two", "aliases": []}]
    with serving(config) as server:
        b = Browser(server)
        b.ask("/set?a=1")
        equal(b.get("/get?a", host="two"), (200, "0 -"))
        equal(b.get("/get?a", host="one"), (200, "0 1"))


def test_ids_are_random():
    """Each bit of 600 ids is set in about half of them, and no two are alike."""
    with daemon() as server, server.connect() as s:
        s.sendall(request("/set?a=1") * 600)
        buffer, ids = bytearray(), []
        for _ in range(600):
            ids.append(int(re.match("sid=([0-9a-f]{40});", read_response(s, buffer=buffer)[1]["set-cookie"])[1], 16))
        equal(len(set(ids)), 600)
        for bit in range(160):
            ones = sum(i >> bit & 1 for i in ids)
            assert 210 < ones < 390, (bit, ones)  # more than seven standard deviations off


@both
def test_ids_appear_in_no_log_and_no_store(store):
    with folder() as www:
        log = {"file": www + "/access.log", "format": "$method $path $header.cookie $response.set-cookie $session.id $session.user"}
        os.chmod(www, 0o777)
        with daemon(store, accesslog=log, daemon={"log_level": "debug"}) as server:
            b = Browser(server)
            b.ask("/set?user=jane")
            name = b.ask("/name")
            b.ask("/renew")
            b.ask("/big?a=20000")
            b.ask("/end")
            secret = b.cookie or ""
            equal(secret, "")
            b.ask("/set?user=jack")
            secret = b.cookie[4:]
            b.ask("/get?user")
            if store == "sqlite":
                for file in os.listdir(server.state):
                    if file.startswith("sessions.db"):
                        assert secret.encode() not in open(f"{server.state}/{file}", "rb").read(), file
            server.stop()
            with open(www + "/access.log", encoding="utf-8") as f:
                text = f.read()
            assert re.fullmatch("[0-9a-f]{16}", name), name
            contains(text, name)
            contains(text, "jack")
            assert not re.search("[0-9a-f]{40}", text), text
            assert not re.search("[0-9a-f]{40}", server.log()), server.log()


# ---- its life


@both
def test_it_ends_when_it_is_not_used(store):
    with daemon(store, session={"idle": "1s"}) as server:
        b = Browser(server)
        b.ask("/set?a=1")
        told = b.cookie
        for _ in range(6):
            time.sleep(0.25)
            equal(b.ask("/get?a"), "0 1", "used all the time")
        time.sleep(1.1)
        equal(b.ask("/get?a"), "0 -", "idle")
        b.ask("/set?a=2")
        assert b.cookie != told, "an id that is over comes back"


@both
def test_it_ends_at_the_end_of_its_lifetime(store):
    with daemon(store, session={"lifetime": "1s"}) as server:
        b = Browser(server)
        b.ask("/set?a=1")
        end = time.monotonic() + 3
        while b.ask("/get?a") == "0 1":
            assert time.monotonic() < end, "it does not end"
            time.sleep(0.1)


@both
def test_a_new_id_keeps_the_values_and_the_old_one_is_worth_nothing(store):
    with daemon(store) as server:
        b = Browser(server)
        b.ask("/set?a=1")
        old = b.cookie
        equal(b.ask("/renew?user=jane"), "0 jane")
        assert b.cookie != old
        equal(b.ask("/all"), "a=1;user=jane;")
        thief = Browser(server, old)
        equal(thief.ask("/all"), "")
        equal(thief.ask("/set?a=2"), "-116 -", "a late request of the old id begins no session in the new one's place")
        assert "set-cookie" not in thief.answer


@both
def test_a_request_that_is_overtaken_by_a_new_id_takes_nothing_back(store):
    with daemon(store) as server:
        b = Browser(server)
        b.ask("/set?a=1")
        slow, result = Browser(server, b.cookie), []
        t = threading.Thread(target=lambda: result.append(slow.ask("/slow?a=2")))
        t.start()
        time.sleep(0.1)
        b.ask("/renew")
        t.join(5)
        equal((result, "set-cookie" in slow.answer), (["-116 1"], False))
        equal(b.ask("/get?a"), "0 1")


@both
def test_the_end_takes_the_cookie_back(store):
    with daemon(store) as server:
        b = Browser(server)
        b.ask("/set?a=1")
        old = b.cookie
        equal(b.ask("/end?a"), "0 -")
        equal((b.cookie, "Max-Age=0" in b.told), (None, True))
        equal(Browser(server, old).ask("/get?a"), "0 -")


@both
def test_what_would_need_a_cookie_behind_the_header_is_refused(store):
    with daemon(store) as server:
        b = Browser(server)
        equal(b.ask("/late?a=1"), "late -114 -")
        b.ask("/set?a=1")
        equal(b.ask("/late?a=2"), "late 0 2", "a session that the client has")
        equal(b.ask("/get?a"), "0 2")


# ---- many at once


@both
def test_parallel_increments_lose_none(store):
    with daemon(store) as server:
        jane, jack = Browser(server), Browser(server)
        jane.ask("/set?n=0")
        jack.ask("/set?n=0")

        def add(cookie):
            with server.connect() as s:
                s.sendall(request("/add?n=1", fields=[f"Cookie: {cookie}"]) * 40)
                buffer = bytearray()
                for _ in range(40):
                    equal(read_response(s, buffer=buffer)[0], 200)

        threads = [threading.Thread(target=add, args=(b.cookie,)) for b in (jane, jack) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        equal((jane.ask("/get?n"), jack.ask("/get?n")), ("0 320", "0 320"))


@both
def test_parallel_updates_lose_none(store):
    with daemon(store) as server:
        b = Browser(server)
        b.ask("/set?n=0")
        threads = [threading.Thread(target=Browser(server, b.cookie).ask, args=("/race?n=25",)) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        equal(b.ask("/get?n"), "0 150")


@both
def test_a_swap_wants_the_value_that_is_there(store):
    with daemon(store) as server:
        b = Browser(server)
        equal(b.ask("/swap?a=,1"), "0 1")
        equal(b.ask("/swap?a=,2"), "-11 1")
        equal(b.ask("/swap?a=1,2"), "0 2")
        equal(b.ask("/swap?a=1,3"), "-11 2")
        equal(b.ask("/swap?a=2,"), "0 -")


@both
def test_clients_that_leave_stop_nothing(store):
    with daemon(store) as server:
        b = Browser(server)
        b.ask("/set?n=0")
        for _ in range(40):
            with server.connect() as s:
                s.sendall(request("/add?n=1", fields=[f"Cookie: {b.cookie}"]))
        equal(b.ask("/add?m=1"), "0 1")


# ---- limits


@both
def test_keys_and_sizes_are_limited(store):
    with daemon(store, session={"max_size": "1k"}) as server:
        b = Browser(server)
        equal(b.ask("/set?a=1"), "0 1")
        for bad in ("", "a-b", "%41", "x" * 65):
            equal(b.ask(f"/set?{bad}=1"), "-22 -", bad)
        equal(b.ask(f"/set?{'x' * 64}=1"), "0 1")
        equal(b.ask("/big?b=1100"), "-7 -")
        equal(b.ask("/big?b=1000"), "-7 -", "with what is there")
        equal(b.ask("/big?b=900")[:4], "0 xx")
        equal(b.ask("/big?c=100"), "-7 -")
        equal(b.ask("/get?a"), "0 1", "nothing is lost")
        equal(b.ask("/add?a=5"), "0 6")
        equal(b.ask("/add?b=1")[:5], "-34 x")


@both
def test_the_least_recently_used_leave_first(store):
    with daemon(store, process={"max_sessions": 4}, session={"idle": "16s"}) as server:
        browsers = [Browser(server) for _ in range(4)]
        for b in browsers:
            b.ask("/set?a=1")
            time.sleep(0.02)
        time.sleep(1.1)  # a file is told of uses now and then
        browsers[0].ask("/get?a")
        for _ in range(2):
            Browser(server).ask("/set?a=2")
        end = time.monotonic() + 3
        while True:
            kept = [b.ask("/fresh?a") for b in browsers]
            if kept == ["0 1", "0 -", "0 -", "0 1"] or time.monotonic() > end:
                break
            time.sleep(0.05)
        equal(kept, ["0 1", "0 -", "0 -", "0 1"])


def test_the_memory_of_all_is_limited():
    with daemon(process={"max_memory": "64k"}) as server:
        browsers = [Browser(server) for _ in range(12)]
        for b in browsers:
            b.ask("/big?a=10000")
        found = ["x" in b.ask("/get?a") for b in browsers]
        assert found[-4:] == [True] * 4 and 4 <= sum(found) <= 6, found


# ---- stores


def sqlite_site(where, **more):
    if IS_ROOT:
        os.chmod(where, 0o777)
    return site("sqlite", where, **more)


def test_the_file_survives_a_restart_and_a_kill():
    need_session()
    with folder() as where:
        config = sqlite_site(where)
        server = Server(where, config)
        b = Browser(server)
        b.ask("/set?n=1")
        server.stop()
        server = b.server = Server(where, config)
        equal(b.ask("/add?n=1"), "0 2")
        os.kill(server.worker(), signal.SIGKILL)
        end = time.monotonic() + 10
        while True:
            try:
                equal(b.ask("/add?n=1"), "0 3")
                break
            except (OSError, AssertionError):
                assert time.monotonic() < end, server.log()
                time.sleep(0.05)
        server.stop()
        server = b.server = Server(where, config)
        equal(b.ask("/get?n"), "0 3")
        server.stop()


def test_a_broken_file_is_put_aside_and_a_new_one_begun():
    need_session()
    with folder() as where:
        write(where + "/sessions.db", b"no database " * 1000, 0o666)
        server = Server(where, sqlite_site(where))
        server.wait_for_log('is broken (file is not a database): it is now "')
        b = Browser(server)
        equal(b.ask("/set?a=1"), "0 1")
        aside = [f for f in os.listdir(where) if f.startswith("sessions.db.broken-")]
        equal(len(aside), 1)
        contains(open(f"{where}/{aside[0]}", "rb").read(), b"no database")
        server.stop()


def test_a_file_that_breaks_while_it_serves_is_put_aside():
    need_session()
    with folder() as where:
        config = sqlite_site(where)
        server = Server(where, config)
        b = Browser(server)
        b.ask("/set?a=1")
        db = sqlite3.connect(where + "/sessions.db", isolation_level=None)
        db.execute("UPDATE session SET used = used")  # what the daemon remembers of the file is old now
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with open(where + "/sessions.db", "r+b") as f:
            f.write(b"\xa5" * os.path.getsize(where + "/sessions.db"))
        equal(Browser(server).ask("/set?b=2"), "0 2", "in the new file")
        server.wait_for_log("a new file was begun")
        db.close()
        server.stop()


def test_a_full_disk_costs_the_write_and_not_the_request():
    need_session()
    with folder() as where:
        config = sqlite_site(where, session={"idle": "2h"})
        server = Server(where, config)
        b = Browser(server)
        b.ask("/set?a=1")
        resource.prlimit(server.worker(), resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        equal(b.ask("/big?b=9000"), "-5 -")
        equal(b.ask("/get?a"), "0 1", "reading goes on")
        server.wait_for_log("cannot write")
        resource.prlimit(server.worker(), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        equal(b.ask("/set?a=2"), "0 2")
        server.stop()


def test_a_file_that_cannot_be_had_is_an_error():
    need_session()
    with folder() as where:
        config = sqlite_site(where)
        config["process"]["session"]["file"] = where + "/nowhere/sessions.db"
        status, _, errors = run("-c", write(where + "/site.json", json.dumps(config)))
        equal(status, 1, errors)
        contains(errors, 'cannot open "' + where + '/nowhere/sessions.db": unable to open database file')


def test_what_is_over_leaves_the_file():
    need_session()
    with folder() as where:
        server = Server(where, sqlite_site(where, session={"idle": "1s"}, process={"max_sessions": 16}))
        for _ in range(4):
            Browser(server).ask("/set?a=1")
        time.sleep(1.1)
        for _ in range(2):
            Browser(server).ask("/set?a=1")
        end = time.monotonic() + 15
        while True:
            db = sqlite3.connect(f"file:{where}/sessions.db?mode=ro", uri=True)
            count = db.execute("SELECT count(*) FROM session").fetchone()[0]
            db.close()
            if count <= 2:
                break
            assert time.monotonic() < end, count
            time.sleep(0.1)
        server.stop()


def test_a_slow_disk_holds_up_no_page():
    need_session()
    with folder() as where:
        write(where + "/www/page", "text")
        server = Server(where, sqlite_site(where, documents=where + "/www"))
        b = Browser(server)
        b.ask("/set?a=1")
        db = sqlite3.connect(where + "/sessions.db", isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        result = []
        t = threading.Thread(target=lambda: result.append(b.ask("/set?a=2")))
        t.start()
        time.sleep(0.1)
        equal(server.get("/page")[2], b"text")
        equal(result, [])
        db.execute("ROLLBACK")
        db.close()
        t.join(10)
        equal(result, ["0 2"])
        server.stop()


def test_a_reload_keeps_what_is_in_memory():
    with daemon(session={"idle": "10m"}) as server:
        b = Browser(server)
        b.ask("/set?n=1")
        with open(server.config, encoding="utf-8") as f:
            text = f.read()
        write(server.config, text.replace("10m", "20m"))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("configuration read again: ")
        equal(b.ask("/add?n=1"), "0 2")


def test_workers_share_the_file():
    with daemon("sqlite", daemon={"workers": 2}) as server:
        b = Browser(server)
        b.ask("/set?n=0")
        threads = [threading.Thread(target=lambda: [b.get("/add?n=1") for _ in range(20)]) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        equal(b.ask("/get?n"), "0 80")


PROGRAM_OF_SESSIONS = """#!/bin/sh
echo Content-Type: text/plain
echo "Session-Set: visits=$((${SESSION_visits:-0} + 1))"
echo
echo "${SESSION_visits:-none}"
"""


@both
def test_programs_count_visits(store):
    with folder() as where:
        write(where + "/cgi/count", PROGRAM_OF_SESSIONS, 0o755)
        with daemon(store, documents=where, directories={"path": "/cgi", "exec": {}}) as server:
            b = Browser(server)
            equal([b.ask("/cgi/count") for _ in range(3)], ["none\n", "1\n", "2\n"])
            assert "session-set" not in b.answer, b.answer
            equal(Browser(server).ask("/cgi/count"), "none\n")


# ---- rules of access


def guarded(**more):
    return {"directories": [{"path": "/private", "session": {"user": "*"}},
                            {"path": "/staff", "session": {"require": {"user": ["jane", "jack"], "level": "7"}}},
                            {"path": "/private/open", "session": {"inherit": False}},
                            {"path": "/private/staff", "session": {"user": "jane"}}], **more}


@both
def test_rules_admit_who_has_what_they_require(store):
    with folder() as www:
        for path in ("private/a", "staff/a", "private/open/a", "private/staff/a"):
            write(f"{www}/{path}", "in")
        with daemon(store, documents=www, **guarded()) as server:
            b = Browser(server)
            paths = ("/private/a", "/staff/a", "/private/open/a", "/private/staff/a")
            equal([b.get(p)[0] for p in paths], [403, 403, 200, 403])
            b.ask("/set?user=joe")
            equal([b.get(p)[0] for p in paths], [200, 403, 200, 403])
            equal((b.get("/private/a")[0], b.answer["cache-control"], b.answer["vary"]), (200, "private", "Cookie"))
            b.ask("/set?user=jane")
            equal([b.get(p)[0] for p in paths], [200, 403, 200, 200])
            b.ask("/set?level=7")
            equal([b.get(p)[0] for p in paths], [200] * 4)
            b.ask("/set?user=")
            equal([b.get(p)[0] for p in paths], [403, 403, 200, 403])


def test_whoever_is_refused_is_sent_to_the_login():
    with folder() as www:
        write(www + "/login", "who are you?")
        with daemon(documents=www, session={"require": {"user": "*"}, "login": "/login"}) as server:
            b = Browser(server)
            equal(b.get("/a%20b?c=d&e")[0], 303)
            equal((b.answer["location"], b.answer["cache-control"]), ("/login?return=/a%2520b%3Fc%3Dd%26e", "no-store"))
            equal(b.get("/a", method="POST", body=b"x")[0], 403)
            equal(b.get("/login"), (200, "who are you?"))
            equal(b.get("//evil.example/")[0], 303)
            equal(b.answer["location"], "/login?return=/evil.example/")


def test_satisfy_any_lets_a_session_in_where_the_address_does_not():
    with folder() as www:
        write(www + "/p/a", "in")
        rules = {"path": "/p", "satisfy": "any", "allow": "192.0.2.1", "session": {"user": "*"}}
        with daemon(documents=www, directories=rules, connection={"trust": ["127.0.0.0/8"]}) as server:
            b = Browser(server)
            equal(b.get("/p/a")[0], 403)
            equal(b.get("/p/a", extra=["X-Forwarded-For: 192.0.2.1"])[0], 200)
            b.ask("/set?user=jane")
            equal(b.get("/p/a")[0], 200)


def test_a_store_that_fails_opens_no_door():
    need_session()
    with folder() as where:
        write(where + "/www/private/a", "in")
        server = Server(where, sqlite_site(where, documents=where + "/www", **guarded()))
        b = Browser(server)
        b.ask("/set?user=jane")
        resource.prlimit(server.worker(), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        equal(b.get("/private/a")[0], 200)
        server.stop()


def test_variables_tell_what_is_in_a_session():
    with daemon(rewrite=[], headers={"X-User": "$session.user", "X-Session": "$session.id"}) as server:
        b = Browser(server)
        b.ask("/set?user=jane")
        equal((b.answer["x-user"], len(b.answer["x-session"])), ("jane", 16))
        first = b.answer["x-session"]
        b.ask("/get?user")
        equal(b.answer["x-session"], first)
        b.ask("/renew")
        assert b.answer["x-session"] != first


# ---- configuration


def complaint(session=None, process=None, daemon=None, **more):
    need_session()
    with folder() as where:
        config = write(where + "/site.json", json.dumps(site(session=session, process=process, daemon=daemon, **more)))
        status, _, errors = run("--test", "-c", config)
        return status, errors


def test_mistakes_are_told_with_their_cure():
    for session, process, text in (
            ({}, {"store": "sqlite"}, 'the store "sqlite" needs a "file"'),
            ({}, {"file": "/tmp/x.db"}, 'the store "memory" has no file'),
            ({"cookie": "a b"}, {}, '"a b" must be a token such as "sid"'),
            ({"cookie": "__Host-sid"}, {}, "is added where the connection is secure"),
            ({"cookie": {"path": "shop"}}, {}, "must begin with a slash"),
            ({"cookie": {"domain": ".example.org"}}, {}, "without a dot in front"),
            ({"require": {"a-b": "*"}}, {}, "cannot be a key of a session"),
            ({"login": "http://example.org/"}, {}, "must be a path of this virtual host"),
            ({"idle": 30}, {}, "idle")):
        status, errors = complaint(session, process)
        equal(status, 1, errors)
        contains(errors, text)


def test_memory_that_workers_do_not_share_is_refused():
    status, errors = complaint(daemon={"workers": 2})
    equal(status, 1, errors)
    contains(errors, 'daemon.workers is 2: use "process": { "session": { "store": "sqlite"')


def test_the_example_counts_visits():
    need_session()
    with open(os.path.join(SOURCE, "docs/examples/visits/visits.c"), encoding="utf-8") as f:
        text = f.read()
    contains([b.split("\n", 1)[1] for b in blocks("docs/MODULES.md", "c")], text.split("\n", 1)[1], "the tutorial's is it")
    with folder() as where:
        compile_module(where, "visits", text)
        config = configuration({"session": {}, "modules": ["session", "visits"]}, daemon={"module_path": [where, MODULES[0]]})
        with serving(config) as server:
            b = Browser(server)
            equal([b.ask("/visits") for _ in range(3)], [f"visit {n}\n" for n in (1, 2, 3)])
            equal(Browser(server).ask("/visits"), "visit 1\n")


def test_the_example_of_the_page():
    need_session()
    with folder() as where:
        write(where + "/srv/www/login.html", "login")
        with serving(example_of("session", where)) as server:
            status, fields, _ = server.get("/members/")
            equal((status, fields["location"]), (303, "/login.html?return=/members/"))
            equal(server.get("/login.html")[0], 200)


main()
