#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: a real Prometheus scrapes a real agent, and every query of dashboard and rules is answered.

The agent has a runtime that answers as told (tests/unit/cri_double.py) and the filesystem that the test is on.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for one in (HERE, os.path.join(HERE, "../unit"), os.path.join(HERE, "../lab")):
    sys.path.insert(0, one)

import monitoring
from monitoring import RULES, require
from lib import check
from lib.agent import Agent, free_port

try:
    import cri_double as double
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

JOB = "disk-pressure-agent"
# Nothing is to be said where nothing is wrong, and a filesystem that does not fill has no time to it.
MAY_BE_EMPTY = {"Alerts", "Full soonest"}
# A disk may fill beneath the test.
QUIET = {"DiskReclaimFailing", "DiskRuntimeUnreachable", "DiskFilesystemStuck", "DiskKubeletUnguarded",
         "DiskPressureAgentAbsent"}


class Runtime(double.Recorded):
    """Two images, of which one goes when it is told to."""

    def __init__(self, path, store):
        self.images = {"sha256:a": "lab.test/a:1", "sha256:b": "lab.test/b:1"}
        message = double.message
        super().__init__(path, answers={
            double.VERSION: message((2, "cri-o"), (3, "1.37")), double.STATUS: b"",
            double.LIST_IMAGES: lambda _: b"".join(
                message((1, message((1, identity), (2, name), (3, name.split(":")[0] + "@" + digest(identity)), (4, 1000))))
                for identity, name in self.images.items()),
            double.LIST_CONTAINERS: b"", double.LIST_SANDBOXES: b"",
            double.IMAGE_STATUS: self.image_status,
            double.IMAGE_FS_INFO: message((1, message((2, message((1, store))), (3, message((1, 5000)))))),
            double.REMOVE_IMAGE: self.remove})

    def image_status(self, request):
        for identity, name in self.images.items():
            if identity.encode() in request or name.encode() in request:
                return double.message((1, double.message(
                    (1, identity), (2, name), (3, name.split(":")[0] + "@" + digest(identity)), (4, 1000))))
        return b""

    def remove(self, request):
        for identity, name in list(self.images.items()):
            if identity.encode() in request or name.encode() in request:
                del self.images[identity]
        return b""


def digest(identity):
    return "sha256:" + identity[-1] * 64


