# SPDX-License-Identifier: MIT
"""What module static says to caches, and what it sends from files that lie compressed beside their originals."""
import gzip
import time

from harness import *

TEXT = b"a text that is long enough to be worth it\n" * 50
# the contents tell which file was sent; nobody looks into them
BESIDE = {"br": b"this is br", "zst": b"this is zstd", "gz": gzip.compress(TEXT)}
CODINGS = {"br": "br", "zst": "zstd", "gz": "gzip"}


def tree(where, name="a.js", suffixes=("br", "zst", "gz")):
    """An original and its sidecars, which are a bit younger."""
    at = write(f"{where}/{name}", TEXT)
    old = time.time() - 100
    os.utime(at, (old, old))
    for suffix in suffixes:
        write(f"{where}/{name}.{suffix}", BESIDE[suffix])
    return where


def site(where, precompressed=("br", "zst", "gz"), **more):
    return configuration({"documents": where, "static": {"precompressed": list(precompressed), **more}})


def accept(server, value, path="/a.js", **more):
    """(Content-Encoding or None, body) of an answer; it is looked at as a cache would."""
    status, fields, body = server.get(path, fields=[f"Accept-Encoding: {value}"], **more)
    equal((status, fields.get("vary")), (200, "Accept-Encoding"), value)
    return fields.get("content-encoding"), body


