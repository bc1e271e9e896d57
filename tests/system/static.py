# SPDX-License-Identifier: MIT
"""Files that change, files that are large, files that are none."""
import os
import socket
import threading
import time

from harness import *


def site(where, **more):
    return configuration({"documents": where, **more})


def test_a_changed_file_is_seen_within_a_second_or_so():
    with folder() as www, serving(site(www)) as server:
        for change in ("in place", "replaced"):
            write(www + "/a.txt", "before")
            time.sleep(1.1)
            equal(server.get("/a.txt")[2], b"before")
            if change == "in place":
                write(www + "/a.txt", "after!")
            else:
                os.replace(write(www + "/b.txt", "after!"), www + "/a.txt")
            time.sleep(1.2)
            equal(server.get("/a.txt")[2], b"after!", change)


def test_a_folder_that_is_swapped_is_seen():
    with folder() as base:
        write(base + "/one/a.txt", "one")
        write(base + "/two/a.txt", "two")
        os.symlink("one", base + "/www")
        with serving(site(base + "/www")) as server:
            equal(server.get("/a.txt")[2], b"one")
            os.symlink("two", base + "/new")
            os.replace(base + "/new", base + "/www")
            time.sleep(1.2)
            equal(server.get("/a.txt")[2], b"two")


def test_an_etag_follows_the_content():
    with folder() as www, serving(site(www)) as server:
        write(www + "/a.txt", "before")
        tag = server.get("/a.txt")[1]["etag"]
        assert tag.startswith('"') and tag.endswith('"'), tag
        equal(server.get("/a.txt", fields=[f"If-None-Match: {tag}"])[0], 304)
        write(www + "/a.txt", "after!")
        time.sleep(1.2)
        status, fields, body = server.get("/a.txt", fields=[f"If-None-Match: {tag}"])
        equal((status, body), (200, b"after!"))
        assert fields["etag"] != tag


def test_a_large_file_is_whole():
    with folder() as www, serving(site(www)) as server:
        content = os.urandom(1 << 20) * 20 + b"end"
        write(www + "/large.bin", content)
        status, fields, body = server.get("/large.bin")
        equal((status, fields["content-length"]), (200, str(len(content))))
        assert body == content
        equal(server.get("/large.bin", method="HEAD")[1]["content-length"], str(len(content)))


def test_a_slow_reader_holds_up_nobody_and_costs_little():
    with folder() as www, serving(site(www)) as server:
        content = os.urandom(1 << 20) * 32
        write(www + "/large.bin", content)
        write(www + "/small.txt", "small")
        slow = [server.connect() for _ in range(20)]
        for s in slow:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.sendall(request("/large.bin"))
        before = resident(server.worker())
        for _ in range(100):
            equal(server.get("/small.txt")[2], b"small")
        assert resident(server.worker()) - before < 8 << 20
        status, _, body = read_response(slow[0])
        assert status == 200 and body == content
        for s in slow:
            s.close()


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_file_cut_while_it_is_sent_ends_the_connection():
    with folder() as www, serving(configuration({"documents": www}, connection={"sndbuf": "64k"})) as server:
        path = write(www + "/large.bin", b"x" * (64 << 20))
        with server.connect() as s:
            s.sendall(request("/large.bin"))
            time.sleep(0.2)
            os.truncate(path, 1 << 20)
            got = 0
            try:
                while part := s.recv(1 << 16):
                    got += len(part)
            except ConnectionResetError:
                pass
            assert got < 64 << 20, got
        equal(server.get("/none")[0], 404)


def test_what_is_no_file_is_not_there():
    with folder() as www, serving(site(www)) as server:
        os.mkfifo(www + "/fifo")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(www + "/socket")
        os.symlink("/etc/passwd", www + "/out")
        os.symlink("../" * 20 + "etc/passwd", www + "/up")
        os.symlink("loop", www + "/loop")
        for path in ("/fifo", "/socket", "/out", "/up", "/loop", "/a" * 500, "/out/", "/loop/", "/none/"):
            equal(server.get(path)[0], 404, path)
        equal(server.log().count(" error: "), 0, server.log())


