# SPDX-License-Identifier: MIT
"""An installed server, and the module of a third party that is built against it with one line."""
import json
import os
import re
import shutil
import subprocess

from harness import *

_at = {}


def make(*arguments):
    done = subprocess.run(["make", "-C", BUILD, *arguments], capture_output=True, text=True,
                          env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prefix():
    """An empty folder that the server is installed into, once."""
    if not _at:
        _at["destdir"] = tempfile.mkdtemp(prefix="multiplexd-install-")
        os.chmod(_at["destdir"], 0o755)
        make("install", "DESTDIR=" + _at["destdir"])
        with open(os.path.join(BUILD, "conf/multiplexd.pc"), encoding="ascii") as f:
            _at["prefix"] = _at["destdir"] + re.search(r"^prefix=(.*)$", f.read(), re.M).group(1)
    return _at["prefix"]


def test_what_is_installed_is_where_it_should_be():
    root = prefix()
    for path in ("sbin/multiplexd", "lib/multiplexd/modules/static.so", "lib/multiplexd/modules/accesslog.so",
                 "include/multiplexd/module.h", "include/multiplexd/filter.h",
                 "include/multiplexd/network.h", "include/multiplexd/spawn.h", "include/multiplexd/mime.h",
                 "include/multiplexd/files.h", "include/multiplexd/session.h", "lib/pkgconfig/multiplexd.pc",
                 "share/man/man8/multiplexd.8", "share/man/man5/multiplexd.json.5", "etc/multiplexd/multiplexd.json",
                 "share/doc/multiplexd/README.md", "lib/systemd/system/multiplexd.service",
                 "lib/systemd/system/multiplexd.socket", "lib/sysusers.d/multiplexd.conf", "lib/tmpfiles.d/multiplexd.conf",
                 "etc/logrotate.d/multiplexd", "share/doc/multiplexd/examples/virtual-hosts.json", "share/doc/multiplexd/examples/hello/hello.c"):
        assert os.path.isfile(os.path.join(root, path)), path
    found = sorted(os.listdir(root + "/lib/multiplexd/modules"))
    pages = os.listdir(os.path.join(SOURCE, "docs/modules"))
    equal(found, sorted(page[:-3] + ".so" for page in pages), "each module with a page")


def test_only_mpx_names_are_exported():
    out = subprocess.run(["nm", "-D", "--defined-only", PROGRAM], capture_output=True, text=True, check=True).stdout
    names = [line.split()[-1].split("@")[0] for line in out.splitlines()]
    own = [n for n in names if n.startswith("mpx_")]
    others = [n for n in names if not n.startswith("mpx_") and n not in
              ("_IO_stdin_used", "__data_start", "data_start", "_start", "_init", "_fini", "__bss_start", "_edata", "_end",
               "environ", "stderr", "stdout", "stdin", "optarg", "optind", "__environ", "_environ")]
    if not SANITIZERS:
        equal(others, [])
    declared = set()
    for name in ("module.h", "filter.h", "network.h", "spawn.h"):
        with open(os.path.join(SOURCE, "include/multiplexd", name), encoding="utf-8") as f:
            declared.update(re.findall(r"\b(mpx_[a-z0-9_]+)\(", re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)))
    declared -= {"mpx_module"}
    equal(sorted(own), sorted(n for n in declared if not n.endswith("_fn") and "##" not in n))


def test_a_module_of_a_third_party_answers():
    root = prefix()
    need(shutil.which("pkg-config"), "needs pkg-config")
    env = {**os.environ, "PKG_CONFIG_PATH": root + "/lib/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": _at["destdir"]}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "multiplexd"], capture_output=True, text=True, env=env, check=True).stdout
    moduledir = subprocess.run(["pkg-config", "--variable=moduledir", "multiplexd"], capture_output=True, text=True, env=env,
                               check=True).stdout.strip()
    moduledir = moduledir if moduledir.startswith(_at["destdir"]) else _at["destdir"] + moduledir
    with folder() as where:
        shutil.copy(os.path.join(SOURCE, "docs/examples/hello/hello.c"), where)
        sanitize = ["-fsanitize=address,undefined"] if SANITIZERS else []
        subprocess.run([*CC, *sanitize, "-shared", "-fPIC", *flags.split(), "hello.c", "-o", "hello.so"], cwd=where, check=True)
        shutil.move(where + "/hello.so", moduledir)
        config = configuration({"documents": where, "modules": ["hello", "static"], "hello": {"text": "hello from outside"}},
                               daemon={"module_path": moduledir})
        try:
            with serving(config) as server:
                equal(server.get("/hello")[2], b"hello from outside")
                equal(server.get("/hello.c")[0], 200)
        finally:
            os.remove(moduledir + "/hello.so")


