# SPDX-License-Identifier: MIT
"""Rewrites, redirects, map files, fallbacks."""
import json
import os
import time

from harness import *


def site(where, **more):
    write(where + "/a.txt", "a")
    write(where + "/b.txt", "b")
    write(where + "/index.html", "start")
    write(where + "/sub/index.html", "sub")
    return configuration({"name": "localhost", "aliases": ["*.own.example"], "documents": where, **more})


def answers(server, table, **more):
    """Each path leads to a body, to a status, or to (status, location)."""
    for path, wanted in table.items():
        status, fields, body = server.get(path, **more)
        found = (status, fields.get("location")) if isinstance(wanted, tuple) else status
        if isinstance(wanted, bytes):
            equal((status, body), (200, wanted), path)
        else:
            equal(found, wanted, path)


@contextlib.contextmanager
def a_site(**more):
    with folder() as www, serving(site(www, **more)) as server:
        server.www = www
        yield server


def refused(wanted, **more):
    """The configuration is refused with these words in its one error."""
    with folder() as where:
        config = site(where + "/www", **more)
        path = write(where + "/site.json", json.dumps(config, indent=1))
        status, _, errors = run("--test", "-c", path)
        equal(status, 1, errors)
        contains(errors, wanted, more)
        equal(errors.count(" error: "), 1, errors)
        return errors


def test_the_example_of_its_page_works():
    with folder() as where:
        config = example_of("rewrite", where)
        write(where + "/srv/www/index.html", "start")
        write(where + "/srv/www/about.html", "about")
        with serving(config) as server:
            answers(server, {"/old": (301, "/new/"), "/about": b"about", "/anything": b"start",
                             "/docs/a/b?c": (301, "/manual/a/b?c"), "/assets/none.js": 404})


def test_what_its_page_shows_beside_nginx_and_apache_is_understood():
    with open(os.path.join(SOURCE, "docs/modules/rewrite.md"), encoding="utf-8") as f:
        rows = re.findall(r"^\|.*\| `(\".*)` \|$", f.read(), re.M)
    equal(len(rows), 10)
    with folder() as where:
        write(where + "/old.map", "/a /b\n")
        for row in rows:
            config = site(where + "/www", **json.loads("{" + row + "}"))
            status, _, errors = run("--test", "-c", write(where + "/site.json", json.dumps(config)))
            equal((status, errors), (0, ""), row)


def test_exact_paths_go_before_prefixes_and_longer_prefixes_before_shorter_ones():
    with a_site(redirect={"/t/*": "/short/*", "/t/u/*": "/long/*", "/t/u/v": "/exact"}) as server:
        answers(server, {"/t/u/v": (301, "/exact"), "/t/u/w": (301, "/long/w"), "/t/x/y": (301, "/short/x/y"),
                         "/t": (301, "/short/"), "/t/": (301, "/short/"), "/t/u": (301, "/long/"), "/tt": 404})


def test_tables_go_before_expressions():
    with a_site(rewrite=[{"match": "^/x$", "to": "/b.txt"}, {"/x": "/a.txt"}]) as server:
        answers(server, {"/x": b"a"})


def test_a_table_one_rule_a_list_and_the_long_form_are_all_understood():
    rule = {"match": "^/x$", "to": "/a.txt"}
    for rewrite in ({"/x": "/a.txt"}, rule, [rule], {"rules": rule}, {"rules": [{"/x": {"to": "/a.txt"}}]},
                    {"/x": "/a.txt", "fallback": []}):
        with a_site(rewrite=rewrite, redirect={"/r": "/s"}) as server:
            answers(server, {"/x": b"a", "/r": (301, "/s")})


def test_the_query_is_kept_unless_the_target_has_one():
    with a_site(redirect={"/k": "/n", "/o": "/n?own=1", "/e": "/n?", "/f": "/n#part"},
                rewrite=[{"match": "^/q/(.*)$", "to": "/z?id=$1&$query"}, {"/z": {"to": "/never", "status": 302}}]) as server:
        answers(server, {"/k?a=1": (301, "/n?a=1"), "/o?a=1": (301, "/n?own=1"), "/e?a=1": (301, "/n"),
                         "/f?a=1": (301, "/n?a=1#part"), "/q/%26%3d?x=%20": (302, "/never?id=%26%3D&x=%20")})


