# SPDX-License-Identifier: MIT
"""Module dirlist: what is listed, in which form and order, and what that costs others."""
import base64
import grp
import hashlib
import html
import pwd
import stat
import threading
import urllib.parse
from harness import *


@contextlib.contextmanager
def site(settings=None, names=(), **vhost):
    """A daemon that lists a folder with these files; its path is .site."""
    with folder() as where:
        os.mkdir(where + "/site")
        for name in names:
            write(f"{where}/site/{name}", "")
        vhost = {"documents": where + "/site", "dirlist": settings or {}, **vhost}
        with serving(configuration(vhost)) as server:
            server.site = where + "/site"
            yield server


def listing(server, path="/", query=""):
    status, fields, body = server.get(f"{path}?format=json{query}")
    equal(status, 200, path)
    equal(fields["content-type"], "application/json")
    return json.loads(body)


def names(server, path="/", query=""):
    return [e["name"] for e in listing(server, path, query)["entries"]]


def page(server, path="/", **more):
    status, fields, body = server.get(path, **more)
    equal(status, 200, path)
    equal(fields["content-type"], "text/html; charset=utf-8")
    return body.decode()


def rows(text):
    """(href, shown name) of each row of a page, in order."""
    return [(html.unescape(href), html.unescape(name))
            for href, name in re.findall(r'<tr><th scope="row"><a[^>]* href="([^"]*)">([^<]*)</a>', text)]


def columns(text):
    """The links of the head of the table."""
    return [html.unescape(href) for href in re.findall(r'<th scope="col"[^>]*><a href="([^"]*)"', text)]


def test_an_entry_tells_what_stat_tells():
    fields = ["kind", "size", "mtime", "user", "group", "flags", "target"]
    with site({"fields": fields}) as server:
        write(server.site + "/file", "x" * 5000, 0o640)
        os.utime(server.site + "/file", (1, 1549166700))
        for mode in (0o4755, 0o4644, 0o2711, 0o2604):
            write(f"{server.site}/file{mode:o}", "", mode)
        for mode in (0o1777, 0o1776, 0o755):
            os.mkdir(f"{server.site}/folder{mode:o}")
            os.chmod(f"{server.site}/folder{mode:o}", mode)
        os.symlink("file", server.site + "/link")
        if IS_ROOT:
            os.chown(server.site + "/file", 1, 2)
        entries = listing(server)["entries"]
        for e in entries:
            path = f"{server.site}/{e['name']}"
            own, end = os.lstat(path), os.stat(path)
            equal(e["flags"], stat.filemode(own.st_mode), path)
            equal((e["mode"], e["uid"], e["gid"]), (own.st_mode, own.st_uid, own.st_gid), path)
            equal(e["user"], pwd.getpwuid(own.st_uid).pw_name, path)
            equal(e["group"], grp.getgrgid(own.st_gid).gr_name, path)
            equal((e["size"], e["mtime"]), (end.st_size, int(end.st_mtime)), path)
            equal(e["mtime_nice"], time.strftime("%F %T", time.localtime(end.st_mtime)), path)
            equal(e["kind"], {"d": "DIRECTORY", "l": "SYMLINK", "-": "FILE"}[e["flags"][0]], path)
            equal(e.get("symlink_dest"), os.readlink(path) if e["name"] == "link" else None, path)
        equal(len(entries), 9)
        equal({e["name"]: e["size_nice"] for e in entries}["file"], "4.9 kB")
        text = page(server)
        for e in entries:
            contains(text, f'<td class="m">{e["flags"]}', e["name"])
            contains(text, f"<td>{e['user']}<td>{e['group']}<td", e["name"])
            contains(text, f"<time>{e['mtime_nice'][:-3]}</time>", e["name"])
        contains(text, '<td class="n">4.9 kB')
        contains(text, '>link</a> <span class="to">\u2192 file</span>')


