# SPDX-License-Identifier: MIT
"""The tests of the modules with daemons under valgrind: no process makes a memory error or leaks. In small: the
example of each module's page, and what is named here besides; MPX_FULL=1 runs those files whole."""
from harness import *

FULL = os.environ.get("MPX_FULL") == "1"
BESIDES = {"access.py": "test_names_and_domains_admit_who_has_them", "static.py": "test_the_policy_for_links_goes_by_directory", "static_cache.py": "test_an_index_and_a_path_with_odd_bytes"}
# there, time is what is tested, or another tool looks on
NOT_HERE = "(?!.*(slow_reader|cut_while|costs_a_look|large_file))"


def names():
    pages = [page[:-3] + ".py" for page in os.listdir(SOURCE + "/docs/modules")]
    return sorted({*pages, *BESIDES})


def chosen(name):
    """A pattern for the tests of a file that run the example of the module's page, and for those that are named above."""
    with open(f"{SOURCE}/tests/system/{name}", encoding="utf-8") as f:
        parts = f.read().split("\ndef ")
    shown = [part.split("(")[0] for part in parts if "example_of(" in part]
    return "^(" + "|".join([*shown, BESIDES.get(name, "-")]) + ")"


def judge(where):
    """How many processes ended well; what valgrind said of those that did not."""
    good, bad = 0, []
    for name in os.listdir(where):
        with open(f"{where}/{name}", encoding="utf-8", errors="replace") as f:
            text = f.read()
        if "ERROR SUMMARY: 0 errors" in text:
            good += 1
        elif "ERROR SUMMARY:" in text:
            bad += [line for line in text.splitlines() if "WARNING: unhandled" not in line]
    return good, bad


def run_under_valgrind(name, tests):
    with folder() as where:
        os.chmod(where, 0o777)  # daemons give up root
        tool = f"valgrind --leak-check=full --errors-for-leak-kinds=definite --num-callers=30 --log-file={where}/%p"
        done = subprocess.run(["/usr/bin/python3", f"{SOURCE}/tests/system/{name}"], stdout=subprocess.PIPE, text=True, timeout=600,
                              env={**os.environ, "MPX_UNDER": tool, "MPX_TESTS": tests})
        good, bad = judge(where)
        for line in bad[:100]:
            print(f"# {line}")
        assert not bad, f"{name}: valgrind complains"
        assert "\nok " in done.stdout and "\nnot ok " not in done.stdout, f"{name}: {done.stdout}"
        assert good >= 2, f"{name}: {good} processes ended under valgrind"
        print(f"# {name}: {good} processes")


def test_the_modules_make_no_memory_error():
    need(shutil.which("valgrind"), "needs valgrind")
    for name in names():
        run_under_valgrind(name, "^" + NOT_HERE if FULL else chosen(name))


def test_valgrind_would_say_so():
    """A module that reads what it has freed is seen: the eyes are open."""
    need(shutil.which("valgrind"), "needs valgrind")
    text = hello("wrong").replace("#include <multiplexd/module.h>", "#include <multiplexd/module.h>\n#include <stdlib.h>")
    text = text.replace("return mpx_res_end(r);", "volatile char *p = malloc(8); free((void *)p); if (p[3] == 7) return MPX_FAIL; return mpx_res_end(r);")
    assert "free(" in text
    with folder() as where, folder() as logs:
        compile_module(where, "wrong", text)
        os.chmod(logs, 0o777)
        config = configuration({"modules": ["wrong"], "wrong": {"text": "hi"}})
        config["daemon"]["module_path"] = [where]
        UNDER[:] = ["valgrind", f"--log-file={logs}/%p"]
        try:
            with serving(config) as server:
                server.get("/hello")
        finally:
            del UNDER[:]
        contains("\n".join(judge(logs)[1]), "Invalid read of size 1")


main()