def test_captures_are_encoded_for_where_they_stand():
    rules = [{"match": "^/p/(.*)$", "to": "/n/$1", "status": 302},
             {"match": "^/h/(.*)$", "to": "https://$1.example/", "status": 302},
             {"match": "^/d/(?<first>[^/]+)/(.+)$", "to": "/$2/$first.html?both=$first-$2", "status": 302}]
    with a_site(rewrite=rules) as server:
        answers(server, {"/p/a%20b%3Fc%23%25%C3%BC": (302, "/n/a%20b%3Fc%23%25%C3%BC"),
                         "/h/evil.org%3A1%40x": (302, "https://evil.org%3A1%40x.example/"),
                         "/d/x/y%26z": (302, "/y%26z/x.html?both=x-y%26z")})


def test_a_capture_with_the_name_of_a_variable_is_still_what_a_client_sent():
    rules = [{"match": "^/h/(?<host>.*)$", "to": "https://www.example$host", "status": 302},
             {"match": "^/p/(?<vhost>.*)$", "to": "https://$vhost/", "status": 302},
             {"match": "^/q/(?<query>.*)$", "to": "/n?q=$query", "status": 302}]
    with a_site(rewrite=rules) as server:
        answers(server, {"/h/.evil.example": (302, "https://www.example/.evil.example"),
                         "/p/evil.example%3A1": (302, "https://evil.example%3A1/"),
                         "/q/a%26b%3Dc%23": (302, "/n?q=a%26b%3Dc%23")})


def test_what_a_rule_sets_is_read_by_later_ones_and_stays_over_rounds():
    rules = [{"match": "^/(?<first>[a-z])/", "set": {"it": "<$first>", "both": "$rewrite.it$method"}},
             {"match": "^/./(?<rest>.*)$", "to": "/again/$rest"},
             {"match": "^/again/(.*)$", "to": "/n?it=$rewrite.it&both=$rewrite.both&no=$rewrite.no.html-$header.x-no", "status": 302}]
    with a_site(rewrite=rules) as server:
        answers(server, {"/a/x": (302, "/n?it=%3Ca%3E&both=%3Ca%3EGET&no=-")})


def test_an_unknown_variable_is_told_at_its_place():
    for place, text, wanted in (("rules/0/to", "$hsot", 'there is no variable $hsot (did you mean "host"?)'),
                                ("rules/0/set/it", "$it", "there is no variable $it"),
                                ("rules/0/if/exists", "$pth", 'there is no variable $pth (did you mean "path"?)'),
                                ("rules/0/if/not/0/exists", "$a_b", "there is no variable $a_b"),
                                ("rules/0/to", "/$first_1", "there is no variable $first_1"),
                                ("rules/0/~1t~1*", "/$rewrit.x/*", "there is no variable $rewrit.x"),
                                ("redirect/0/~1t", "/$header", "$header needs the name of a field")):
        keys = place.split("/")
        rule = {keys[-1].replace("~1", "/"): text}
        if "if" in keys:
            rule = {"to": "/", "if": {"not": [rule]} if "not" in keys else rule}
        elif "set" in keys:
            rule = {"set": rule}
        elif keys[-1] == "to":
            rule["match"] = "^/(?<first>.)"
        errors = refused(f"rewrite/{place}: {wanted}", rewrite={keys[0]: [rule]})
        contains(errors, f'"{text}"')
        contains(errors, " ^~")


def test_an_unknown_variable_of_a_fallback_is_told_once():
    refused('rewrite/fallback/1: there is no variable $pat.htm (did you mean "path"?)',
            fallback=["$path.html", "$pat.htm", "404"], directories=[{"path": "/a/"}, {"path": "/b/", "location": "/"}])


def test_no_header_can_be_put_into_an_answer():
    rules = [{"match": "(?s)^/p(/.*)$", "to": "$1", "status": 302},
             {"match": "(?s)^/v/(.*)$", "to": "/n?u=$rewrite.it", "set": {"it": "$1"}, "status": 302}]
    with a_site(rewrite=rules, headers={"X-It": "$rewrite.it"}) as server:
        for path in ("/p/a%0d%0aX-Evil:%201", "/v/a%0d%0aX-Evil:%201"):
            status, fields, body = server.get(path)
            equal(status, 302, path)
            contains(fields["location"], "a%0D%0AX-Evil%3A%201")
            assert "x-evil" not in fields and "x-it" not in fields, fields