def test_a_user_and_a_group_of_one_number_have_their_own_names():
    need(IS_ROOT, "only root gives files away")
    number = next(u.pw_uid for u in pwd.getpwall()
                  if any(g.gr_gid == u.pw_uid and g.gr_name != u.pw_name for g in grp.getgrall()))
    with site({"fields": ["user", "group"]}, ["file"]) as server:
        os.chown(server.site + "/file", number, number)
        entry = listing(server)["entries"][0]
        equal((entry["user"], entry["group"]), (pwd.getpwuid(number).pw_name, grp.getgrgid(number).gr_name))


def test_a_number_without_a_name_stands_for_itself():
    need(IS_ROOT, "only root gives files away")
    with site({"fields": ["user", "group"]}, ["file"]) as server:
        os.chown(server.site + "/file", 54321, 54322)
        entry = listing(server)["entries"][0]
        equal((entry["user"], entry["group"]), ("54321", "54322"))
        contains(page(server), "<td>54321<td>54322")


def test_who_owns_a_file_is_not_told_unless_that_is_wanted():
    with site(None, ["file"]) as server:
        equal(sorted(listing(server)["entries"][0]),
              ["kind", "mtime", "mtime_nice", "name", "size", "size_nice", "url"])


def test_columns_come_in_the_order_of_the_fields():
    with site({"fields": ["mtime", "flags", "size"]}, ["file"]) as server:
        equal(re.findall(r'<th scope="col"[^>]*>(?:<a [^>]*>)?([^<]*)', page(server)),
              ["Name", "Modified", "Flags", "Size"])


ODD = [b"<b>.txt", b"a b", b"new\nline", b"quo\"te", b"it's", b"per%cent", b"a&amp;b", b"q?x", b"h#x", b"semi;colon",
       b"+plus", "gr\u00fcn".encode(), b"bad\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"c\x01\x7fd", b"a:b", b"~home",
       b"javascript:alert(1)", b"<script>alert(1)", b"=", b"-", b" "]


def odd_site(server):
    for name in ODD:
        with open(server.site.encode() + b"/" + name, "wb") as f:
            f.write(b"content of " + name)


def test_every_name_leads_to_its_file_in_html_and_json():
    with site() as server:
        odd_site(server)
        urls = [e["url"] for e in listing(server)["entries"]]
        equal(sorted(urllib.parse.unquote_to_bytes(u) for u in urls), sorted(ODD))
        for url in urls:
            equal(server.get("/" + url)[2], b"content of " + urllib.parse.unquote_to_bytes(url), url)
        equal([href for href, _ in rows(page(server))], urls)


def test_names_are_shown_escaped():
    with site() as server:
        odd_site(server)
        text = page(server)
        shown = dict(rows(text))
        for name in ODD:
            wanted = "".join(chr(0x2400 + ord(c)) if c < " " else "\u2421" if c == "\x7f" else c
                             for c in name.decode("utf-8", "surrogateescape"))
            wanted = re.sub("[\udc80-\udcff]", "\ufffd", wanted)
            equal(shown[urllib.parse.quote(name, safe="-._~")], wanted, name)
        assert "<b>" not in text and "<script" not in text, text
        in_json = {e["url"]: e["name"] for e in listing(server)["entries"]}
        equal(in_json["new%0Aline"], "new\nline")
        equal(in_json["c%01%7Fd"], "c\x01\x7fd")
        equal(in_json["bad%FF%FE"], "bad\ufffd\ufffd")


def test_a_path_is_shown_escaped_and_leads_up():
    with site() as server:
        os.makedirs(server.site + '/<i>"/sub dir/last')
        text = page(server, "/%3Ci%3E%22/sub%20dir/last/")
        contains(text, "<title>Index of /&lt;i&gt;&quot;/sub dir/last/</title>")
        equal(re.findall(r'<a href="([^"]*)">([^<]*)</a><wbr>', text),
              [("../../../", "/"), ("../../", "&lt;i&gt;&quot;/"), ("../", "sub dir/")])
        equal(rows(text), [("../", "Parent folder")])
        equal(listing(server, "/%3Ci%3E%22/sub%20dir/last/")["path"], '/<i>"/sub dir/last/')


