# SPDX-License-Identifier: MIT
"""The command line: what it prints, how it ends, what it says about mistakes."""
import json
import os
import re
import resource
import socket
import subprocess
import time

from harness import *


def test_help_fits_one_screen():
    status, out, err = run("--help")
    equal(status, 0)
    assert len(out.splitlines()) <= 24 and max(map(len, out.splitlines())) <= 80, out


def test_version_names_the_libraries():
    status, out, _ = run("--version")
    equal(status, 0)
    for part in ("multiplexd 0.", "module ABI 1.0", "libevent 2.", "llhttp 8.", "(strict)", "jansson 2.", "libltdl"):
        contains(out, part)


def test_a_mistake_in_the_command_line_ends_with_2():
    for arguments, says in ((["--no-such"], "unrecognized option"), (["-p", "http", "."], "a port is a number"),
                            (["-p", "65536", "."], "a port is a number"),
                            (["-p", "+80", "."], "a port is a number"), (["-p", " 80", "."], "a port is a number"), ([".", "."], "one too many"),
                            (["-c", "x", "."], "not both"), (["-c"], "requires an argument")):
        status, out, err = run(*arguments)
        equal(status, 2, arguments)
        contains(err, says)
        contains(err, "Try multiplexd --help.")


def test_a_missing_folder_is_one_sentence():
    status, out, err = run("/no/such/folder")
    equal((status, out, err), (1, "", 'multiplexd: cannot serve "/no/such/folder": No such file or directory\n'))


def test_a_file_is_not_a_folder():
    status, _, err = run("/etc/passwd")
    equal(status, 1)
    contains(err, "it is a file, name its folder")


def test_a_missing_configuration_is_one_sentence():
    status, _, err = run("-c", "/no/such.json")
    equal(status, 1)
    contains(err, 'error: the file "/no/such.json" does not exist')


def test_a_port_that_is_taken_is_one_sentence_with_the_cure():
    with socket.socket() as s, folder() as where:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        status, _, err = run("-p", str(port), *(["-u", "root"] if IS_ROOT else []), where)
    equal(status, 1)
    equal(err, f"multiplexd: cannot listen on 127.0.0.1:{port}: Address already in use: "
               "stop the process that has it, or choose another port\n")


def test_a_folder_is_served_for_every_host():
    with folder() as where:
        write(where + "/index.html", "here it is")
        write(where + "/sub/file", "")
        p = subprocess.Popen([PROGRAM, *AS_ROOT, "-p", "0", where], stdout=subprocess.PIPE)
        try:
            line = p.stdout.readline().decode()
            port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line).group(1))
            contains(line, f"serves {where} at")
            for host in ("localhost", "any.example:99"):
                with socket.create_connection(("127.0.0.1", port), 5) as s:
                    s.sendall(request("/", host=host))
                    equal(read_response(s)[2], b"here it is")
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                s.sendall(request("/sub/"))
                contains(read_response(s)[2], b'<a href="file">file</a>', "folders are listed")
        finally:
            p.terminate()
            equal(p.wait(20), 0)
            p.stdout.close()


EIGHT = """{
  // eight mistakes
  "daemon": { "workers": "many", "control": {} },
  "connection": { "port": "http" },
  "vhosts": [
    { "name": "www.example", "documents": "/srv/no-such-folder",
      "modules": ["static", "acesslog"] },
    { "name": "www.example", "index_fil": "a.html",
      "static": { "charset": 8 },
      "directories": { "path": "relative" } }
  ]
}
"""