def test_a_path_never_becomes_the_name_of_another_host():
    rules = [{"match": "^/redir(.*)$", "to": "/$1", "status": 302},
             {"match": "^/plain(.*)$", "to": "$1", "status": 302},
             {"match": "^/cut(.*)$", "to": "https://new.example$1", "status": 302}]
    with a_site(rewrite=rules, redirect={"/tree/*": "/*"}) as server:
        answers(server, {"/redir/evil.example": (302, "/evil.example"), "/plain/evil.example": (302, "/evil.example"),
                         "/redir//evil.example": (302, "/evil.example"), "/tree//evil.example": (301, "/evil.example"),
                         "/cut.evil.example": (302, "https://new.example/.evil.example"),
                         "/cut/a": (302, "https://new.example/a")})
        assert server.get("/redir%5c%5cevil.example")[0] == 404


def test_a_host_that_nobody_names_is_no_host():
    with a_site(redirect={"to": "https://$host$path", "if": {"scheme": "http"}}) as server:
        answers(server, {"/a?b": (301, "https://localhost/a?b"), "/": (301, "https://localhost/")})
        with server.connect() as s:
            s.sendall(b"GET /evil.example HTTP/1.0\r\n\r\n")
            equal(read_response(s)[0], 400)


def test_an_absolute_target_on_an_own_name_stays_inside():
    with a_site(rewrite={"/in": "http://localhost/a.txt", "/wild": "http://x.own.example/b.txt",
                         "/tls": "https://localhost/a.txt", "/out": "http://other.example/a.txt",
                         "/port": "http://localhost:1/a.txt", "/set": {"to": "http://localhost/a.txt", "status": 308}}) as server:
        answers(server, {"/in": b"a", "/wild": b"b", "/tls": (307, "https://localhost/a.txt"),
                         "/out?q": (307, "http://other.example/a.txt?q"), "/port": (307, "http://localhost:1/a.txt"),
                         "/set": (308, "http://localhost/a.txt")})


def test_conditions_narrow_a_rule():
    def rule(name, **condition):
        return {"match": f"^/{name}$", "if": condition, "to": "/a.txt"}
    rules = [rule("method", method=["HEAD", "PUT"]), rule("host", host="*.own.example"), rule("scheme", scheme="https"),
             rule("from", **{"from": ["10.0.0.0/8", "127.0.0.1"]}), rule("far", **{"from": "10.0.0.0/8"}),
             rule("header", header={"X-Beta": "^1$", "X-No": "^$"}), rule("whole", query="^a=1$"),
             rule("one", query={"id": "^[0-9 ]+$"}), rule("exists", exists="/b.txt"), rule("gone", exists="$path.no"),
             rule("dir", exists="/sub/"), rule("nodir", exists="/b.txt/"),
             rule("not", **{"not": {"header": {"X-Beta": "."}}}),
             rule("up", exists="/../x"), rule("none", **{"not": [{"exists": "/no"}, {"exists": "/b.txt"}]})]
    with a_site(rewrite=rules) as server:
        answers(server, {"/method": 404, "/host": 404, "/scheme": 404, "/from": b"a", "/far": 404, "/header": 404,
                         "/whole?a=1": b"a", "/whole?a=1&b": 404, "/one?x=y&id=4+%32": b"a", "/one?id=x": 404,
                         "/one": 404, "/exists": b"a", "/gone": 404, "/dir": b"a", "/nodir": 404, "/not": b"a",
                         "/none": 404, "/up": 404})
        answers(server, {"/header": b"a", "/not": 404}, fields=["X-Beta: 1"])
        answers(server, {"/host": b"a"}, host="x.OWN.example")
        equal(server.get("/method", method="HEAD")[0], 200)


def test_a_captured_path_is_looked_for_in_the_folder_of_its_directory():
    rule = {"match": "^/img/(.*)$", "if": {"exists": "/other/$1"}, "to": "/other/$1"}
    with folder() as other:
        write(other + "/x.png", "x")
        with a_site(rewrite=rule, directories={"path": "/other/", "location": other}) as server:
            answers(server, {"/img/x.png": b"x", "/img/y.png": 404})


