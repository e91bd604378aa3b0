"""What scripts/run starts: Mosquitto, Sluice in front of it with three queues, and a scene or you.

usage: main.py [--demo workers|light|burst] [--upstream URL] [--data-dir DIR] [--port N] [--admin N]
"""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import burst
import light
import workers
from scene import Live, SceneFailed, say
from stack import HOST, ROOT, Broker, Sluice, is_free, sluice_binary

SCENES = {"workers": workers, "light": light, "burst": burst}

QUEUES = """\
[[queue]]
name = "images"
filter = "images/+"

[[queue]]
name = "lights"
filter = "lights/+"
last_value = true
key = ["property:command_type"]

[[queue]]
name = "bursts"
filter = "bursts/+"
"""

TRY = """\
Sluice is at mqtt://{host}:{port}, in front of {upstream}; queues images, lights, bursts.
Leave this running and try in other terminals:

  # plain MQTT goes to the broker as ever
  mosquitto_sub -p {port} -t 'news/#' -v
  mosquitto_pub -p {port} -t news/today -m hello

  # a job queue: publish with nobody attached, then start as many workers as you like
  mosquitto_pub -p {port} -q 1 -t images/process -m 'job 1'
  mosquitto_sub -p {port} -q 1 -t '$q/images/+' -v

  # the last command of each kind, for a light that was away
  mosquitto_pub -p {port} -V 5 -q 1 -t lights/kitchen -m Blue {color}
  mosquitto_pub -p {port} -V 5 -q 1 -t lights/kitchen -m Green {color}
  mosquitto_sub -p {port} -q 1 -t '$q/lights/+'

  # what is in the queues
  {binary} queue list --admin http://{host}:{admin}
  {binary} queue show images --json --admin http://{host}:{admin}

Ctrl-C ends it."""


class Stage:
    """The processes of a run, in a folder that goes away unless something failed."""

    def __init__(self, options):
        self.keep = options.data_dir is not None
        if self.keep:
            self.folder = pathlib.Path(options.data_dir)
            self.folder.mkdir(parents=True, exist_ok=True)
        else:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-"))
        config = self.folder / "sluice.toml"
        config.write_text(QUEUES)
        self.broker = None if options.upstream else Broker(self.folder / "mosquitto")
        self.options = options
        self.sluice = None
        self.config = config

    def start(self):
        if self.broker:
            self.broker.start()
        upstream = self.broker.url if self.broker else self.options.upstream
        self.sluice = Sluice(self.folder / "sluice", upstream, ["--config", str(self.config)],
                             listen=self.options.port, admin=self.options.admin)
        self.sluice.start()
        return self

    def end(self):
        for process in (self.sluice, self.broker):
            if process and process.running:
                process.stop()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/run")
    parser.add_argument("--demo", choices=sorted(SCENES), help="play a scene to its end")
    parser.add_argument("--upstream", metavar="URL", help="a broker of yours, mqtt://HOST:PORT")
    parser.add_argument("--data-dir", metavar="DIR", help="keep the queues here")
    parser.add_argument("--port", type=int, help="of Sluice (1884 if it is free)")
    parser.add_argument("--admin", type=int, help="of its HTTP API (8480 if it is free)")
    options = parser.parse_args()
    if options.demo == "workers" and options.upstream:
        parser.error("the workers scene restarts the broker, so it brings its own")
    for name, usual in (("port", 1884), ("admin", 8480)):
        if getattr(options, name) is None:
            setattr(options, name, usual if is_free(usual) else 0)
    return options


def serve(stage):
    sluice = stage.sluice
    binary = pathlib.Path(sluice_binary())
    shown = binary.relative_to(ROOT) if binary.is_relative_to(ROOT) else binary
    say(TRY.format(host=HOST, port=sluice.port, admin=sluice.admin_port, binary=shown,
                   upstream=sluice.upstream,
                   color="-D publish user-property command_type set-color"))
    while sluice.running and (not stage.broker or stage.broker.running):
        time.sleep(0.2)
    raise SceneFailed("a server ended by itself")


def play(name, stage):
    say(f"scene {name}: {SCENES[name].__doc__.splitlines()[0]}")
    began = time.monotonic()
    SCENES[name].play(stage)
    say(f"scene {name} held, in {time.monotonic() - began:.0f} s")


def interrupted(_signal, _frame):
    raise KeyboardInterrupt


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    stage = Stage(options)
    try:
        stage.start()
        play(options.demo, stage) if options.demo else serve(stage)
    except KeyboardInterrupt:
        Live.end()
        return 130 if options.demo else 0
    except (SceneFailed, TimeoutError, RuntimeError) as failure:
        stage.keep = True
        say(f"failed: {failure}\nlogs and data are in {stage.folder}")
        return 1
    finally:
        stage.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
