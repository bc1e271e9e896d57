#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a change of the configuration costs: eight keep-alive clients that try nothing again, one reload a second, for
each server that is installed, and for three kinds of clients: that ask at once again; that look first whether the
connection was closed; that ask at a fixed rate, so that connections are idle when the reload comes.

    tests/bench/reload.py [--seconds N] [--only NAME,NAME] [--kinds at-once,looks,rate] [--vhosts N]
                          [--json FILE]

Run it in the build folder, after `make` and `make tests/load/load`. Prints a table of Markdown."""
import argparse
import json
import os
import platform

import peers
from harness import folder, write
from load import Load, every, kinds

KINDS = {"at-once": {}, "looks": {"l": True}, "rate": {"r": 5000}}


def run(peer, options, seconds):
    """(what the clients saw, reloads, the longest time until one was in force)"""
    took = []
    target = {"path": "/1k", "file": peer.where + "/www/1k"}
    if peer.requests_per_conn:
        options = {**options, "k": peer.requests_per_conn - 1}
    load = Load(peer.port, [target], peer.where, c=8, t=seconds, **options)
    try:
        reloads = every(1, load, lambda: took.append(peer.reload()))
        return load.result(), reloads, max(took, default=0)
    finally:
        load.stop()


def measure(kind, options, seconds, vhosts):
    with folder() as where:
        write(where + "/www/1k", os.urandom(1024))
        peer = kind(where, vhosts)
        peer.start()
        try:
            return (peer.version(), *run(peer, options, seconds))
        finally:
            peer.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.5)
    parser.add_argument("--only", default="")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--vhosts", type=int, default=0, help="further virtual hosts in the configuration")
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = []
    print(f"Linux {platform.release()}, {os.cpu_count()} cores, {args.seconds:g} s each, {args.vhosts + 1} virtual hosts.\n")
    print("| server | clients | answers | reloads | broken | kinds | closed between requests | longest wait ms | reload ms |")
    print("|---|---|---:|---:|---:|---|---:|---:|", flush=True)
    for name in args.kinds.split(","):
        for kind in peers.PEERS:
            if args.only and kind.name.lower() not in args.only.lower().split(",") or not kind("/tmp").is_installed():
                continue
            try:
                version, result, reloads, took = measure(kind, KINDS[name], args.seconds, args.vhosts)
            except AssertionError as why:
                print(f"| {kind.name} | {name} | no result: {str(why).strip()} |", flush=True)
                continue
            rows.append({"server": version, "clients": name, "reloads": reloads, "longest_reload_s": took, **result})
            print(f"| {version} | {name} | {result['ok']:,} | {reloads} | {result['broken']['total']} | "
                  f"{kinds(result['broken'])} | {result['closed_idle']} | "
                  f"{result['latency']['longest_us'] / 1000:.1f} | {took * 1000:.0f} |", flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(rows, f, indent=1)


main()