def test_rules_go_on_from_the_top_until_none_applies_or_one_is_the_last():
    rules = [{"match": "^/one$", "to": "/two"}, {"match": "^/two$", "to": "/a.txt"},
             {"match": "^/front/", "to": "/front/b", "last": True}, {"match": "^/end/(.)$", "to": "/$1.txt", "last": True},
             {"match": "^/b.txt$", "to": "/a.txt"}, {"match": "^/stay$", "last": True}, {"match": "^/stay$", "to": "/a.txt"}]
    with a_site(rewrite=rules) as server:
        answers(server, {"/one": b"a", "/end/b": b"b", "/front/x": 404, "/b.txt": b"a", "/stay": 404})


def test_a_target_below_its_own_prefix_is_no_circle():
    with a_site(rewrite={"/app/*": "/app/start.html", "/q/*": "/q/x?own=1"}, redirect={"/one/*": "/one/"}) as server:
        write(server.www + "/app/start.html", "app")
        write(server.www + "/q/x", "q")
        answers(server, {"/app/any/where": b"app", "/app/start.html": b"app", "/one/x": (301, "/one/"), "/one/": 404,
                         "/q/y": b"q"})


def test_an_expression_of_a_condition_that_is_given_up_does_not_turn_a_not_around():
    rule = {"match": "^/a.txt$", "if": {"not": {"header": {"X-Long": "^(a+)+$"}}}, "status": 403}
    with a_site(rewrite=rule) as server:
        answers(server, {"/a.txt": 403})
        answers(server, {"/a.txt": b"a"}, fields=["X-Long: " + "a" * 60 + "b"])
        server.wait_for_log("rules/0: an expression was given up")


def test_rules_that_lead_in_a_circle_are_500_and_named():
    with a_site(rewrite=[{"match": "^/(a+)$", "to": "/a$1"}, {"match": "^/ok$", "to": "/b.txt"}]) as server:
        answers(server, {"/a": 500, "/ok": b"b"})
        server.wait_for_log("rules/0 led from")
        server.wait_for_log("in round 11")
        equal(server.log().count(" error: "), 1, server.log())


def test_a_rule_may_answer_with_an_error_or_only_set_a_variable():
    rules = [{"match": "^/gone/", "status": 410}, {"match": "^/(?<lang>de|fr)/", "set": {"lang": "$lang", "l_2": "<$1>"}},
             {"match": "^/../(.*)$", "to": "/$1"}, {"match": "^/c$", "status": 404}]
    with a_site(rewrite=rules, headers={"Content-Language": "$rewrite.lang", "X-Two": "$rewrite.l_2"},
                redirect={"/t": {"status": 451}}) as server:
        answers(server, {"/gone/x": 410, "/c": 404, "/t": 451, "/a.txt": b"a"})
        status, fields, body = server.get("/de/a.txt")
        equal((status, body, fields.get("content-language"), fields.get("x-two")), (200, b"a", "de", "<de>"))
        assert "content-language" not in server.get("/a.txt")[1]


def test_the_path_that_a_rewrite_makes_chooses_the_directory():
    with folder() as other:
        write(other + "/x", "other")
        with a_site(rewrite={"/in/*": "/other/*"}, directories={"path": "/other", "location": other,
                                                               "headers": {"X-Dir": "other"}}) as server:
            status, fields, body = server.get("/in/x")
            equal((status, body, fields["x-dir"]), (200, b"other", "other"))


def test_a_result_has_the_normal_form():
    with a_site(rewrite=[{"match": "^/n/(.*)$", "to": "/sub/../$1"}, {"match": "^/up(.*)$", "to": "/../$1"},
                         {"match": "^/esc$", "to": "/%61.txt"}]) as server:
        answers(server, {"/n/a.txt": b"a", "/up/etc": 404, "/esc": b"a"})


def test_an_absolute_target_that_is_where_the_request_is_already_changes_nothing():
    with a_site(rewrite=[{"match": "^/(a.*)$", "to": "http://localhost/$1"},
                         {"match": "^/a", "to": "/b.txt", "if": {"query": "go"}}]) as server:
        answers(server, {"/a.txt": b"a", "/a.txt?go": b"b"})
        equal(server.log().count("circle"), 0, server.log())