def test_the_top_has_no_way_up():
    with site(None, ["sub/file"]) as server:
        equal(rows(page(server)), [("sub/", "sub/")])


def sorted_site(server):
    for i, (name, size) in enumerate({"b": 300, "a": 200, "d": 100, "c": 200}.items()):
        write(f"{server.site}/{name}", "x" * size)
        os.utime(f"{server.site}/{name}", (1, 1000 + i))
    for name, when in (("z", 1005), ("y", 990)):
        os.mkdir(f"{server.site}/{name}")
        os.utime(f"{server.site}/{name}", (1, when))
    os.symlink("a", server.site + "/k")


def test_sorting_has_four_keys_and_two_ways():
    with site() as server:
        sorted_site(server)
        for query, wanted in {"": "yzabcdk", "&sort=name": "yzabcdk", "&sort=name&order=desc": "zykdcba",
                              "&sort=size": "yzdackb", "&sort=size&order=desc": "yzbackd",
                              "&sort=time": "yzbakdc", "&sort=time&order=desc": "zycdakb",
                              "&sort=kind": "yzabcdk", "&sort=kind&order=desc": "yzkabcd",
                              "&order=desc": "zykdcba"}.items():
            equal("".join(names(server, query=query)), wanted, query)


def test_folders_may_stand_among_files():
    with site({"dirs_first": False}) as server:
        sorted_site(server)
        equal("".join(names(server)), "abcdkyz")
        equal("".join(names(server, query="&sort=size&order=desc")), "backdyz")


def test_the_order_of_the_configuration_holds_where_none_is_asked_for():
    with site({"sort": "time", "order": "desc"}) as server:
        sorted_site(server)
        equal("".join(names(server)), "zycdakb")
        equal("".join(names(server, query="&sort=name")), "yzabcdk")


def test_what_is_no_value_is_as_if_it_were_not_there():
    with site(None, ["b", "a"]) as server:
        plain = server.get("/")[2]
        for query in ("sort=none", "sort=", "order=up", "format=xml", "sort", "&&&", "=", "x=y", "sort=SIZE",
                      "order=desc%20", "asort=size", "a" * 4000):
            status, fields, body = server.get("/?" + query)
            equal((status, body, fields["vary"]), (200, plain, "Accept"), query)


def test_links_sort_and_keep_the_form_that_was_asked_for():
    with site() as server:
        sorted_site(server)
        text = page(server)
        equal(columns(text), ["?sort=name&order=desc", "?sort=size&order=desc", "?sort=time&order=desc"])
        equal(re.findall(r'aria-sort="(\w+)"><a href="\?sort=(\w+)', text), [("ascending", "name")])
        text = page(server, "/?format=html&sort=size&order=desc", fields=["Accept: application/json"])
        equal(columns(text), ["?sort=name&order=asc&format=html", "?sort=size&order=asc&format=html",
                              "?sort=time&order=desc&format=html"])
        equal(re.findall(r'aria-sort="(\w+)"><a href="\?sort=(\w+)', text), [("descending", "size")])
        equal([name for _, name in rows(text)], ["y/", "z/", "b", "a", "c", "k", "d"])


def test_accept_chooses_the_form():
    with site(None, ["a"]) as server:
        for accept, wanted in {"*/*": "text/html", "application/json": "application/json", "text/*": "text/html",
                               "text/html;q=0.5, application/json;q=0.6": "application/json",
                               "text/html;q=0.6, application/json;q=0.5": "text/html",
                               "image/png": "text/html"}.items():
            _, fields, _ = server.get("/", fields=["Accept: " + accept])
            equal(fields["content-type"].split(";")[0], wanted, accept)
            equal(fields["vary"], "Accept")
        _, fields, _ = server.get("/?format=json", fields=["Accept: text/html"])
        equal((fields["content-type"], fields.get("vary")), ("application/json", None))


