# SPDX-License-Identifier: MIT
"""A daemon that leaves the terminal: whoever starts it knows whether it serves."""
import contextlib
import os
import signal
import subprocess
import time

from harness import *


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@contextlib.contextmanager
def detached(where, vhosts={"modules": ["probe"]}, arguments=(), prefix=(), config=None, **more):
    """Starts one and waits for the program's end; the pid of the daemon, what was printed, and its port."""
    config = config or configuration(vhosts, daemon={"detach": True, "pid_file": "pid", "log": "log", **more})
    write(where + "/site.json", json.dumps(config))
    done = subprocess.run([*prefix, PROGRAM, "-c", "site.json", *arguments], cwd=where, capture_output=True, text=True, timeout=60)
    equal((done.returncode, done.stderr), (0, ""))
    with open(where + "/pid", encoding="ascii") as f:
        pid = int(f.read())
    try:
        yield pid, done.stdout, int(re.search(r":(\d+)/", done.stdout).group(1))
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), "it ends")
    assert not os.path.exists(where + "/pid"), "the pid file is left"


def get(port, path):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(request(path))
        return read_response(s)


def processes_of(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [pid, *map(int, found.split())]


def test_the_program_ends_when_it_serves():
    with folder() as where, detached(where) as (pid, out, port):
        contains(out, "serves site.json at http://127.0.0.1:")
        equal(get(port, "/counts")[0], 200)
        assert alive(pid)


def test_it_has_no_terminal_and_holds_no_folder():
    with folder() as where, detached(where) as (pid, _, _):
        for process in processes_of(pid):
            for fd in (0, 1, 2):
                equal(os.readlink(f"/proc/{process}/fd/{fd}"), "/dev/null")
            with open(f"/proc/{process}/stat", encoding="ascii") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            equal(fields[4], "0", "terminal")
            assert int(fields[3]) not in (os.getsid(0), process), "a session of its own, which it does not lead"
        equal(os.readlink(f"/proc/{pid}/cwd"), "/")


def test_each_way_to_ask_for_it():
    with folder() as where:
        plain = configuration({"modules": ["probe"]}, daemon={"pid_file": "pid", "log": "log"})
        with detached(where, config=plain, arguments=["--detach"]) as (pid, _, _):
            assert alive(pid)
        with detached(where, config=plain, arguments=["-d"]) as (pid, _, _):
            assert alive(pid)


def test_foreground_overrides_the_configuration():
    config = configuration({"modules": ["probe"]}, daemon={"detach": True, "log": "log"})
    with serving(config, ["--foreground"]) as server:
        equal(server.process.poll(), None)
        equal(server.get("/counts")[0], 200)


def test_both_options_at_once_are_a_mistake():
    equal(run("--detach", "--foreground", "-c", "x")[0], 2)


def test_a_start_that_fails_is_told():
    with folder() as where, socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        config = configuration({"modules": ["probe"]}, daemon={"detach": True, "log": where + "/log"},
                               connection={"port": s.getsockname()[1]})
        status, out, err = run("-c", write(where + "/site.json", json.dumps(config)))
        equal((status, out), (1, ""))
        contains(err, "cannot listen on 127.0.0.1:")


def test_a_worker_that_cannot_start_is_told():
    with folder() as where:
        module_with(where, "bad", "open", 'return mpx_conf_error(c, "text", "the reason");')
        config = configuration({"modules": ["bad"], "bad": {"text": "hi"}},
                               daemon={"detach": True, "log": where + "/log", "module_path": [where]})
        status, out, err = run("-c", write(where + "/site.json", json.dumps(config)))
        equal((status, out), (1, ""))
        contains(err, "/vhosts/0/bad/text: the reason")


def test_a_mistake_in_the_configuration_is_told():
    with folder() as where:
        config = configuration({"modules": ["none"]}, daemon={"detach": True, "log": where + "/log"})
        status, _, err = run("-c", write(where + "/site.json", json.dumps(config)))
        equal(status, 1)
        contains(err, "site.json:")


def test_a_log_on_standard_error_is_a_mistake():
    with folder() as where:
        for log in ("stderr", [{"to": "stderr", "level": "error"}, "log"]):
            config = configuration({"modules": ["probe"]}, daemon={"detach": True, "log": log})
            status, _, err = run("--test", "-c", write(where + "/site.json", json.dumps(config)))
            equal(status, 1)
            contains(err, "nobody reads the standard error of a daemon that detaches: name a file")


def test_later_errors_go_to_the_log():
    with folder() as where, detached(where) as (pid, _, port):
        os.kill(processes_of(pid)[1], signal.SIGKILL)
        equal(get(port, "/counts")[0], 200)
        with open(where + "/log", encoding="utf-8") as f:
            contains(f.read(), "a worker died: signal 9")


def test_a_second_one_is_refused_by_the_pid_file():
    with folder() as where, detached(where) as (pid, _, _):
        done = subprocess.run([PROGRAM, "-c", "site.json"], cwd=where, capture_output=True, text=True, timeout=60, check=False)
        equal((done.returncode, done.stdout), (1, ""))
        contains(done.stderr, "another one is running: it holds the pid file")
        equal(open(where + "/pid", encoding="ascii").read(), f"{pid}\n")


def test_one_process_detaches_too():
    with folder() as where, detached(where, workers=0) as (pid, _, port):
        equal(get(port, "/counts")[0], 200)
        equal(processes_of(pid), [pid])


def test_as_root_with_a_port_below_1024():
    need(IS_ROOT and shutil.which("unshare") and shutil.which("ip"), "needs root, unshare and ip")
    with folder() as where:
        write(where + "/www/a.txt", "a")
        config = configuration({"documents": where + "/www"}, connection={"port": 80},
                               daemon={"detach": True, "pid_file": where + "/pid", "log": where + "/log"})
        program = for_nobody(where, config)
        write(where + "/site.json", json.dumps(config))
        script = (f"ip link set lo up && {program} -c {where}/site.json && "
                  f"exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET /a.txt HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3; "
                  f"ps -o user= --ppid $(cat {where}/pid); kill $(cat {where}/pid)")
        done = subprocess.run(["unshare", "-n", "bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
        contains(done.stdout, "HTTP/1.1 200 OK")
        contains(done.stdout, "\nanobody\n")
        equal(done.stderr, "")


def test_as_a_user():
    need(IS_ROOT, "is done by all other tests")
    with folder() as where:
        write(where + "/www/a.txt", "a")
        config = configuration({"documents": where + "/www"}, daemon={"detach": True, "pid_file": where + "/run/pid",
                                                                      "log": where + "/run/log"})
        program = for_nobody(where, config)
        os.mkdir(where + "/run")
        os.chown(where + "/run", 65534, 65534)
        write(where + "/site.json", json.dumps(config))
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "-c",
                               where + "/site.json"], capture_output=True, text=True, timeout=60, check=False)
        equal((done.returncode, done.stderr), (0, ""))
        pid = int(open(where + "/run/pid", encoding="ascii").read())
        equal(os.stat(f"/proc/{pid}").st_uid, 65534)
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), "it ends")


main()