def test_a_link_inside_the_root_is_followed():
    with folder() as www, serving(site(www)) as server:
        write(www + "/sub/a.txt", "inside")
        os.symlink("sub/a.txt", www + "/link.txt")
        os.symlink("sub", www + "/other")
        equal(server.get("/link.txt")[2], b"inside")
        equal(server.get("/other/a.txt")[2], b"inside")


def test_the_policy_for_links_goes_by_directory():
    with folder() as where:
        www = where + "/www"
        write(where + "/outside.txt", "outside")
        write(www + "/a.txt", "inside")
        statuses = {"beneath": (200, 404, 200, 404), "deny": (404, 404, 404, 404), "owner": (200, 200, 200, 200), "follow": (200, 200, 200, 200)}
        for policy in statuses:
            write(f"{www}/{policy}/a.txt", "inside")
            os.symlink("../a.txt", f"{www}/{policy}/in")
            os.symlink("../../outside.txt", f"{www}/{policy}/out")
            os.symlink("../" + policy, f"{www}/{policy}/circle")
            os.symlink(where, f"{www}/{policy}/above")
        directories = [{"path": "/" + policy, "static": {"symlinks": policy}} for policy in statuses]
        with serving(site(www, directories=directories)) as server:
            for policy, wanted in statuses.items():
                found = tuple(server.get(f"/{policy}{path}")[0] for path in ("/in", "/out", "/circle/a.txt", "/above/outside.txt"))
                equal(found, wanted, policy)
                equal(server.get(f"/{policy}/a.txt")[2], b"inside")
                for path in ("/../../outside.txt", "/..", "/%2e%2e/%2e%2e/outside.txt", "//etc/passwd", "/circle/../../outside.txt"):
                    assert server.get(f"/{policy}{path}")[2] not in (b"outside",), path


def test_a_link_to_what_is_another_s_is_not_followed_for_its_owner():
    need(IS_ROOT, "needs root")
    with folder() as where, folder() as www, serving(site(www, static={"symlinks": "owner"})) as server:
        write(www + "/ours.txt", "ours")
        write(where + "/theirs.txt", "theirs")
        os.chown(where + "/theirs.txt", 12345, 12345)
        for name, target, owner, status in (("a", "ours.txt", 0, 200), ("b", "ours.txt", 12345, 404), ("c", where + "/theirs.txt", 12345, 200),
                                            ("d", where + "/theirs.txt", 0, 404), ("e", "/etc/passwd", 12345, 404), ("f", "c", 12345, 200), ("g", "c", 0, 404)):
            os.symlink(target, f"{www}/{name}")
            os.chown(f"{www}/{name}", owner, owner, follow_symlinks=False)
            equal(server.get("/" + name)[0], status, name)


def test_a_file_that_may_not_be_read_is_forbidden():
    with folder() as where, folder() as www:
        write(www + "/secret.txt", "secret", 0)
        config = site(www)
        if IS_ROOT:
            for_nobody(where, config)
        server = Server(where, config)
        equal(server.get("/secret.txt")[0], 403)
        server.stop()


def test_hidden_files_are_not_there_but_for_well_known():
    with folder() as www, serving(site(www)) as server:
        write(www + "/.git/config", "secret")
        write(www + "/a/.secret", "secret")
        write(www + "/.well-known/acme/token", "token")
        write(www + "/.well-known/.secret", "secret")
        for path in ("/.git/config", "/a/.secret", "/.well-known/.secret", "/./.git/config", "/%2egit/config",
                     "/x/../.git/config", "/.git//config"):
            equal(server.get(path)[0], 404, path)
        equal(server.get("/.well-known/acme/token")[2], b"token")


def test_what_is_hidden_can_be_told_by_names_and_by_directory():
    with folder() as www:
        for name in (".x", "a~", "a.bak", "a.bak.txt", "back", ".well-known/a", ".well-known/b~", "open/.x", "open/a~", "dir~/a", "all/.git/.x"):
            write(www + "/" + name, "x")
        config = site(www, static={"hidden": ["*~", "*.bak", "b*k"]}, directories=[
            {"path": "/open", "static": {"hidden": "deny"}}, {"path": "/all", "static": {"hidden": "allow"}}])
        with serving(config) as server:
            for path, wanted in (("/.x", 200), ("/a~", 404), ("/a%7E", 404), ("/a.bak", 404), ("/a.bak.txt", 200), ("/back", 404),
                                 ("/.well-known/a", 200), ("/.well-known/b~", 404), ("/open/.x", 404), ("/open/a~", 200),
                                 ("/dir~/a", 404), ("/all/.git/.x", 200)):
                equal(server.get(path)[0], wanted, path)


