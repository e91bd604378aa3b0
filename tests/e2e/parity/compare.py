"""Runs a script against the broker and through Sluice, and compares what came."""

import difflib
import re

from parity.stage import Stage

QUIET_S = (0.25, 0.7, 2.0)  # with how much patience a script is run again if it differs


def without(name):
    """Leaves a property out of the trace."""
    pattern = re.compile(rf"(?<=[{{ ]){name}=(?:'[^']*'|\"[^\"]*\"|[^,}}]*)(?:, )?")

    def change(line):
        return pattern.sub("", line).replace(", }", "}").replace(" {}", "")

    return change


def no_lines(*starts):
    return lambda lines: [line for line in lines if not line.startswith(starts)]


def each(change):
    return lambda lines: [change(line) for line in lines]


def in_promised_order(lines):
    """A PUBREL answers the client, a PUBLISH doesn't: which comes first is a matter of moments."""
    out, rels = [], []
    for line in lines:
        if line.startswith("PUBREL"):
            rels.append(line)
            continue
        if not line.startswith("PUBLISH"):
            out += rels
            rels = []
        out.append(line)
    return out + rels


def by_qos(lines):
    """HiveMQ has a queue for QoS 0 and one for the others, and answers SUBSCRIBEs, and a client's
    own publishes, side by side with them: what it promises is the order within each."""
    last = [line for line in lines if line.startswith(("PUBACK", "PUBREC", "PUBCOMP"))]
    last += [line for line in lines if line.startswith("PUBREL")]
    last += [line for line in lines if line.startswith("PUBLISH qos=0")]
    rest = [line for line in lines if line not in last]
    subacks = sorted((line for line in rest if line.startswith("SUBACK")), key=suback_id)
    return [subacks.pop(0) if line.startswith("SUBACK") else line for line in rest] + last


def suback_id(line):
    return int(line.split()[1])


REFUSAL = re.compile(r"DISCONNECT reason=0x(81|82|8d|8f|90|94)\b.*")

ORDER = {"mosquitto": in_promised_order, "hivemq": by_qos}

# Every row of the table "Differences from talking to the broker" in docs/guarantees.md, by its
# name: what of a connection's trace it takes away. A script names the rows that it shows.
DIFFERENCES = {
    "says-why": no_lines("DISCONNECT"),
    "strict": no_lines("DISCONNECT", "closed", "nothing came", "PUBACK", "PUBREL", "PUBCOMP",
                       "PINGRESP", "SUBACK", "UNSUBACK", "CONNACK"),
    "will-after-error": no_lines("nothing came", "PUBLISH", "DISCONNECT"),
    "receive-maximum": lambda lines: lines[:5],
    "auth": each(without("reason-string")),
    "auth-ignored": no_lines("CONNACK", "closed", "nothing came"),
    "refused-here": each(lambda line: REFUSAL.sub("DISCONNECT", line)),
    "silent-connect": no_lines("CONNACK present=0 reason=0x0", "CONNACK present=0 reason=0x8",
                               "CONNACK present=0 reason=0x90"),
    "behind-disconnect": no_lines("PUBLISH"),
    "repeats": no_lines("PUBREC", "nothing came"),
}


def run(function, port, number, version, quiet_s):
    stage = Stage(port, number, version, quiet_s)
    try:
        function(stage)
    except Exception as error:  # an answer that the script didn't reckon with is a difference
        stage.note(f"the script ended with {error!r}")
    finally:
        stage.close()
    return stage.traces


def levelled(kind, traces, differences):
    out = {}
    for label, lines in traces.items():
        out[label] = ORDER[kind]([str(line) for line in lines])
        for name in differences:
            out[label] = DIFFERENCES[name](out[label])
    return out


def as_text(traces):
    return [f"[{label}] {line}" for label in sorted(traces) for line in traces[label]]


class Outcome:
    def __init__(self, name, version):
        self.name = name
        self.title = f"{name} ({'5.0' if version == 5 else '3.1.1'})"
        self.runs = 0
        self.difference = None  # text, if there is one
        self.shown = set()  # listed differences that it shows


def compare(kind, number, name, function, version, named, ports, runs=len(QUIET_S)):
    """`ports`: of the broker, of Sluice; `named`: differences that may be; `runs`: at most."""
    outcome = Outcome(name, version)
    for quiet_s in QUIET_S[:runs]:
        outcome.runs += 1
        unique = number * 10 + outcome.runs
        direct, through = (run(function, port, unique, version, quiet_s) for port in ports)
        left, right = (as_text(levelled(kind, t, named)) for t in (direct, through))
        outcome.shown = {name for name in named if shows(kind, name, named, direct, through)}
        if "strict" in outcome.shown and left == right:
            if not any("closed" in lines for lines in through.values()):
                right.append("sluice didn't close")
        if left == right:
            outcome.difference = None
            break
        lines = difflib.unified_diff(left, right, lineterm="", n=50)
        outcome.difference = "\n".join(
            line for line in lines if not line.startswith(("---", "+++", "@@")))
    return outcome


def shows(kind, name, named, direct, through):
    others = [other for other in named if other != name]
    return levelled(kind, direct, others) != levelled(kind, through, others)
