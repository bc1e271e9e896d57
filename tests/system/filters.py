# SPDX-License-Identifier: MIT
"""Filters over real files and slow clients: bounded memory, no body that looks whole and is not, and the blame for a
filter that crashes."""
import os
import socket
import threading
import time

from harness import *

BIG = 200 << 20
BLOCK = bytes(range(97, 123)) * (1 << 16)


def big_file(www):
    """Its path; lower case, so that it is seen what passed through upper."""
    with open(www + "/big.bin", "wb") as f:
        for _ in range(BIG // len(BLOCK)):
            f.write(BLOCK)
        f.write(BLOCK[:BIG % len(BLOCK)])
    return www + "/big.bin"


def resident(server):
    with open(f"/proc/{server.worker()}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def begin(server, path, filters, *fields):
    """A client that is slow: little of its answer is under way."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    s.settimeout(30)
    s.connect(("127.0.0.1", server.port))
    s.sendall(request(path, fields=[f"X-Filter: {filters}", *fields]))
    return s


def test_two_hundred_megabytes_pass_through_a_filter_in_little_memory():
    with folder() as www, serving(configuration({"documents": www, "modules": ["probe", "static"]})) as server:
        big_file(www)
        server.get("/big.bin", method="HEAD")
        before, slow = resident(server), [begin(server, "/big.bin", "upper,twice") for _ in range(10)]
        time.sleep(0.3)
        wanted, got, most, part = BLOCK.upper() * 2, 0, 0, bytearray()
        s = begin(server, "/big.bin", "upper")
        contains(read_until(s, part, b"\r\n\r\n"), b"Content-Length: %d\r\n" % BIG)
        while part:
            offset = got % len(BLOCK)
            assert part == wanted[offset:offset + len(part)], f"wrong behind {got} bytes"
            if got >> 22 != (got + len(part)) >> 22:
                most = max(most, resident(server))
            got += len(part)
            part = s.recv(1 << 20) if got < BIG else b""
        equal(got, BIG)
        for other in (s, *slow):
            other.close()
        print(f"# {most - before} bytes more")
        assert SANITIZERS or most - before < 32 << 20, most - before


def test_a_filter_that_makes_a_thousand_bytes_of_one_is_held_up_by_a_slow_client():
    with folder() as www, serving(configuration({"documents": www, "modules": ["probe", "static"]})) as server:
        big_file(www)
        server.get("/big.bin", method="HEAD")
        before = resident(server)
        slow = [begin(server, path, "thousandfold") for path in ("/big.bin", "/range/long") * 5]
        got = 0
        while got < 40 << 20:
            got += len(slow[0].recv(1 << 20))
        more = resident(server) - before
        print(f"# {more} bytes more")
        assert SANITIZERS or more < 32 << 20, more
        for s in slow:
            s.close()
        server.stop()
        assert "broken off" not in server.log(), server.log()


def test_others_are_served_while_a_filter_passes_over_what_nobody_wants():
    with folder() as www, serving(configuration({"documents": www, "modules": ["probe", "static"]})) as server:
        path = big_file(www)
        os.utime(path, (1, 1))
        write(www + "/small.txt", "small")
        took, over = [], threading.Event()

        def ask_others():
            with server.connect() as s:
                while not over.is_set():
                    asked = time.monotonic()
                    s.sendall(request("/small.txt"))
                    read_response(s)
                    took.append(time.monotonic() - asked)

        others = threading.Thread(target=ask_others)
        others.start()
        asked = time.monotonic()
        status, fields, body = server.get("/big.bin", fields=["X-Filter: upper", "Range: bytes=-2"])
        whole = time.monotonic() - asked
        over.set()
        others.join()
        equal((status, body), (206, BLOCK.upper()[(BIG - 2) % len(BLOCK):][:2]))
        print(f"# {whole:.3f} s; {len(took)} others, {max(took):.3f} s at most")
        assert max(took) < whole / 2, (max(took), whole)


def test_a_file_that_is_cut_while_it_is_filtered_ends_the_connection():
    for filters in ("upper", "twice"):
        with folder() as www, serving(configuration({"documents": www, "modules": ["probe", "static"]})) as server:
            path = big_file(www)
            with begin(server, "/big.bin", filters) as s:
                time.sleep(0.2)
                os.truncate(path, 8 << 20)
                got, end = 0, b""
                try:
                    while part := s.recv(1 << 16):
                        got += len(part)
                        end = (end + part)[-5:]
                except ConnectionResetError:
                    pass
                assert got < BIG and end != b"0\r\n\r\n", (filters, got, end)
            server.wait_for_log("it became shorter meanwhile")


def test_the_log_says_what_was_sent():
    with folder() as where:
        write(where + "/www/a.txt", "0123456789")
        settings = {"documents": where + "/www", "accesslog": {"file": where + "/access.log"},
                    "modules": ["accesslog", "probe", "static"]}
        with serving(configuration(settings)) as server:
            equal(server.get("/a.txt", fields=["X-Filter: twice,mark"])[2], b"00112233445566778899!")
        with open(where + "/access.log", encoding="ascii") as f:
            contains(f.read(), '" 200 21 ')


CRASH = """#include <multiplexd/module.h>
static int die(struct mpx_filter *f, struct mpx_str in, unsigned flags) { __builtin_trap(); }
static const struct mpx_filter_ops ops = { .size = sizeof(ops), .name = "die", .write = die };
static enum mpx_rc response(struct mpx_req *r, const void *conf)
{
    return mpx_filter_push(r, &ops, 0) < 0 ? MPX_FAIL : MPX_NEXT;
}
MPX_MODULE(falls) = { MPX_HEADER(falls, "1.0"), .on = { [MPX_PH_RESPONSE] = response } };
"""


def test_the_module_of_a_filter_that_crashes_is_named():
    with folder() as where:
        compile_module(where, "falls", CRASH)
        write(where + "/www/a.txt", "a")
        config = configuration({"documents": where + "/www", "modules": ["probe", "static", "falls"]},
                               daemon={"module_path": [where, *MODULES]})
        with serving(config) as server:
            with server.connect() as s:
                s.sendall(request("/a.txt"))
                try:
                    equal(s.recv(1000), b"")
                except ConnectionResetError:
                    pass
            server.wait_for_log('module "falls" in a filter, virtual host "default", request ')


main()
