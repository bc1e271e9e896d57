# SPDX-License-Identifier: MIT
"""Clients that try nothing again (tests/load), beside what a test or a measurement does to a server."""
import json
import os
import signal
import subprocess
import time

PROGRAM = os.path.join(os.environ.get("MPX_BUILD", os.getcwd()), "tests/load/load")


class Load:
    """Clients at work on a port. targets: as tests/load/target.h says. Options are those of the program, without
    the hyphen: Load(port, targets, where, c=8, t=5)."""

    def __init__(self, port, targets, where, **options):
        self.path = os.path.join(where, f"load-{time.monotonic_ns()}")
        with open(self.path + ".json", "w", encoding="ascii") as f:
            json.dump(targets, f)
        arguments = ["-p", str(port)]
        for name, value in options.items():
            arguments += [f"-{name}"] if value is True else [f"-{name}", str(value)]
        with open(self.path + ".out", "wb") as out, open(self.path + ".err", "wb") as err:
            self.process = subprocess.Popen([PROGRAM, *arguments, self.path + ".json"], stdout=out, stderr=err)
        self.begun = time.monotonic()

    def is_running(self):
        return self.process.poll() is None

    def progress(self):
        """(milliseconds, ok, broken, left) as last said, with the option g; None: nothing yet."""
        with open(self.path + ".err", encoding="ascii") as f:
            lines = [line.split() for line in f.read().splitlines(True) if line.endswith("\n")]
        return tuple(int(n) for n in lines[-1]) if lines else None

    def result(self, seconds=120):
        """What came of it, when it has ended."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        with open(self.path + ".err", encoding="utf-8") as f:
            said = f.read()
        if self.process.returncode not in (0, 1) or "ERROR: " in said:
            raise AssertionError(f"the load client: {self.process.returncode} {said}")
        with open(self.path + ".out", encoding="utf-8") as f:
            return json.load(f)

    def stop(self):
        """No request is begun any more; what came of it."""
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        return self.result()


def every(seconds, load, deed):
    """Does it again and again, so long after it began to, while the clients are at work; how often."""
    count, due = 0, load.begun + seconds
    while True:
        while time.monotonic() < due:
            if not load.is_running():
                return count
            time.sleep(min(0.02, max(0, due - time.monotonic())))
        due = time.monotonic() + seconds
        deed()
        count += 1


def kinds(broken):
    """As text: "18 reset, 5 closed"."""
    return ", ".join(f"{n:,} {kind}" for kind, n in broken.items() if n and kind != "total") or "-"


def gone(pid, seconds=5):
    """Waits until a process has died; a dead one that nobody has waited for counts."""
    end = time.monotonic() + seconds
    while True:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                if f.read().rsplit(")", 1)[1].split()[0] in "ZX":
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        assert time.monotonic() < end, f"{pid} lives on"
        time.sleep(0.0005)


def kill(pid):
    """Kills it, and waits until it is dead; when it was killed."""
    begin = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    gone(pid)
    return begin