def test_types_come_from_the_configuration_then_from_the_system():
    with folder() as www:
        for name in ("a.html", "a.foo", "a.png", "a.tar.gz", "A.TXT", "noname", ".x", "a.unknown-suffix"):
            write(www + "/" + name, "x")
        settings = {"types": {"foo": "text/x-foo", ".png": "image/x-mine"}, "default_type": "application/x-else"}
        with serving(site(www, static=settings)) as server:
            for path, wanted in (("/a.html", "text/html; charset=utf-8"), ("/a.foo", "text/x-foo; charset=utf-8"),
                                 ("/a.png", "image/x-mine"), ("/a.tar.gz", "application/gzip"),
                                 ("/A.TXT", "text/plain; charset=utf-8"), ("/noname", "application/x-else"),
                                 ("/a.unknown-suffix", "application/x-else")):
                equal(server.get(path)[1]["content-type"], wanted, path)


def test_index_files_are_tried_in_order():
    with folder() as www, serving(site(www, index_file=["first.html", "second.html"])) as server:
        write(www + "/both/first.html", "first")
        write(www + "/both/second.html", "second")
        write(www + "/one/second.html", "second")
        os.makedirs(www + "/folder/first.html")
        write(www + "/folder/second.html", "second")
        write(www + "/none/index.html", "index")
        for path, wanted in (("/both/", b"first"), ("/one/", b"second"), ("/folder/", b"second")):
            equal(server.get(path)[2], wanted, path)
        equal(server.get("/none/")[0], 403)


def test_a_folder_without_an_index_is_forbidden_and_a_hidden_one_is_not_there():
    with folder() as www, serving(site(www, static={"hidden": [".*", "draft*"], "index_file": ["index.html", "draft.html"]})) as server:
        write(www + "/sub/.git/a", "a")
        write(www + "/drafts/a", "a")
        write(www + "/sub/draft.html", "hidden")
        for path, wanted in (("/", 403), ("/sub/", 403), ("/sub/.git/", 404), ("/drafts/", 404), ("/none/", 404), ("/sub", 301)):
            equal(server.get(path)[0], wanted, path)
        equal(server.get("/sub/", method="POST")[0], 403)
        os.chmod(www + "/sub", 0o711)
        write(www + "/sub/index.html", "index")
        server.wait_for_status("/sub/", 200)


def test_a_directory_may_lie_elsewhere_and_change_the_settings():
    with folder() as www, folder() as other:
        write(www + "/a.html", "a")
        write(www + "/sub/deep/a.html", "deep")
        write(other + "/a.html", "other")
        directories = [{"path": "/other/", "location": other, "static": {"charset": "latin1"}},
                       {"path": "/sub", "static": {"charset": ""}}]
        with serving(site(www, directories=directories)) as server:
            for path, body, kind in (("/a.html", b"a", "text/html; charset=utf-8"),
                                     ("/other/a.html", b"other", "text/html; charset=latin1"),
                                     ("/sub/deep/a.html", b"deep", "text/html")):
                status, fields, found = server.get(path)
                equal((status, found, fields["content-type"]), (200, body, kind))


def test_names_of_any_bytes_are_found():
    with folder() as www, serving(site(www)) as server:
        for name in ("a b.txt", "ü.txt", "100%.txt", "a\nb.txt", "<b>.txt", "'\"&.txt", "a;b?c#d.txt"):
            write(www + "/" + name, name)
            from urllib.parse import quote
            status, _, body = server.get("/" + quote(name))
            equal((status, body.decode()), (200, name))


def check(where, text):
    """What --test says of these settings of static."""
    config = '{ "daemon": { "module_path": "%s" }, "vhosts": {\n"static": %s } }' % (MODULES[0], text)
    status, _, err = run("--test", "-c", write(where + "/site.json", config))
    return status, err


