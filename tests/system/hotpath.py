# SPDX-License-Identifier: MIT
"""What a keep-alive request may cost: one read, one write; no epoll_ctl, no timer, no allocation.
Not for a sanitizer build: a sanitizer allocates and calls the system on its own account."""
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import time

from harness import *

COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
static volatile uint64_t *count;
static uint64_t early;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
__attribute__((constructor)) static void start(void)
{
    int fd = open(getenv("MALLOC_COUNT"), O_RDWR);
    count = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}
static void note(void) { if (count != NULL && (void *)count != MAP_FAILED) ++*count; else ++early; }
void *malloc(size_t n) { note(); return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { note(); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { note(); return __libc_realloc(p, n); }
"""


def ask(s, path, count, pipeline=1):
    buffer = bytearray()
    for _ in range(count // pipeline):
        s.sendall(request(path) * pipeline)
        for _ in range(pipeline):
            equal(read_response(s, buffer=buffer)[0], 200)


def calls(server, path, count, pipeline=1):
    """System calls of the worker while so many requests are answered on one connection."""
    with server.connect() as s, folder() as where:
        ask(s, path, 100)
        out = where + "/calls"
        strace = subprocess.Popen(["strace", "-f", "-qq", "-o", out, "-p", str(server.worker())],
                                  stderr=subprocess.PIPE)
        time.sleep(1)
        ask(s, path, count, pipeline)
        strace.send_signal(signal.SIGINT)
        strace.wait(10)
        found = {}
        with open(out, encoding="latin-1") as f:
            for line in f:
                name = re.match(r"\d+ +(\w+)\(", line)
                if name:
                    found[name.group(1)] = found.get(name.group(1), 0) + 1
        return found


def strace_works():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-qq", "-o", "/dev/zero", "true"], capture_output=True).returncode == 0


def test_a_small_file_costs_one_read_and_one_write():
    need(strace_works(), "needs strace and the right to trace")
    with folder() as www, serving(configuration({"documents": www})) as server:
        write(www + "/1k.html", "x" * 1024)
        found = calls(server, "/1k.html", 500)
    print(f"# {found}")
    equal(found.get("recvfrom"), 500)
    equal(found.get("sendmsg"), 500)
    equal(found.get("epoll_ctl", 0), 0)
    rest = {n: c for n, c in found.items() if n not in ("recvfrom", "sendmsg", "epoll_wait")}
    assert sum(rest.values()) <= 20, rest  # a path is looked up again every second


def test_a_pipeline_is_answered_in_one_write():
    need(strace_works(), "needs strace and the right to trace")
    with folder() as www, serving(configuration({"documents": www})) as server:
        write(www + "/1k.html", "x" * 1024)
        found = calls(server, "/1k.html", 512, pipeline=16)
    print(f"# {found}")
    equal(found.get("recvfrom"), 32)
    equal(found.get("sendmsg"), 32)


def test_compressed_files_that_are_not_there_cost_a_look_in_a_second():
    need(strace_works(), "needs strace and the right to trace")
    with folder() as www:
        for name in ("a.js", "a.png"):
            write(www + "/" + name, "x")
        config = configuration({"documents": www, "static": {"precompressed": ["br", "zst", "gz"]}})
        with serving(config) as server, server.connect() as s, folder() as where:
            out = where + "/calls"
            strace = subprocess.Popen(["strace", "-f", "-e", "trace=openat2,openat", "-o", out, "-p", str(server.worker())],
                                      stderr=subprocess.PIPE)
            strace.stderr.readline()  # it is attached
            for path in ["/a.js"] * 200 + ["/a.png"] * 20:
                s.sendall(request(path, fields=["Accept-Encoding: br, zstd, gzip"]))
                equal(read_response(s)[0], 200)
            strace.terminate()
            strace.wait(10)
            with open(out, encoding="latin-1") as f:
                text = f.read()
    assert 3 <= text.count("a.js.") <= 30, f"{text.count('a.js.')} looks for 200 requests"
    equal(text.count("a.png."), 0, "of a type that is not listed")


def test_a_keep_alive_request_takes_no_memory_from_the_system():
    with folder() as where:
        write(where + "/www/1k.html", "x" * 1024)
        write(where + "/www/300k.bin", "x" * 300000)
        library = where + "/count.so"
        subprocess.run([*CC, "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", library], input=COUNTER.encode(), check=True)
        counter = write(where + "/count", b"\0" * 8)
        text = ("$remote_addr $remote_port $peer_addr $server_addr $server_port $connection_id $connection_requests $request_id "
                "$bytes_out $bytes_in $request_time $time_iso8601 [$time_local] $time_epoch \"$line\" $target $query $response.etag")
        logs = [where + "/log", {"file": where + "/json", "format": "json", "ip_mask": True, "hide_query": "token",
                                 "unless": [{"path": "*.css", "status": "2xx"}, {"header": {"x-probe": "*"}}]},
                {"file": where + "/all", "format": text}]
        config = configuration({"documents": where + "/www", "modules": ["accesslog", "static"], "accesslog": logs})
        server = Server(where, config, env={**os.environ, "LD_PRELOAD": library, "MALLOC_COUNT": counter})
        with open(counter, "r+b") as f, mmap.mmap(f.fileno(), 8) as m, server.connect() as s:
            for path in ("/1k.html", "/300k.bin"):
                ask(s, path, 200)
                time.sleep(0.2)
                before, = struct.unpack("Q", m[:])
                ask(s, path, 1000)
                after, = struct.unpack("Q", m[:])
                print(f"# {path}: {after - before} allocations for 1000 requests")
                assert after - before <= 20, after - before
        server.stop()


def test_an_idle_connection_costs_little_memory():
    with folder() as www, serving(configuration({"documents": www})) as server:
        write(www + "/1k.html", "x" * 1024)

        def resident():
            with open(f"/proc/{server.worker()}/statm", encoding="ascii") as f:
                return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        import resource
        count = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
        with server.connect() as s:
            ask(s, "/1k.html", 10)
        before, idle = resident(), []
        for _ in range(count):
            idle.append(server.connect())
            ask(idle[-1], "/1k.html", 1)
        each = (resident() - before) / count
        print(f"# {each:.0f} bytes for each of {count} idle connections")
        assert each < 1024, each
        for s in idle:
            s.close()


main()