def test_what_a_get_would_refuse_is_not_listed():
    with site(None, ["file", ".hidden", ".git/config", "sub/x"]) as server:
        os.symlink("nowhere", server.site + "/dangling")
        os.symlink("/etc/passwd", server.site + "/absolute")
        os.symlink("../../../../etc", server.site + "/out")
        os.symlink("circle", server.site + "/circle")
        os.symlink("file", server.site + "/good")
        os.symlink("../file", server.site + "/sub/up")
        os.mkfifo(server.site + "/fifo")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(server.site + "/socket")
        for path in ("/", "/sub/"):
            wanted = [n for n in os.listdir(server.site + path) if server.get(path + n)[0] < 400]
            equal(sorted(names(server, path)), sorted(wanted), path)
        assert "good" in names(server) and "up" in names(server, "/sub/")
        equal(server.get("/.git/")[0], 404)


def test_a_name_with_a_backslash_which_no_path_can_have_is_not_listed():
    with site({"fields": ["size"]}, ["a\\b", "\\", "sub\\dir/x", "plain"]) as server:
        for path in ("/a%5Cb", "/%5C", "/sub%5Cdir/"):
            equal(server.get(path)[0], 404, path)
        equal(names(server), ["plain"])
        equal(listing(server)["total"], 1)


def test_links_and_hidden_names_are_listed_as_static_serves_them():
    with folder() as where:
        write(where + "/out/file", "")
        for settings, wanted in (({"symlinks": "deny"}, ["file"]), ({"symlinks": "follow"}, ["file", "in", "out"]),
                                 ({"hidden": []}, [".dot", "file", "in"]), ({"hidden": ["f*"]}, [".dot", "in"])):
            with site({"dirs_first": False}, ["file", ".dot"], static=settings) as server:
                os.symlink("file", server.site + "/in")
                os.symlink(where + "/out", server.site + "/out")
                equal(names(server), wanted, settings)
                if "out" in wanted:
                    equal(names(server, "/out/"), ["file"])
                else:
                    equal(server.get("/out/")[0], 404)


def test_what_may_not_be_read_is_not_listed():
    need(IS_ROOT, "only root has a daemon that becomes somebody else")
    with folder() as where:
        write(where + "/site/mine", "", 0o600)
        write(where + "/site/ours", "", 0o644)
        for name, mode in (("closed", 0o700), ("blind", 0o711), ("mute", 0o744)):
            os.mkdir(f"{where}/site/{name}")
            os.chmod(f"{where}/site/{name}", mode)
        config = configuration({"documents": where + "/site", "directory_list": True})
        for_nobody(where, config)
        write(where + "/mod/dirlist.so", open(MODULES[0] + "/dirlist.so", "rb").read(), 0o755)
        with serving(config) as server:
            equal(names(server), ["ours"])
            for path in ("/mine", "/closed/", "/blind/", "/mute/"):
                equal(server.get(path)[0], 403, path)


def test_links_may_look_like_what_they_lead_to():
    with site({"hide_symlinks": True, "fields": ["flags", "size", "target"]}, ["sub/x"]) as server:
        write(server.site + "/file", "12345")
        os.symlink("file", server.site + "/tofile")
        os.symlink("sub", server.site + "/tosub")
        found = {e["name"]: e for e in listing(server)["entries"]}
        equal((found["tofile"]["kind"], found["tofile"]["size"], found["tofile"]["flags"]), ("FILE", 5, "-rw-r--r--"))
        equal((found["tosub"]["kind"], found["tosub"]["url"]), ("DIRECTORY", "tosub/"))
        assert "symlink_dest" not in found["tofile"]
        assert "\u2192" not in page(server)


def test_only_names_that_match_are_listed():
    with site({"names": r"\.(iso|txt)$"}, ["a.iso", "b.txt", "c.bin", "d.iso/x"]) as server:
        equal(names(server), ["d.iso", "a.iso", "b.txt"])