def test_a_name_that_nothing_has_is_an_error_of_the_check():
    rules = {"to": {"match": "^/a", "to": "/$nosuch"}, "set/v": {"match": "^/a", "to": "/x", "set": {"v": "$nosuch.x"}},
             "if/exists": {"match": "^/a", "to": "/x", "if": {"exists": "/$nosuch"}}, "~1a": {"/a": "/$nosuch/b"}}
    for place, rule in rules.items():
        contains(refused("$nosuch", rewrite=[rule]), "/rewrite/rules/0/" + place)
    contains(refused("$uri", fallback=["$uri.html", "404"]), "/rewrite/fallback/0")
    refused("$nosuch", redirect={"match": "^/(?<page>.*)$", "to": "https://x.example/$page?$nosuch"})


def test_map_files_are_tables():
    with folder() as where:
        lines = "# old paths\n\n/m /a.txt\n/r\t/n 302\n/d/* https://x.example/* 308\r\n/g - 410\n/q$1 /b.txt\n/s%20p /$x\n"
        path = write(where + "/m.map", lines)
        with a_site(rewrite=[{"match": "^/m$", "to": "/b.txt"}, {"map": path}],
                    redirect=[{"map": write(where + "/r.map", "/m2 /n2\n/m /never\n"), "status": 307}, {"/d/own": "/own"}]) as server:
            write(server.www + "/$x", "dollar")
            answers(server, {"/m": (307, "/never"), "/m2": (307, "/n2"), "/r": (302, "/n"),
                             "/s%20p": b"dollar", "/d/own": (301, "/own"), "/d/o": (308, "https://x.example/o"), "/g": 410, "/q$1": b"b"})


def test_a_changed_map_is_read_again_and_a_broken_one_changes_nothing():
    with folder() as where:
        path = write(where + "/m.map", "/x /a.txt\n")
        with a_site(rewrite={"map": path}) as server:
            answers(server, {"/x": b"a"})
            os.replace(write(where + "/new", "/x /b.txt\n/y /a.txt\n"), path)
            server.wait_for_log("was read again: 2 paths")
            answers(server, {"/x": b"b", "/y": b"a"})
            os.replace(write(where + "/new", "/x /a.txt\n\n/y nowhere\n"), path)
            server.wait_for_log("line 3: must be a path")
            answers(server, {"/x": b"b"})
            os.remove(path)
            server.wait_for_log("cannot be read: No such file")
            answers(server, {"/x": b"b"})
            write(path, "/x /a.txt\n")
            server.wait_for_log("was read again: 1 paths")
            answers(server, {"/x": b"a"})
            time.sleep(1.2)
            equal(server.log().count(" error: "), 2, server.log())


def test_a_worker_that_is_replaced_serves_without_a_map_that_is_broken_or_gone():
    with folder() as where:
        path = write(where + "/m.map", "/x /a.txt\n")
        with a_site(rewrite={"map": path}, redirect={"map": write(where + "/r.map", "/y /z\n")}) as server:
            answers(server, {"/x": b"a", "/y": (301, "/z")})
            write(path, "/x nowhere\n")
            os.remove(where + "/r.map")
            before = server.worker()
            os.kill(before, signal.SIGKILL)
            answers(server, {"/a.txt": b"a", "/x": 404, "/y": 404})
            server.wait_for_log("m.map\": line 1: must be a path")
            server.wait_for_log("r.map\": cannot be read: No such file or directory: it counts as empty")
            write(path, "/x /b.txt\n")
            server.wait_for_log("was read again: 1 paths")
            answers(server, {"/x": b"b"})


def test_a_map_that_is_no_file_is_refused_at_once():
    with folder() as where:
        os.mkfifo(where + "/m.map")
        refused("is no file of at most 64 MiB", rewrite=[{"map": where + "/m.map"}])


