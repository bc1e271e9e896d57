# SPDX-License-Identifier: MIT
"""Pages of users, from a user database of the test's own that a preloaded library tells the daemon."""
import functools
import statistics

from harness import *

# A user database in a file; a look-up of "slow..." takes half a second, that of "broken" fails.
DATABASE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t n, struct passwd **result)
{
    int (*next)(const char *, struct passwd *, char *, size_t, struct passwd **) = dlsym(RTLD_NEXT, "getpwnam_r");
    FILE *f = fopen(getenv("TEST_PASSWD"), "re");
    int rc = 0;

    *result = NULL;
    if (strncmp(name, "slow", 4) == 0)
        usleep(500000);
    if (strcmp(name, "broken") == 0 || f == NULL)
        rc = EIO;
    while (rc == 0 && (rc = fgetpwent_r(f, pw, buffer, n, result)) == 0)
        if (strcasecmp(pw->pw_name, name) == 0)
            break;
    if (f != NULL)
        fclose(f);
    if (strncmp(name, "unheardof", 9) == 0)
        usleep(15000); /* sought in all places */
    return rc == ENOENT ? next(name, pw, buffer, n, result) : rc;
}
"""
ME = 1500 if IS_ROOT else os.getuid()
OTHER = 1501 if IS_ROOT else ME
PUBLIC = "home/{}/public_html"


def need_person():
    need(ME >= 1000, "whoever runs this is no person by the number")


@functools.lru_cache
def database():
    """The library, made once."""
    with folder() as where, open(compile_module(where, "database", DATABASE), "rb") as f:
        return f.read()


class World:
    """Homes, a database, and a daemon that knows them."""

    def __init__(self, where):
        self.where = where
        os.makedirs(where + "/www")
        self.env = {**os.environ, "LD_PRELOAD": write(where + "/database.so", database(), 0o755),
                    "TEST_PASSWD": where + "/passwd",
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        self.add("jane", pages={"index.html": "jane's", "sub/a b.txt": "deep"})

    def path(self, rel):
        return os.path.join(self.where, rel)

    def own(self, rel, uid):
        if IS_ROOT:
            os.lchown(self.path(rel), uid, uid)
            for folder, folders, files in os.walk(self.path(rel)):
                for name in folders + files:
                    os.lchown(os.path.join(folder, name), uid, uid)

    def add(self, name, uid=None, home=None, pages=None, folder="public_html"):
        """A user; with a folder where there are pages."""
        uid = ME if uid is None else uid
        with open(self.path("passwd"), "a", encoding="utf-8") as f:
            f.write(f"{name}:x:{uid}:{uid}::{self.path('home/' + name) if home is None else home}:/usr/sbin/nologin\n")
        if home is None:
            os.makedirs(self.path("home/" + name), exist_ok=True)
        if pages is not None:
            self.put(name, pages, folder, uid)

    def put(self, name, pages, folder="public_html", uid=ME):
        os.makedirs(self.path(f"home/{name}/{folder}"), exist_ok=True)
        for rel, text in pages.items():
            write(self.path(f"home/{name}/{folder}/{rel}"), text)
        self.own("home/" + name, uid)

    @contextlib.contextmanager
    def serving(self, user_dirs=True, **more):
        config = configuration({"documents": self.path("www"), "user_dirs": user_dirs, **more})
        if IS_ROOT:
            for_nobody(self.where, config, "userdir.so", "access.so", "rewrite.so")
        with serving(config, env=self.env) as server:
            yield server


@contextlib.contextmanager
def world():
    need_person()
    with folder() as where:
        yield World(where)


def answer(server, path, method="GET"):
    """All of an answer that could tell two of them apart."""
    status, fields, body = server.get(path, method=method)
    fields.pop("date")
    return status, fields, body


def test_pages_lie_in_the_home_of_their_user():
    with world() as w, w.serving() as server:
        for path in ("/~jane/", "/%7Ejane/", "/~jane/index.html", "/~j%61ne/", "/x/../~jane/", "/~jane/sub/.."):
            equal(server.get(path)[0::2], (200, b"jane's"), path)
        equal(server.get("/~jane/sub/a%20b.txt")[2], b"deep")
        equal(server.get("/~jane/none.txt")[0], 404)
        assert "etag" in server.get("/~jane/", method="HEAD")[1]


def test_a_folder_without_its_slash_is_redirected():
    with world() as w, w.serving() as server:
        for path, target in (("/~jane", "/~jane/"), ("/~jane?a=b&c", "/~jane/?a=b&c"), ("/%7ejane", "/~jane/"),
                             ("/~jane/sub?q", "/~jane/sub/?q")):
            status, fields, _ = server.get(path)
            equal((status, fields["location"]), (301, target), path)


def test_a_fallback_of_the_site_holds_for_what_a_user_does_not_have():
    with world() as w:
        write(w.path("www/index.html"), "site")
        w.put("jane", {"cv.html": "cv"})
        with w.serving(fallback=["$path.html", "/index.html"]) as server:
            for path, body in (("/~jane/", b"jane's"), ("/~jane/index.html", b"jane's"), ("/~jane/sub/a%20b.txt", b"deep"),
                               ("/~jane/cv", b"cv"), ("/~jane/none", b"site"), ("/none", b"site")):
                equal(server.get(path)[0::2], (200, body), path)
            equal(server.get("/~unheardof1/")[0], 404)


def without_pages(w):
    """Names that have none, each for another reason; none of them may be told from the others."""
    w.add("system", uid=999, pages={"index.html": "x"} if IS_ROOT else None)
    w.add("toor", uid=0)
    w.add("noone", uid=65534)
    w.add("rootless", home="/")
    w.add("dotty", home="/./..")
    w.add("relative", home="home/jane")
    w.add("homeless", home="/nonexistent")
    w.add("nameless", home="")
    w.add("pageless")
    w.add("denied", pages={"index.html": "x"})
    w.add("filed")
    write(w.path("home/filed/public_html"), "a file")
    w.add("private", pages={"index.html": "x"})
    os.chmod(w.path("home/private"), 0)
    w.add("closed", pages={"index.html": "x"})
    os.chmod(w.path(PUBLIC.format("closed")), 0)
    w.add("linked")
    os.symlink("/usr", w.path(PUBLIC.format("linked")))
    w.add("dangling")
    os.symlink("/nowhere", w.path(PUBLIC.format("dangling")))
    w.add("circle")
    os.symlink("public_html", w.path(PUBLIC.format("circle")))
    if IS_ROOT:
        w.add("thief", uid=OTHER)
        os.symlink("../jane/public_html", w.path(PUBLIC.format("thief")))
    return [line.split(":")[0] for line in open(w.path("passwd"), encoding="utf-8")][1:] + ["unknown", "Jane", "JANE"]


def open_up(w):
    for name in ("home/private", PUBLIC.format("closed")):
        os.chmod(w.path(name), 0o700)


def test_all_who_have_no_pages_look_alike():
    with world() as w:
        names = without_pages(w)
        with w.serving({"deny_users": ["denied"]}) as server:
            for method in ("GET", "HEAD", "POST", "OPTIONS", "TRACE", "BREW"):
                for rest in ("", "/", "/index.html", "/?q", "/sub/"):
                    wanted = answer(server, "/~unheardof" + rest, method)
                    assert wanted[0] in (404, 405, 501), wanted
                    for name in names:
                        equal(answer(server, f"/~{name}{rest}", method), wanted, f"{method} {name}{rest}")
            log = server.log()
        open_up(w)
    for name, what in (("private", "cannot enter"), ("closed", "cannot enter"), ("linked", "belongs to somebody else")):
        equal(len(re.findall(f'user "{name}" has no pages: .*{what}', log)), 1, log)
    for name in ("unknown", "denied", "pageless", "system", "toor", "homeless"):
        assert f'"{name}"' not in log, log


def test_time_tells_nothing_of_who_there_is():
    count = 12
    with world() as w:
        for i in range(count):
            w.add(f"pageless{i}")
            w.add(f"denied{i}", pages={"index.html": "x"})
        with w.serving({"deny_users": [f"denied{i}" for i in range(count)]}) as server, server.connect() as s:
            buffer = bytearray()
            taken = {"unheardof": [], "pageless": [], "denied": []}
            for again in range(2):  # a thread looks, then the answer is known
                for times in taken.values():
                    times.clear()
                for i in range(count * (1 + 9 * again)):
                    for kind, times in taken.items():
                        start = time.perf_counter()
                        s.sendall(request(f"/~{kind}{i % count}/"))
                        equal(read_response(s, buffer=buffer)[0], 404)
                        times.append(time.perf_counter() - start)
                medians = {kind: statistics.median(times) for kind, times in taken.items()}
                print("#", "known" if again else "looked up", {k: f"{v * 1e6:.0f} us" for k, v in medians.items()})
                assert max(medians.values()) < (1.5 if again else 1.1) * min(medians.values()), medians


def test_what_is_no_name_is_a_path_like_others():
    long = "a" * 65
    with world() as w:
        w.add(long, pages={"x.txt": "a page"}, home=None)
        for rel in ("~/x.txt", "~.jane/x.txt", "~-jane/x.txt", "~ja ne/x.txt", "~jane~/x.txt", "~jané/x.txt",
                    "~ja:ne/x.txt", f"~{long}/x.txt", "sub/~jane/x.txt", "jane~/x.txt", "~~jane/x.txt", "~jane/x.txt"):
            write(w.path("www/" + rel), rel)
        with w.serving() as server:
            for path in ("/~/x.txt", "/~.jane/x.txt", "/~-jane/x.txt", "/~ja%20ne/x.txt", "/~jane~/x.txt",
                         "/~jan%C3%A9/x.txt", "/~ja:ne/x.txt", f"/~{long}/x.txt", "/sub/~jane/x.txt", "/jane~/x.txt",
                         "/~~jane/x.txt"):
                equal(server.get(path)[0], 200, path)
            equal(server.get("/~")[0], 301)
            equal(server.get("/~jane/x.txt")[0], 404)  # it is jane's, not the site's
            equal(server.get("/~" + "a" * 5000)[0], 404)


def test_the_lists_say_who_has_pages():
    with world() as w:
        for name in ("ann", "bob"):
            w.add(name, pages={"index.html": name})
        with w.serving({"allow_users": ["jane", "bob"], "deny_users": ["bob"]}) as server:
            equal([server.get(f"/~{n}/")[0] for n in ("jane", "ann", "bob")], [200, 404, 404])


def test_the_first_folder_that_is_there_is_served():
    with world() as w:
        w.put("jane", {"index.html": "second"}, "sites/www")
        w.add("ann", pages={"index.html": "third"})
        with w.serving(["none", "sites/www", "public_html"]) as server:
            equal([server.get(f"/~{n}/")[2] for n in ("jane", "ann")], [b"second", b"third"])


def test_no_link_leads_to_what_is_not_the_user_s():
    with world() as w:
        write(w.path("www/secret.txt"), "secret")
        w.add("ann", pages={"index.html": "ann's"}, folder="elsewhere")
        w.own("home/ann", ME)
        os.symlink("elsewhere", w.path(PUBLIC.format("ann")))
        pages = w.path(PUBLIC.format("jane"))
        os.symlink("../../../www/secret.txt", pages + "/up.txt")
        os.symlink(w.path("www"), pages + "/all")
        with w.serving() as server:
            equal(server.get("/~ann/")[2], b"ann's")
            equal(server.get("/~jane/")[0], 200)
            for path in ("/~jane/up.txt", "/~jane/all/secret.txt", "/~jane/../secret.txt/", "/~jane/%2e%2e/www/"):
                equal(server.get(path)[0], 404, path)
            # what was found a moment ago may be another folder now
            os.rename(pages, pages + ".old")
            os.symlink("/usr", pages)
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                status = server.get("/~jane/share/")[0]
                assert status == 404, status
                time.sleep(0.02)


def test_links_that_lead_out_are_followed_to_what_is_the_user_s():
    with world() as w:
        write(w.path("home/jane/thesis.txt"), "jane's")
        pages = w.path(PUBLIC.format("jane"))
        os.symlink("../thesis.txt", pages + "/mine.txt")
        os.symlink("/etc/passwd", pages + "/passwd.txt")
        os.symlink("/usr/share", pages + "/share")
        w.own("home/jane", ME)
        write(w.path("www/a.txt"), "a")
        os.symlink("/etc/passwd", w.path("www/passwd.txt"))
        for links, wanted in (("beneath", 404), ("owner", 200), ("follow", 200), ("deny", 404)):
            with w.serving(static={"symlinks": links}) as server:
                equal(server.get("/~jane/mine.txt")[0], wanted, links)
                equal([server.get(f"/~jane/{p}")[0] for p in ("passwd.txt", "share/", "share/dict")], [404] * 3, links)
                if links == "follow":  # for the site itself that is all that it says
                    equal(server.get("/passwd.txt")[0], 200)


def test_directories_guard_and_place_the_paths_of_users():
    with world() as w:
        w.add("ann", pages={"index.html": "ann's"})
        w.add("bob", pages={"index.html": "bob's"})
        write(w.path("srv/index.html"), "of the site")
        write(w.path("www/~bob/index.html"), "not bob's")
        directories = [{"path": "/~jane/sub/", "headers": {"X-Place": "sub"}, "index_file": "a b.txt"},
                       {"path": "/~jane/", "headers": {"X-Place": "jane"}},
                       {"path": "/~ann/old/", "location": w.path("srv")},
                       {"path": "/~ann/old/deep/"},
                       {"path": "/~bob/", "user_dirs": False}]
        os.makedirs(w.path("srv/deep"))
        write(w.path("srv/deep/index.html"), "deep")
        with w.serving(headers={"X-Place": "all"}, directories=directories) as server:
            for path, body, place in (("/~jane/", b"jane's", "jane"), ("/~jane/sub/", b"deep", "sub"),
                                      ("/~ann/", b"ann's", "all"), ("/~ann/old/", b"of the site", "all"),
                                      ("/~ann/old/deep/", b"deep", "all"), ("/~bob/", b"not bob's", "all")):
                _, fields, found = server.get(path)
                equal((found, fields["x-place"]), (body, place), path)


def test_rules_of_access_hold_for_users_and_nobody_is_looked_up_for_whom_they_refuse():
    with world() as w:
        w.add("ann", pages={"index.html": "ann's"})
        nobody = {"allow": "192.0.2.1"}
        directories = [{"path": f"/~{name}/", **nobody} for name in ("jane", "unknown", "slow1", "slow2")]
        with w.serving(directories=directories) as server:
            start = time.monotonic()
            for path in ("/~jane/", "/~jane", "/%7Ejane/sub/a%20b.txt", "/x/../~jane/", "/~jane//sub/", "/~unknown/",
                         "/~slow1/", "/~slow2/x"):
                equal(server.get(path)[0], 403, path)
            assert time.monotonic() - start < 0.5
            equal(server.get("/~ann/")[0], 200)


def test_without_documents_users_have_pages_all_the_same():
    with world() as w:
        config = configuration({"user_dirs": True})
        if IS_ROOT:
            for_nobody(w.where, config, "userdir.so")
        with serving(config, env=w.env) as server:
            equal(server.get("/~jane/")[2], b"jane's")
            equal(server.get("/")[0], 404)


def test_a_change_is_seen_within_seconds():
    with world() as w:
        w.add("ann", pages={"index.html": "ann's"})
        with w.serving() as server:
            equal([server.get(f"/~{n}/")[0] for n in ("jane", "ann", "new")], [200, 200, 404])
            os.rename(w.path(PUBLIC.format("jane")), w.path("home/jane/away"))
            with open(w.path("passwd"), encoding="utf-8") as f:
                lines = [line for line in f if not line.startswith("ann:")]
            write(w.path("passwd"), "".join(lines))
            w.add("new", pages={"index.html": "new"})
            server.wait_for_status("/~jane/", 404, 10)
            server.wait_for_status("/~ann/", 404, 10)
            server.wait_for_status("/~new/", 200, 10)


def test_a_slow_database_holds_up_nobody_else():
    with world() as w:
        write(w.path("www/a.txt"), "a")
        with w.serving() as server, contextlib.ExitStack() as stack:
            equal(server.get("/~jane/")[0], 200)
            waiting = [stack.enter_context(server.connect()) for _ in range(3)]
            for i, s in enumerate(waiting):
                s.sendall(request(f"/~slow{i % 2}/"))
            time.sleep(0.1)
            start = time.monotonic()
            equal(server.get("/a.txt")[2], b"a")
            equal(server.get("/~jane/")[2], b"jane's")
            assert time.monotonic() - start < 0.4
            # as many names as may wait do so; the next one is told at once
            many = [stack.enter_context(server.connect()) for _ in range(70)]
            for i, s in enumerate(many):
                s.sendall(request(f"/~quick{i}/"))
            found = [read_response(s) for s in waiting + many]
    statuses = [status for status, _, _ in found]
    equal(statuses[:3], [404] * 3)
    equal((statuses[3:].count(404), statuses[3:].count(503)), (64, 6), statuses)
    equal({fields.get("retry-after") for status, fields, _ in found if status == 503}, {"5"})


def test_clients_that_leave_while_they_wait_leave_nothing():
    with world() as w:
        with w.serving() as server:
            for i in range(12):
                with server.connect() as s:
                    s.sendall(request(f"/~slow{i % 2}/"))
            time.sleep(0.1)
            equal(server.get("/~jane/")[0], 200)  # behind them in the queue


def test_a_database_that_fails_is_no_answer_about_a_user():
    with world() as w, w.serving() as server:
        status, fields, _ = server.get("/~broken/")
        equal((status, fields["retry-after"]), (503, "5"))
        server.wait_for_log('cannot look up user "broken": Input/output error')
        equal(server.get("/~jane/")[0], 200)


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1))


def test_a_scan_of_names_does_not_grow_the_server():
    with world() as w, w.serving() as server, contextlib.ExitStack() as stack:
        def scan(start, count):
            for at in range(start, start + count, len(connections)):
                for i, (s, _) in enumerate(connections):
                    s.sendall(request(f"/~n{at + i}/"))
                for s, buffer in connections:
                    equal(read_response(s, buffer=buffer)[0], 404)

        connections = [(stack.enter_context(server.connect()), bytearray()) for _ in range(50)]
        scan(0, 1200)
        before = resident(server.worker())
        scan(1200, 1000)
        grown = resident(server.worker()) - before
        assert grown < 512 or SANITIZERS, f"{grown} KiB"  # a sanitizer keeps what is freed
        equal(server.get("/~jane/")[0], 200)


def test_it_does_not_serve_as_root():
    need(IS_ROOT, "only root can try")
    with folder() as where:
        config = configuration({"documents": where, "user_dirs": True})
        status, _, errors = run("-c", write(where + "/site.json", json.dumps(config)))
    assert status != 0
    contains(errors, 'pages of users are not served by a daemon that runs as root: set "user" in "daemon"')


def test_wrong_settings_are_told_with_their_place():
    wrong = [({"user_subdirs": []}, "names no folder"),
             ({"user_subdirs": ["www", "../x"]}, '"../x" is no folder in a home'),
             ({"user_subdirs": "/srv"}, '"/srv" is no folder in a home'),
             ({"user_subdirs": "."}, '"." is no folder in a home'),
             ({"user_subdirs": ""}, '"" is no folder in a home'),
             ({"user_subdirs": "a//b"}, '"a//b" is no folder in a home'),
             ({"allow_users": ["ok", "a b"]}, '"a b" cannot be the name of a user'),
             ({"deny_users": "-x"}, '"-x" cannot be the name of a user'),
             ({"min_uid": 999}, "1000"), ({"min_uid": 0}, "1000")]
    with folder() as where:
        for settings, text in wrong:
            config = configuration({"documents": where, "user_dirs": settings})
            status, out, errors = run("--test", "-c", write(where + "/site.json", json.dumps(config, indent=1)))
            assert status != 0, settings
            contains(out + errors, text)
        config = configuration({"documents": where, "user_dirs": True, "modules": ["static", "userdir"]})
        status, out, errors = run("--test", "-c", write(where + "/site.json", json.dumps(config, indent=1)))
        contains(out + errors, 'module "static" must stand behind "userdir" in this list')


def test_the_example_of_its_page_works():
    with world() as w:
        where = w.where
        config = example_of("userdir", where)
        w.put("jane", {"only.txt": "x"}, "www")
        w.add("ftp", pages={"index.html": "x"})
        if IS_ROOT:
            for_nobody(where, config, "userdir.so")
        with serving(config, env=w.env) as server:
            equal([server.get(p)[0] for p in ("/~jane/", "/~jane/only.txt", "/~ftp/")], [200, 404, 404])


main()