class Prometheus:
    """With a rule file, on a port and in a folder of its own."""

    def __init__(self, folder, target):
        self.folder, self.port, self.process = folder, free_port(), None
        os.makedirs(folder)
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [RULES],
                       "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}]}]}, file)

    def __enter__(self):
        self.log = open(os.path.join(self.folder, "log"), "wb")     # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["prometheus", "--config.file", os.path.join(self.folder, "prometheus.yml"), "--storage.tsdb.path",
             os.path.join(self.folder, "data"), "--web.listen-address", f"127.0.0.1:{self.port}", "--log.level", "warn"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)
        self.log.close()

    def said(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            return json.load(problem)

    def ask(self, expression):
        """The samples; what cannot be answered is an error that shows the expression."""
        answer = self.get("query", query=expression)
        require(answer["status"] == "success", f"{expression}\n{answer.get('error')}")
        return answer["data"]["result"]

    def has(self, expression):
        try:
            return bool(self.ask(expression))
        except (OSError, ValueError):
            require(self.process.poll() is None, f"Prometheus left:\n{self.said()}")
            return False


class Setup:
    """Runtime, agent and Prometheus; after some passes and scrapes of them."""

    def __init__(self, folder):
        self.folder, self.store = folder, os.path.join(folder, "images")
        os.makedirs(self.store)
        host = os.path.join(folder, "host")
        os.makedirs(host)
        self.runtime = Runtime(os.path.join(folder, "cri.sock"), self.store)
        # The one finding that can be had anywhere: a threshold of ours on a filesystem that is not there.
        self.agent = Agent(os.path.join(folder, "agent"), {
            "filesystems": {"nodefs": folder, "imagefs": self.store, "sample-interval-max": "500ms"},
            "runtime": {"endpoint": f"unix://{self.runtime.socket}", "type": "cri"},
            "kubelet": {"config": "no"},
            "image-gc": {"imageMinimumGCAge": "0s", "imageGCHighThresholdPercent": 99, "imageGCLowThresholdPercent": 98},
            "eviction": {"evictionHard": "nodefs.available<1%,imagefs.available<1%,containerfs.available<1%"}})
        self.prometheus = Prometheus(os.path.join(folder, "prometheus"), f"127.0.0.1:{self.agent.port}")

    def __enter__(self):
        self.runtime.__enter__()
        self.agent.start()
        self.prometheus.__enter__()
        return self

    def __exit__(self, *_):
        self.prometheus.__exit__()
        self.agent.kill()
        self.runtime.__exit__()

    def settle(self):
        """Scrapes before and after a pass that removes, so that there is an increase of everything that counts."""
        check.wait_for(lambda: self.prometheus.has("disk_pressure_images"), 60, "the first scrapes", step=0.2)
        self.agent.verb("gc", "--to", "1", expect=(0, 1))
        check.wait_for(lambda: self.prometheus.has("sum(increase(disk_pressure_gc_runs_total[1m])) > 0"), 30,
                       "a pass is counted", step=0.2)
        check.wait_for(lambda: self.prometheus.has("count_over_time(up[1m]) > 5"), 30, "some scrapes", step=0.2)
        check.wait_for(lambda: self.prometheus.has("job_level:disk_pressure_nodes_under_pressure:count"), 30,
                       "rules are evaluated", step=0.2)

    def expand(self, expression):
        for name, value in {"$job": ".+", "$instance": f"127.0.0.1:{self.agent.port}", "$__rate_interval": "1m"}.items():
            expression = expression.replace(name, value)
        require("$" not in expression, f"a variable that this test does not know: {expression}")
        return expression


setup = None


def all_of(found, what):
    require(not found, f"{what}:\n" + "\n".join(found))


def test_scraped_without_complaint():
    target, = setup.prometheus.get("targets")["data"]["activeTargets"]
    require((target["health"], target["lastError"]) == ("up", ""), f"{target}")
    require(setup.prometheus.has('scrape_samples_scraped > 100'), "Prometheus took all of the page")


def test_documented_series_arrive():
    """Every series that does not depend on Kubernetes or on trouble."""
    depends = {"disk_pressure_kubernetes_requests_total", "disk_pressure_events_total", "disk_pressure_events_dropped_total"}
    if not os.statvfs(setup.store).f_files:
        depends |= {"disk_pressure_filesystem_files", "disk_pressure_filesystem_files_free"}
    all_of([name for name in monitoring.documented() if name not in depends and not setup.prometheus.has(name)], "no samples of")


def test_panels():
    have_inodes, missing = os.statvfs(setup.store).f_files > 0, []
    for title, expression in monitoring.panel_queries():
        may = title in MAY_BE_EMPTY or (title == "Free inodes" and (not have_inodes or 'resource="inodes"' in expression))
        if not setup.prometheus.ask(setup.expand(expression)) and not may:
            missing.append(f"{title}: {expression}")
    all_of(missing, "panels without data")


def test_variables():
    for one in monitoring.dashboard()["templating"]["list"]:
        if one["type"] == "query":
            selector, label = one["definition"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
            answer = setup.prometheus.get(f"label/{label}/values", **{"match[]": setup.expand(selector)})
            require(answer["status"] == "success", f"{one['name']}: {answer}")
            require(answer["data"], f"{one['name']} has nothing to choose from")


def test_records():
    all_of([name for name, rule in monitoring.rules("record").items()
            if not (setup.prometheus.has(name) and setup.prometheus.ask(rule["expr"]))], "recording rules without data")
    mount = setup.prometheus.ask("instance_device:disk_pressure_filesystem_used:ratio")
    require(len(mount) == 1, f"two roles on one filesystem are one line: {mount}")


def test_rules_are_evaluated():
    all_of([f"{rule['name']}: {rule['lastError']}" for group in setup.prometheus.get("rules")["data"]["groups"]
            for rule in group["rules"] if rule["health"] != "ok"], "rules that Prometheus cannot evaluate")


def test_quiet_alerts():
    alerts = monitoring.rules("alert")
    for name, rule in alerts.items():
        found = setup.prometheus.ask(rule["expr"])
        require(name not in QUIET or not found, f"{name} would fire at an agent that is well: {found}")


def test_alert_on_a_finding():
    found, = setup.prometheus.ask(monitoring.rules("alert")["DiskThresholdsMistaken"]["expr"])
    require(found["metric"]["finding"] == "DiskThresholdNeverMet", f"{found}")


def test_alert_on_a_runtime_that_left():
    setup.runtime.__exit__()
    setup.agent.verb("gc", expect=(2,))
    expression = monitoring.rules("alert")["DiskRuntimeUnreachable"]["expr"]
    check.wait_for(lambda: setup.prometheus.has(expression), 30, "DiskRuntimeUnreachable", step=0.2)


def test_alert_on_an_agent_that_left():
    setup.agent.stop()
    expression = monitoring.rules("alert")["DiskPressureAgentAbsent"]["expr"]
    check.wait_for(lambda: setup.prometheus.has(expression), 30, "DiskPressureAgentAbsent", step=0.2)
    require(setup.prometheus.ask(expression)[0]["metric"]["job"] == JOB, "by its job's name")


TESTS = [test_scraped_without_complaint, test_documented_series_arrive, test_panels, test_variables, test_records,
         test_rules_are_evaluated, test_quiet_alerts, test_alert_on_a_finding, test_alert_on_a_runtime_that_left,
         test_alert_on_an_agent_that_left]


def main():
    global setup        # pylint: disable=global-statement
    if not shutil.which("prometheus"):
        print("1..0 # SKIP no prometheus")
        return 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Setup(folder) as setup:
        setup.settle()
        print(f"# settled after {time.monotonic() - begun:.1f} s")
        return monitoring.main(TESTS)


if __name__ == "__main__":
    raise SystemExit(main())