def test_eight_mistakes_are_eight_errors_in_order():
    with folder() as where:
        file = write(where + "/site.json", EIGHT)
        os.chmod(where, 0o755)
        config = json.dumps({"include": "site.json", "daemon": {"module_path": MODULES}})
        status, out, err = run("--test", "-c", write(where + "/main.json", config))
    equal((status, out), (1, ""))
    lines = [l for l in err.splitlines() if ": error: " in l]
    places = [tuple(map(int, re.match(r".*/site\.json:(\d+):(\d+): error: ", l).groups())) for l in lines]
    equal(len(lines), 9, err)
    equal(places, sorted(places), err)
    for line, says in zip(lines, (
            '/daemon/workers must be a number from 0 to 64, not the string "many"',
            '"control" is not supported by this version of multiplexd',
            '/connection/0/port must be a number from 0 to 65535, not the string "http"',
            '/vhosts/0/documents: "/srv/no-such-folder" does not exist',
            'module "acesslog" is not installed (did you mean "accesslog"?)',
            'the host name "www.example" is used twice',
            'unknown key "index_fil" at /vhosts/1 (did you mean "index_file"?)',
            '/vhosts/1/static/charset must be a string, not 8',
            '/vhosts/1/directories/0/path must begin with a slash')):
        contains(line, says)
    contains(err, '      |                          ^~~~~~\n')


def test_an_object_four_times_as_large_takes_about_four_times_as_long():
    def seconds(where, count):
        types = {f"suffix{i}": "text/plain" for i in range(count)}
        config = {"daemon": {"module_path": MODULES}, "define": {f"n{i}": "x" for i in range(100)},
                  "defaults": {"static": {"types": types}}, "vhosts": [{"documents": where, "static": {"types": types}}]}
        file = write(where + "/site.json", json.dumps(config))
        times = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            equal(run("--test", "-c", file)[0], 0)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime - before.ru_utime)
        return min(times)

    with folder() as where:
        few, many = seconds(where, 10000), seconds(where, 40000)
    assert many < 10 * max(few, 0.05), f"{few} and {many} s"  # in proportion to the square: 16 times


def test_satisfy_has_two_words_everywhere_alike():
    with folder() as where:
        for word, wanted in (("all", 0), ("any", 0), ("both", 1)):
            for text in ('{ "defaults": { "satisfy": "%s" } }', '{ "vhosts": { "satisfy": "%s" } }',
                         '{ "vhosts": { "directories": { "path": "/", "satisfy": "%s" } } }'):
                status, _, err = run("--test", "-c", write(where + "/site.json", text % word))
                equal(status, wanted)
                equal(err.count('satisfy must be one of "all", "any"'), wanted, err)


def test_a_good_configuration_is_told_so():
    with folder() as where:
        file = write(where + "/site.json", json.dumps({"daemon": {"module_path": MODULES},
                                                       "vhosts": {"documents": where}}))
        equal(run("--test", "-c", file), (0, f"{file}: nothing is wrong\n", ""))


def test_a_configuration_is_tested_without_root_and_without_binding():
    with folder() as where:
        file = write(where + "/site.json", json.dumps({"daemon": {"module_path": MODULES, "user": "root"},
                                                       "connection": {"host": "192.0.2.1", "port": 80},
                                                       "vhosts": {"documents": where}}))
        equal(run("--test", "-c", file)[0], 0)


def test_strict_json_has_no_comments():
    with folder() as where:
        file = write(where + "/site.json", '{ // a comment\n "vhosts": [], }\n')
        equal(run("--test", "-c", file)[0], 0)
        status, _, err = run("--test", "--strict-json", "-c", file)
        equal(status, 1)
        contains(err, "site.json:1:3: error: strict JSON has no comments")


def test_modules_are_listed():
    with folder() as where:
        file = write(where + "/site.json", json.dumps({"daemon": {"module_path": MODULES[:1]}}))
        status, out, _ = run("--modules", "-c", file)
    equal(status, 0)
    for part in ("accesslog    1.0      ABI 1.0", "static       1.0      ABI 1.0", "/static.so", "index files"):
        contains(out, part)


