# SPDX-License-Identifier: MIT
"""Who may ask: clients of all kinds, their names as a DNS server of ours tells them, several access modules, guarded paths in
all spellings."""
import itertools
import signal
import socket
import threading
import time

from dns import *
from harness import *


def site(where, dns=None, rules=None, daemon=None, connection=None, **more):
    """A site in a folder, whose clients X-Forwarded-For names. The probe of all pages is /a.txt."""
    write(where + "/a.txt", "inside")
    resolver = {"servers": dns.address, "timeout": "2s"} if dns else {}
    return configuration({"documents": where, "access": rules or {}, **more},
                         daemon={"resolver": resolver, "log_level": "debug", **(daemon or {})},
                         connection={"trust": ["127.0.0.0/8", "::1", "unix"], **(connection or {})})


def status(server, client=None, path="/a.txt", **more):
    fields = [f"X-Forwarded-For: {client}"] if client else []
    got, _, body = server.get(path, fields=fields, **more)
    assert (got == 200) == (body == b"inside"), (got, body)
    return got


@contextlib.contextmanager
def dns_of(zone, host="127.0.0.1"):
    server = Dns(zone, host)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def guarded(zone, rules, resolver=None, **more):
    """(a daemon with these rules, the DNS server that it asks)."""
    with folder() as www, dns_of(zone) as dns:
        daemon = {"resolver": {"servers": dns.address, "timeout": "2s", **(resolver or {})}}
        with serving(site(www, rules=rules, daemon=daemon, **more)) as server:
            yield server, dns


def raw(family, address):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(10)
    s.connect(address)
    with s:
        s.sendall(request("/a.txt"))
        return read_response(s)[0]


# ---- by address


def test_the_address_of_the_connection_counts():
    with folder() as www:
        config = site(www, rules={"allow": ["127.0.0.2-127.0.0.3"]}, connection={"host": "127.0.0.1", "trust": []})
        config["connection"]["host"] = "0.0.0.0"
        with serving(config) as server:
            for host, wanted in (("127.0.0.2", 200), ("127.0.0.3", 200), ("127.0.0.4", 403)):
                with socket.create_connection(("127.0.0.1", server.port), 10, (host, 0)) as s:
                    s.sendall(request("/a.txt"))
                    equal(read_response(s)[0], wanted, host)
            # nobody is trusted here
            equal(status(server, "127.0.0.2"), 403)


def test_IPv6_unix_and_mapped_clients():
    with folder() as www, folder() as run:
        config = site(www, rules={"allow": ["127.0.0.1", "::1"]})
        config["connection"] = [config["connection"], {"host": "::1", "port": 0}, {"unix": run + "/open", "mode": "0666"}]
        config["vhosts"] = [config["vhosts"], {"name": "sockets", "documents": www, "allow": "unix"}]
        with serving(config) as server:
            port = int(re.search(r"http://\[::1\]:(\d+)/", server.ready)[1])
            equal(raw(socket.AF_INET6, ("::1", port)), 200)
            equal(raw(socket.AF_INET, ("127.0.0.1", server.port)), 200)
            equal(raw(socket.AF_UNIX, run + "/open"), 403)
            equal(status(server, host="sockets"), 403)
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(run + "/open")
                s.sendall(request("/a.txt", host="sockets"))
                equal(read_response(s)[0], 200)
        config = site(www, rules={"allow": "127.0.0.1"}, connection={"host": "::", "v6only": False, "trust": []})
        write(www + "/one.json", json.dumps(config))
        with free_port() as port:
            config["connection"]["port"] = port
        with listening(config, port):
            equal(raw(socket.AF_INET, ("127.0.0.1", port)), 200, "an IPv4 client on an IPv6 socket")
            equal(raw(socket.AF_INET6, ("::1", port)), 403)


@contextlib.contextmanager
def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


