#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: the alerts fire when they should, each has cases and a page, and rules and dashboard ask for what there is."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import monitoring
from monitoring import CASES, RULES, TOP, Skip, read, read_yaml, require, rules

# Labels that are the scrape's, or made by Prometheus.
SCRAPED = {"job", "instance", "node"}
OTHERS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
WORDS = {"and", "or", "unless", "on", "ignoring", "by", "without", "group_left", "group_right", "bool", "offset", "Inf"}
SECTIONS = ["What it means", "How to look", "What to do", "It worked when"]


def promtool(*arguments):
    if not shutil.which("promtool"):
        raise Skip("no promtool")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_rules_are_valid():
    code, said = promtool("check", "rules", RULES)
    require(code == 0, said)


def test_cases():
    code, said = promtool("test", "rules", CASES)
    require(code == 0, said)


def cases_fail_with(name, changes):
    """Whether the cases notice that the rule of that name is another one."""
    import yaml
    document = read_yaml(RULES)
    for group in document["groups"]:
        for rule in group["rules"]:
            if name in (rule.get("alert"), rule.get("record")):
                rule.update(changes)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "rules.yml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(document, file)
        with open(os.path.join(folder, "cases.yml"), "w", encoding="utf-8") as file:
            file.write(re.sub(r"^- \S+/disk-pressure-agent\.rules\.yml$", "- rules.yml", read(CASES), flags=re.M))
        code, said = promtool("test", "rules", os.path.join(folder, "cases.yml"))
    require(code in (0, 1) and "yaml: " not in said and "parse error" not in said, said)
    return code == 1


def test_cases_notice():
    """What never fires or does so at once is seen: so each has a case of either kind. promtool compares what they say."""
    require(not cases_fail_with("none of this name", {}), "the cases fail with rules as they are")
    for name in rules("alert"):
        require(cases_fail_with(name, {"expr": "vector(1) < 0"}), f"no case in which {name} fires")
        require(cases_fail_with(name, {"for": "0s"}), f"no case in which {name} waits")
    for name in rules("record"):
        require(cases_fail_with(name, {"expr": "vector(1) < 0"}), f"no case has {name}")


def test_alerts_are_complete():
    for name, rule in rules("alert").items():
        require(rule["labels"] in ({"severity": "warning"}, {"severity": "critical"}), f"labels of {name}: {rule['labels']}")
        require(set(rule["annotations"]) == {"summary", "description", "runbook_url"}, f"annotations of {name}")
        require(rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md", f"runbook_url of {name}")


def test_runbooks():
    alerts = rules("alert")
    pages = {name.removesuffix(".md") for name in os.listdir(os.path.join(TOP, "docs/runbooks"))} - {"README"}
    require(pages == set(alerts), f"pages {sorted(pages)}, alerts {sorted(alerts)}")
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", read("docs/runbooks/README.md"), re.M)
    wanted = {(name, name, rule["labels"]["severity"]) for name, rule in alerts.items()}
    require(set(listed) == wanted, f"docs/runbooks/README.md: {set(listed) ^ wanted}")
    makefile = read("Makefile.am")
    for page in pages:
        text = read(f"docs/runbooks/{page}.md")
        require(text.splitlines()[1] == f"# {page}", f"title of {page}")
        require(re.findall(r"^## (.*)$", text, re.M) == SECTIONS, f"sections of {page}")
        for link in re.findall(r"\]\(([^)]+)\)", text):
            require(os.path.exists(os.path.join(TOP, "docs/runbooks", link)), f"{page} links to {link}")
        require(f"docs/runbooks/{page}.md" in makefile, f"Makefile.am does not install {page}")


def test_runbooks_name_what_exists():
    known = set(monitoring.documented()) | {name.rsplit("_", 1)[0] for name in monitoring.documented() if name.endswith("_bucket")}
    for page in os.listdir(os.path.join(TOP, "docs/runbooks")):
        for name in re.findall(r"`(disk_pressure_\w+)", read(f"docs/runbooks/{page}")):
            require(name in known, f"{page}: no metric {name}")


def test_prometheus_rule_is_the_rules():
    done = subprocess.run([os.environ.get("AWK", "awk"), "-f", os.path.join(TOP, "scripts/prometheus-rule.awk"), RULES],
                          capture_output=True, text=True, timeout=20, check=True)
    path = "packaging/kubernetes/options/prometheusrule/prometheusrule.yaml"
    require(read(path) == done.stdout, f"{path} is not what `make prometheus-rule` makes")
    require(read_yaml(path)["spec"] == read_yaml(RULES), "the object's spec is not the rules")


def selectors(expression):
    """[(series name, {label of a matcher})], and what else is named in by() and the like: {label}."""
    plain = re.sub(r"\[[^\]]*\]", "", expression)
    found, grouped = [], set()
    for name, matchers in re.findall(r"([a-zA-Z_][\w:]*)\s*(\{[^}]*\})?(?!\w*\s*\()", re.sub(
            r"\b(?:on|by|without|group_left|ignoring)\s*\(([^)]*)\)", lambda m: grouped.update(re.findall(r"\w+", m[1])) or "", plain)):
        if name not in WORDS and not re.search(rf"(?<![\w:]){re.escape(name)}\s*\(", plain):
            found.append((name, set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)', matchers))))
    return found, grouped


def test_queries_name_what_exists():
    have = {**monitoring.documented(), **OTHERS, **{name: {"device", "mountpoint", "level"} for name in rules("record")}}
    queries = monitoring.panel_queries() + [(name, rule["expr"]) for kind in ("alert", "record") for name, rule in rules(kind).items()]
    asked = set()
    for where, expression in queries:
        named, grouped = selectors(expression)
        require(named, f"{where}: names nothing: {expression}")
        labels = set(SCRAPED)
        for name, matched in named:
            require(name in have, f"{where}: there is no {name}")
            require(matched <= have[name] | SCRAPED, f"{where}: {name} has no label {matched - have[name] - SCRAPED}")
            labels |= have[name]
            asked.add(name)
        require(grouped <= labels, f"{where}: nothing there has the label {grouped - labels}")
    require(len(asked) > 30, f"the checker found only {sorted(asked)}")


def test_dashboard_is_neat():
    page = monitoring.dashboard()
    panels = page["panels"]
    require(len({panel["id"] for panel in panels}) == len(panels), "an id twice")
    taken = {}
    for panel in panels:
        place, what = panel["gridPos"], panel["title"]
        require(place["x"] + place["w"] <= 24, f"{what} is too wide")
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
            require(cell not in taken, f"{what} covers {taken.get(cell)}")
            taken[cell] = what
        if panel["type"] != "row":
            require(panel["description"] and panel["fieldConfig"]["defaults"]["unit"], f"{what}: description, unit")
            require(panel["datasource"]["uid"] == "${datasource}", f"{what}: data source")
            require(panel["targets"], f"{what} asks nothing")
    variables = {one["name"] for one in page["templating"]["list"]}
    for where, expression in monitoring.panel_queries():
        used = set(re.findall(r"\$(\w+)", expression)) - {"__rate_interval"}
        require(used <= variables, f"{where}: {used - variables}")
        require("job" in used or expression.startswith("ALERTS"), f"{where} is not of the chosen jobs: {expression}")


TESTS = [test_rules_are_valid, test_cases, test_cases_notice, test_alerts_are_complete, test_runbooks,
         test_runbooks_name_what_exists, test_prometheus_rule_is_the_rules, test_queries_name_what_exists,
         test_dashboard_is_neat]

if __name__ == "__main__":
    raise SystemExit(monitoring.main(TESTS))
