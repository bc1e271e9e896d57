#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A long run of everything that static files, listings and bodies do, with a reload a second: whether memory and
descriptors of supervisor and worker stay what they are. The requests come in rounds; after each, when all clients have
gone, it is measured. Memory is RssAnon (what the process has written; not the program's file), its slope a straight line
by least squares through the rounds behind the warm-up, with the standard error of the slope.

    tests/bench/soak.py [--requests N] [--rounds N] [--every SECONDS] [--log FILE]

Run it in the build folder, after `make` and `make check TESTS=`. Ends with 1 when an answer was broken, a
descriptor or a worker was lost, or memory grows."""
import argparse
import os
import platform
import subprocess
import sys
import time

import peers
from harness import folder, write
from load import Load, kinds

WARM_UP = 0.25  # of the rounds

SITE = """{{ "daemon": {{ "user": "root", "module_path": {modules}, "log": "{where}/error.log", "temp_dir": "{where}" }},
  "connection": {{ "host": "127.0.0.1", "port": {port}, "limits": {{ "body": "1M" }} }},
  "defaults": {{ "headers": {{ "X-Generation": "{generation}" }} }},
  "vhosts": [
    {{ "name": "localhost", "documents": "{where}/www", "directory_list": true,
       "accesslog": "{where}/access.log", "error_pages": {{ "404": "/1k" }} }},
    {{ "name": "bodies", "modules": ["probe"] }} ] }}
"""


class Soaked(peers.Multiplexd):
    text = SITE


def mix(www):
    """What is asked for: (weight, target)."""
    past = ["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"]

    def part(first, length, **more):
        return {"path": "/300k", "fields": [f"Range: bytes={first}-{first + length - 1}"], "status": 206,
                "file": www + "/300k", "from": first, "length": length, **more}

    def upload(size, **more):
        return {"host": "bodies", "path": "/body", "method": "POST", "upload": size, "length": size, **more}

    weighed = (
        (300, {"path": "/1k", "file": www + "/1k"}), (40, {"path": "/300k", "file": www + "/300k"}),
        (2, {"path": "/4m", "file": www + "/4m"}), (30, {"path": "/empty", "length": 0}),
        (60, part(1000, 200)), (10, part(100000, 150000)),
        (10, {"path": "/300k", "fields": ["Range: bytes=0-9,1000-1009"], "status": 206}),
        (10, {"path": "/1k", "fields": ["Range: bytes=5000-"], "status": 416}),
        (30, {"path": "/1k", "method": "HEAD"}), (40, {"path": "/1k", "fields": past, "status": 304}),
        (30, {"path": "/list/"}), (10, {"path": "/list/", "fields": ["Accept: application/json"]}),
        (30, {"path": "/list", "status": 301}), (40, {"path": "/none", "status": 404, "file": www + "/1k"}),
        (10, {"path": "/%zz", "status": 400}), (10, {"path": "/1k", "method": "DELETE", "status": 405}),
        (40, {"path": "/1k", "file": www + "/1k", "close": True}), (10, {"path": "/1k", "leave": 0}),
        (5, {"path": "/4m", "leave": 100000}), (40, upload(100)), (10, upload(20000)), (2, upload(400000)),
        (2, upload(400000, leave=0)))
    return [{**target, "weight": weight} for weight, target in weighed]


def of_process(pid):
    """(RssAnon in KiB, open descriptors)"""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["RssAnon"].split()[0]), len(os.listdir(f"/proc/{pid}/fd"))


def worker_of(server):
    return int(subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True,
                              check=True).stdout.split()[0])


def line_through(points):
    """(slope, its standard error), by least squares."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    sxx = sum((x - mx) ** 2 for x, _ in points)
    slope = sum((x - mx) * (y - my) for x, y in points) / sxx
    rest = sum((y - my - slope * (x - mx)) ** 2 for x, y in points)
    return slope, (rest / max(1, n - 2) / sxx) ** 0.5


class Soak:
    def __init__(self, server, args, log):
        self.server, self.args, self.log = server, args, log
        self.answered = self.broken = self.reloads = self.lost = 0
        self.kinds, self.breaks = {}, []
        self.samples = []  # (requests, worker's KiB, worker's descriptors, supervisor's KiB, supervisor's descriptors)
        self.due = 0

    def say(self, text):
        for f in (sys.stdout, self.log):
            if f is not None:
                print(text, file=f, flush=True)

    def round(self, requests):
        load = Load(self.server.port, mix(self.server.where + "/www"), self.server.where, c=8, n=requests)
        while load.is_running():
            if self.args.every and time.monotonic() >= self.due:
                self.due = time.monotonic() + self.args.every
                self.server.reload()
                self.reloads += 1
            time.sleep(0.02)
        result = load.result()
        self.answered += result["ok"] + result["left"]
        self.broken += result["broken"]["total"]
        self.breaks += result["breaks"]
        self.kinds = {k: self.kinds.get(k, 0) + n for k, n in result["broken"].items()}
        return result

    def sample(self):
        time.sleep(0.3)  # the last connections end
        w = of_process(worker_of(self.server))
        s = of_process(self.server.process.pid)
        self.samples.append((self.answered, *w, *s))

    def run(self):
        worker = worker_of(self.server)
        self.say("| round | requests | per s | broken | reloads | worker KiB | fd | supervisor KiB | fd |")
        self.say("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
        for number in range(1, self.args.rounds + 1):
            result = self.round(self.args.requests // self.args.rounds)
            self.sample()
            if worker_of(self.server) != worker:
                worker = worker_of(self.server)
                self.lost += 1
            rate = (result["ok"] + result["left"]) / result["seconds"]
            _, *found = self.samples[-1]
            self.say(f"| {number} | {self.answered:,} | {rate:,.0f} | {self.broken} | {self.reloads} | "
                     + " | ".join(f"{n:,}" for n in found) + " |")

    def grows(self, name, column):
        counted = self.samples[int(len(self.samples) * WARM_UP):]
        slope, error = line_through([(s[0], s[column]) for s in counted])
        span = counted[-1][0] - counted[0][0]
        self.say(f"{name}: {slope * 1e6:+.1f} KiB for each million requests, standard error {error * 1e6:.1f}; "
                 f"{slope * span:+.0f} KiB over the {span:,} requests behind the warm-up")
        return slope > 3 * error and slope * span > 256

    def is_well(self):
        """Says what came of it."""
        self.say("")
        counted = self.samples[int(len(self.samples) * WARM_UP):]
        grow = [self.grows("worker", 1), self.grows("supervisor", 3)]
        fds = [sorted({s[column] for s in counted}) for column in (2, 4)]
        self.say(f"descriptors at rest: worker {fds[0]}, supervisor {fds[1]}")
        self.say(f"{self.answered:,} requests, {self.reloads} reloads, broken {self.broken} ({kinds(self.kinds)}), "
                 f"workers lost {self.lost}")
        for b in self.breaks[:8]:
            self.say(f"broken: {b}")
        with open(self.server.where + "/error.log", encoding="utf-8", errors="replace") as f:
            for line in [line for line in f.read().splitlines() if " error: " in line or " crit" in line][:20]:
                self.say("log: " + line)
        return not (any(grow) or self.broken or self.lost or any(len(f) > 1 for f in fds))


def make_site(where):
    for name, size in (("1k", 1024), ("300k", 300000), ("4m", 4 << 20), ("empty", 0)):
        write(f"{where}/www/{name}", os.urandom(size))
    for i in range(40):
        write(f"{where}/www/list/entry-{i}.txt", str(i))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--every", type=float, default=1, help="seconds between reloads, 0: none")
    parser.add_argument("--log")
    args = parser.parse_args()
    with folder() as where:
        make_site(where)
        server = Soaked(where)
        server.start()
        log = open(args.log, "w", encoding="utf-8") if args.log else None
        try:
            soak = Soak(server, args, log)
            soak.say(f"{server.version()}, Linux {platform.release()}, {os.cpu_count()} cores, 8 clients, "
                     f"{args.requests:,} requests, " + (f"a reload every {args.every:g} s\n" if args.every else "no reload\n"))
            soak.run()
            well = soak.is_well()
        finally:
            status = server.stop()
        if status != 0:
            with open(where + "/output", encoding="utf-8", errors="replace") as f:
                soak.say(f"its exit status: {status}; it said: {f.read()}")
        return 0 if well and status == 0 else 1


sys.exit(main())
