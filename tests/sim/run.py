#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: every scenario here, replayed by both, gives the answer that stands beside it.

run.py --write NAME...    writes the answers of these again (all without NAME): to be read before it is kept
"""

import difflib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("DPA_BIN", "disk-pressure-agent")
ACTORS = ("agent", "kubelet")


def names():
    return sorted(one[:-len(".json")] for one in os.listdir(HERE) if one.endswith(".json"))


def simulate(name, *options):
    done = subprocess.run([BIN, "simulate", os.path.join(HERE, name + ".json"), *options], capture_output=True, text=True, timeout=60)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    return done.stdout


def render(answer):
    """One line an entry, so that differences are read easily."""
    lines = []
    for actor in ACTORS:
        for key, value in answer[actor].items():
            for one in value if isinstance(value, list) else [value]:
                lines.append(json.dumps({actor: {key: one}}))
    return "\n".join(lines) + "\n"


def load(name):
    answer = {actor: {"actions": [], "pulls": [], "levels": []} for actor in ACTORS}
    with open(os.path.join(HERE, name + ".answer.jsonl"), encoding="utf-8") as file:
        for line in file:
            (actor, entry), = json.loads(line).items()
            (key, value), = entry.items()
            if key == "summary":
                answer[actor][key] = value
            else:
                answer[actor].setdefault(key, []).append(value)
    return answer


def check(name):
    both = json.loads(simulate(name, "--json", "--as", "agent,kubelet"))
    expected = load(name)
    if both != expected:
        raise AssertionError("\n".join(difflib.unified_diff(render(expected).splitlines(), render(both).splitlines(),
                                                            "expected", "answer", lineterm="", n=1)))
    for actor in ACTORS:
        alone = json.loads(simulate(name, "--json", "--as", actor))
        if alone != both[actor]:
            raise AssertionError(f"{actor} alone answers otherwise")
        invariants(alone)
    people = simulate(name, "--as", "agent", "--as", "kubelet")
    if "images removed" not in people:
        raise AssertionError(people)


def invariants(answer):
    removals = [one for one in answer["actions"] if one["action"] == "remove"]
    summary = answer["summary"]
    pairs = [(summary["removed"], len(removals)),
             (summary["freedBytes"], sum(one["freedBytes"] for one in removals)),
             (summary["repulledBytes"], sum(one["bytes"] for one in answer["pulls"] if one["again"]))]
    for key in ("actions", "pulls", "levels"):
        times = [one["at"] for one in answer[key]]
        pairs.append((times, sorted(times)))
    for got, expected in pairs:
        if got != expected:
            raise AssertionError(f"{got} and {expected} do not agree")


def refused(arguments, message, text=None):
    done = subprocess.run([BIN, *arguments], input=text, capture_output=True, text=True, timeout=60)
    if done.returncode != 2 or done.stdout or message not in done.stderr:
        raise AssertionError(f"{arguments}: exit {done.returncode}, {done.stdout}{done.stderr}")


def check_refusals():
    minimal = '{"version":1,"filesystems":{"imagefs":{"device":"d","capacityBytes":9}},"policy":{%s}}'
    for arguments, message, text in (
            (["simulate"], 'expected "simulate FILE"', None),
            (["simulate", "a", "b"], 'expected "simulate FILE"', None),
            (["simulate", "/nowhere/it.json"], "/nowhere/it.json: No such file", None),
            (["simulate", HERE], f"{HERE}: Is a directory", None),
            (["simulate", "-", "--as", "nobody"], "--as takes agent, kubelet or both with a comma, not nobody", "{}"),
            (["simulate", "-", "--as", "agent,"], "--as takes", "{}"),
            (["simulate", "-"], "-: not valid JSON", "{"),
            (["simulate", "-"], "-: version: is missing", '{"filesystems":{}}'),
            (["simulate", "-"], "-: policy.imageGCHigh: unknown key; ", minimal % '"imageGCHigh":1'),
            (["simulate", "-"], "-: policy.imageGCHighThresholdPercent: expected", minimal % '"imageGCHighThresholdPercent":101'),
            (["simulate", "-"], "imageGCLowThresholdPercent 70 must be less than imageGCHighThresholdPercent 60",
             minimal % '"imageGCHighThresholdPercent":60,"imageGCLowThresholdPercent":70'),
            (["simulate", "-"], "-: policy: evictionHard: ", minimal % '"evictionHard":{"imagefs.available":"x"}'),
            (["--set", "image-gc.order=x", "simulate", "-"], "--set image-gc.order: expected", minimal % ""),
            (["plan", "--as", "kubelet", "--to", "3"], "--as", None),
            (["gc", "--as", "kubelet"], "an option does not belong to this verb", None)):
        refused(arguments, message, text)


def check_overrides():
    """--set is stronger than the scenario's own policy."""
    answer = json.loads(simulate("fast-fill", "--json", "--set", "image-gc.max-removals-per-pass=1",
                                 "--set", "image-gc.imageGCLowThresholdPercent=59"))
    if answer["summary"]["removed"] != 3:
        raise AssertionError(json.dumps(answer))


COMMAND_LINE = {"what is refused": check_refusals, "overrides": check_overrides}


def write(name):
    answer = json.loads(simulate(name, "--json", "--as", "agent,kubelet"))
    with open(os.path.join(HERE, name + ".answer.jsonl"), "w", encoding="utf-8") as file:
        file.write(render(answer))


def main():
    if sys.argv[1:2] == ["--write"]:
        for name in sys.argv[2:] or names():
            write(name)
        return 0
    failed = 0
    tests = [(name, lambda name=name: check(name)) for name in names()] + list(COMMAND_LINE.items())
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Exception as e:      # a missing answer or a malformed one is a failure like any other
            failed += 1
            print(f"not ok {number} - {name}")
            print("\n".join("# " + line for line in f"{type(e).__name__}: {e}".splitlines()), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
