# SPDX-License-Identifier: MIT
"""What the documentation shows is compiled and run."""
import json
import os
import re
import subprocess
import time
import zlib

from harness import *


MODULE_PAGES = sorted(os.listdir(os.path.join(SOURCE, "docs/modules")))


def compile_blocks(where):
    """The modules of docs/MODULES.md, compiled without a warning."""
    names = []
    for text in blocks("docs/MODULES.md", "c"):
        name = re.match(r"/\* (\w+)\.c ", text).group(1)
        write(f"{where}/{name}.c", text)
        sanitize = ["-fsanitize=address,undefined"] if SANITIZERS else []
        subprocess.run([*CC, "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", *sanitize, "-shared", "-fPIC", "-I", SOURCE + "/include",
                        f"{where}/{name}.c", "-o", f"{where}/{name}.so"], check=True)
        names.append(name)
    return names


def test_the_modules_of_the_tutorial_answer():
    with folder() as where:
        equal(compile_blocks(where), ["hello", "slow", "count", "adler", "wc", "primes", "token", "footer", "card", "tenants",
                                        "visits"])
        write(where + "/www/page.html", "a page")
        write(where + "/www/page.txt", "a text")
        write(where + "/of/ann/a.txt", "ann's")
        config = configuration({"documents": where + "/www", "modules": ["hello", "slow", "count", "adler", "wc", "primes", "footer", "card",
                                                                         "tenants", "static"],
                                "hello": {"text": "hi there"}, "count": "1k", "footer": "<hr>", "tenants": where + "/of",
                                "card": "$method $card.me-too, $$1 $user",
                                "directories": {"path": "/private", "modules": "+token", "token": "sesame"}},
                               daemon={"module_path": [where, MODULES[0]]})
        with serving(config) as server:
            equal(server.get("/hello")[2], b"hi there")
            begin = time.monotonic()
            equal(server.get("/slow?250")[2], b"waited 250 ms\n")
            assert time.monotonic() - begin >= 0.25
            equal(server.get("/work")[2], b"333333833333500000\n")
            equal(json.loads(server.get("/count", method="POST", body=b"a\nb\n")[2]), {"lines": 2, "bytes": 4})
            equal(server.get("/count")[0], 405)
            equal(server.get("/count")[1]["allow"], "POST, OPTIONS")
            equal(server.get("/count", method="POST", body=b"x" * 1025)[0], 413)
            for field, wanted in (("Accept: */*", 401), ("Authorization: Bearer sesam", 401), ("Authorization: Bearer sesame", 404)):
                equal(server.get("/private/x", fields=[field])[0], wanted, field)
            equal(server.get("/card")[2], b"GET ME-TOO, $1 ")
            for body in (b"", b"Wikipedia", os.urandom(3 << 20)):
                equal(server.get("/adler", method="POST", body=body)[2], b"%08x\n" % zlib.adler32(body))
            for body in (b"", b"a b\nc", b"line\n" * 100000):
                equal(server.get("/wc", method="POST", body=body)[2].split(), [b"%d" % n for n in (body.count(b"\n"), len(body.split()), len(body))])
            equal(server.get("/primes?12")[2], b"2\n3\n5\n7\n11\n")
            equal(server.get("/primes?900000")[0], 500)  # more than it may write
            equal(server.get("/page.html")[2], b"a page<hr>")
            equal(server.get("/page.txt")[2], b"a text")
            equal(server.get("/of/ann/a.txt")[2], b"ann's")
            equal(server.get("/of/ann?q")[1]["location"], "/of/ann/?q")
            equal([server.get(path)[0] for path in ("/of/", "/of/bob/a.txt", "/of/ann/../a.txt")], [404] * 3)


def test_the_modules_of_the_tutorial_are_the_examples():
    shown = {text.split(" ")[1]: text for text in blocks("docs/MODULES.md", "c")}
    for name in os.listdir(os.path.join(SOURCE, "docs/examples")):
        with open(os.path.join(SOURCE, f"docs/examples/{name}/{name}.c"), encoding="utf-8") as f:
            equal(shown[name + ".c"].split("\n", 1)[1], f.read().split("\n", 1)[1], name)


def test_the_configurations_shown_are_good():
    for name in ("README.md", "docs/CONFIG.md", "docs/MODULES.md", *("docs/modules/" + page for page in MODULE_PAGES)):
        for text in blocks(name, "json"):
            with folder() as where:
                compile_blocks(where)
                config = json.dumps({"include": "shown.json", "daemon": {"module_path": [MODULES[0], where]}})
                write(where + "/shown.json", beneath(where, text))
                status, _, err = run("--test", "-c", write(where + "/site.json", config))
            equal((status, err), (0, ""), name + text)


def test_the_example_of_each_module_is_run_by_a_test_of_that_module():
    for page in MODULE_PAGES:
        name = page.removesuffix(".md")
        with open(os.path.join(SOURCE, f"tests/system/{name}.py"), encoding="utf-8") as f:
            contains(f.read(), f'example_of("{name}", where)', name)


def test_the_demo_site_and_the_default_configuration_are_good():
    for name in ("conf/demo.json", "conf/demo-users.json", "conf/multiplexd.json"):
        status, _, err = run("--test", "-c", os.path.join(SOURCE, name))
        equal((status, err), (0, ""), name)


def test_the_demo_site_shows_a_listing_a_guarded_folder_and_paths_that_moved():
    daemon = {"module_path": MODULES, **({"user": "root"} if IS_ROOT else {})}
    config = {"include": os.path.join(SOURCE, "conf/demo.json"), "daemon": daemon}
    with serving(config, ["-p", "0"]) as server:
        page = server.get("/")[2].decode()
        for path, wanted in (("docs/", 200), ("docs/?format=json", 200), ("guarded/", 403), ("manual/CONFIG.md", 301)):
            contains(page, f'href="{path}"')
            equal(server.get("/" + path)[0], wanted, path)
        contains(server.get("/docs/")[2], b"MODULES.md")
        equal(server.get("/manual/CONFIG.md")[1]["location"], "/docs/CONFIG.md")


def test_the_manual_pages_name_every_option():
    with open(os.path.join(BUILD, "docs/multiplexd.8"), encoding="utf-8") as f:
        page = f.read().replace("\\-", "-")
    for option in set(re.findall(r"--[a-z-]+", run("--help")[1])):
        contains(page, "Fl " + option[1:])


def test_links_between_the_pages_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/CONFIG.md", "docs/FUZZING.md", "docs/MODULES.md",
                 "docs/PERFORMANCE.md", "docs/RELIABILITY.md", *("docs/modules/" + page for page in MODULE_PAGES)):
        with open(os.path.join(SOURCE, name), encoding="utf-8") as f:
            for target in re.findall(r"\]\(([^)#:]+)\)", f.read()):
                assert os.path.exists(os.path.join(SOURCE, os.path.dirname(name), target)), f"{name}: {target}"


main()
