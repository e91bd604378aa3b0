"""A light that was away sees only the last command of each kind.

Blue, Red and Green are published as set-color, and one firmware command, while the light is away.
When it comes back it gets exactly Green and the firmware command.
"""

import subprocess

from scene import expect, say
from stack import HOST

TOPIC = "lights/kitchen"
COMMANDS = [("set-color", "Blue"), ("set-color", "Red"), ("firmware", "firmware 1.2.3"),
            ("set-color", "Green")]


def publish(port, command_type, payload):
    subprocess.run(["mosquitto_pub", "-h", HOST, "-p", str(port), "-V", "5", "-q", "1", "-t", TOPIC,
                    "-D", "publish", "user-property", "command_type", command_type, "-m", payload],
                   check=True, timeout=30)


def light(port, seconds):
    """The light: connected for some seconds; what it was told meanwhile."""
    done = subprocess.run(["mosquitto_sub", "-h", HOST, "-p", str(port), "-V", "5", "-q", "1",
                           "-i", "light", "-t", "$q/lights/+", "-W", str(seconds)],
                          capture_output=True, text=True, timeout=seconds + 30)
    timed_out = 27  # mosquitto_sub: -W is over, which is how we end it
    expect(done.returncode in (0, timed_out), f"mosquitto_sub: {done.stderr.strip()}")
    return done.stdout.split("\n")[:-1]


def play(stage):
    port = stage.sluice.port
    expect(light(port, 1) == [], "the light was told something before anything was published")
    say("the light was here, and is away now")
    for command_type, payload in COMMANDS:
        publish(port, command_type, payload)
        say(f"-- published {payload} (command_type {command_type})")
    shown = stage.sluice.queue("lights")
    say(f"   queue lights: ready {shown['ready']}")
    expect(shown["ready"] == 2, f"2 live values expected, not {shown['ready']}")
    told = light(port, 2)
    say(f"-- the light is back and got: {', '.join(told)}")
    expect(sorted(told) == ["Green", "firmware 1.2.3"],
           f"expected exactly Green and firmware, not {told}")
    expect(light(port, 1) == [], "the light was told twice")