def test_modules_of_a_configuration_that_is_wrong_are_not_listed():
    with folder() as where:
        for text, says in (('{ "daemon": { "module_path": "." }, }, }', "nothing may stand behind the end"),
                           ('{ "daemon": { "modul_path": "." } }', 'unknown key "modul_path" at /daemon')):
            status, out, err = run("--modules", "-c", write(where + "/site.json", text))
            equal((status, out), (1, ""))
            contains(err, says)
        status, out, err = run("--modules", "-c", where + "/none.json")
        equal((status, out), (1, ""))
        contains(err, "does not exist")


def test_modules_of_the_build_tree_are_found_without_a_configuration():
    status, out, _ = run("--modules")
    equal(status, 0)
    contains(out, os.path.realpath(MODULES[0]) + "/static.so")


def test_the_command_line_overrules_the_configuration():
    with folder() as where:
        write(where + "/www/a.txt", "a")
        server = Server(where, configuration({"documents": where + "/www"}, connection={"port": 1}), ["-p", "0"])
        equal(server.get("/a.txt")[2], b"a")
        server.stop()


def test_options_are_laid_over_the_listener_which_keeps_the_rest():
    with folder() as where:
        write(where + "/www/a.txt", "a")
        config = configuration({"documents": where + "/www"},
                               connection={"host": "127.0.0.2", "port": 1, "limits": {"uri": 100}, "timeouts": {"keepalive": "1s"}})
        file = write(where + "/site.json", json.dumps(config))
        with open(where + "/stderr", "wb") as stderr:
            p = subprocess.Popen([PROGRAM, "-p", "0", "-c", file], stdout=subprocess.PIPE, stderr=stderr)
        try:
            port = int(re.search(r"http://127\.0\.0\.2:(\d+)/", p.stdout.readline().decode()).group(1))
            with socket.create_connection(("127.0.0.2", port), 5) as s:
                s.sendall(request("/" + "x" * 200))
                equal(read_response(s)[0], 414, "the limits are those of the file")
        finally:
            p.terminate()
            equal(p.wait(20), 0)
            p.stdout.close()
        server = Server(where, config, ["--host", "127.0.0.1", "--port", "0"])
        equal(server.get("/a.txt")[2], b"a")
        server.stop()


def test_options_for_one_listener_are_refused_where_there_are_more():
    with folder() as where:
        text = '{ "connection": [\n  "127.0.0.1:1",\n  "127.0.0.1:2" ] }\n'
        status, _, err = run("--test", "-p", "0", "-c", write(where + "/site.json", text))
    equal(status, 1)
    contains(err, "site.json:3:3: error: --port and --host are for a single listener, and here is another one")


def test_what_an_option_says_wrongly_is_told_without_a_line():
    with folder() as where:
        status, _, err = run("--test", "--host", "300.1.1.1", "-c", write(where + "/site.json", "{}"))
    equal(status, 1)
    contains(err, 'is no IPv4 address')
    assert "command_line" not in err, err


def test_verbose_goes_before_every_level():
    with folder() as where:
        config = configuration({"documents": where}, daemon={"log": [{"to": where + "/log", "level": "error"}], "log_level": "error"})
        server = Server(where, config, ["-v"])
        server.get("/nothing")
        server.stop()
        log = open(where + "/log").read()
        for says in (" debug: open: ", " debug: connection ", " from 127.0.0.1: opened", ": closed",
                     '"GET /nothing HTTP/1.1": 404, ', 'directory "/"'):
            contains(log, says)


