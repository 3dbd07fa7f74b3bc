#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: months of random nodes under random rules, replayed by both; oracle.py says what must hold at every step.

months.py [--seed SEED] [--months N] [--only NUMBER] [--days N] [--keep FILE]

The seed is printed, and may be given as SEED in the environment as well. --only repeats one month of it, --keep writes
its scenario, for `disk-pressure-agent simulate FILE`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time

sys.dont_write_bytecode = True      # the tree stays as it is
import oracle
import traffic

BIN = os.environ.get("DPA_BIN", "disk-pressure-agent")


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default=os.environ.get("SEED") or str(time.time_ns() % 1_000_000_007))
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", metavar="FILE")
    return parser.parse_args()


def compose(chosen, number):
    dice = random.Random(f"{chosen.seed} {number}")
    rules = traffic.rules(dice)
    return traffic.month(dice, f"Month {number} of the seed {chosen.seed}.", chosen.days, dice.randint(15, 120), dice.randint(100, 900), rules)


def replay(document, actor):
    done = subprocess.run([BIN, "simulate", "-", "--json", "--as", actor], input=json.dumps(document), capture_output=True,
                          text=True, timeout=300)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def describe(document, actor):
    answer = replay(document, actor)
    oracle.CHECKS[actor](document, answer).run()
    return f"{len(document['events'])} events, {len(answer['actions'])} removals, {len(answer['levels'])} changes of level"


def main():
    chosen = options()
    numbers = [chosen.only] if chosen.only is not None else range(chosen.months)
    print(f"# SEED={chosen.seed}")
    print(f"1..{len(numbers) * len(oracle.CHECKS)}", flush=True)
    failed = 0
    for index, number in enumerate(numbers):
        document = compose(chosen, number)
        if chosen.keep:
            with open(chosen.keep, "w", encoding="utf-8") as file:
                json.dump(document, file)
        for place, actor in enumerate(oracle.CHECKS):
            title = f"{index * len(oracle.CHECKS) + place + 1} - month {number}, {actor}"
            try:
                print(f"ok {title}: {describe(document, actor)}", flush=True)
            except (AssertionError, subprocess.TimeoutExpired) as e:
                failed += 1
                print(f"not ok {title}")
                print("\n".join(f"# {line}" for line in (f"{type(e).__name__}: {e}".splitlines() +
                                 [f"again: months.py --seed {chosen.seed} --days {chosen.days} --only {number} --keep FILE"])), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