def test_an_expression_that_takes_too_long_matches_nothing():
    with site({"names": "^(a+)+$"}, ["a" * 40 + "b", "aaa"]) as server:
        equal(names(server), ["aaa"])


def test_a_long_listing_is_cut_with_a_note():
    with site({"max_entries": 3}, ["c", "a", "d", "b", "sub/x"]) as server:
        found = listing(server)
        equal([e["name"] for e in found["entries"]], ["sub", "a", "b"])
        equal((found["total"], found["truncated"]), (5, True))
        contains(page(server), "Only the first 3 of 5 entries are shown.")
    with site({"max_entries": 5}, ["c", "a", "d", "b", "sub/x"]) as server:
        equal(listing(server)["truncated"], False)
        assert "Only the first" not in page(server)


def test_an_empty_folder_says_so():
    with site() as server:
        contains(page(server), "This folder is empty")
        equal(listing(server)["entries"], [])


def seen_within_a_second(what, wanted):
    """With a little for a busy machine."""
    end = time.monotonic() + (4 if SANITIZERS else 1.5)
    while (found := what()) != wanted:
        assert time.monotonic() < end, f"{found!r} does not become {wanted!r}"
        time.sleep(0.02)


def test_a_change_shows_within_a_second():
    with site(None, ["a"]) as server:
        equal(names(server), ["a"])
        write(server.site + "/b", "")
        seen_within_a_second(lambda: names(server), ["a", "b"])
        os.unlink(server.site + "/a")
        seen_within_a_second(lambda: names(server), ["b"])
        write(server.site + "/b", "four")  # which the folder's own time does not tell
        seen_within_a_second(lambda: listing(server)["entries"][0]["size"], 4)


def test_a_page_that_is_the_same_is_not_sent_again():
    with site(None, ["a"]) as server:
        tag = server.get("/")[1]["etag"]
        assert re.fullmatch(r'"[0-9a-f]+-[0-9a-f]+"', tag), tag
        time.sleep(1.1)  # it is made anew
        status, fields, _ = server.get("/", fields=["If-None-Match: " + tag])
        equal((status, fields["etag"]), (304, tag))
        assert server.get("/?format=json")[1]["etag"] != tag
        equal(server.get("/", fields=["If-Match: \"x\""])[0], 412)
        write(server.site + "/b", "")
        seen_within_a_second(lambda: server.get("/", fields=["If-None-Match: " + tag])[0], 200)


def test_head_says_what_get_says():
    with site(None, ["a"]) as server:
        _, fields, body = server.get("/")
        status, its, none = server.get("/", method="HEAD")
        for name in ("content-type", "content-length", "etag", "vary", "cache-control", "content-security-policy"):
            equal(its[name], fields[name], name)
        equal((status, none, int(its["content-length"])), (200, b"", len(body)))


def test_other_methods_are_refused():
    with site(None, ["sub/a"]) as server:
        for method in ("POST", "PUT", "DELETE"):
            status, fields, _ = server.get("/sub/", method=method)
            equal((status, fields["allow"]), (405, "GET, HEAD, OPTIONS"), method)


def test_an_index_file_goes_before_the_listing():
    with site(None, ["sub/a"]) as server:
        write(server.site + "/index.html", "index")
        equal(server.get("/")[2], b"index")
        equal(server.get("/sub")[1]["location"], "/sub/")
        equal(names(server, "/sub/"), ["a"])


def test_a_folder_is_listed_only_where_that_is_on():
    with folder() as where:
        root = where + "/site"
        for path in ("a", "off/b", "off/on/c"):
            write(f"{root}/{path}", "")
        vhosts = [{"name": "on", "documents": root, "directory_list": True,
                   "directories": [{"path": "/off", "directory_list": False},
                                   {"path": "/off/on", "directory_list": True}]},
                  {"name": "off", "documents": root},
                  {"name": "prepared", "documents": root, "dirlist": {"enabled": False, "fields": []},
                   "directories": [{"path": "/off", "directory_list": True}]}]
        with serving(configuration(vhosts, defaults={"modules": ["static", "dirlist"]})) as server:
            for host, path, status in (("on", "/", 200), ("on", "/off/", 403), ("on", "/off/on/", 200),
                                       ("off", "/", 403), ("prepared", "/", 403), ("prepared", "/off/", 200)):
                equal(server.get(path, host=host)[0], status, host + path)
            assert b"Modified" not in server.get("/off/", host="prepared")[2], "an outer setting is lost"


