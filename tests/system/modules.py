# SPDX-License-Identifier: MIT
"""Modules that should not be loaded: each is a sentence that names the file and the cure, and the checker
outlives them all."""
import json
import os
import subprocess

from harness import *


def check(where, *names, **settings):
    """What --test says of a configuration that uses these modules: (exit status, errors)."""
    config = {"daemon": {"module_path": [where]},
              "vhosts": {"modules": list(names), **{n: {"text": "hi"} for n in names}, **settings}}
    status, out, err = run("--test", "-c", write(where + "/site.json", json.dumps(config)))
    return status, err


def test_a_module_built_by_one_line_is_good():
    with folder() as where:
        compile_module(where, "hello", hello())
        equal(check(where, "hello"), (0, ""))


def test_another_major_abi_is_refused_with_both_sides():
    with folder() as where:
        compile_module(where, "hello", hello().replace("MPX_HEADER(hello, \"1.0\")", "MPX_HEADER(hello, \"1.0\"), .abi_major = 2"))
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, f'module "hello" ({where}/hello.so) cannot be loaded: ')
    contains(err, "was built for module ABI 2.0, this server has 1.0: build it again with this server's headers")


def test_a_newer_minor_abi_is_refused_with_both_sides():
    with folder() as where:
        compile_module(where, "hello", hello().replace("MPX_HEADER(hello, \"1.0\")", "MPX_HEADER(hello, \"1.0\"), .abi_minor = 7"))
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, "needs module ABI 1.7, this server has 1.0: upgrade multiplexd, or build the module")


def test_an_undefined_symbol_is_named():
    with folder() as where:
        compile_module(where, "hello", hello().replace("return mpx_res_end(r);", "return mpx_no_such_call(r);"))
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, "undefined symbol: mpx_no_such_call")


def test_a_missing_library_is_named():
    with folder() as where:
        subprocess.run([*CC, "-shared", "-fPIC", "-x", "c", "/dev/null", "-o", where + "/libgone.so.1",
                        "-Wl,-soname,libgone.so.1"], check=True)
        compile_module(where, "hello", hello(), "-Wl,--no-as-needed", where + "/libgone.so.1")
        os.remove(where + "/libgone.so.1")
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, "libgone.so.1: cannot open shared object file")


def test_a_crash_in_a_constructor_is_a_message():
    with folder() as where:
        compile_module(where, "hello", hello() + "__attribute__((constructor)) static void die(void) { __builtin_trap(); }\n")
        compile_module(where, "good", hello("good"))
        status, err = check(where, "hello", "good", index_fil=1)
    equal(status, 1)
    contains(err, 'module "hello" died while it was loaded: signal ')
    contains(err, 'unknown key "index_fil"', "the other errors are told as well")


def test_a_crash_in_check_is_a_message():
    with folder() as where:
        text = hello().replace("MPX_MODULE", "static int check(struct mpx_conf *c, void *d) { __builtin_trap(); }\nMPX_MODULE")
        compile_module(where, "hello", text.replace(".options = options", ".check = check, .options = options"))
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, 'module "hello" died in its check(): signal ')


def test_a_module_that_exits_is_a_message():
    with folder() as where:
        compile_module(where, "hello", "#include <stdlib.h>\n" + hello() + "__attribute__((constructor)) static void die(void) { _Exit(0); }\n")
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, 'module "hello" ended the process while it was loaded: exit status 0')


def with_function(name, text, member="check"):
    """hello.c as module name, with a check() or open() of its own."""
    source = "#include <stdlib.h>\n" + hello(name)
    source = source.replace("MPX_MODULE", f"static int {member}(struct mpx_conf *c, void *d) {{ {text} }}\nMPX_MODULE")
    return source.replace(".options = options", f".{member} = {member}, .options = options")


def test_the_one_that_crashes_is_blamed_and_no_other():
    for order in (("bad", "good", "other"), ("good", "bad", "other"), ("good", "other", "bad")):
        with folder() as where:
            compile_module(where, "bad", with_function("bad", "__builtin_trap();"))
            compile_module(where, "good", with_function("good", "return 0;"))
            compile_module(where, "other", hello("other"))
            status, err = check(where, *order)
        equal(status, 1)
        equal(err.count(": error: "), 1, err)
        contains(err, 'module "bad" died in its check(): signal ')