def test_a_broken_map_is_an_error_of_the_check():
    with folder() as where:
        for text, wanted in (("/x /y\nx /y\n", 'line 2: a path begins with "/"'), ("/x\n", "line 1: a line is FROM TO"),
                             ("/x /y 200\n", "line 1: a status is 301"), ("/x /y\n/x /z\n", "line 2: this path has a line"),
                             ("/x //y\n", 'line 1: begins with "//"'), ("/x - 301\n", 'line 1: "-" needs an error'),
                             ("/a//b /y\n", "line 1: no request has"), ("/x/* /y/*/*\n", 'line 1: has "*" twice')):
            refused(wanted, rewrite=[{"map": write(where + "/m.map", text)}])
        refused("does not exist", rewrite=[{"map": where + "/no.map"}])


def test_a_fallback_takes_what_is_not_there():
    with a_site(fallback="/index.html") as server:
        answers(server, {"/a.txt": b"a", "/app/route": b"start", "/sub": (301, "/sub/"), "/sub/": b"sub", "/": b"start",
                         "/none/": b"start", "/app/route?q": b"start"})
        equal(server.get("/none", method="HEAD")[0], 200)
        equal(server.get("/none", method="POST")[0], 405)


def test_a_fallback_tries_in_order_and_directories_have_their_own():
    with folder() as where:
        for name in ("about.html", "assets/x.js", "sub/page.html", "sub.html", "only/index.html"):
            write(f"{where}/www/{name}", name)
        config = site(where + "/www", fallback=["$path.html", "$path.txt", "/index.html?from=$path"],
                      directories=[{"path": "/assets/", "fallback": []}, {"path": "/sub/", "fallback": ["$path.html", "404"]}])
        with serving(config) as server:
            answers(server, {"/about": b"about.html", "/a": b"a", "/x": b"start", "/assets/x.js": b"assets/x.js",
                             "/assets/y.js": 404, "/sub/page": b"sub/page.html", "/sub/x": 404,
                             "/only": (301, "/only/"), "/sub": b"sub.html"})


def test_a_fallback_is_taken_once_and_not_for_error_pages():
    with a_site(fallback="/none.html", error_pages={"404": "/nowhere.html"}) as server:
        answers(server, {"/x": 404})
        assert " error: " not in server.log(), server.log()


def test_a_file_that_comes_is_seen_by_a_fallback():
    with a_site(fallback="/index.html") as server:
        answers(server, {"/new": b"start"})
        write(server.www + "/new", "new")
        answers(server, {"/new": b"new"})


def test_an_expression_that_takes_too_long_is_no_match_and_told_once():
    with a_site(rewrite=[{"match": "^/(a+)+$", "to": "/a.txt", "last": True}, {"match": "^/a", "to": "/b.txt", "last": True}]) as server:
        for _ in range(3):
            answers(server, {"/" + "a" * 60 + "b": b"b", "/a": b"a"})
        server.wait_for_log("rules/0: an expression was given up")
        equal(server.log().count("rules/0: an expression was given up"), 1, server.log())