def test_folders_elsewhere_are_listed_where_they_lie():
    with folder() as where:
        write(where + "/other/x/file", "")
        os.mkdir(where + "/site")
        config = configuration({"documents": where + "/site", "dirlist": {},
                                "directories": [{"path": "/pub", "location": where + "/other"}]})
        with serving(config) as server:
            equal(names(server, "/pub/x/"), ["file"])
            equal(rows(page(server, "/pub/x/")), [("../", "Parent folder"), ("file", "file")])


def test_pages_of_two_hosts_do_not_mix():
    with folder() as where:
        vhosts = []
        for host in ("a", "b"):
            write(f"{where}/{host}/{host}.txt", "")
            vhosts.append({"name": host, "documents": f"{where}/{host}"})
        with serving(configuration(vhosts, defaults={"dirlist": {}})) as server:
            for host in ("a", "b", "a"):
                found = json.loads(server.get("/?format=json", host=host)[2])
                equal([e["name"] for e in found["entries"]], [host + ".txt"])


def test_a_header_and_a_readme_frame_the_listing():
    settings = {"header": [".header.html", "HEADER"], "readme": "README.md"}
    with site(settings, ["sub/a"]) as server:
        write(server.site + "/.header.html", '<p id="own">Hello</p>')
        write(server.site + "/README.md", b"# <b>raw\n\xff &")
        write(server.site + "/sub/HEADER", "a < b")
        text = page(server)
        at = [text.index(part) for part in ('<p id="own">Hello</p>', "<h1>", "</table>", "# &lt;b&gt;raw\n\ufffd &amp;")]
        equal(at, sorted(at))
        assert "content-security-policy" not in server.get("/")[1], "the site's own markup has its own needs"
        contains(page(server, "/sub/"), '<pre class="part">a &lt; b</pre>')


def test_a_readme_out_of_the_root_is_not_shown():
    with folder() as where:
        write(where + "/secret", "secret")
        with site({"readme": "README"}) as server:
            os.symlink(where + "/secret", server.site + "/README")
            assert "secret" not in page(server)


def test_a_long_readme_is_cut():
    with site({"readme": "README"}) as server:
        write(server.site + "/README", "x" * 70000)
        text = page(server)
        equal(text.count("x" * 65536), 1)
        contains(text, "xxx\n\u2026</pre>")


def test_the_policy_admits_the_style_sheet_and_nothing_else():
    with site(None, ["a"]) as server:
        _, fields, body = server.get("/")
        style = re.search(rb"<style>(.*?)</style>", body, re.S).group(1)
        wanted = base64.b64encode(hashlib.sha256(style).digest()).decode()
        contains(fields["content-security-policy"], f"style-src 'sha256-{wanted}'; ",
                 "html_style_hash in modules/dirlist/style.c is not that of the style sheet")
        contains(fields["content-security-policy"], "default-src 'none'; ")
        assert b"<script" not in body and b" style=" not in body


def test_a_style_sheet_of_ones_own_may_stand_beside_or_instead():
    for css, style, policy in (("/s.css", True, "' 'self'; "),
                               ("https://x.example/s.css?a", False, "style-src https://x.example; "),
                               ("//x.example/a", False, "style-src x.example; ")):
        with site({"css": css, "style": style}, ["a"]) as server:
            text = page(server)
            contains(text, f'<link rel="stylesheet" href="{css}">')
            equal("<style>" in text, style)
            contains(server.get("/")[1]["content-security-policy"], policy)