def test_what_cannot_be_sent_is_told_before():
    with folder() as where:
        for text, place, says in (
                ('{ "charset": "utf-8\\r\\nX-Evil: 1" }', "2:24", "charset: must be one word"),
                ('{ "default_type": "text/plain\\n" }', "2:29", "default_type: must be a media type"),
                ('{ "default_type": "text" }', "2:29", "default_type: must be a media type"),
                ('{ "types": { "a": "text/a", "b": "text/\\u0007" } }', "2:44", "types/b: must be a media type"),
                ('{ "index_file": ["a.html", "b/c.html"] }', "2:38", '/static/index_file/1: "b/c.html" is not the name of a file'),
                ('{ "index_file": "" }', "2:27", 'is not the name of a file')):
            status, err = check(where, text)
            equal(status, 1, text)
            equal(err.count(": error: "), 1, err)
            contains(err, f"site.json:{place}: error: /vhosts/0/static/")
            contains(err, says)
        status, err = check(where, '{ "index_file": ["", "a", "b/", "c"], "charset": "a b" }')
        equal(err.count(": error: "), 3, "all of them: " + err)
        for good in ('{ "charset": "", "default_type": "text/plain; charset=utf-8", "types": { ".x": "a/b+c" } }', '{ "charset": "ISO-8859-1" }'):
            equal(check(where, good), (0, ""))


def test_a_root_that_cannot_be_entered_is_told_before_and_logged_when_it_comes_later():
    need(IS_ROOT, "needs root")
    with folder() as where:
        write(where + "/www/a.txt", "a")
        config = configuration({"documents": where + "/www"})
        for_nobody(where, config)
        server = Server(where, config)
        equal(server.get("/a.txt")[0], 200)
        os.chmod(where + "/www", 0o700)
        server.wait_for_status("/b.txt", 403)
        for _ in range(5):
            equal(server.get("/c.txt")[0], 403)
        says = f'user "nobody" cannot enter "{where}/www": Permission denied'
        server.wait_for_log(says)
        server.stop()
        equal(server.log().count(says), 1, server.log())
        status, _, err = run("-c", server.config, as_given=True)
        equal(status, 1)
        contains(err, f'/vhosts/0/documents: user "nobody" cannot enter "{where}/www": give it the right')
        os.chmod(where + "/www", 0o755)
        os.mkdir(where + "/above", 0o700)
        os.rename(where + "/www", where + "/above/www")
        config["vhosts"] = {"documents": where + "/above/www"}
        status, _, err = run("--test", "-c", write(where + "/site.json", json.dumps(config)), as_given=True)
        equal(status, 1)
        contains(err, f'/vhosts/0/documents: user "nobody" cannot reach "{where}/above/www": give it the right')
        os.chmod(where + "/above", 0o755)
        os.chmod(where + "/above/www", 0o700)
        status, out, err = run("-p", "0", where + "/above/www")  # which is root's: served as nobody
        equal((status, out), (1, ""))
        contains(err, 'user "nobody" cannot enter')


def test_a_file_that_may_not_be_read_is_logged():
    need(IS_ROOT, "needs root")
    with folder() as where:
        write(where + "/www/a.txt", "a", 0o600)
        config = configuration({"documents": where + "/www"})
        for_nobody(where, config)
        server = Server(where, config)
        equal(server.get("/a.txt")[0], 403)
        server.wait_for_log(f'user "nobody" cannot read "a.txt" beneath "{where}/www": Permission denied')
        server.stop()


