#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: every scenario of scenarios/, replayed by both, gives the answer that stands beside it, and all together the README's table.

run.py --write NAME...    writes the answers of these again (all without NAME): to be read before it is kept
run.py --write-table      writes the table in the README again

Of scenarios that compose.py makes there is the summary alone: nobody reads the rest.
"""

import difflib
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True      # the tree stays as it is
import compose

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(HERE, "scenarios")
TOP = os.path.dirname(os.path.dirname(HERE))
BIN = os.environ.get("DPA_BIN", "disk-pressure-agent")
ACTORS = ("agent", "kubelet")


def names():
    return sorted(one[:-len(".json")] for one in os.listdir(SCENARIOS) if one.endswith(".json"))


def path_of(name):
    return os.path.join(SCENARIOS, name + ".json")


def simulate(name, *options):
    return run(path_of(name), *options)


def run(*arguments, text=None):
    done = subprocess.run([BIN, "simulate", *arguments], input=text, capture_output=True, text=True, timeout=60)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    return done.stdout


def answers(name):
    """Of both, as much as is kept."""
    both = json.loads(simulate(name, "--json", "--as", "agent,kubelet"))
    if name in compose.COMPOSED:
        return {actor: {"summary": both[actor]["summary"]} for actor in ACTORS}
    return both


def render(answer):
    """One line an entry, so that differences are read easily."""
    lines = []
    for actor in ACTORS:
        for key, value in answer[actor].items():
            for one in value if isinstance(value, list) else [value]:
                lines.append(json.dumps({actor: {key: one}}))
    return "\n".join(lines) + "\n"


def load(name):
    lists = () if name in compose.COMPOSED else ("actions", "pulls", "levels")
    answer = {actor: {key: [] for key in lists} for actor in ACTORS}
    with open(os.path.join(SCENARIOS, name + ".answer.jsonl"), encoding="utf-8") as file:
        for line in file:
            (actor, entry), = json.loads(line).items()
            (key, value), = entry.items()
            if key == "summary":
                answer[actor][key] = value
            else:
                answer[actor].setdefault(key, []).append(value)
    return answer


def check(name):
    both = answers(name)
    expected = load(name)
    if both != expected:
        raise AssertionError("\n".join(difflib.unified_diff(render(expected).splitlines(), render(both).splitlines(),
                                                            "expected", "answer", lineterm="", n=1)))
    for actor in ACTORS:
        alone = json.loads(simulate(name, "--json", "--as", actor))
        if {key: alone[key] for key in both[actor]} != both[actor]:
            raise AssertionError(f"{actor} alone answers otherwise")
        invariants(alone)
    people = simulate(name, "--as", "agent", "--as", "kubelet")
    with open(path_of(name), encoding="utf-8") as file:
        description = json.load(file)["description"]
    if not people.startswith(description + "\n\n") or "images removed" not in people:
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
            (["simulate", "--compare"], 'expected "simulate --compare FILE..."', None),
            (["simulate", "--compare", path_of("churn"), "/nowhere/it.json"], "/nowhere/it.json: No such file", None),
            (["simulate", "--compare", "-"], "-: version: is missing", '{"filesystems":{}}'),
            (["plan", "--compare"], "an option does not belong to this verb", None),
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
            (["simulate", "-"], "-: policy.evictionHard: ", minimal % '"evictionHard":{"imagefs.available":"x"}'),
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


def check_minimal():
    """What is absent has a default."""
    text = json.dumps({"version": 1, "filesystems": {"imagefs": {"device": "d", "capacityBytes": 1000}},
                       "images": [{"id": "a", "sizeBytes": 800, "firstSeen": -1000, "digests": []}, {"id": "b", "sizeBytes": 100}]})
    for actor in ACTORS:
        answer = json.loads(run("-", "--json", "--as", actor, text=text))
        if [(one["at"], one["image"], one["freedBytes"]) for one in answer["actions"]] != [(0, "a", 800)] or answer["pulls"]:
            raise AssertionError(f"{actor}: {answer}")


def check_composed():
    for name in compose.COMPOSED:
        with open(path_of(name), encoding="utf-8") as file:
            if file.read() != compose.compose(name):
                raise AssertionError(f"{name}: compose.py makes another one")


def check_descriptions():
    for name in names():
        with open(path_of(name), encoding="utf-8") as file:
            if not json.load(file)["description"].endswith("."):
                raise AssertionError(f"{name}: no sentence describes it")


def check_compare():
    """What --compare says of each is what its own replay says."""
    chosen = ["churn", "other-data", "nine-images"]
    both = json.loads(run("--compare", "--json", *map(path_of, chosen)))["scenarios"]
    for name, one in zip(chosen, both, strict=True):
        if one != {"name": name, "description": one["description"], **{actor: load(name)[actor]["summary"] for actor in ACTORS}}:
            raise AssertionError(json.dumps(one))
    alone = json.loads(run("--compare", "--as", "kubelet", "--json", path_of("churn")))["scenarios"]
    if list(alone[0]) != ["name", "description", "kubelet"]:
        raise AssertionError(json.dumps(alone))
    if "agent" in run("--compare", "--as", "kubelet", path_of("churn")):
        raise AssertionError("a column of the agent that nobody asked for")


# --- the README's table ------------------------------------------------------------------------------

TABLE_COMMAND = "disk-pressure-agent simulate --compare tests/sim/scenarios/*.json"


def readme():
    """The README before the table, the table, and the rest."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        text = file.read()
    begin = text.index(f"$ {TABLE_COMMAND}\n") + len(f"$ {TABLE_COMMAND}\n")
    end = text.index("```", begin)
    return text[:begin], text[begin:end], text[end:]


def table():
    return run("--compare", *map(path_of, names()))


def check_table():
    _, shown, _ = readme()
    if shown != table():
        raise AssertionError("\n".join(difflib.unified_diff(shown.splitlines(), table().splitlines(), "README.md", TABLE_COMMAND,
                                                            lineterm="", n=0)))


def write_table():
    before, _, after = readme()
    text = before + table() + after
    with open(os.path.join(TOP, "README.md"), "w", encoding="utf-8") as file:
        file.write(text)


def write(name):
    answer = answers(name)
    with open(os.path.join(SCENARIOS, name + ".answer.jsonl"), "w", encoding="utf-8") as file:
        file.write(render(answer))


COMMAND_LINE = {"what is refused": check_refusals, "overrides": check_overrides, "a minimal document": check_minimal,
                "composed ones are what compose.py makes": check_composed, "all are described": check_descriptions,
                "--compare": check_compare, "the README's table is what --compare prints": check_table}


def main():
    if sys.argv[1:] == ["--write-table"]:
        write_table()
        return 0
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
