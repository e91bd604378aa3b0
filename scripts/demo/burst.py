"""A burst with nobody attached, then a throttled drain, in little memory.

300,000 small messages go in; then two slow consumers with Receive Maximum 10 take them out, and
never hold more than 10 each.
"""

import sys
import threading

from scene import Live, expect, say, wait_until_empty
from stack import HOST, ROOT, spawn, wait_for

MESSAGES = 300_000
BYTES = 256
PUBLISHERS = 6  # mosquitto_pub -l loses count beyond 65,535 lines
CONSUMERS = ["slow-1", "slow-2"]
RECEIVE_MAXIMUM = 10
MOST_RSS_KIB = 200 * 1024


class Memory:
    """Watches Sluice's memory all through the scene."""

    def __init__(self, sluice):
        self.sluice = sluice
        self.most_anon = 0
        self.last = sluice.memory_kib()
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while not self._over.wait(0.2) and self.sluice.running:
            self.last = self.sluice.memory_kib()
            self.most_anon = max(self.most_anon, self.last["RssAnon"])

    def text(self):
        return f"RSS {self.last['VmRSS'] >> 10} MB (own {self.last['RssAnon'] >> 10} MB)"

    def judge(self):
        self._over.set()
        peak = self.sluice.memory_kib()["VmHWM"]
        say(f"   peak RSS {peak >> 10} MB, of which Sluice's own memory "
            f"{self.most_anon >> 10} MB; the rest is mapped files")
        expect(peak < MOST_RSS_KIB, f"RSS reached {peak >> 10} MB")


def publish_all(stage, memory):
    """mosquitto_pub -l, several at a time: it ends when its last message was acknowledged."""
    lines = stage.folder / "burst.lines"
    lines.write_text("".join(f"{number:08d}".ljust(BYTES, ".") + "\n"
                             for number in range(MESSAGES // PUBLISHERS)))
    running = []
    for publisher in range(PUBLISHERS):
        with lines.open() as source:
            running.append(spawn(["mosquitto_pub", "-h", HOST, "-p", str(stage.sluice.port), "-V",
                                  "5", "-q", "1", "-t", f"bursts/{publisher}", "-l"], stdin=source))
    wait_for(lambda: published(running, stage, memory), 120, "the burst to be acknowledged")
    expect(all(p.returncode == 0 for p in running), "a mosquitto_pub failed")


def published(running, stage, memory):
    shown = stage.sluice.queue("bursts")
    Live.show(f"stored {shown['stored_total']:6}  ready {shown['ready']:6}  {memory.text()}")
    return all(p.poll() is not None for p in running)


class Drain:
    def __init__(self, stage, memory):
        self.stage = stage
        self.memory = memory
        self.counts = {name: stage.folder / f"{name}.counts" for name in CONSUMERS}
        for path in self.counts.values():
            path.write_text("0 0\n")
        self.processes = [
            spawn([sys.executable, str(ROOT / "scripts/demo/slow_consumer.py"),
                   str(stage.sluice.port), name, str(path)]) for name, path in self.counts.items()]
        self.most_in_flight = 0

    def taken(self):
        return [int(path.read_text().split()[0]) for path in self.counts.values()]

    def most_held(self):
        return [int(path.read_text().split()[1]) for path in self.counts.values()]

    def drained(self):
        expect(all(p.poll() is None for p in self.processes), "a consumer lost its connection")
        shown = self.stage.sluice.queue("bursts")
        self.most_in_flight = max(self.most_in_flight, shown["in_flight"])
        Live.show(f"taken {sum(self.taken()):6}  ready {shown['ready']:6}  "
                  f"held at most {max(self.most_held())}  {self.memory.text()}")
        return sum(self.taken()) >= MESSAGES

    def run(self):
        try:
            wait_for(self.drained, 240, "the consumers to drain the queue")
            shown = wait_until_empty(self.stage.sluice, "bursts", 10)
        finally:
            self.end()
        held = self.most_held()
        say(f"   taken {self.taken()}, held at most {held}, in flight at most "
            f"{self.most_in_flight}; ready {shown['ready']}, in_flight {shown['in_flight']}")
        expect(max(held) <= RECEIVE_MAXIMUM, f"a consumer held {max(held)} messages")
        expect(self.most_in_flight <= RECEIVE_MAXIMUM * len(CONSUMERS),
               f"{self.most_in_flight} messages were in flight")
        expect(min(self.taken()) > MESSAGES // 10, "one consumer got hardly anything")

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


def play(stage):
    memory = Memory(stage.sluice)
    say(f"{MESSAGES} messages of {BYTES} bytes, QoS 1, to bursts/+ with nobody attached")
    publish_all(stage, memory)
    shown = stage.sluice.queue("bursts")
    say(f"   stored {shown['stored_total']}, ready {shown['ready']}, {memory.text()}")
    expect(shown["ready"] == MESSAGES, f"{shown['ready']} messages are ready, not {MESSAGES}")
    say(f"two slow consumers on $q/bursts/+, Receive Maximum {RECEIVE_MAXIMUM}")
    Drain(stage, memory).run()
    memory.judge()