ASKS = r"""
#include <multiplexd/files.h>
#include <string.h>
/* asks - for "/a/?name": what the policy says of that entry, and what a look at it finds, on a thread. */
struct conf { const struct mpx_files *files; };
struct state { const struct mpx_files_policy *policy; struct mpx_file *folder; const char *name; struct mpx_str path; bool hidden; int rc; struct stat entry, found; };
static int open_conf(struct mpx_conf *c, void *data)
{
    ((struct conf *)data)->files = (const struct mpx_files *)mpx_require(c, "files", 1, 0);
    return 0;
}
static void work(void *arg)
{
    struct state *s = arg;
    s->hidden = s->policy->hides(s->policy, s->path);
    s->rc = mpx_file_look(s->folder, s->name, s->policy->links, &s->entry, &s->found);
}
static enum mpx_rc looked(struct mpx_req *r, const void *data, void *state)
{
    struct state *s = state;
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "%s %s", s->hidden ? "hidden" : "shown", s->rc < 0 ? strerrorname_np(-s->rc) : S_ISDIR(s->found.st_mode) ? "folder" : "file"));
    return mpx_res_end(r);
}
static enum mpx_rc opened(struct mpx_req *r, const void *data, void *state)
{
    struct state *s = state;
    if (mpx_open_result(r, &s->folder) < 0)
        return mpx_res_error(r, 404);
    return mpx_offload(r, work, s, looked, s);
}
static enum mpx_rc content(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    struct state *s = mpx_alloc(mpx_req_arena(r), sizeof(*s));
    struct mpx_str q = mpx_req_query(r), path = mpx_req_path(r);
    s->policy = mpx_files_policy_of(conf->files, r);
    s->name = mpx_printf(mpx_req_arena(r), "%.*s", (int)q.n, q.p).p;
    s->path = mpx_printf(mpx_req_arena(r), "%.*s%s", (int)path.n, path.p, s->name);
    return mpx_open(r, mpx_req_rest(r), MPX_OPEN_DIRECTORY | MPX_OPEN_DESCRIPTOR | s->policy->links, opened, s);
}
static const char *const after[] = { "static", NULL };
MPX_MODULE(asks) = { MPX_HEADER(asks, "1.0"), .conf_size = sizeof(struct conf), .open = open_conf, .after = after, .on = { [MPX_PH_CONTENT] = content } };
"""


def test_other_modules_are_told_what_would_be_served():
    with folder() as where, folder() as www:
        compile_module(where, "asks", ASKS, "-D_GNU_SOURCE")
        for path in ("one/a.txt", "one/.x", "one/b~", "one/sub/c", "two/a.txt", "two/.x", "two/b~", "none/.x", "none/b~"):
            write(www + "/" + path, "x")
        for at in ("one", "two", "none"):
            os.symlink("a.txt", f"{www}/{at}/in")
            os.symlink("/etc/passwd", f"{www}/{at}/out")
            os.symlink("../one/a.txt", f"{www}/{at}/over")
        daemon = {"module_path": [*MODULES, where]}
        config = configuration({"documents": www, "modules": ["static", "asks"], "static": {"index_file": [], "symlinks": "deny", "hidden": "*~"}, "directories": [
            {"path": "/two", "static": {"symlinks": "follow", "hidden": "allow"}}, {"path": "/none", "modules": ["asks"]}]}, daemon)
        wanted = {"/one/": ("shown file", "shown file", "hidden file", "shown folder", "shown ELOOP", "shown ELOOP", "shown ELOOP", "shown ENOENT"),
                  "/two/": ("shown file", "shown file", "shown file", "shown ENOENT", "shown file", "shown file", "shown file", "shown ENOENT"),
                  "/none/": ("shown ENOENT", "hidden file", "shown file", "shown ENOENT", "shown ENOENT", "shown EXDEV", "shown file", "shown ENOENT")}
        names = ("a.txt", ".x", "b~", "sub", "in", "out", "over", "nothing")
        with serving(config) as server:
            for at, says in wanted.items():
                for name, said in zip(names, says):
                    equal(server.get(f"{at}?{name}")[2].decode(), said, f"{at} {name}")
        alone = configuration({"modules": ["asks"], "directories": [{"path": "/none", "location": www + "/none"}]}, daemon)
        with serving(alone) as server:  # the service is not there at all
            equal(server.get("/none/?.x")[2], b"hidden file")
            equal(server.get("/none/?over")[2], b"shown EXDEV")


def test_the_example_of_its_page_works():
    with folder() as where:
        config = example_of("static", where)
        write(where + "/srv/www/start.html", "start")
        write(where + "/srv/www/read.md", "# read")
        write(where + "/srv/www/read.md.gz", "compressed")
        write(where + "/srv/www/assets/a.css", "a")
        write(where + "/srv/www/pub/a~", "a")
        with serving(config) as server:
            status, fields, body = server.get("/")
            equal((body, fields["cache-control"], fields["vary"]), (b"start", "no-cache", "Accept-Encoding"))
            equal(server.get("/read.md")[1]["content-type"], "text/markdown; charset=utf-8")
            equal(server.get("/read.md", fields=["Accept-Encoding: gzip"])[2], b"compressed")
            equal(server.get("/assets/a.css")[1]["cache-control"], "max-age=31536000, immutable")
            equal(server.get("/pub/a~")[0], 404)


main()