def test_what_cannot_start_is_told_before():
    with folder() as where:
        os.mkdir(where + "/folder")
        for daemon, connection, says in (
                ({"pid_file": "folder"}, {}, f'/daemon/pid_file: "{where}/folder" is a folder: name a file in it'),
                ({"pid_file": "no/pid"}, {}, f'/daemon/pid_file: there is no folder "{where}/no": create it, or mend the path'),
                ({"log": "folder"}, {}, f'/daemon/log: "{where}/folder" is a folder'),
                ({"log": ["stderr", "no/log"]}, {}, f'/daemon/log/1: there is no folder "{where}/no"'),
                ({"log": ["stderr"] * 9}, {}, "/daemon/log/8: errors can be logged to 8 places, this is one too many"),
                ({}, ["127.0.0.1:1", "127.0.0.1:1"], "this address is listened on already"),
                ({}, ["[]:80"], 'must be "host:port"'),
                ({}, {"host": ""}, "/connection/0/host must not be empty")):
            config = {"daemon": {"module_path": MODULES, **daemon}, "connection": connection, "vhosts": {"documents": "folder"}}
            status, _, err = run("--test", "-c", write(where + "/site.json", json.dumps(config, indent=1)))
            equal(status, 1, daemon)
            equal(err.count(" error: "), 1, err)
            contains(err, says)
        config = {"daemon": {"module_path": MODULES}, "vhosts": {"documents": "folder", "accesslog": "no/log"}}
        status, _, err = run("--test", "-c", write(where + "/site.json", json.dumps(config, indent=1)))
        equal(status, 1)
        contains(err, f'/vhosts/0/accesslog: there is no folder "{where}/no": create it, or mend the path')


def test_a_wish_for_another_user_is_a_warning_for_all_but_root():
    need(IS_ROOT, "needs root to become an ordinary user")
    with folder() as where:
        os.chmod(where, 0o777)
        config = {"daemon": {"user": "daemon", "module_path": []}, "connection": {"host": "127.0.0.1", "port": 0}}
        file = write(where + "/site.json", json.dumps(config))
        copy = write(where + "/multiplexd", open(PROGRAM, "rb").read(), 0o755)
        p = subprocess.Popen(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", copy, "-c", file],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        contains(p.stdout.readline().decode(), "serves")
        p.terminate()
        out, err = p.communicate(timeout=20)
        contains(err.decode(), 'warning: cannot become user "daemon": not started as root')


def test_a_wish_for_other_groups_is_a_warning_for_all_but_root():
    need(IS_ROOT, "needs root to become an ordinary user")
    with folder() as where:
        os.chmod(where, 0o777)
        config = {"daemon": {"module_path": []}, "connection": {"host": "127.0.0.1", "port": 0}}
        file = write(where + "/site.json", json.dumps(config))
        copy = write(where + "/multiplexd", open(PROGRAM, "rb").read(), 0o755)
        for groups, warned in (("daemon", True), ("nogroup daemon", True), ("no-such-group", True), ("nogroup", False)):
            p = subprocess.Popen(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", copy, "-c", file, "-g", groups],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            contains(p.stdout.readline().decode(), "serves")
            p.terminate()
            out, err = p.communicate(timeout=20)
            says = f'warning: cannot take the groups "{groups}": not started as root'
            equal(says in err.decode(), warned, err.decode())


def test_an_unknown_user_and_an_unknown_group_are_both_told_where_they_stand():
    need(IS_ROOT, "needs root")
    with folder() as where:
        text = '{ "daemon": {\n  "user": "no-such-user",\n  "group": "daemon no-such-group" } }\n'
        status, _, err = run("-c", write(where + "/site.json", text), as_given=True)
        equal(status, 1)
        contains(err, 'site.json:2:11: error: there is no user "no-such-user": create it, or mend "user"')
        contains(err, 'site.json:3:12: error: there is no group "no-such-group": create it, or mend "group"')
        text = '{ "daemon": {\n  "user": "daemon",\n  "group": "no-such-group" } }\n'
        status, _, err = run("-c", write(where + "/site.json", text), as_given=True)
        equal(err.count(": error: "), 1, err)
        contains(err, "site.json:3:12: error: there is no group")


def test_root_without_a_user_is_refused():
    need(IS_ROOT, "needs root")
    with folder() as where:
        file = write(where + "/site.json", json.dumps({"connection": {"host": "127.0.0.1", "port": 0}}))
        status, _, err = run("-c", file, as_given=True)
    equal(status, 1)
    contains(err, 'running as root is dangerous: name a user')


main()
