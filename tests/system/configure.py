# SPDX-License-Identifier: MIT
"""configure takes llhttp from one place, the one that is named, and nothing that is too old."""
import os
import re
import shutil
import subprocess

from harness import *

_tree = []


def tree():
    """As much of the source as configure looks at, in a folder that nothing was configured in."""
    if not _tree:
        _tree.append(tempfile.mkdtemp(prefix="multiplexd-configure-"))
        for name in ("configure", "Makefile.in", "aclocal.m4", "conf/multiplexd.pc.in", "core/main.c"):
            os.makedirs(os.path.dirname(f"{_tree[0]}/{name}"), exist_ok=True)
            shutil.copy(f"{SOURCE}/{name}", f"{_tree[0]}/{name}")
        shutil.copytree(SOURCE + "/build-aux", _tree[0] + "/build-aux")
    return _tree[0]


def configure(*arguments):
    """(exit status, all that is said); what is known of the compiler is found out once."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CONFIG_SITE")}
    done = subprocess.run(["./configure", "-C", "--disable-dependency-tracking", *arguments], cwd=tree(), capture_output=True,
                          text=True, env=env, timeout=300)
    return done.returncode, done.stdout + done.stderr


def sources(where, header, version=(8, 1, 0)):
    """A folder that looks like llhttp's, its header below another one."""
    for name in ("api.c", "http.c", "llhttp.c"):
        write(f"{where}/{name}", "")
    text = "".join(f"#define LLHTTP_VERSION_{n} {v}\n" for n, v in zip(("MAJOR", "MINOR", "PATCH"), version))
    write(f"{where}/{header}", text)
    return where


def test_llhttp_comes_from_the_folder_that_is_named():
    with folder() as where:
        status, said = configure("--with-llhttp=" + sources(where, "llhttp.h", (8, 2, 7)))
        equal(status, 0, said)
        contains(said, "checking for the version of llhttp... 8.2.7")
        contains(said, f"8.2.7, the sources in {os.path.realpath(where)}, strict")


def test_a_folder_without_llhttp_is_an_error():
    with folder() as where:
        status, said = configure("--with-llhttp=" + where)
        equal(status, 1)
        contains(said, f"--with-llhttp={where}: it does not hold api.c, http.c and llhttp.c with their llhttp.h")
        sources(where, "elsewhere/llhttp.h")
        equal(configure("--with-llhttp=" + where)[0], 1, "the header of another place is not taken")
        status, said = configure(f"--with-llhttp={where}/none")
        equal(status, 1)
        contains(said, "there is no such folder")


def test_llhttp_cannot_be_left_out():
    status, said = configure("--without-llhttp")
    equal(status, 1)
    contains(said, "multiplexd cannot do without llhttp")


def test_llhttp_that_is_too_old_is_an_error():
    with folder() as where:
        status, said = configure("--with-llhttp=" + sources(where, "llhttp.h", (8, 0, 9)))
        equal(status, 1)
        contains(said, "llhttp 8.1 or later is needed, this is 8.0.9")


def test_what_was_found_out_goes():
    shutil.rmtree(_tree.pop())


main()