@contextlib.contextmanager
def listening(config, port):
    """A daemon that does not listen on 127.0.0.1."""
    with folder() as where:
        path = write(where + "/site.json", json.dumps(config))
        process = subprocess.Popen([PROGRAM, "-c", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            contains(process.stdout.readline().decode(), str(port))
            yield
        finally:
            process.terminate()
            equal((process.wait(60), process.communicate()[1].count(b"error")), (0, 0))


def test_a_refusal_names_its_rule_in_the_log_and_nothing_on_the_page():
    with guarded({}, {"deny": ["192.0.2.0/24", "192.0.2.7"]}) as (server, _):
        got, _, body = server.get("/a.txt", fields=["X-Forwarded-For: 192.0.2.7"])
        equal(got, 403)
        assert b"a.txt" not in body and b"192.0.2" not in body, body
        server.wait_for_log('refused 192.0.2.7: in "deny": "192.0.2.7"')
        equal(status(server, "192.0.2.8"), 403)
        server.wait_for_log('refused 192.0.2.8: in "deny": "192.0.2.0/24"')


def test_a_path_that_was_rewritten_is_judged_as_it_is_then():
    with folder() as www:
        write(www + "/inner/a.txt", "inside")
        config = site(www, directories={"path": "/inner", "deny": "*"})
        config["vhosts"]["modules"] = ["access", "turn", "static"]
        config["daemon"]["module_path"] = [*MODULES, www]
        compile_module(www, "turn", """
#include <multiplexd/module.h>
static enum mpx_rc route(struct mpx_req *r, const void *conf)
{
    if (!mpx_str_eq(mpx_req_path(r), MPX_STR("/turn")))
        return MPX_NEXT;
    return mpx_req_rewrite(r, MPX_STR("/inner/a.txt"), MPX_STR("")) < 0 ? MPX_FAIL : MPX_RESTART;
}
MPX_MODULE(turn) = { MPX_HEADER(turn, "1.0"), .on = { [MPX_PH_ROUTE] = route } };
""")
        with serving(config) as server:
            equal(status(server, path="/turn"), 403)
            equal(status(server), 200)


def spellings(name):
    """Ways to write a segment: letters as they are and percent-encoded, in both cases of the digits."""
    ways = [(c, f"%{ord(c):02x}", f"%{ord(c):02X}") for c in name]
    return ["".join(way) for way in itertools.product(*ways)]


def test_no_spelling_of_a_guarded_path_gives_a_byte_of_it():
    with folder() as www:
        write(www + "/keys/a.txt", "secret")
        write(www + "/pub/a.txt", "open")
        config = site(www, directories={"path": "/keys", "deny": "*"})
        around = ("/{}/a.txt", "//{}//a.txt", "/./{}/./a.txt", "/pub/../{}/a.txt", "/pub/..//{}/a.txt", "/{}/../{}/a.txt",
                  "/pub/%2e%2e/{}/a.txt", "/%2e/{}/a.txt", "/{}/%2E/a.txt", "/{}/x/../a.txt", "/pub/..%2f{}/a.txt",
                  "/{}%2fa.txt", "/{}/a.txt?x", "/{}/;/../a.txt", "/{}\\a.txt", "/{}/a.txt/", "/{};/a.txt", "/{}%00/a.txt",
                  "http://localhost/{}/a.txt", "http://other//{}/a.txt")
        with serving(config) as server:
            equal(server.get("/pub/a.txt")[2], b"open")
            with server.connect() as s:
                buffer, refused = bytearray(), 0
                for path in (way.format(*[name] * 2) for name in spellings("keys") for way in around):
                    s.sendall(request(path))
                    got, fields, body = read_response(s, buffer=buffer)
                    assert b"secret" not in body and got in (400, 403, 404), (path, got)
                    refused += got == 403
                    if fields.get("connection") == "close":
                        s.close()
                        s = server.connect()
                        buffer.clear()
                assert refused > 81 * 10, refused
                s.close()


# ---- by name


def test_names_and_domains_admit_who_has_them():
    zone = named(("192.0.2.1", "www.example.org"), ("192.0.2.2", "A.B.Domain.Example"), ("192.0.2.3", "domain.example"),
                 ("192.0.2.4", "xdomain.example"), ("2001:db8::1", "six.domain.example"), ("192.0.2.5", "x.www.example.org"))
    with guarded(zone, {"allow": ["WWW.example.org", ".domain.example."]}) as (server, dns):
        for client, wanted in (("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.3", 200), ("192.0.2.4", 403),
                               ("2001:db8::1", 200), ("192.0.2.5", 403), ("192.0.2.99", 403)):
            equal(status(server, client), wanted, client)
        asked = len(dns.asked)
        for client in ("192.0.2.1", "192.0.2.4", "192.0.2.99", "2001:db8::1"):
            status(server, client)
        equal(len(dns.asked), asked, "what is remembered")
        server.wait_for_log("refused 192.0.2.4 xdomain.example: not in")


def test_a_name_is_asked_for_only_where_it_decides():
    zone = named(("192.0.2.1", "www.example.org"))
    with guarded(zone, {"allow": ["198.51.100.0/24", "www.example.org"], "deny": ["192.0.2.66"]}) as (server, dns):
        equal(status(server, "198.51.100.7"), 200)
        equal(status(server, "192.0.2.66"), 403)
        equal(dns.asked, [])
        equal(status(server, "192.0.2.1"), 200)
        assert dns.asked
    with folder() as www, dns_of({}) as dns:
        path = write(www + "/x.json", json.dumps(site(www, dns, {"allow": "www.example.org"})))
        equal(run("--test", "-c", path)[0], 0)
        equal(dns.asked, [], "--test asks")


def test_who_only_says_that_he_has_a_name_is_not_believed():
    zone = named(("192.0.2.1", "www.example.org"))
    zone[reverse("192.0.2.2"), PTR] = (300, ["www.example.org"])
    zone[reverse("192.0.2.3"), PTR] = (300, ["gone.example.org"])
    with guarded(zone, {"allow": ".example.org"}) as (server, _):
        equal([status(server, f"192.0.2.{n}") for n in (1, 2, 3)], [200, 403, 403])


def test_a_name_with_several_addresses_is_that_of_each():
    zone = named(*((f"192.0.2.{n}", "many.example") for n in range(1, 20)), ("2001:db8::1", "many.example"))
    with guarded(zone, {"allow": "many.example"}) as (server, _):
        equal([status(server, c) for c in ("192.0.2.1", "192.0.2.19", "2001:db8::1")], [200, 200, 200])


def test_answers_that_are_none_give_no_name():
    zone = named(("192.0.2.1", "www.example.org"))
    for number, wrong in enumerate((failing, truncated, garbage), 10):
        zone[reverse(f"192.0.2.{number}"), PTR] = wrong
    true = (300, ["www.example.org"])
    zone[reverse("192.0.2.20"), PTR] = forged(true, (300, ["other.example.net"]))
    zone["other.example.net", A] = (300, ["192.0.2.20"])
    zone[reverse("192.0.2.21"), PTR] = (300, ["www.example.org/../x"])
    zone["www.example.org", A] = (300, ["192.0.2.1", "192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.20", "192.0.2.21"])
    with guarded(zone, {"allow": "www.example.org"}, resolver={"timeout": "600ms"}) as (server, _):
        equal(status(server, "192.0.2.1"), 200)
        for number in (10, 11, 12, 20, 21):
            equal(status(server, f"192.0.2.{number}"), 403, str(number))


def test_a_slow_server_holds_up_nobody_else():
    zone = named(("192.0.2.1", "slow.example"))
    zone[reverse("192.0.2.1"), PTR] = late(0.7, (300, ["slow.example"]))
    zone[reverse("192.0.2.2"), PTR] = silent
    with guarded(zone, {"allow": ["slow.example", "198.51.100.1"]}, resolver={"timeout": "2s"}) as (server, dns):
        results = []
        threads = [threading.Thread(target=lambda: results.append(status(server, "192.0.2.1"))) for _ in range(20)]
        for t in threads:
            t.start()
        while not dns.asked:
            time.sleep(0.01)
        for _ in range(20):
            equal(status(server, "198.51.100.1"), 200)
        assert not results, "they were to wait meanwhile"
        for t in threads:
            t.join(10)
        equal(results, [200] * 20)
        equal(dns.count(A), 1, "one look-up for all of them")
        begin = time.monotonic()
        equal(status(server, "192.0.2.2"), 403, "no answer is no name")
        assert time.monotonic() - begin < 10


def test_a_client_that_leaves_while_it_is_asked_for_harms_nobody():
    zone = named(("192.0.2.1", "slow.example"))
    zone[reverse("192.0.2.1"), PTR] = late(0.3, (300, ["slow.example"]))
    with guarded(zone, {"allow": "slow.example"}) as (server, dns):
        for _ in range(5):
            with server.connect() as s:
                s.sendall(request("/a.txt", fields=["X-Forwarded-For: 192.0.2.1"]))
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        equal(status(server, "192.0.2.1"), 200)
        # stopped while somebody waits
        zone[reverse("192.0.2.2"), PTR] = silent
        s = server.connect()
        s.sendall(request("/a.txt", fields=["X-Forwarded-For: 192.0.2.2"]))
        while (reverse("192.0.2.2"), PTR) not in [asked[:2] for asked in dns.asked]:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)
        s.close()
        assert "ERROR" not in server.log() and "Sanitizer" not in server.log(), server.log()


def test_deny_by_name_refuses_who_hides_his_name():
    zone = named(("192.0.2.1", "bad.example"), ("192.0.2.2", "good.example"))
    zone[reverse("192.0.2.3"), PTR] = failing
    zone[reverse("192.0.2.4"), PTR] = (300, ["good.example"])
    zone[reverse("192.0.2.5"), PTR] = silent
    with guarded(zone, {"deny": ".bad.example"}, resolver={"timeout": "500ms"}) as (server, _):
        wanted = {1: 403, 2: 200, 3: 403, 4: 403, 5: 403, 99: 200}
        equal({n: status(server, f"192.0.2.{n}") for n in wanted}, wanted)
        server.wait_for_log("cannot be found out")


def test_the_first_name_may_be_asked_for_after_a_reload():
    with guarded(named(("192.0.2.1", "www.example.org")), {"allow": "www.example.org"}) as (server, dns):
        for done in range(1, 4):  # the settings of the start are gone, their memory is used again
            server.process.send_signal(signal.SIGHUP)
            while server.log().count("configuration read again: ") < done:
                time.sleep(0.02)
            time.sleep(0.1)
        equal(status(server, "192.0.2.1"), 200)
        equal(dns.count(), 1)


def test_names_are_forgotten_in_time():
    zone = named(("192.0.2.1", "www.example.org"))
    with guarded(zone, {"allow": "www.example.org"}, resolver={"cache": "300ms"}) as (server, dns):
        equal(status(server, "192.0.2.1"), 200)
        equal(status(server, "192.0.2.1"), 200)
        equal(dns.count(), 1)
        zone["www.example.org", A] = (300, ["192.0.2.2"])
        time.sleep(0.4)
        equal(status(server, "192.0.2.1"), 403)
        equal(dns.count(), 2)


def test_as_many_names_are_remembered_as_there_are_entries():
    zone = named(*((f"192.0.2.{n}", f"n{n}.example") for n in range(1, 9)))
    with guarded(zone, {"allow": ".example"}, resolver={"entries": 4}) as (server, dns):
        for n in (1, 2, 3, 4, 1, 5):  # 2 is the one not asked for longest
            equal(status(server, f"192.0.2.{n}"), 200)
        equal(dns.count(), 5)
        for n in (1, 3, 4, 5):
            equal(status(server, f"192.0.2.{n}"), 200)
        equal(dns.count(), 5)
        equal(status(server, "192.0.2.2"), 200)
        equal(dns.count(), 6)


def test_ids_of_queries_do_not_follow_each_other():
    zone = named(*((f"192.0.2.{n}", f"n{n}.example") for n in range(1, 41)))
    with guarded(zone, {"allow": ".example"}) as (server, dns):
        for n in range(1, 41):
            equal(status(server, f"192.0.2.{n}"), 200)
        ids = [asked[2] for asked in dns.asked]
        near = sum(abs(a - b) < 256 for a, b in zip(ids, ids[1:]))
        assert len(set(ids)) > 70 and near < 10, ids


def test_a_second_server_is_asked_when_the_first_is_dead():
    with folder() as www, dns_of(named(("192.0.2.1", "www.example.org")), "::1") as dns:
        with free_port() as dead:
            servers = [f"127.0.0.1:{dead}", dns.address]
        daemon = {"resolver": {"servers": servers, "timeout": "6s"}}
        with serving(site(www, rules={"allow": "www.example.org"}, daemon=daemon)) as server:
            equal(status(server, "192.0.2.1"), 200)


def test_the_page_of_the_module_shows_what_works():
    with folder() as where:
        config = example_of("access", where)
        for path in ("office", "pictures"):
            os.makedirs(f"{where}/srv/www/{path}", exist_ok=True)
            write(f"{where}/srv/www/{path}/a.txt", "inside")
        config["connection"]["trust"] = "127.0.0.1"
        with serving(config) as server:
            for path, client, wanted in (("/office/a.txt", "10.1.2.3", 200), ("/office/a.txt", "10.9.2.3", 403),
                                         ("/office/a.txt", "fd00::1", 200), ("/office/a.txt", None, 403)):
                equal(status(server, client, path), wanted, f"{path} {client}")
            equal(server.get("/pictures/a.txt", fields=["Referer: http://evil.example/"])[0], 403)
            equal(server.get("/pictures/a.txt")[0], 200)


# ---- several access modules


PASSWORD = """
#include <multiplexd/module.h>
static enum mpx_rc done(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_str word;
    if (!mpx_req_header(r, "Password", &word))
        return MPX_NEXT + (mpx_res_header(r, "WWW-Authenticate", MPX_STR("Word")),
                           mpx_res_write(r, MPX_STR("say the word")), mpx_res_status(r, 401), mpx_res_end(r));
    if (mpx_str_eq(word, MPX_STR("right")))
        return mpx_req_set_user(r, MPX_STR("ann")), MPX_GRANT;
    if (mpx_str_eq(word, MPX_STR("often")))
        return mpx_res_error(r, 429);
    if (mpx_str_eq(word, MPX_STR("broken")))
        return MPX_FAIL;
    if (mpx_str_eq(word, MPX_STR("elsewhere")))
        return mpx_res_redirect(r, 302, MPX_STR("/login"));
    return mpx_res_error(r, 403);
}
static enum mpx_rc access_hook(struct mpx_req *r, const void *conf) { return mpx_sleep(r, 1, done, 0); }
MPX_MODULE(password) = { MPX_HEADER(password, "1.0"), .on = { [MPX_PH_ACCESS] = access_hook } };
"""


def test_satisfy_any_admits_when_one_of_them_does():
    with folder() as www:
        compile_module(www, "password", PASSWORD)
        write(www + "/all/a.txt", "inside")
        write(www + "/denied/a.txt", "inside")
        write(www + "/free/a.txt", "inside")
        for order in (["access", "password", "static"], ["password", "access", "static"]):
            config = site(www, rules={"allow": "10/8"}, directories=[
                {"path": "/all", "satisfy": "all"}, {"path": "/denied", "access": {"inherit": False, "deny": "192.0.2.0/24"}},
                {"path": "/free", "modules": ["static"]}])
            config["vhosts"].update({"modules": order, "satisfy": "any"})
            config["daemon"]["module_path"] = [*MODULES, www]
            with serving(config) as server:
                def ask(word=None, client="192.0.2.1", path="/a.txt"):
                    fields = [f"X-Forwarded-For: {client}"] + ([f"Password: {word}"] if word else [])
                    got, fields, body = server.get(path, fields=fields)
                    assert (got == 200) == (body == b"inside"), (got, body)
                    return got, fields, body
                equal(ask("right")[0], 200)
                equal(ask("wrong", "10.0.0.1")[0], 200)
                equal(ask(None, "10.0.0.1")[0], 200)
                assert "www-authenticate" not in ask(None, "10.0.0.1")[1]
                got, fields, body = ask()
                equal((got, fields["www-authenticate"], body), (401, "Word", b"say the word"), str(order))
                equal(ask("wrong")[0], 403)
                equal(ask("elsewhere")[0], 403 if order[0] == "access" else 302)
                equal(ask("elsewhere", "10.0.0.1")[0], 200)
                equal(ask("often", "10.0.0.1")[0], 429)
                equal(ask("broken", "10.0.0.1")[0], 500)
                equal(ask("right", path="/all/a.txt")[0], 403)
                equal(ask("wrong", "10.0.0.1", "/all/a.txt")[0], 403)
                equal(ask("right", "10.0.0.1", "/all/a.txt")[0], 200)
                # that "deny" does not speak against somebody is no reason to admit him
                equal(ask(None, "10.0.0.1", "/denied/a.txt")[0], 401)
                equal(ask("right", "192.0.2.1", "/denied/a.txt")[0], 200)
                equal(ask(None, "192.0.2.1", "/free/a.txt")[0], 200)


# ---- how much


def cost(server, client):
    """Seconds of the worker for one request, the least of some turns."""
    def used():
        with open(f"/proc/{server.worker()}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    one = request("/none", fields=[f"X-Forwarded-For: {client}"]) * 50
    turns = []
    with server.connect() as s:
        buffer = bytearray()
        for _ in range(5):
            begin = used()
            for _ in range(60):
                s.sendall(one)
                for _ in range(50):
                    equal(read_response(s, buffer=buffer)[0], 404)
            turns.append(used() - begin)
    return max(1, min(turns))


def test_ten_thousand_rules_cost_no_more_than_ten():
    def rules(n):
        return [f"10.{i >> 8}.{i & 255}.0/24" for i in range(n)] + [f"h{i}.example" for i in range(n)]
    took = {}
    for n in (10, 10000):
        with folder() as www, serving(site(www, rules={"allow": rules(n) + ["192.0.2.1"], "deny": [
                f"172.16.{i >> 8}.{i & 255}" for i in range(n)]}, daemon={"log_level": "warning"})) as server:
            took[n] = cost(server, "192.0.2.1")
    assert took[10000] < 3 * took[10] + 3, took


# ---- what is wrong with rules


def test_mistakes_are_told_with_place_and_cure():
    cases = {
        '"10.1.2.3/8"': '"10.1.2.3/8" must be a whole network: write "10.0.0.0/8"',
        '"10.0.0.0/33"': "must have a prefix of at most 32 bits",
        '"10.1"': 'must say how long the network\'s prefix is: write "10.1/16"',
        '"10.0.0.9-10.0.0.1"': 'ends before it begins: write "10.0.0.1-10.0.0.9"',
        '"all"': 'must be "*", which is everybody',
        '"localhost"': 'write "127.0.0.0/8" and "::1"',
        '"*.example.org"': 'must be ".example.org", which is the domain and all below',
        '"www..example"': "must be an address, a network, a range, a host name",
        '"münchen.example"': "xn--",
        '"www.example.org/x"': "must be an address, a network",
        '"1.2.3.4.5"': "must be an address, a network",
        '""': "must be an address",
        "7": "must be a string",
    }
    with folder() as where:
        for rule, message in cases.items():
            for text in (f'{{ "vhosts": {{ "deny": [ "10/8", {rule} ] }} }}',
                         f'{{ "vhosts": {{ "directories": {{ "path": "/a", "access": {{ "allow": {rule} }} }} }} }}'):
                code, _, err = run("--test", "-c", write(where + "/x.json", text.replace(
                    "{ \"vhosts\"", f'{{ "daemon": {{ "module_path": {json.dumps(MODULES)} }}, "vhosts"', 1)))
                equal(code, 1, rule)
                contains(err, message)
                contains(err, "x.json:1:")
                equal(err.count("error:"), 1, err)
        for key, value, message in (("referer", '"http://x"', "must be a host name"), ("methods", '"get"', "in capitals"),
                                    ("satisfy", '"some"', "satisfy"), ("inherit", "1", "true or false")):
            what = f'"{key}": {value}' if key == "satisfy" else f'"access": {{ "{key}": {value} }}'
            code, _, err = run("--test", "-c", write(
                where + "/x.json", f'{{ "daemon": {{ "module_path": {json.dumps(MODULES)} }}, "vhosts": {{ {what} }} }}'))
            equal(code, 1, key)
            contains(err, message)
        for server in ('"localhost"', '"127.0.0.1:0"', '"::1:x"', '"[::1]53"', '"127.0.0.1:99999"', '"[127.0.0.1]:53"', "5"):
            code, _, err = run("--test", "-c", write(
                where + "/x.json", f'{{ "daemon": {{ "resolver": {{ "servers": [ "::1", {server} ] }} }} }}'))
            equal(code, 1, server)
            contains(err, "/daemon/resolver/servers")


main()