def test_a_module_that_exits_in_check_is_a_message():
    with folder() as where:
        compile_module(where, "bad", with_function("bad", "exit(0);"))
        compile_module(where, "good", hello("good"))
        status, err = check(where, "bad", "good")
    equal(status, 1)
    equal(err.count(": error: "), 1, err)
    contains(err, 'module "bad" ended the process in its check(): exit status 0')


def test_a_module_that_talks_into_the_checkers_channel_is_a_message():
    with folder() as where:
        compile_module(where, "bad", "#include <unistd.h>\n" + with_function(
            "bad", 'for (int fd = 3; fd < 64; fd++) (void)!write(fd, "nonsense nonsense nonsense", 26); sleep(1); return 0;'))
        status, err = check(where, "bad")
    equal(status, 1)
    contains(err, "a module writes to a descriptor of core's")


def test_a_file_cut_at_any_place_is_a_message():
    with folder() as where:
        whole = open(compile_module(where, "hello", hello()), "rb").read()
        for size in sorted({*range(0, 1024, 128), *range(1024, len(whole), max(512, len(whole) // 24))}):
            write(where + "/hello.so", whole[:size])
            status, err = check(where, "hello")
            if status == 0:  # only what nothing is loaded from may be missing
                continue
            equal(status, 1, size)
            contains(err, f'module "hello" ({where}/hello.so) cannot be loaded: ', size)


def test_a_link_that_leads_nowhere_is_told_as_what_it_is():
    with folder() as where:
        os.symlink("nowhere", where + "/hello.so")
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, f'module "hello" ({where}/hello.so) cannot be loaded: there is no such file, or it is a link that leads nowhere')
    assert "did you mean" not in err, err


def test_no_module_at_all_is_a_message():
    for content, says in ((b"", "cut short"), (b"#!/bin/sh\n" * 20, "it is not an ELF file"),
                          (open(PROGRAM, "rb").read(), "cannot be loaded")):
        with folder() as where:
            write(where + "/hello.so", content)
            status, err = check(where, "hello")
        equal(status, 1)
        contains(err, says)


def test_a_module_under_another_name_is_refused():
    with folder() as where:
        os.rename(compile_module(where, "hello", hello()), where + "/other.so")
        status, err = check(where, "other")
    equal(status, 1)
    contains(err, "it has no function mpx_other_module: the name in MPX_MODULE must be that of the file")


def test_one_name_in_two_folders_is_refused():
    with folder() as where, folder() as second:
        compile_module(where, "hello", hello())
        compile_module(second, "hello", hello())
        config = {"daemon": {"module_path": [where, second, where]}, "vhosts": {"modules": ["hello"]}}
        status, _, err = run("--test", "-c", write(where + "/site.json", json.dumps(config)))
    equal(status, 1)
    contains(err, f'module "hello" is in two folders, as {where}/hello.so and {second}/hello.so: remove one')


def test_a_required_option_that_is_missing_is_told():
    with folder() as where:
        compile_module(where, "hello", hello())
        status, err = check(where, "hello", hello={})
    equal(status, 1)
    contains(err, 'module "hello" needs "text"')


def test_no_module_is_tried_as_root():
    need(IS_ROOT, "needs root")
    for user in (None, "daemon", "no-such-user"):
        with folder() as where:
            os.chmod(where, 0o777)
            text = ('#include <stdio.h>\n#include <unistd.h>\n__attribute__((constructor)) static void tell(void) '
                    f'{{ FILE *f = fopen("{where}/uid", "w"); fprintf(f, "%u", (unsigned)geteuid()); fclose(f); }}\n')
            compile_module(where, "hello", hello() + text)
            daemon = {"module_path": where, **({"user": user} if user else {})}
            config = {"daemon": daemon, "vhosts": {"modules": ["hello"], "hello": {"text": "hi"}}}
            status, _, err = run("--test", "-c", write(where + "/site.json", json.dumps(config)), as_given=True)
            equal(status, 1 if user == "no-such-user" else 0, err)
            assert open(where + "/uid").read() not in ("0", ""), user


def test_what_the_checker_leaves_behind_is_nothing():
    with folder() as where:
        compile_module(where, "hello", hello() + "__attribute__((constructor)) static void die(void) { __builtin_trap(); }\n")
        before = set(os.listdir(where))
        check(where, "hello")
        equal(set(os.listdir(where)) - before, {"site.json"})


main()
