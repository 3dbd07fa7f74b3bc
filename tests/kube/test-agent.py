#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: the daemon against the API server's double, without root and runtime: thresholds that are always met give it
something to tell. What passes tell is in the laboratory (tests/lab/test_kubernetes.py)."""

import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, os.pardir, "lab")]
sys.dont_write_bytecode = True

import certificates
import cluster
import double
from double import Fault
from lib.agent import Agent
from tap import equal, main, test, true, wait_for

TYPE = "DiskReclaimFailing"
# Full by their own account: a finding, and hard pressure on bytes and inodes of whatever is below the folder.
HARD = {"evictionHard": "nodefs.available<1000Ti", "evictionPressureTransitionPeriod": "0s"}
CALM = {"evictionHard": "nodefs.available<1", "evictionPressureTransitionPeriod": "0s"}
EXPECTED = {"DiskThresholdAlwaysMet", "DiskPressureHard"}


class Setting(cluster.Cluster):
    """A cluster of one node, and the agent on it. A sanitizer that speaks fails the test at its end."""

    def __exit__(self, problem, *more):
        try:
            for agent in self.agents if problem is None else ():
                agent.stop()
        finally:
            super().__exit__(problem, *more)

    def agent(self, eviction=None, **kubernetes):
        images = os.path.join(self.folder, "images")
        os.makedirs(images, exist_ok=True)
        if "kubeconfig" not in kubernetes:
            kubernetes["kubeconfig"] = self.kubeconfig()
        keys = {"node-name": "node-a", **kubernetes}
        agent = Agent(os.path.join(self.folder, "agent"), {
            "filesystems": {"nodefs": self.folder, "imagefs": images, "sample-interval-max": "200ms"},
            "eviction": HARD if eviction is None else eviction, "kubelet": {"config": "no"},
            "runtime": {"endpoint": f"unix://{self.folder}/no.sock"}, "kubernetes": keys})
        self.stack.callback(agent.kill)
        self.agents.append(agent)
        agent.start(ready=False)
        wait_for(lambda: agent.get("/healthz")[0] == 200, 10, "the daemon serves")
        return agent

    def reasons(self):
        return {one["reason"] for one in self.api.events()}

    def told(self, seconds=15):
        wait_for(lambda: EXPECTED <= self.reasons(), seconds, "events of all that happened")


def works(agent, seconds=0.6):
    """Whatever Kubernetes does: it samples, and answers."""
    before = agent.metric("samples_total")
    time.sleep(seconds)
    true(agent.metric("samples_total") > before, "no samples any more")
    equal(agent.get("/healthz")[0], 200, "GET /healthz")


def only(method, part=""):
    return lambda request: request.method == method and part in request.path


@test
def events(folder):
    with Setting(folder) as it:
        agent = it.agent()
        it.told()
        wait_for(lambda: agent.metric("events_total") >= 2, 5, "events_total")
        for one in (one for one in it.api.events() if one["reason"] in EXPECTED):
            equal(one["regarding"], {"apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "node-a"}, "regarding")
            equal((one["reportingController"], one["reportingInstance"], one["type"]),
                  ("disk-pressure-agent.io/agent", "node-a", "Warning"), "reporter")
            equal((one["metadata"]["namespace"], one["metadata"]["name"][:7]), ("default", "node-a."), "name")
        equal({one.method for one in it.api.requests}, {"POST"}, "methods: nothing is listed or read")
        equal(agent.metric("events_dropped_total"), 0, "events_dropped_total")
        equal(agent.metric("kubernetes_requests_total", code="201"), len(it.api.requests), "requests in the metrics")
        seen = agent.status()["kubernetes"]
        equal((seen["node"], seen["server"], seen["error"]), ("node-a", it.api.url, None), "status")


@test
def idle_asks_nothing(folder):
    with Setting(folder) as it:
        agent = it.agent(CALM)
        time.sleep(3)
        equal((it.api.requests, it.api.connections), ([], 0), "requests, connections")
        agent.stop()


@test
def connection_is_closed_when_all_is_told(folder):
    with Setting(folder) as it:
        it.agent()
        it.told()
        wait_for(lambda: it.api.open_connections() == 0, 20, "no connection is open any more")
        equal(it.api.connections, 1, "connections")


@test
def no_cluster_no_lane(folder):
    with Setting(folder) as it:
        agent = it.agent(kubeconfig="")
        works(agent)
        equal((it.api.requests, agent.status()["kubernetes"]), ([], None), "requests, status")
        true("kube" not in {one["name"] for one in agent.status()["lanes"]}, "there is a lane")


@test
def server_comes_later(folder):
    with Setting(folder) as it:
        it.api.stop()
        agent = it.agent()
        works(agent, 2)
        true(agent.warnings(r"kubernetes: cannot connect to https://.*: Connection refused"), "the log does not say why")
        true("Connection refused" in agent.status()["kubernetes"]["error"], agent.status()["kubernetes"])
        true(agent.metric("kubernetes_requests_total", code="none") >= 1, "no failed requests in the metrics")
        it.api.start()
        it.told()
        agent.wait_line("kubernetes: .* takes requests again")
        equal(agent.status()["kubernetes"]["error"], None, "error in the status")
        equal(len(agent.warnings("kubernetes: cannot connect")), 1, "the same is told once")


@test
def kubeconfig_comes_later(folder):
    with Setting(folder) as it:
        path = os.path.join(folder, "later")
        agent = it.agent(kubeconfig=path)
        agent.wait_line(f"kubernetes: {path}: No such file")
        works(agent)
        os.rename(it.kubeconfig(), path)
        it.told()


def survives(name, fault):
    """The agent does its work, and tells what it has to once the server is well."""
    def one(folder):
        with Setting(folder) as it:
            it.api.fail(fault, times=None)
            agent = it.agent()
            wait_for(lambda: it.api.requests, 10, "requests")
            works(agent)
            it.api.heal()
            it.told(25)
    one.__name__ = f"survives_{name}"
    test(one)


for status in (401, 408, 410, 429, 500, 502, 503, 504):
    survives(status, Fault(status))
for kind in ("close", "reset", "half", "garbage", "endless", "lost"):
    survives(kind, Fault(how=kind))
survives("slowness", Fault(delay=1.5))
survives("retry_after", Fault(429, retry_after=1))


@test
def namespace_that_is_missing(folder):
    """Only people can mend that: the next try is minutes later."""
    with Setting(folder) as it:
        it.api.store.namespaces.clear()
        agent = it.agent()
        agent.wait_line(r"kubernetes: namespaces .*default.* not found \(404\)", 10)
        works(agent, 3)
        equal(len(it.api.requests), 1, "requests")


@test
def refused_for_ever(folder):
    """What the server does not want is not sent again."""
    with Setting(folder) as it:
        it.api.fail(Fault(422), times=None)
        agent = it.agent()
        wait_for(lambda: agent.metric("events_dropped_total") >= 2, 10, "events_dropped_total")
        time.sleep(2)
        bodies = [one.body for one in it.api.requests]
        equal(len(bodies), len(set(bodies)), "events that are sent, and those that are different")
        works(agent)


@test
def hangs(folder):
    """A server that takes connections and says nothing, before and after the handshake."""
    with Setting(folder) as it:
        it.api.stalled = True
        agent = it.agent()
        works(agent, 2)
        begun = time.monotonic()
        agent.stop()
        true(time.monotonic() - begun < 2, "stopping waits for the API server")
        it.api.stalled = False
        it.api.fail(Fault(how="hang"), times=None)
        agent = it.agent()
        wait_for(lambda: it.api.connections >= 2, 10, "a connection")
        works(agent, 1)
        agent.stop()


@test
def wrong_certificates(folder):
    with Setting(folder) as it:
        other = certificates.Authority(os.path.join(folder, "other"), "other")
        it.api.certificate = other.server()
        agent = it.agent()
        agent.wait_line("kubernetes: the certificate of https://.* is not trusted", 10)
        works(agent)
        it.api.certificate = it.authority.server("early", future=True)
        agent.wait_line("is not trusted: .*not yet valid", 15)
        it.api.certificate = it.authority.server("named")
        it.told(25)
        agent.wait_line("takes requests again")


@test
def forbidden(folder):
    with Setting(folder) as it:
        it.api.rights["admin"] = {("get", "", "nodes")}
        agent = it.agent(condition=TYPE)
        agent.wait_line(r"cannot create resource .*events.* a role that allows to create events of events.k8s.io in the "
                        "namespace default is missing", 10)
        agent.wait_line(r"cannot patch resource .*nodes/status.* a role that allows to patch the status of the Node node-a", 10)
        works(agent)
        true(len(it.api.requests) < 8, "it goes on trying", len(it.api.requests))


@test
def the_rights_that_are_needed(folder):
    with Setting(folder) as it:
        it.api.rights["admin"] = double.AGENT_RIGHTS
        it.agent(condition=TYPE)
        it.told()
        wait_for(lambda: it.api.condition("node-a", TYPE), 10, "the condition")
        true(403 not in {one.status for one in it.api.requests}, "something was forbidden")


@test
def token_rotated(folder):
    with Setting(folder) as it:
        it.write("token", "first")
        it.api.tokens["first"] = double.ADMIN
        agent = it.agent(CALM)
        it.api.tokens.pop("first")
        it.api.tokens["second"] = double.ADMIN
        it.write("token", "second")
        agent.reload({"eviction": HARD})
        it.told()
        equal({one.status for one in it.api.requests}, {201}, "statuses")


@test
def condition(folder):
    """Written once, then it is silent; a restart is no transition."""
    with Setting(folder) as it:
        agent = it.agent(CALM, condition=TYPE)
        first = wait_for(lambda: it.api.condition("node-a", TYPE), 10, "the condition")
        equal((first["status"], first["reason"]), ("False", "ReclaimWorks"), "condition")
        time.sleep(2)
        equal([(one.method, one.path) for one in it.api.requests],
              [("GET", "/api/v1/nodes/node-a"), ("PATCH", "/api/v1/nodes/node-a/status")], "requests")
        agent.stop()
        agent.start(ready=False)
        wait_for(lambda: len(it.api.requests) == 4, 10, "the condition is written again")
        second = it.api.condition("node-a", TYPE)
        equal(second["lastTransitionTime"], first["lastTransitionTime"], "lastTransitionTime")
        true(second["lastHeartbeatTime"] > first["lastHeartbeatTime"], "no heartbeat", second)


@test
def condition_of_no_node(folder):
    with Setting(folder) as it:
        agent = it.agent(CALM, **{"condition": TYPE, "node-name": "node-b"})
        agent.wait_line(r'nodes \\?"node-b\\?" not found \(404\); is node-b the name of this Node\?', 10)
        works(agent)


@test
def reloads(folder):
    with Setting(folder) as it:
        agent = it.agent(events="no")
        works(agent, 1)
        equal(it.api.requests, [], "requests")
        agent.reload({"kubernetes": {"condition": TYPE}})
        wait_for(lambda: it.api.condition("node-a", TYPE), 10, "the condition")
        equal(it.api.seen("POST"), [], "events")
        agent.reload({"kubernetes": {"condition": "no", "events": "auto"}, "eviction": CALM})
        agent.wait_line("configuration reloaded", 5)
        time.sleep(0.5)
        agent.reload({"eviction": HARD})
        it.told()
        agent.reload({"kubernetes": {"events": "no"}})
        wait_for(lambda: agent.status()["kubernetes"] is None, 5, "it is switched off")
        # another server, while it is in use
        agent.reload({"kubernetes": {"condition": "DiskPressure"}})
        agent.wait_line("condition: expected no, or a type .* the kubelet writes that condition itself", 5)
        equal(agent.metric("config_last_reload_successful"), 0, "config_last_reload_successful")
        agent.stop()


@test
def insecure_is_warned_about(folder):
    with Setting(folder) as it:
        config = it.kubeconfig({"certificate-authority": None, "insecure-skip-tls-verify": True})
        agent = it.agent(kubeconfig=config)
        true(agent.wait_line("insecure-skip-tls-verify").level in ("warning", "warn", "4"), "level")
        it.told()


@test
def programs_are_refused(folder):
    with Setting(folder) as it:
        agent = it.agent(kubeconfig=it.kubeconfig(user={"exec": {"command": "true"}}))
        agent.wait_line(r"credentials from a program \(exec\) are not supported")
        works(agent)


@test
def names_of_nodes(folder):
    """The others name theirs, so that one environment does for all."""
    with Setting(folder) as it:
        os.environ["NODE_NAME"] = "from-the-environment"
        try:
            agent = it.agent(CALM, **{"node-name": ""})
            equal(agent.status()["kubernetes"]["node"], "from-the-environment", "node")
            agent.stop()
            os.environ["NODE_NAME"] = "No_Node"
            agent = it.agent(CALM, **{"node-name": ""})
            agent.wait_line("No_Node.* cannot be the name of a Node")
            equal(agent.status()["kubernetes"], None, "status")
            agent.stop()
        finally:
            del os.environ["NODE_NAME"]
        agent = it.agent(CALM, **{"node-name": ""})
        equal(agent.status()["kubernetes"]["node"], os.uname().nodename.lower(), "node")


@test
def terminated_within_a_request(folder):
    with Setting(folder) as it:
        it.api.fail(Fault(how="hang"), times=None)
        agent = it.agent()
        wait_for(lambda: it.api.connections, 10, "a connection")
        time.sleep(0.3)
        true(agent.stop(signal.SIGTERM) < 1.5, "it waits for the API server")


if __name__ == "__main__":
    sys.exit(main(certificates.missing(), jobs=8))
