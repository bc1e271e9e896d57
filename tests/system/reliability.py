# SPDX-License-Identifier: MIT
"""What dying workers, crashing modules and reloads cost the clients: clients that try nothing again count it. In short
form; tests/bench measures the same at length, and beside other servers."""
import time

from harness import *
from load import Load, every, kill

CLIENTS = 8
FULL = os.environ.get("MPX_FULL") == "1"

def site(where):
    return {"documents": write(where + "/www/1k", os.urandom(1024)).removesuffix("/1k")}


def targets(where, **more):
    return [{"path": "/1k", "file": where + "/www/1k", **more}]


def only_in_flight(result, deaths):
    """Nothing was refused, late or wrong; each death cost each client the answer that was under way at most."""
    broken = result["broken"]
    equal([broken[kind] for kind in ("refused", "late", "wrong")], [0, 0, 0], str(result["breaks"]))
    assert broken["total"] <= deaths * CLIENTS, f"{broken} for {deaths} deaths"


def test_a_worker_that_is_killed_costs_the_answers_in_flight_and_refuses_nobody():
    kills = 20 if FULL else 5
    with folder() as where, serving(configuration(site(where))) as server:
        load = Load(server.port, targets(where), where, c=CLIENTS, t=60)
        for _ in range(kills):
            time.sleep(0.1)
            kill(server.worker())
            equal(server.get("/1k")[0], 200, "the next connection is answered")
        result = load.stop()
    only_in_flight(result, kills)
    assert result["ok"] > 100, result


def crash(server):
    """The status of a request that may crash its module; None when nothing was answered."""
    with server.connect() as s:
        s.sendall(request("/content/abort", host="bad"))
        try:
            head = s.recv(65536)
        except ConnectionResetError:
            return None
        return int(head.split()[1]) if head else None


def test_a_crashing_module_costs_others_the_answers_in_flight_and_none_in_quarantine():
    with folder() as where:
        config = configuration([{"name": "good", **site(where)}, {"name": "bad", "modules": ["crash"]}],
                               daemon={"quarantine": {"crashes": 3, "window": "1m", "for": "10m"}})
        with serving(config, env={**os.environ, "ASAN_OPTIONS": "handle_abort=0"}) as server:
            load = Load(server.port, targets(where, host="good"), where, c=CLIENTS, t=60, r=200)
            for _ in range(3):
                time.sleep(0.3)
                equal(crash(server), None, "it crashes")
                equal(server.get("/1k", host="good")[0], 200, "the next worker answers")
            in_quarantine = time.monotonic()
            for _ in range(5):
                time.sleep(0.1)
                equal(crash(server), 503, "it is in quarantine")
            result = load.stop()
        only_in_flight(result, 3)
        late = [b for b in result["breaks"] if b["at_ms"] > (in_quarantine - load.begun) * 1000]
        equal(late, [], "broken while the module is in quarantine")


def test_reloads_break_no_answer_and_close_no_connection():
    """Half of the clients ask at once again, half wait a while: theirs are idle when a reload comes."""
    with folder() as where:
        www = site(where)
        config = configuration({**www, "headers": {"X-Generation": "0"}})
        with serving(config) as server:
            loads = [Load(server.port, targets(where), where, c=CLIENTS // 2, t=20 if FULL else 4, i=pause)
                     for pause in (0, 30)]
            generations = []

            def reload():
                config["connection"]["port"] = 0
                generations.append(str(len(generations) + 1))
                config["vhosts"]["headers"]["X-Generation"] = generations[-1]
                write(server.config, json.dumps(config))
                server.process.send_signal(signal.SIGHUP)
                end = time.monotonic() + 10
                while server.get("/1k")[1]["x-generation"] != generations[-1]:
                    assert time.monotonic() < end, "the reload does not come into force"
                    time.sleep(0.01)

            every(0.25, loads[0], reload)
            results = [load.result() for load in loads]
    for result in results:
        equal(result["broken"]["total"], 0, str(result["breaks"]))
        equal((result["connections"], result["closed_told"], result["closed_idle"]), (CLIENTS // 2, 0, 0),
              "opened, closed after an answer, closed between two")
    assert len(generations) >= 4, generations


main()
