#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: 300 nodes with a bad time at once, on a virtual clock but with real requests, against an API server that throttles,
fails and loses answers: no node asks more than it may, and in the end the last state of each is known."""

import collections
import json
import os
import random
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import certificates
import cluster
from double import Fault
from tap import equal, main, test, true

STORM = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "tests", "kube", "kube-storm")
NODES, MINUTES = int(os.environ.get("STORM_NODES", 300)), 6


def storm(its, seed):
    done = subprocess.run([STORM, its.kubeconfig(), str(NODES), str(MINUTES), str(seed)], capture_output=True, text=True,
                          timeout=400, stdin=subprocess.DEVNULL)
    true(done.returncode == 0 and not done.stderr, f"exit {done.returncode}", done.stderr[-3000:])
    limits, *nodes = map(json.loads, done.stdout.splitlines())
    equal(len(nodes), NODES, "nodes")
    return limits, nodes


def check_node(node, limits, events):
    equal(node["told"] + node["dropped"], node["facts"], f"occurrences of {node['node']} that are told or counted as dropped")
    reasons, windows = len({one["reason"] for one in events}), -(-node["took"] // limits["interval"])
    true(node["requests"] <= limits["burst"] + (reasons + 1) * windows, "requests", node)
    equal(node["inOneSecond"], 1, f"requests of {node['node']} within a second")
    newest = max(events, key=last_time)
    equal((newest["reason"], last_time(newest)), (node["last"], node["lastAt"]), f"last state of {node['node']}")


def last_time(event):
    return event.get("series", {}).get("lastObservedTime") or event["eventTime"]


def by_node(its):
    found = collections.defaultdict(list)
    for event in its.api.events():
        found[event["regarding"]["name"]].append(event)
    return found


@test
def calm_server(folder):
    with cluster.Cluster(folder) as its:
        limits, nodes = storm(its, seed=1)
        events = by_node(its)
        for node in nodes:
            check_node(node, limits, events[node["node"]])
            equal(node["dropped"], 0, f"dropped by {node['node']}")
        equal({one.status for one in its.api.requests} - {200, 201}, set(), "statuses")
        equal(len(its.api.requests), sum(node["requests"] for node in nodes), "requests")
        facts = sum(node["facts"] for node in nodes)
        counted = sum(one.get("series", {}).get("count", 1) for one in its.api.events())
        equal(counted, facts, "occurrences that events count")
        # All nodes begin at the same moment; the first request of each has its own.
        first = {one.body for one in its.api.requests if one.method == "POST"}
        true(len(first) == len(its.api.store.events), "events are created once")


@test
def bad_server(folder):
    """Every third request fails in some way."""
    faults = [Fault(429, retry_after=1), Fault(429), Fault(500), Fault(503), Fault(how="lost"), Fault(how="close"),
              Fault(how="half"), Fault(how="garbage")]
    with cluster.Cluster(folder) as its:
        dice, lock = random.Random(7), threading.Lock()

        def unlucky(_request):
            with lock:
                return dice.random() < 1 / 24
        for fault in faults:
            its.api.fail(fault, times=None, when=unlucky)
        limits, nodes = storm(its, seed=2)
        events = by_node(its)
        for node in nodes:
            check_node(node, limits, events[node["node"]])
        true({429, 500, 503} <= {one.status for one in its.api.requests}, "not all of it failed")


if __name__ == "__main__":
    sys.exit(main(certificates.missing()))