def test_the_client_s_weights_then_our_order_choose_the_coding():
    with folder() as www, serving(site(tree(www))) as server:
        for value, coding in (
                ("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "br"), ("gzip,zstd", "zstd"),
                ("x-gzip", "gzip"), ("GZip", "gzip"), ("br;q=0.5, gzip;q=0.8", "gzip"), ("br;q=0.5,gzip;q=0.5", "br"),
                ("gzip;q=1.000, br;q=0.999", "gzip"), ("*", "br"), ("*;q=0.1", "br"), ("br;q=0, *", "zstd"),
                ("br;q=0, zstd;q=0, *;q=0.2", "gzip"), ("identity;q=0, gzip", "gzip"), ("identity;q=0.5, gzip", "gzip"),
                ("identity;q=0.5, br;q=0.5", "br"), ("gzip ; q=0.5 ,\tbr\t;\tq=0.7", "br"), (",,gzip,,", "gzip"),
                ("gzip;q=0.001", "gzip"), ("br;q=nonsense, gzip", "gzip"), ("br;q=2, gzip", "gzip"), ("gzip;Q=1", "gzip"),
                ("", None), ("identity", None), ("deflate", None), ("gzip;q=0", None), ("*;q=0", None), ("gzip;q=0.000", None),
                ("identity, gzip;q=0.5", None), ("identity;q=0.6, br;q=0.5, gzip;q=0.5", None), ("gzipped", None),
                ("gzip;q=1.5", None), ("gzip;q=", None), ("gzip;q=0.1234", None), ("gzip;level=9", None), ("gzi", None),
                ("identity;q=0", None), ("br;q=0, zstd;q=0, gzip;q=0", None)):
            suffix = {v: k for k, v in CODINGS.items()}.get(coding)
            equal(accept(server, value), (coding, BESIDE[suffix] if suffix else TEXT), value)
        status, fields, body = server.get("/a.js")
        equal((status, fields["vary"], "content-encoding" in fields, body), (200, "Accept-Encoding", False, TEXT), "no field")
        status, fields, body = server.get("/a.js", fields=["Accept-Encoding: br;q=0.1", "Accept-Encoding: gzip"])
        equal(fields["content-encoding"], "gzip", "two lines are one list")


def test_only_codings_that_are_listed_are_sent_in_their_order():
    with folder() as www:
        tree(www)
        for listed, value, coding in ((["gz"], "br, gzip", "gzip"), ("gz", "br, gzip", "gzip"), (["gz", "br"], "br, gzip", "gzip"),
                                      (["zst"], "br, gzip", None), ([], "br, gzip", None)):
            config = configuration({"documents": www, "static": {"precompressed": listed}})
            with serving(config) as server:
                status, fields, _ = server.get("/a.js", fields=[f"Accept-Encoding: {value}"])
                equal((status, fields.get("content-encoding")), (200, coding), str(listed))
                equal("vary" in fields, bool(listed), str(listed))


def test_what_is_sent_is_the_original_s_in_type_and_a_representation_of_its_own():
    with folder() as www, serving(site(tree(www))) as server:
        plain = server.get("/a.js")[1]
        tags = {plain["etag"]}
        for coding in ("br", "zstd", "gzip"):
            ask = [f"Accept-Encoding: {coding}"]
            status, fields, body = server.get("/a.js", fields=ask)
            equal(fields["content-type"], plain["content-type"])
            assert fields["etag"].startswith('"'), "strong"
            equal(server.get("/a.js", method="HEAD", fields=ask)[1], {**fields, "date": server.get("/a.js")[1]["date"]})
            status, again, none = server.get("/a.js", fields=[*ask, f"If-None-Match: {fields['etag']}"])
            equal((status, again["etag"], again["vary"], none), (304, fields["etag"], "Accept-Encoding", b""))
            equal(server.get("/a.js", fields=[f"If-None-Match: {fields['etag']}"])[0], 200, "the original is another one")
            status, part, some = server.get("/a.js", fields=[*ask, "Range: bytes=2-5", f"If-Range: {fields['etag']}"])
            equal((status, some, part["content-encoding"], part["content-range"]),
                  (206, body[2:6], coding, f"bytes 2-5/{len(body)}"))
            tags.add(fields["etag"])
        equal(len(tags), 4, "one tag for each")
        assert gzip.decompress(server.get("/a.js", fields=["Accept-Encoding: gzip"])[2]) == TEXT


def test_a_sidecar_that_is_asked_for_itself_is_a_file():
    with folder() as www, serving(site(tree(www))) as server:
        status, fields, body = server.get("/a.js.gz", fields=["Accept-Encoding: gzip, br"])
        equal((status, fields["content-type"], body), (200, "application/gzip", BESIDE["gz"]))
        assert "content-encoding" not in fields and "vary" not in fields, fields


def test_a_sidecar_that_is_older_or_no_file_is_not_used():
    with folder() as www:
        tree(www, suffixes=("gz",))
        os.mkdir(www + "/a.js.br")
        os.mkfifo(www + "/a.js.zst")
        with serving(site(www)) as server:
            equal(accept(server, "br, zstd, gzip")[0], "gzip")
            original = os.stat(www + "/a.js")
            os.utime(www + "/a.js.gz", ns=(original.st_mtime_ns, original.st_mtime_ns))
            time.sleep(1.2)
            equal(accept(server, "gzip")[0], "gzip", "of the same moment, as gzip -k leaves it")
            os.utime(www + "/a.js.gz", ns=(original.st_mtime_ns - 1, original.st_mtime_ns - 1))
            time.sleep(1.2)
            equal(accept(server, "gzip"), (None, TEXT), "older by a nanosecond")


def test_a_sidecar_alone_is_no_page():
    with folder() as www, serving(site(www)) as server:
        write(www + "/b.js.gz", BESIDE["gz"])
        equal(server.get("/b.js", fields=["Accept-Encoding: gzip"])[0], 404)


def test_a_sidecar_obeys_what_is_hidden_and_which_links_are_followed():
    with folder() as www:
        tree(www, suffixes=("gz",))
        tree(www, "b.js", ("gz",))
        os.symlink("b.js.gz", www + "/a.js.br")
        os.symlink("/etc/passwd", www + "/a.js.zst")
        for links, value, coding in (("beneath", "br", "br"), ("deny", "br", None), ("beneath", "zstd", None), ("owner", "br", "br")):
            with serving(site(www, symlinks=links)) as server:
                equal(accept(server, value)[0], coding, links)
        with serving(site(www, hidden=["*.gz"])) as server:
            equal(accept(server, "gzip"), (None, TEXT))
            equal(server.get("/a.js.gz")[0], 404)


def test_an_index_and_a_path_with_odd_bytes_have_sidecars_too():
    with folder() as www, serving(site(www)) as server:
        tree(www, "index.html", ("gz",))
        tree(www, "sub/ü &.css", ("gz",))
        equal(accept(server, "gzip", "/"), ("gzip", BESIDE["gz"]))
        equal(accept(server, "gzip", "/sub/%C3%BC%20%26.css"), ("gzip", BESIDE["gz"]))


def test_an_error_page_may_be_sent_compressed():
    with folder() as www:
        write(www + "/404.html", "the page")
        write(www + "/404.html.gz", BESIDE["gz"])
        with serving(configuration({"documents": www, "static": {"precompressed": "gz"}, "error_pages": {"404": "/404.html"}})) as server:
            for ask, coding, wanted in (("gzip", "gzip", BESIDE["gz"]), ("br", None, b"the page")):
                status, fields, body = server.get("/none", fields=[f"Accept-Encoding: {ask}"])
                equal((status, fields.get("content-encoding"), fields["vary"], body), (404, coding, "Accept-Encoding", wanted))


def test_types_that_are_compressed_in_themselves_are_not_looked_for_and_do_not_vary():
    with folder() as www:
        for name in ("a.png", "a.js", "a.bin"):
            tree(www, name, ("gz",))
        ask = ["Accept-Encoding: gzip"]
        with serving(site(www)) as server:
            assert "vary" not in server.get("/a.png", fields=ask)[1]
            assert "content-encoding" not in server.get("/a.bin", fields=ask)[1]
            equal(server.get("/a.js", fields=ask)[1]["content-encoding"], "gzip")
        with serving(site(www, precompressed_types=["IMAGE/*"])) as server:
            equal(server.get("/a.png", fields=ask)[1]["content-encoding"], "gzip")
            assert "vary" not in server.get("/a.js", fields=ask)[1]


def test_a_sidecar_that_comes_or_goes_is_seen_within_a_second_or_so():
    with folder() as www, serving(site(tree(www, suffixes=()))) as server:
        equal(accept(server, "gzip")[0], None)
        write(www + "/a.js.gz", BESIDE["gz"])
        time.sleep(1.2)
        equal(accept(server, "gzip")[0], "gzip")
        os.remove(www + "/a.js.gz")
        time.sleep(1.2)
        equal(accept(server, "gzip")[0], None)


def control(server, path):
    return server.get(path)[1].get("cache-control")


def test_max_age_and_cache_control_are_one_field_and_go_by_directory():
    with folder() as www:
        for name in ("a.txt", "assets/b.txt", "assets/old/c.txt", "api/d.txt"):
            write(www + "/" + name, "x")
        config = configuration({"documents": www, "static": {"max_age": "1h"}, "directories": [
            {"path": "/assets", "static": {"max_age": "7d", "cache_control": "public, immutable"}},
            {"path": "/assets/old", "static": {"max_age": "0", "cache_control": "no-cache"}},
            {"path": "/api", "static": {"max_age": None}}]})
        with serving(config) as server:
            for path, wanted in (("/a.txt", "max-age=3600"), ("/assets/b.txt", "max-age=604800, public, immutable"),
                                 ("/assets/old/c.txt", "no-cache"), ("/api/d.txt", None), ("/none", None), ("/assets", None)):
                equal(control(server, path), wanted, path)
            tag = server.get("/a.txt")[1]["etag"]
            status, fields, _ = server.get("/a.txt", fields=[f"If-None-Match: {tag}"])
            equal((status, fields["cache-control"]), (304, "max-age=3600"))


def test_cache_goes_by_suffix_then_type_then_a_range_of_types():
    names = ("a.html", "a.png", "a.svg", "a.css", "A.WOFF2", "a.tar.gz", "a.gz", "a.json", "noname", "css")
    with folder() as www:
        for name in names:
            write(www + "/" + name, "x")
        settings = {"max_age": "1h", "cache": {"*/*": "2h", "image/*": "7d", "image/svg+xml": "private, max-age=60", "text/html": "no-cache",
                                               ".css": "30d", "*.woff2": "max-age=31536000, immutable", "tar.gz": "10s",
                                               "application/gzip": "20s", "application/json": ""}}
        with serving(configuration({"documents": www, "static": settings})) as server:
            for name, wanted in zip(names, ("no-cache", "max-age=604800", "private, max-age=60", "max-age=2592000",
                                            "max-age=31536000, immutable", "max-age=10", "max-age=20", None, "max-age=7200", "max-age=7200")):
                equal(control(server, "/" + name), wanted, name)
        del settings["cache"]["*/*"]
        inner = {"path": "/in", "location": www, "static": {"cache": {"text/html": "5m"}}}
        with serving(configuration({"documents": www, "static": settings, "directories": [inner]})) as server:
            equal(control(server, "/noname"), "max-age=3600", "max_age where nothing else fits")
            equal(control(server, "/in/a.html"), "max-age=300", "an inner level changes one key")
            equal(control(server, "/in/a.png"), "max-age=604800")


def test_what_is_said_to_caches_has_no_effect_on_errors():
    with folder() as www:
        write(www + "/a.txt", "x")
        write(www + "/404.html", "none")
        with serving(configuration({"documents": www, "static": {"max_age": "1h"}, "error_pages": {"404": "/404.html"}})) as server:
            status, fields, body = server.get("/none")
            equal((status, body, fields.get("cache-control")), (404, b"none", None))
            equal(server.get("/a.txt", fields=["If-Match: \"x\""])[1].get("cache-control"), None)


def complaints(where, text):
    """What --test says of these settings of static."""
    config = '{ "daemon": { "module_path": "%s" }, "vhosts": {\n"static": %s } }' % (MODULES[0], text)
    status, _, err = run("--test", "-c", write(where + "/site.json", config))
    return status, err


def test_settings_that_contradict_themselves_are_told():
    with folder() as where:
        for text, place, says in (
                ('{ "max_age": "1h", "cache_control": "max-age=5" }', "2:47", 'cache_control: says "max-age", and max_age says how long'),
                ('{ "max_age": "1h", "cache_control": "public, No-Store" }', "2:47", 'says "no-store"'),
                ('{ "max_age": "500ms" }', "2:24", "max_age: caches count whole seconds"),
                ('{ "cache": { ".css": "1500ms" } }', "2:32", "cache/.css: caches count whole seconds"),
                ('{ "cache_control": "a\\r\\nX: b" }', "2:30", "cache_control: cannot be sent"),
                ('{ "cache": { "text/html": "7 days" } }', "2:37", 'cache/text~1html: must be a time such as "7d"'),
                ('{ "cache": { "a/b": "no-cache", "text/*": "a\\u0001" } }', "2:53", "cache/text~1*: must be a time"),
                ('{ "cache": { "*": "1h" } }', "2:29", 'cache/*: the key must be a media type such as "image/*", or a suffix'),
                ('{ "precompressed": ["br", "gz", "br"] }', "2:43", 'precompressed/2: "br" stands here twice'),
                ('{ "precompressed": ["bz2"] }', "2:31", "precompressed/0"),
                ('{ "precompressed_types": "text" }', "2:36", 'must be a media type such as "text/*"'),
                ('{ "hidden": ["deny", "*~"] }', "2:24", '"deny" stands alone'),
                ('{ "hidden": "a/b" }', "2:23", '"a/b" is not the name of a file or folder'),
                ('{ "symlinks": "none" }', "2:25", "symlinks")):
            status, err = complaints(where, text)
            equal(status, 1, text)
            contains(err, says)
            contains(err, f"site.json:{place}: error: /vhosts/0/static/", text)
            equal(err.count(": error: "), 1, err)
        for good in ('{ "max_age": "1h", "cache_control": "public, s-maxage=10" }', '{ "hidden": "allow", "cache": { "x": "max-age=1" } }'):
            equal(complaints(where, good), (0, ""))


main()
