# SPDX-License-Identifier: Apache-2.0
"""What Kubernetes is told of real reclaiming. The API server is the double of tests/kube, over TLS."""

import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "kube"))

import certificates
import cluster
import double
from double import Fault
from lib import apps, check, proxy
from lib.loopfs import MB

TYPE = "example.com/DiskReclaimFailing"


def make_cluster(lab):
    if certificates.missing():
        raise check.Skip(certificates.missing())
    return lab.stack.enter_context(cluster.Cluster(os.path.join(lab.folder, "kube")))


def make_agent(lab, node, its, **more):
    kubernetes = {"kubeconfig": its.kubeconfig(), "node-name": its.node, **more}
    return lab.agent(node, settings={"kubernetes": kubernetes, "kubelet": {"config": "no"},
                                     "eviction": {"evictionHard": "imagefs.available<1%"}})


def told(its, prefix="DiskReclaim"):
    """[(reason, how often)] in the order of creation."""
    return [(one["reason"], one.get("series", {}).get("count", 1)) for one in its.api.events()
            if one["reason"].startswith(prefix)]


def condition(its):
    found = its.api.condition(its.node, TYPE)
    return found and (found["status"], found["reason"])


def test_reclaim_tells(lab):
    """A reclaim is two events, in its order; nothing is asked besides, and what is told is valid."""
    node, its = lab.node(), make_cluster(lab)
    apps.load(node, 5)
    its.api.rights["admin"] = double.AGENT_RIGHTS
    agent = make_agent(lab, node, its, condition=TYPE).start()
    check.wait_for(lambda: node.fs.used_percent() <= 40, 20, "the disk is relieved")
    check.wait_for(lambda: len(told(its)) == 2, 10, "the events")
    check.equal(told(its), [("DiskReclaimStarted", 1), ("DiskReclaimed", 1)], "events")
    first, second = (one for one in its.api.events() if one["reason"].startswith("DiskReclaim"))
    check.equal((first["type"], first["note"]),
                ("Normal", "imagefs: 60% of space used: unused images are removed until it is 40%"), "begin")
    check.equal((second["type"], second["note"]),
                ("Normal", "imagefs: unused images were removed, the target is reached"), "end")
    check.true(first["eventTime"] < second["eventTime"], "times", first["eventTime"], second["eventTime"])
    check.wait_for(lambda: condition(its) == ("False", "ReclaimWorks"), 10, "the condition")
    check.equal({one.status for one in its.api.requests} - {200, 201}, set(), "statuses")
    requests = len(its.api.requests)
    time.sleep(3)
    check.equal(len(its.api.requests), requests, "requests while nothing happens")
    check.equal(agent.metric("events_total", reason="DiskReclaimed"), 1, "events_total")


def test_futile_tells_once(lab):
    """Passes that cannot help are one event; the condition is True as long as it is so."""
    node, its = lab.node(), make_cluster(lab)
    apps.load(node, 1)
    ballast = os.path.join(node.fs.path, "ballast")
    agent = make_agent(lab, node, its, condition=TYPE).start()
    check.wait_for(lambda: condition(its) == ("False", "ReclaimWorks"), 15, "the condition before")
    time.sleep(1.5)     # the image comes of age
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 170 * MB)
    check.wait_for(lambda: agent.passes_done(result="futile") >= 3, 30, "several passes")
    check.wait_for(lambda: len(told(its)) == 2, 10, "the events")
    check.equal([reason for reason, _ in told(its)], ["DiskReclaimStarted", "DiskReclaimFutile"], "events")
    check.equal(told(its)[0][1], 1, "begins that are told")
    check.equal(its.api.seen("PATCH", "events"), [], "updates: that it lasts is no news")
    check.equal(len(node.names()), 1, "images left")
    check.wait_for(lambda: condition(its) == ("True", "ReclaimFutile"), 40, "the condition meanwhile")
    since = its.api.condition(its.node, TYPE)["lastTransitionTime"]
    os.unlink(ballast)
    check.wait_for(lambda: condition(its) == ("False", "ReclaimWorks"), 45, "the condition afterwards")
    check.true(its.api.condition(its.node, TYPE)["lastTransitionTime"] > since, "the transition is told")


