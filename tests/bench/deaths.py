#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the death of a worker costs: it is killed (SIGKILL) again and again under load; each time a new connection is
opened as soon as it is dead, and asks. The time runs from the kill to the last byte of the answer. Then: what a module
that crashes at every request costs another virtual host, that is asked 200 times a second, until it is in quarantine and
after.

    tests/bench/deaths.py [--kills N] [--pause SECONDS] [--rate N] [--only NAME,NAME] [--json FILE]

Run it in the build folder, after `make` and `make tests/load/load`. Prints a table of Markdown."""
import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import time

import peers
from harness import folder, write
from load import Load, kill, kinds


def worker_of(peer):
    """The newest child: of nginx, a worker that is not on its way out."""
    out = subprocess.run(["pgrep", "-n", "-P", str(peer.process.pid)], capture_output=True, text=True, check=True)
    return int(out.stdout)


def next_answer_ms(peer):
    begin = kill(worker_of(peer))
    if peer.seen_generation() != peer.generation:
        return None
    return (time.monotonic() - begin) * 1000


def measure(kind, kills, pause, rate):
    with folder() as where:
        write(where + "/www/1k", os.urandom(1024))
        peer = kind(where)
        peer.start()
        try:
            load = Load(peer.port, [{"path": "/1k", "file": where + "/www/1k"}], where, c=8, t=kills * (pause + 10),
                        **({"r": rate} if rate else {}))
            waits = []
            for _ in range(kills):
                time.sleep(pause)
                waits.append(next_answer_ms(peer))
            return peer.version(), load.stop(), waits
        finally:
            peer.stop()


CRASHING = """{{ "daemon": {{ "user": "root", "module_path": {modules}, "log": "{where}/error.log",
                "quarantine": {{ "crashes": 3, "window": "1m", "for": "10m" }} }},
  "connection": {{ "host": "127.0.0.1", "port": {port} }},
  "defaults": {{ "headers": {{ "X-Generation": "{generation}" }} }},
  "vhosts": [ {{ "name": "localhost", "documents": "{where}/www" }}, {{ "name": "bad", "modules": ["crash"] }} ] }}
"""


class Crashing(peers.Multiplexd):
    text = CRASHING


def ask_bad(port):
    """The status of a request that its module crashes at; None: there was no answer."""
    try:
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        c.request("GET", "/content/fault", headers={"Host": "bad"})
        return c.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        c.close()


def show_crashes(asked, pause):
    """Asks the bad module so often, and says what that cost the others, before and in quarantine."""
    with folder() as where:
        write(where + "/www/1k", os.urandom(1024))
        peer = Crashing(where)
        peer.start()
        try:
            load = Load(peer.port, [{"path": "/1k", "file": where + "/www/1k"}], where, c=8, r=200, t=asked * (pause + 10))
            answers = []
            for _ in range(asked):
                time.sleep(pause)
                answers.append((time.monotonic(), ask_bad(peer.port)))
            time.sleep(pause)
            result = load.stop()
        finally:
            peer.stop()
    crashes = sum(1 for _, status in answers if status is None)
    quarantine = next(((at - load.begun) * 1000 for at, status in answers if status == 503), 1e9)
    after = sum(1 for b in result["breaks"] if b["at_ms"] >= quarantine)
    print("\n| requests to the bad module | crashes | 503 | others: answers | refused | broken | of these in quarantine "
          "| longest wait ms |\n|---:|---:|---:|---:|---:|---:|---:|---:|")
    print(f"| {asked} | {crashes} | {sum(1 for _, status in answers if status == 503)} | {result['ok']:,} | "
          f"{result['broken']['refused']} | {result['broken']['total']} | {after} | "
          f"{result['latency']['longest_us'] / 1000:.1f} |", flush=True)
    return {"crashes": crashes, "in_quarantine": after, **result}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--pause", type=float, default=1.5)
    parser.add_argument("--rate", type=int, default=0, help="requests a second; 0: at once again")
    parser.add_argument("--only", default="multiplexd,nginx")
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = []
    print(f"Linux {platform.release()}, {os.cpu_count()} cores; {args.kills} kills, {args.pause:g} s between two.\n")
    print("| server | answers | refused | lost in flight | kinds | next answer ms: median | longest | none |")
    print("|---|---:|---:|---:|---|---:|---:|---:|", flush=True)
    for kind in peers.PEERS:
        if kind.name.lower() not in args.only.lower().split(",") or not kind("/tmp").is_installed():
            continue
        version, result, waits = measure(kind, args.kills, args.pause, args.rate)
        rows.append({"server": version, "waits_ms": waits, **result})
        answered = [w for w in waits if w is not None]
        print(f"| {version} | {result['ok']:,} | {result['broken']['refused']} | "
              f"{result['broken']['total'] - result['broken']['refused']} | {kinds(result['broken'])} | "
              f"{statistics.median(answered):.1f} | {max(answered):.1f} | {len(waits) - len(answered)} |", flush=True)
    rows.append(show_crashes(args.kills, args.pause))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(rows, f, indent=1)


main()
