# SPDX-License-Identifier: Apache-2.0
"""The agent in a pod of a cluster: an API server's double on the node, and the rights that the manifests give."""

import base64
import importlib
import os
import ssl
import sys
import urllib.parse

from lib import apps, check, hostnode, kubelet
from test_pod import TOP, agent_pod

ACCOUNT = "system:serviceaccount:disk-pressure-agent:disk-pressure-agent"


def rights(objects):
    """(verb, group, resource) of every rule in the manifests: that they are bound, check-manifests.py looks at."""
    return {(verb, group, resource) for one in objects if one["kind"].endswith("Role") for rule in one["rules"]
            for verb in rule["verbs"] for group in rule.get("apiGroups", ()) for resource in rule.get("resources", ())}


class Cluster:
    """An API server on the node, which lets the pod's account do what the manifests say."""

    def __init__(self, lab):
        sys.path.insert(0, os.path.join(TOP, "tests/kube"))
        self.certificates, self.double = importlib.import_module("certificates"), importlib.import_module("double")
        if self.certificates.missing():
            raise check.Skip(self.certificates.missing())
        self.authority = self.certificates.Authority(os.path.join(lab.folder, "pki"))
        self.lab, self.api = lab, None

    def start(self, node, objects):
        certificate = self.authority.server(names=(f"IP:{hostnode.GATEWAY}",))
        self.api = self.double.Server(certificate, host="0.0.0.0")
        node.containerd.in_its_network(self.api.start)
        self.lab.stack.callback(self.api.stop)
        self.api.store.add_node("lab-node")
        token = kubelet.token_of("disk-pressure-agent", "disk-pressure-agent")
        self.api.tokens[token] = self.double.Identity(ACCOUNT, "2", ("system:serviceaccounts", "system:authenticated"))
        self.api.rights[ACCOUNT] = rights(objects)
        with open(self.authority.certificate) as file:
            return {"authority": file.read(), "environment": [("KUBERNETES_SERVICE_HOST", hostnode.GATEWAY),
                                                              ("KUBERNETES_SERVICE_PORT", str(self.api.port))]}

    def check_requests(self, *unused):
        """What was asked was allowed, and what is allowed was asked, but for rights that this test had no use for."""
        refused = [one for one in self.api.requests if one.status >= 400]
        check.equal(refused, [], "requests that the rights in the manifests do not cover, or that were wrong")
        check.equal({one.user for one in self.api.requests}, {ACCOUNT}, "who asked")
        used = {right(one) for one in self.api.requests}
        check.equal(self.api.rights[ACCOUNT] - used - set(unused), set(), "rights that nothing made use of")


def right(request):
    where = importlib.import_module("double").locate(urllib.parse.urlsplit(request.path).path)
    return (VERBS[request.method], where.group, where.resource + (f"/{where.subresource}" if where.subresource else ""))


VERBS = {"GET": "get", "POST": "create", "PATCH": "patch"}
CREATE, REPEAT = (("create", "events.k8s.io", "events"), ("patch", "events.k8s.io", "events"))


def test_events(lab):
    """A pass is told to the API server, by the pod's own account and with no more rights than it has."""
    cluster = Cluster(lab)
    node, pod = agent_pod(lab, cluster=cluster.start)
    apps.load(node, 10)
    check.wait_for(lambda: cluster.api.events("DiskReclaimed"), 20, "the event DiskReclaimed")
    event = cluster.api.events("DiskReclaimed")[0]
    check.equal((event["regarding"]["kind"], event["regarding"]["name"], event["metadata"]["namespace"]),
                ("Node", "lab-node", "default"), "what the event is about")
    check.equal(cluster.api.seen("PATCH", "/nodes/"), [], "no condition without the option")
    cluster.check_requests(REPEAT)
    check.equal(pod.probe("readinessProbe"), 200, "readiness")


def test_condition(lab):
    """With options/condition each node has one more condition."""
    cluster = Cluster(lab)
    agent_pod(lab, names=("overlays/containerd", "options/condition"), cluster=cluster.start)
    condition = check.wait_for(lambda: cluster.api.condition("lab-node", "DiskReclaimFailing"), 20, "the condition")
    check.equal(condition["status"], "False", "nothing fails")
    cluster.check_requests(CREATE, REPEAT)


PROMETHEUS = "system:serviceaccount:monitoring:prometheus"


def test_metrics_auth(lab):
    """With options/metrics-auth the pod speaks HTTPS by a Secret, and the cluster says who gets the metrics."""
    cluster, option = Cluster(lab), "options/metrics-auth"
    pki = cluster.certificates.Authority(os.path.join(lab.folder, "served"), "served")

    def start(node, objects):
        objects.append(secret(pki.server(names=(f"DNS:{kubelet.SERVED_NAME}",))))
        more = cluster.start(node, objects)
        for name, user in (("scrape", PROMETHEUS), ("other", "system:serviceaccount:default:other")):
            cluster.api.tokens[name] = cluster.double.Identity(user, "3", ("system:authenticated",))
        cluster.api.store.paths[PROMETHEUS] = {"/metrics"}
        return more

    _, pod = agent_pod(lab, names=("overlays/containerd", option), cluster=start, patches=(f"{option}/daemonset.yaml",))
    check.equal(pod.probe("livenessProbe"), 200, "liveness")
    context = ssl.create_default_context(cafile=pki.certificate)

    def get(path, token=""):
        return pod.get(path, scheme="HTTPS", context=context, headers={"Authorization": f"Bearer {token}"} if token else {})
    code, body = get("/metrics", "scrape")
    check.equal(code, 200, f"GET /metrics with Prometheus' token\n{body[:300]}")
    check.true("disk_pressure_filesystem_size_bytes" in body, "metrics", body[:300])
    for what, wanted in ((("/metrics",), 401), (("/metrics", "nobody's"), 401), (("/metrics", "other"), 403),
                         (("/status", "scrape"), 403), (("/healthz",), 200), (("/readyz",), 200)):
        check.equal(get(*what)[0], wanted, f"GET {what}")
    check.equal(pod.get("/metrics")[0], 0, "plain HTTP")
    check.equal(pod.verb("check")[0], 0, "check in the container, by the socket")
    check.true("may be read" not in pod.log(), "others may not read the key", pod.log())
    cluster.check_requests(CREATE, REPEAT)


def secret(files):
    """As `kubectl create secret` makes it."""
    data = {}
    for name, path in zip(("tls.crt", "tls.key"), files):
        with open(path, "rb") as file:
            data[name] = base64.b64encode(file.read()).decode()
    return {"kind": "Secret", "metadata": {"name": "disk-pressure-agent-tls"}, "data": data}