@contextlib.contextmanager
def crowd(count):
    """A daemon that lists a folder with many files, at /crowd/; in memory, where files are made quickly."""
    shelf = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    where = tempfile.mkdtemp(prefix="multiplexd-test-", dir=shelf)
    os.chmod(where, 0o755)
    try:
        for i in range(count):
            os.mknod(f"{where}/file{i}", 0o644 | stat.S_IFREG)
        with site({"max_entries": 1000000}, ["small"],
                  directories=[{"path": "/crowd", "location": where}]) as server:
            yield server
    finally:
        shutil.rmtree(where, ignore_errors=True)


def test_many_who_ask_at_once_get_the_same_page():
    with crowd(5000) as server:
        connections = [server.connect(60) for _ in range(50)]
        for s in connections:
            s.sendall(request("/crowd/?format=json"))
        pages = {read_response(s)[2] for s in connections}
        equal([len(json.loads(p)["entries"]) for p in pages], [5000])
        for s in connections:
            s.close()


def test_one_who_leaves_takes_nothing_from_the_others():
    with crowd(5000) as server:
        for sort in ("name", "size", "time"):
            first, second = server.connect(), server.connect(60)
            first.sendall(request("/crowd/?format=json&sort=" + sort))
            second.sendall(request("/crowd/?format=json&sort=" + sort))
            first.close()
            equal(json.loads(read_response(second)[2])["total"], 5000)
            second.close()


def test_all_leave_and_the_daemon_stops():
    with crowd(5000) as server:
        for sort in ("name", "size", "time", "kind"):
            for order in ("asc", "desc"):
                s = server.connect()
                s.sendall(request(f"/crowd/?sort={sort}&order={order}"))
                s.close()
        server.stop()


def test_a_hundred_thousand_entries_delay_nobody():
    with crowd(100000) as server:
        done = threading.Event()
        times = []

        def list_all():
            while not done.is_set() or not times:
                begin = time.monotonic()
                with server.connect(120) as s:
                    s.sendall(request("/crowd/?sort=size"))
                    status, _, body = read_response(s)
                    equal((status, body.count(b'<tr><th scope="row">')), (200, 100001))
                times.append(time.monotonic() - begin)
                time.sleep(0.5)
        lister = threading.Thread(target=list_all)
        lister.start()
        took = []
        with server.connect(60) as s:
            while len(took) < 1000 or not times:
                begin = time.monotonic()
                s.sendall(request("/small"))
                equal(read_response(s)[0], 200)
                took.append(time.monotonic() - begin)
                time.sleep(0.001)
        done.set()
        lister.join()
        took.sort()
        late, slow = took[len(took) * 9 // 10], max(times)
        print(f"# nine requests in ten within {late * 1000:.2f} ms, all within {took[-1] * 1000:.1f} ms, "
              f"beside listings of {slow * 1000:.0f} ms")
        assert late * 10 < slow, f"one in ten requests took {late:.4f} s or more beside listings of {slow:.3f} s"


def test_mistakes_are_told_with_their_cure():
    for settings, wanted in (({"fields": ["size", "owner"]}, 'must be one of "kind", "size"'),
                             ({"fields": ["size", "size"]}, '"size" is in this list twice'),
                             ({"names": "("}, "the expression is wrong"),
                             ({"readme": "../x"}, "is not the name of a file"),
                             ({"css": "a b"}, "must be a URL"),
                             ({"max_entries": 0}, "must be a number from 1 to 1000000")):
        with folder() as where:
            path = write(where + "/x.json", json.dumps(configuration({"documents": where, "dirlist": settings})))
            status, _, errors = run("--test", "-c", path)
            equal(status, 1, wanted)
            contains(errors, wanted)


def test_the_example_of_its_page_is_served():
    with folder() as where:
        config = example_of("dirlist", where)
        write(where + "/srv/files/disk.iso", "iso")
        with serving(config) as server:
            equal(server.get("/disk.iso")[2], b"iso")
            contains(page(server), '<a href="disk.iso">disk.iso</a>')


main()