def test_the_public_headers_compile_alone_in_c_and_cxx():
    for header in ("module.h", "mime.h", "files.h", "session.h"):
        text = f"#include <multiplexd/{header}>\nint main(void) {{ return 0; }}\n"
        for compiler, language in ((CC, ["-x", "c", "-std=c11"]), (["g++"], ["-x", "c++", "-std=c++17"]),
                                   (["clang"], ["-x", "c", "-std=c11"]), (["clang++"], ["-x", "c++", "-std=c++17"])):
            if shutil.which(compiler[0]) is None:
                continue
            subprocess.run([*compiler, *language, "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-pedantic", "-Werror", "-fsyntax-only",
                            "-I", prefix() + "/include", "-"], input=text.encode(), check=True)


CXX_MODULE = r"""
#include <multiplexd/module.h>
struct conf { mpx_str text; };
static const mpx_option options[] = {
    { "text", "what is answered", MPX_T_STRING, MPX_OPT_REQUIRED, 0, offsetof(conf, text), nullptr, 0, 0, nullptr, nullptr, 0 },
    MPX_OPTION_END,
};
static mpx_rc content(mpx_req *r, const void *data)
{
    if (!mpx_str_eq(mpx_req_path(r), MPX_STR("/cxx")))
        return MPX_NEXT;
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    mpx_res_write(r, static_cast<const conf *>(data)->text);
    return mpx_res_end(r);
}
static mpx_module make()
{
    mpx_module m{};
    m.abi_major = MPX_ABI_MAJOR;
    m.abi_minor = MPX_ABI_MINOR;
    m.size = sizeof(m);
    m.option_size = sizeof(mpx_option);
    m.name = "cxx";
    m.options = options;
    m.conf_size = sizeof(conf);
    m.on[MPX_PH_CONTENT] = content;
    return m;
}
MPX_MODULE(cxx) = make();
"""


def test_a_module_in_cxx_compiles_without_a_word():
    for compiler in ("g++", "clang++"):
        if shutil.which(compiler) is None:
            continue
        done = subprocess.run([compiler, "-x", "c++", "-std=c++17", "-pedantic", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                               "-I", prefix() + "/include", "-", "-o", prefix() + "/cxx.so"], input=CXX_MODULE.encode(), capture_output=True)
        equal(done.stderr.decode(), "", compiler)
        os.remove(prefix() + "/cxx.so")


def test_the_example_fits_in_thirty_lines():
    with open(os.path.join(SOURCE, "docs/examples/hello/hello.c"), encoding="ascii") as f:
        assert len(f.readlines()) < 30
    with open(os.path.join(SOURCE, "docs/examples/hello/README"), encoding="ascii") as f:
        equal(len(f.readlines()), 3)


def test_the_installed_configuration_is_good():
    status, out, err = run("--test", "-c", prefix() + "/etc/multiplexd/multiplexd.json")
    equal((status, err), (0, ""), out)


def test_the_installed_unit_starts_what_is_installed():
    root = prefix()
    with open(root + "/lib/systemd/system/multiplexd.service", encoding="utf-8") as f:
        program, config = re.search(r"(?m)^ExecStart=(\S+) -c (\S+)$", f.read()).groups()
    for path in (program, config):
        assert os.path.isfile(_at["destdir"] + path), path


def test_the_installed_configuration_shows_the_welcome_page():
    root = prefix()
    program, where = root + "/sbin/multiplexd", tempfile.mkdtemp(prefix="multiplexd-test-")
    config = open(root + "/etc/multiplexd/multiplexd.json", encoding="utf-8").read()
    # the built-in paths are not below DESTDIR
    config = config.replace('"log": "stderr"', f'"log": "stderr", "module_path": "{root}/lib/multiplexd/modules"')
    p = subprocess.Popen([program, "-c", write(where + "/site.json", config), "--host", "127.0.0.1", "-p", "0"],
                         stdout=subprocess.PIPE)
    try:
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", p.stdout.readline().decode()).group(1))
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(request("/"))
            status, _, body = read_response(s)
        equal(status, 200)
        contains(body.decode(), "multiplexd")
    finally:
        p.terminate()
        equal(p.wait(20), 0)
        p.stdout.close()
        shutil.rmtree(where)


def test_uninstall_leaves_nothing_of_ours():
    prefix()
    make("uninstall", "DESTDIR=" + _at["destdir"])
    left = [os.path.join(w, f) for w, _, found in os.walk(_at["destdir"]) for f in found]
    equal(left, [])
    ours = [os.path.join(w, f) for w, found, _ in os.walk(_at["destdir"]) for f in found if f == "multiplexd"]
    equal(ours, [])
    shutil.rmtree(_at.pop("destdir"))


main()