def test_reclaims_without_the_server(lab):
    """The server is away, or worse: the reclaim is as quick as ever, and its end is known afterwards."""
    node, its = lab.node(), make_cluster(lab)
    apps.load(node, 2)
    faults = [None, Fault(how="hang"), Fault(500), Fault(how="garbage"), Fault(how="drip")]
    agent = make_agent(lab, node, its, condition=TYPE).start()
    check.wait_for(lambda: condition(its), 10, "the condition")
    for number, fault in enumerate(faults, 1):
        if fault:
            its.api.fail(fault, times=None)
        else:
            its.api.stop()
        apps.load(node, 3, first=10 * number)
        check.wait_for(lambda: node.fs.used_percent() < 60, 30, f"the disk is relieved ({number})")
        check.equal(agent.get("/healthz")[0], 200, "GET /healthz")
        samples = agent.metric("samples_total")
        check.wait_for(lambda: agent.metric("samples_total") > samples + 1, 15, "samples go on")
        its.api.heal()
        if not fault:
            its.api.start()
    done = agent.passes_done(result="reached") + agent.passes_done(result="partial")
    check.at_least(done, len(faults), "passes")
    check.wait_for(lambda: sum(count for reason, count in told(its) if reason in ("DiskReclaimed", "DiskReclaimPartial")) >= done,
                   60, "all passes are told")
    check.equal(agent.metric("events_dropped_total"), 0, "events_dropped_total")
    check.at_most(len(told(its)), 2 * done, "events")


def test_service_account(lab):
    """In a pod nothing has to be configured: the service account's files and two variables do."""
    node, its = lab.node(), make_cluster(lab)
    apps.load(node, 5)
    account = os.path.join(its.folder, "account")
    os.makedirs(account)
    for name, text in (("token", "admintoken"), ("ca.crt", open(its.authority.certificate).read())):
        with open(os.path.join(account, name), "w") as file:
            file.write(text)
    os.environ.update(KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=str(its.api.port), NODE_NAME=its.node)
    agent = lab.agent(node, settings={"kubelet": {"config": "no"}})
    plain, place = agent.command, "/run/secrets/kubernetes.io"
    agent.command = lambda *more: ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /run && mkdir -p {place} && "
                                   f'ln -s {account} {place}/serviceaccount && exec "$@"', "sh", *plain(*more)]
    agent.start()
    check.wait_for(lambda: len(told(its)) == 2, 20, "the events")
    check.equal(agent.status()["kubernetes"]["server"], f"https://127.0.0.1:{its.api.port}", "server")


def test_killed_in_the_middle(lab):
    """kill -9 between the begin and the end of a pass: the next agent begins anew, and tells how that ends."""
    node, its = lab.node(), make_cluster(lab)
    apps.load(node, 5)
    door = lab.proxy(node, before=lambda method, _: time.sleep(5 if method == proxy.REMOVE_IMAGE else 0))
    agent = make_agent(lab, node, its)
    agent.write_config({"runtime": {"endpoint": f"unix://{door.socket}"}})
    agent.start()
    check.wait_for(lambda: told(its), 20, "an event")
    agent.kill()
    door.before = None
    agent.start()
    check.wait_for(lambda: node.fs.used_percent() < 60, 20, "the disk is relieved")
    check.wait_for(lambda: told(its)[-1][0] in ("DiskReclaimed", "DiskReclaimPartial"), 10, "how it ended")
    check.equal([reason for reason, _ in told(its)][:-1], ["DiskReclaimStarted"] * 2, "events before that")
    check.equal({one.status for one in its.api.requests}, {201}, "statuses")
