"""What scripts/bench runs: the contenders in turn, the median of some rounds, and their ratio."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import mailboxes
from stack import ROOT, Broker, Sluice

TOOLS = ROOT / "build/bench/tests/bench"
FIELDS = ("per_second", "cpu_us_per_message", "p50_ms", "p99_ms")


def load(port, filter_, pids, messages, *more, topic="bench/x"):
    """One run of the load; its figures."""
    command = [TOOLS / "bench_mqtt", "--port", port, "--topic", topic, "--filter", filter_,
               "--messages", messages, *more]
    for pid in pids:
        command += ["--pid", pid]
    out = subprocess.run([str(word) for word in command], check=True, capture_output=True,
                         text=True, timeout=600).stdout
    return json.loads(out)


def median(runs):
    return {field: statistics.median(run[field] for run in runs) for field in FIELDS}


def queue(options, folder):
    broker = Broker(folder / "mosquitto").start()
    sluice = Sluice(folder / "sluice", broker.url, ["--queue", "bench/+", "--log-level", "error"])
    sluice.start()
    try:
        runs = {"sluice": [], "mosquitto": []}
        for _ in range(options.rounds):
            runs["sluice"].append(load(sluice.port, "$q/bench/+", [sluice.pid], options.messages))
            runs["mosquitto"].append(
                load(broker.port, "$share/bench/bench/+", [broker.pid], options.messages))
    finally:
        sluice.stop()
        broker.stop()
    result = {name: median(of_name) for name, of_name in runs.items()}
    result["ratio"] = result["sluice"]["per_second"] / result["mosquitto"]["per_second"]
    if options.json:
        print(json.dumps({"workload": "queue", "messages": options.messages, **result}))
        return
    print(f"{'':10} {'msg/s':>9} {'CPU us/msg':>11} {'p50 ms':>8} {'p99 ms':>8}")
    for name in ("sluice", "mosquitto"):
        per_second, cpu, p50, p99 = (result[name][field] for field in FIELDS)
        print(f"{name:10} {per_second:9.0f} {cpu:11.1f} {p50:8.1f} {p99:8.1f}")
    print(f"ratio to mosquitto: {result['ratio']:.2f}")


# Publishers and how many messages each has open, to the queue that is in a hurry.
FLOODS = ((64, 64), (500, 1000))


def fair(options, folder):
    """One publisher and one consumer, a message at a time, alone and beside a flood to another
    queue: what waits for the same disk must not wait for the flood."""
    broker = Broker(folder / "mosquitto").start()
    sluice = Sluice(folder / "sluice", broker.url,
                    ["--queue", "quiet/+", "--queue", "flood/+", "--log-level", "error"])
    sluice.start()

    def quiet():
        return load(sluice.port, "$q/quiet/+", [], 300, "--producers", "1",
                    "--consumers", "1", "--window", "1", topic="quiet/x")

    try:
        runs = {"alone": quiet()}
        for producers, window in FLOODS:
            flood = subprocess.Popen(
                [str(word) for word in
                 (TOOLS / "bench_mqtt", "--port", sluice.port, "--name", "flood", "--topic",
                  "flood/x", "--filter", "$q/flood/+", "--producers", producers, "--window", window,
                  "--messages", 10**9)], stdout=subprocess.DEVNULL)
            time.sleep(2)
            runs[f"beside {producers} x {window}"] = quiet()
            if flood.poll() is not None:
                raise RuntimeError("the flood ended too early")
            flood.kill()
            flood.wait()
    finally:
        sluice.stop()
        broker.stop()
    if options.json:
        print(json.dumps({"workload": "fair", **runs}))
        return
    print(f"{'':18} {'p50 ms':>8} {'p99 ms':>8}")
    for name, run in runs.items():
        print(f"{name:18} {run['p50_ms']:8.2f} {run['p99_ms']:8.2f}")


def journal(options, folder):
    ingest = ["--json"] if options.json else []
    backlog = ["--messages", "10000000", "--behind", "0,100000,5000000", "--steady", "60000000",
               "--stuck", "20000000"]
    subprocess.run([TOOLS / "bench_journal", "--directory", folder / "journal", *ingest],
                   check=True)
    subprocess.run([TOOLS / "bench_backlog", "--directory", folder / "backlog",
                    *(backlog if options.long else [])], check=True)


def waits(port, pids, clients, run):
    """What clients wait for, and how much memory an idle one takes."""
    command = [TOOLS / "bench_passthrough", "--port", port, "--clients", clients]
    for pid in pids:
        command += ["--pid", pid]
    out = subprocess.run([str(word) for word in command], check=True, capture_output=True,
                         text=True, timeout=300).stdout
    run.update(json.loads(out))


def throughput(port, pids, qos, messages, run):
    """50 clients publish, 50 share what comes."""
    figures = load(port, "$share/bench/bench/+", pids, messages,
                   "--producers", 50, "--consumers", 50, "--qos", qos, "--bytes", 64)
    for field in ("per_second", "cpu_us_per_message"):
        run[f"qos{qos}_{field}"] = figures[field]


def passthrough(options, folder):
    """Direct and through Sluice take turns, each with a broker of its own that is fresh."""
    clients = 5000 if options.long else 1000
    runs = {"direct": [], "sluice": []}
    for n in range(options.rounds):
        for name, of_name in runs.items():
            broker = Broker(folder / f"{name}-{n}").start()
            sluice = None
            try:
                port, pids = broker.port, [broker.pid]
                if name == "sluice":
                    sluice = Sluice(folder / f"proxy-{n}", broker.url, ["--log-level", "error"])
                    sluice.start()
                    port, pids = sluice.port, [sluice.pid]
                run = {}
                waits(port, pids, clients, run)
                for qos in (0, 1):
                    throughput(port, pids, qos, options.messages, run)
                of_name.append(run)
            finally:
                if sluice:
                    sluice.stop()
                broker.stop()
    result = {name: {field: statistics.median(run[field] for run in of_name)
                     for field in of_name[0]} for name, of_name in runs.items()}
    result["ratio"] = {field: result["sluice"][field] / value if value else None
                       for field, value in result["direct"].items()}
    if options.json:
        print(json.dumps({"workload": "passthrough", "clients": clients,
                          "messages": options.messages, "rounds": options.rounds, **result}))
        return
    print(f"{'':24} {'direct':>10} {'sluice':>10} {'ratio':>7}")
    for field, value in result["direct"].items():
        ratio = result["ratio"][field]
        print(f"{field:24} {value:10.2f} {result['sluice'][field]:10.2f} "
              f"{'' if ratio is None else format(ratio, '7.2f')}")


def many_mailboxes(options, folder):
    """As many mailboxes as there are messages; once, since it is about memory."""
    broker = Broker(folder / "mosquitto").start()
    config = folder / "sluice.toml"
    config.write_text(mailboxes.QUEUE.format(idle="1h"))
    sluice = Sluice(folder / "sluice", broker.url,
                    ["--config", str(config), "--log-level", "error"])
    sluice.start()
    try:
        figures, _ = mailboxes.run(sluice, options.messages, 600)
    finally:
        sluice.stop()
        broker.stop()
    if options.json:
        print(json.dumps({"workload": "mailboxes", **figures}))
        return
    for name, value in figures.items():
        print(f"{name:22} {value:12.2f}" if isinstance(value, float) else
              f"{name:22} {value:12}")


WORKLOADS = {"queue": queue, "fair": fair, "mailboxes": many_mailboxes, "journal": journal,
             "passthrough": passthrough}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("workload", nargs="?", choices=sorted(WORKLOADS), default="queue")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--messages", type=int, default=100_000, help="of one run")
    parser.add_argument("--long", action="store_true",
                        help="journal: 10 million messages, up to 5 million behind; "
                             "passthrough: 5,000 clients instead of 1,000")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender")
    options = parser.parse_args()
    # Beside the build, not in /tmp: that may be memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="bench-") as folder:
        WORKLOADS[options.workload](options, pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
