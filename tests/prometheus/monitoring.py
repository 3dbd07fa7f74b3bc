# SPDX-License-Identifier: Apache-2.0
"""What both checks read: the rules, the dashboard, and what docs/metrics.md says there is; and a runner that prints TAP."""

import json
import os
import re
import traceback

TOP = os.path.abspath(os.environ.get("TOP_SRCDIR", "."))
RULES = os.path.join(TOP, "packaging/prometheus/disk-pressure-agent.rules.yml")
CASES = os.path.join(TOP, "tests/prometheus/alerts.yml")
DASHBOARD = os.path.join(TOP, "packaging/grafana/disk-pressure-agent.json")


class Skip(Exception):
    """Something that the check needs is not here."""


def require(condition, text):
    if not condition:
        raise AssertionError(text)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def read_yaml(path):
    try:
        import yaml
    except ImportError:
        raise Skip("no python3-yaml") from None
    return yaml.safe_load(read(path))


def rules(kind):
    """{name: rule} of the alerts ("alert") or recording rules ("record")."""
    return {rule[kind]: rule for group in read_yaml(RULES)["groups"] for rule in group["rules"] if kind in rule}


def dashboard():
    return json.loads(read(DASHBOARD))


def panel_queries():
    """[(panel's title, expression)]"""
    return [(panel["title"], target["expr"]) for panel in dashboard()["panels"] for target in panel.get("targets", [])]


def documented():
    """{series name: {labels}} of docs/metrics.md."""
    found = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| ([a-z, ]*) ?\|", read("docs/metrics.md"), re.M):
        names = {"histogram": [name + "_bucket", name + "_sum", name + "_count"]}.get(kind, [name])
        for one in names:
            found[one] = set(labels.replace(",", " ").split()) | ({"le"} if one.endswith("_bucket") else set())
    return found


def main(tests):
    print(f"1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        title = f"{number} - {test.__name__.removeprefix('test_')}"
        try:
            test()
            print(f"ok {title}")
        except Skip as why:
            print(f"ok {title} # SKIP {why}")
        except Exception as problem:
            failed += 1
            text = str(problem) if isinstance(problem, AssertionError) else traceback.format_exc()
            print("".join(f"# {line}\n" for line in text.splitlines() if line), end="")
            print(f"not ok {title}", flush=True)
    return failed > 0