def test_mistakes_are_told_at_their_place():
    for wanted, more in (
            ('rewrite/rules/1/to: there is no "$2": the expression has 1 group, ( ... )',
             {"rewrite": [{"/x": "/y"}, {"match": "^/(a)", "to": "/$2"}]}),
            ("rewrite/rules/0/match: the expression is wrong at character 6: ", {"rewrite": {"match": "^/a(b", "to": "/"}}),
            ('rewrite/redirect/0/~1a: leads in a circle, "/a" -> "/b" -> "/a": mend', {"redirect": {"/a": "/b", "/b": "/a"}}),
            ('leads in a circle, "/a/*" -> "/a/*"', {"rewrite": {"/a/*": "/a/b/*"}}),
            ('leads in a circle, "/a/*" -> "/b/*" -> "/a/*"', {"rewrite": [{"/a/*": "/b/*"}, {"/b/*": "/a/*"}]}),
            ("with \"to\" it must be 301, 302, 303, 307 or 308, not 304", {"redirect": {"/a": {"to": "/b", "status": 304}}}),
            ("301 needs \"to\"", {"rewrite": {"match": "^/a", "status": 301}}),
            ('unknown key "methd" at /vhosts/0/rewrite/if (did you mean "method"?)',
             {"rewrite": {"match": "^/a", "if": {"methd": "GET"}, "to": "/b"}}),
            ('"b" must be a path, "/...", or an absolute URI', {"redirect": {"/a": "b"}}),
            ('"//b" begins with "//", which names another host', {"redirect": {"/a": "//b"}}),
            ('"ftp://b/" must be a path', {"redirect": {"/a": "ftp://b/"}}),
            ('"http:///x" names no host', {"redirect": {"/a": "http:///x"}}),
            ('has a "*" but its path has none', {"redirect": {"/a": "/b/*"}}),
            ('there is no "$1" in a table', {"redirect": {"/a": "/$1"}}),
            ('"*" stands for whole segments', {"redirect": {"/a*": "/b"}}),
            ('a path has no "?"', {"redirect": {"/a?x": "/b"}}),
            ('no request has a path with "//"', {"redirect": {"/a/../b": "/c"}}),
            ('"/a" stands in a table already, at redirect/0/~1a', {"redirect": {"/a": "/b"}, "rewrite": {"/a": "/c"}}),
            ("does nothing: it needs", {"rewrite": {"match": "^/a"}}),
            ('a table has no "match"', {"rewrite": {"match": "^/a", "to": "/b", "/c": "/d"}}),
            ('"get" is no method', {"rewrite": {"match": "^/a", "if": {"method": "get"}, "to": "/b"}}),
            ('"not" cannot stand in "not"', {"rewrite": {"to": "/b", "if": {"not": {"not": {"method": "GET"}}}}}),
            ("rewrite/rules/0/if/from/0", {"rewrite": {"to": "/b", "if": {"from": "1.2.3.4.5"}}}),
            ("rewrite/rules/0/if/header/X: the expression is wrong", {"rewrite": {"to": "/b", "if": {"header": {"X": "("}}}}),
            ("fallback/0: must be a path, \"/...\", or the status", {"fallback": "index.html"}),
            ('"rules" cannot stand here: it belongs in a virtual host', {"directories": {"path": "/x", "rewrite": [{"/a": "/b"}]}}),
            ('"redirect" is set here and also at', {"rewrite": {"redirect": {"/a": "/b"}}, "redirect": {"/c": "/d"}})):
        try:
            refused(wanted, **more)
        except AssertionError as e:
            raise AssertionError(f"{more}: {e}") from e


def test_a_mistake_shows_its_line():
    errors = refused("rules/0/~1x", rewrite=[{"/x": "nowhere"}])
    contains(errors, '"/x": "nowhere"')
    contains(errors, "       ^~~~~~~~~")


def test_levels_add_to_tables_and_replace_lists():
    with folder() as www:
        config = site(www, redirect={"/b": "/own"}, rewrite=[{"/c": "/a.txt"}])
        config["defaults"] = {"redirect": {"/a": "/x", "/b": "/y"}, "rewrite": [{"/d": "/a.txt"}]}
        with serving(config) as server:
            answers(server, {"/a": (301, "/x"), "/b": (301, "/own"), "/c": b"a", "/d": 404})


def paces(s, *asked):
    """Seconds for some requests of each, the best of several times, by turns: what holds up one holds up the other."""
    best, buffer = [1e9] * len(asked), bytearray()
    for _ in range(12):
        for i, (path, host) in enumerate(asked):
            line, begin = request(path, host=host), time.perf_counter()
            for _ in range(40):
                s.sendall(line)
                equal(read_response(s, buffer=buffer)[0], 302, path)
            best[i] = min(best[i], time.perf_counter() - begin)
    return best


def test_many_rules_cost_little_more_than_few():
    def rules(n):
        return [{"match": f"^/section-{i}/(.*)$", "to": "/n/$1", "status": 302} for i in range(n)]

    def table(n):
        return {f"/page-{i}": {"to": f"/n/{i}", "status": 302} for i in range(n)}
    vhosts = [{"name": "few", "rewrite": rules(10)}, {"name": "many", "rewrite": rules(1000)},
              {"name": "short", "rewrite": table(10)}, {"name": "long", "rewrite": table(10000)}]
    with serving(configuration(vhosts)) as server, server.connect() as s:
        few, many = paces(s, ("/section-9/x", "few"), ("/section-999/x", "many"))
        assert many < 2 * few, (few, many)
        short, long = paces(s, ("/page-9", "short"), ("/page-9999", "long"))
        assert long < 2 * short, (short, long)


main()
