"""Publishes images to images/process and ends when all are acknowledged.

usage: producer.py HOST:PORT COUNT
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scripts" / "demo"))

from scene import Publisher  # noqa: E402
from worker import image  # noqa: E402


def main(address, count):
    publisher = Publisher(address, "producer")
    for number in range(count):
        publisher.publish(number, "images/process", image(number, 1024 << number % 10))
    publisher.finish()
    print(f"{len(publisher.acknowledged)} of {count} images acknowledged", flush=True)


main(sys.argv[1], int(sys.argv[2]))
