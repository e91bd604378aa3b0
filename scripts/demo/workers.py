"""A worker pool over plain MQTT that loses nothing.

1,000 images go in while, in turn, a worker, Sluice and Mosquitto are killed or restarted. Every
image must have been processed, and every worker must have had a share.
"""

import collections
import math
import random
import sys
import threading

from scene import Live, Publisher, expect, say, wait_until_empty
from stack import ROOT, spawn, wait_for
from worker import image

IMAGES = 1_000
SMALLEST, LARGEST = 1 << 10, 512 << 10
WORKERS = ["w1", "w2", "w3", "w4"]
VICTIM = "w2"
VICTIM_DIES_AFTER = IMAGES // 5
# Half of an even share of what was done while all four were there.
FAIR_SHARE = VICTIM_DIES_AFTER // len(WORKERS) // 2


def sizes(seed=1):
    """Sizes spread evenly over the orders of magnitude, both ends included."""
    rng = random.Random(seed)
    spread = [int(SMALLEST * math.exp(rng.random() * math.log(LARGEST / SMALLEST)))
              for _ in range(IMAGES - 2)]
    return [SMALLEST, LARGEST, *spread]


class Pool:
    """Four worker processes and what their journals say."""

    def __init__(self, address, folder):
        self.journals = {name: folder / f"{name}.journal" for name in WORKERS}
        self.hold = folder / "hold"
        self.processes = {}
        for name, journal in self.journals.items():
            journal.touch()
            hold = [str(self.hold)] if name == VICTIM else []
            self.processes[name] = spawn([sys.executable, str(ROOT / "scripts/demo/worker.py"),
                                          address, name, str(journal), *hold])

    def lines(self, name, word):
        lines = self.journals[name].read_text().split("\n")
        return [line.split()[1] for line in lines if line.startswith(word + " ")]

    def done(self):
        """image -> how often it was processed."""
        return collections.Counter(int(n) for w in WORKERS for n in self.lines(w, "done"))

    def kill_in_the_middle(self):
        """Stops the victim inside its next job and kills it there; returns the image."""
        self.hold.touch()
        open_jobs = lambda: set(self.lines(VICTIM, "start")) - set(self.lines(VICTIM, "done"))
        wait_for(lambda: self.stands_still(open_jobs), 60, f"{VICTIM} to be inside a job")
        job = open_jobs().pop()
        self.processes[VICTIM].kill()
        self.processes[VICTIM].wait()
        return int(job)

    def stands_still(self, open_jobs):
        """True once a job is open and stays so: the victim saw the hold."""
        before = open_jobs()
        threading.Event().wait(0.1)
        return before and before == open_jobs()

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


class Scene:
    def __init__(self, stage):
        self.stage = stage
        self.pool = Pool(stage.sluice.address, stage.folder)
        self.publisher = Publisher(stage.sluice.address, "camera")
        self.victims_job = None

    def publish_all(self):
        for number, size in enumerate(sizes()):
            self.publisher.publish(number, "images/process", image(number, size))
        self.publisher.finish(180)

    def wait_for_done(self, count, within_s=120):
        def reached():
            done = self.pool.done()
            shares = " ".join(f"{w} {len(self.pool.lines(w, 'done'))}" for w in WORKERS)
            Live.show(f"acknowledged {len(self.publisher.acknowledged):4}  "
                      f"processed {len(done):4} ({shares})  "
                      f"again {sum(done.values()) - len(done)}")
            return len(done) >= count

        wait_for(reached, within_s, f"{count} images to be processed")

    def trouble(self):
        """One blow after the other, each while work is going on."""
        self.wait_for_done(VICTIM_DIES_AFTER)
        self.victims_job = self.pool.kill_in_the_middle()
        say(f"-- worker {VICTIM} killed (SIGKILL) while it worked on image {self.victims_job}")
        self.wait_for_done(2 * IMAGES // 5)
        self.stage.sluice.kill()
        say("-- Sluice killed (SIGKILL)")
        self.stage.sluice.start()
        say("-- Sluice started again")
        self.wait_for_done(3 * IMAGES // 5)
        self.stage.broker.stop()
        say("-- Mosquitto stopped")
        self.stage.broker.start()
        say("-- Mosquitto started again")
        self.wait_for_done(IMAGES)

    def judge(self):
        done = self.pool.done()
        acknowledged = self.publisher.acknowledged
        expect(sorted(acknowledged) == list(range(IMAGES)), "an image was not acknowledged once")
        missing = set(range(IMAGES)) - set(done)
        expect(not missing, f"never processed: {sorted(missing)[:10]}")
        expect(self.victims_job in done, "the killed worker's job was not done by another")
        for name in WORKERS:
            share = len(self.pool.lines(name, "done"))
            expect(share >= FAIR_SHARE, f"{name} got only {share} of {IMAGES} images")
            expect(not self.pool.lines(name, "damaged"), f"{name} got a damaged payload")
        shown = wait_until_empty(self.stage.sluice, "images", 60)
        say(f"   processed {len(done)} of {IMAGES}, again {sum(done.values()) - len(done)}; "
            f"queue images: ready {shown['ready']}, in_flight {shown['in_flight']}")


def play(stage):
    say(f"{IMAGES} images of 1 KiB to 512 KiB to images/process, four workers on $q/images/+ "
        f"at {stage.sluice.address}")
    scene = Scene(stage)
    failures = []

    def publish():
        try:
            scene.publish_all()
        except Exception as failure:  # carried over to the scene's own thread
            failures.append(failure)

    publishing = threading.Thread(target=publish, daemon=True)
    try:
        publishing.start()
        scene.trouble()
        publishing.join(180)
        if failures:
            raise failures[0]
        expect(not publishing.is_alive(), "the publisher did not end")
        scene.judge()
    finally:
        scene.pool.end()
