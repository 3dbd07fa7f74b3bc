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
    print(f"1..{len(names())}")
    for number, name in enumerate(names(), 1):
        try:
            check(name)
            print(f"ok {number} - {name}", flush=True)
        except Exception as e:      # a missing answer or a malformed one is a failure like any other
            failed += 1
            print(f"not ok {number} - {name}")
            print("\n".join("# " + line for line in f"{type(e).__name__}: {e}".splitlines()), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
