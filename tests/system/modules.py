# SPDX-License-Identifier: MIT
"""Modules that should not be loaded: each is a sentence that names the file and the cure, and the checker
outlives them all."""
import json
import os
import subprocess

from harness import *

HELLO = os.path.join(SOURCE, "docs/examples/hello/hello.c")


def compile_module(where, name, text, *flags):
    source = write(f"{where}/src/{name}.c", text)
    out = f"{where}/{name}.so"
    sanitize = ["-fsanitize=address,undefined"] if SANITIZERS else []
    subprocess.run([*CC, "-shared", "-fPIC", "-w", "-I", SOURCE + "/include", *sanitize, *flags, source, "-o", out],
                   check=True)
    return out


def hello(name="hello"):
    with open(HELLO, encoding="ascii") as f:
        return f.read().replace("MODULE(hello)", f"MODULE({name})").replace("HEADER(hello", f"HEADER({name}")


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
    contains(err, 'module "hello" while it was loaded died: ')
    contains(err, 'unknown key "index_fil"', "the other errors are told as well")


def test_a_crash_in_check_is_a_message():
    with folder() as where:
        text = hello().replace("MPX_MODULE", "static int check(struct mpx_conf *c, void *d) { __builtin_trap(); }\nMPX_MODULE")
        compile_module(where, "hello", text.replace(".options = options", ".check = check, .options = options"))
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, 'module "hello" in its check() died: ')


def test_a_module_that_exits_is_a_message():
    with folder() as where:
        compile_module(where, "hello", "#include <stdlib.h>\n" + hello() + "__attribute__((constructor)) static void die(void) { _Exit(0); }\n")
        status, err = check(where, "hello")
    equal(status, 1)
    contains(err, 'module "hello" while it was loaded died: exit status 0')


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


def test_what_the_checker_leaves_behind_is_nothing():
    with folder() as where:
        compile_module(where, "hello", hello() + "__attribute__((constructor)) static void die(void) { __builtin_trap(); }\n")
        before = set(os.listdir(where))
        check(where, "hello")
        equal(set(os.listdir(where)) - before, {"site.json"})


main()
