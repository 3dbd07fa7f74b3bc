#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: packaging/kubernetes as kubectl renders it: what is in it, whom it trusts with what, and that its parts fit."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

TOP = os.path.abspath(os.environ.get("TOP_SRCDIR", "."))
PROGRAM = os.path.abspath(os.environ.get("DPA_BIN", "./disk-pressure-agent"))
KUBERNETES = os.path.join(TOP, "packaging/kubernetes")
sys.path.insert(0, os.path.join(TOP, "tests/lab"))
sys.dont_write_bytecode = True

from lib import check, kubelet      # the laboratory's reader of pod templates needs nothing of a laboratory

NAMESPACE = "disk-pressure-agent"
OVERLAYS = sorted(os.listdir(os.path.join(KUBERNETES, "overlays")))
BASE = {("Namespace", NAMESPACE), ("ResourceQuota", "system-node-critical"), ("ServiceAccount", NAMESPACE),
        ("Role", "disk-pressure-agent-events"), ("RoleBinding", "disk-pressure-agent-events"),
        ("ConfigMap", "disk-pressure-agent-config"), ("DaemonSet", NAMESPACE), ("NetworkPolicy", NAMESPACE)}
OPTIONS = {"condition": {("ConfigMap", "disk-pressure-agent-condition"), ("ClusterRole", "disk-pressure-agent-condition"),
                         ("ClusterRoleBinding", "disk-pressure-agent-condition")},
           "metrics-auth": {("ConfigMap", "disk-pressure-agent-metrics-auth"),
                            ("ClusterRole", "disk-pressure-agent-metrics-auth"),
                            ("ClusterRole", "disk-pressure-agent-metrics-reader"),
                            ("ClusterRoleBinding", "disk-pressure-agent-metrics-auth")},
           "podmonitor": {("PodMonitor", NAMESPACE)},
           "prometheusrule": {("PrometheusRule", NAMESPACE)},
           "servicemonitor": {("Service", NAMESPACE), ("ServiceMonitor", NAMESPACE)}}
CLUSTERED = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
VERSIONS = {"Namespace": "v1", "ResourceQuota": "v1", "ServiceAccount": "v1", "ConfigMap": "v1", "Service": "v1",
            "DaemonSet": "apps/v1", "NetworkPolicy": "networking.k8s.io/v1", "PodMonitor": "monitoring.coreos.com/v1",
            "PrometheusRule": "monitoring.coreos.com/v1", "ServiceMonitor": "monitoring.coreos.com/v1",
            **dict.fromkeys(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), "rbac.authorization.k8s.io/v1")}
# What kubectl 1.20 understands, too: it is Debian 12's. `resources` takes no folders there.
KUSTOMIZATION_FIELDS = {"apiVersion", "kind", "resources", "bases", "configMapGenerator", "images", "configurations",
                        "patchesStrategicMerge"}


rendered = {}


def objects(name):
    if name not in rendered:
        rendered[name] = kubelet.render(os.path.join(KUBERNETES, name))
    return rendered[name]


def everything():
    for name in [f"overlays/{one}" for one in OVERLAYS] + [f"options/{one}" for one in OPTIONS]:
        for one in objects(name):
            yield name, one


def plain_name(one):
    """Without the digest that kustomize puts behind the name of a generated ConfigMap."""
    name = one["metadata"]["name"]
    return re.sub(r"-[a-z0-9]{10}$", "", name) if one["kind"] == "ConfigMap" else name


def template(name="overlays/containerd"):
    return kubelet.read_template(kubelet.find(objects(name), "DaemonSet")["spec"]["template"])


# --- what there is -------------------------------------------------------------------------------------------

def test_inventory():
    check.equal(OVERLAYS, ["containerd", "crio", "docker", "k3s"], "overlays")
    check.equal(sorted(os.listdir(os.path.join(KUBERNETES, "options"))), sorted(OPTIONS), "options")
    for one in OVERLAYS:
        check.equal({(each["kind"], plain_name(each)) for each in objects(f"overlays/{one}")}, BASE, f"objects of {one}")
    for one, wanted in OPTIONS.items():
        check.equal({(each["kind"], plain_name(each)) for each in objects(f"options/{one}")}, wanted, f"objects of {one}")


def test_names_and_places():
    for name, one in everything():
        what = f"{name}: {one['kind']} {one['metadata']['name']}"
        check.equal(one["apiVersion"], VERSIONS[one["kind"]], f"apiVersion of {what}")
        if one["kind"] != "ConfigMap" or name.startswith("options/"):       # kustomize makes the other one
            check.equal(one["metadata"]["labels"]["app.kubernetes.io/name"], NAMESPACE, f"label of {what}")
        if one["kind"] in CLUSTERED:
            check.true("namespace" not in one["metadata"], f"{what} has no namespace")
        else:
            events = one["metadata"]["name"] == "disk-pressure-agent-events"
            check.equal(one["metadata"]["namespace"], "default" if events else NAMESPACE, f"namespace of {what}")


def test_order():
    """kubectl applies in this order: the namespace comes before what is in it."""
    for one in OVERLAYS:
        kinds = [each["kind"] for each in objects(f"overlays/{one}")]
        check.equal(kinds[0], "Namespace", f"first object of {one}")


# What has kubectl read an object into the types of Kubernetes' own, without a cluster, and print it again.
TYPED = {"DaemonSet": ["env", "CHECK=1"], "RoleBinding": ["subject", "--user=check"],
         "ClusterRoleBinding": ["subject", "--user=check"], "Service": ["selector", "check=1"]}


def lost(before, after, where):
    """Fields that are not there any more, and values that became others; empty ones may go."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [one for key, value in before.items() if value or key in after
                for one in lost(value, after.get(key), f"{where}.{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(after) >= len(before):
        return [one for number, value in enumerate(before) for one in lost(value, after[number], f"{where}[{number}]")]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


def through_types(one):
    import yaml
    command = [kubelet.kubectl(), "set", TYPED[one["kind"]][0], "--local", "-f", "-", "-o", "yaml", TYPED[one["kind"]][1]]
    done = subprocess.run(command, input=yaml.safe_dump(one), capture_output=True, text=True, timeout=60)
    check.equal(done.returncode, 0, f"{' '.join(command)}: {done.stderr}")
    return yaml.safe_load(done.stdout)


def test_types_of_kubernetes():
    """Every field is one that Kubernetes knows; a field of nobody's shows that the check does."""
    for name, one in everything():
        if one["kind"] not in TYPED:
            continue
        after = through_types(one)
        if one["kind"] == "Service":
            after["spec"]["selector"] = one["spec"]["selector"]     # that was set to something else
        check.equal(lost(one, after, f"{name}: {one['kind']}"), [], "fields")
    template = kubelet.find(objects("overlays/containerd"), "DaemonSet")["spec"]["template"]
    wrong = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "wrong"}, "spec": {
        "selector": {}, "template": {**template, "spec": {**template["spec"], "tolerates": "all"}}}}
    check.equal(lost(wrong, through_types(wrong), "wrong"), ["wrong.spec.template.spec.tolerates: 'all' became None"],
                "a field that is none")


def test_for_any_kubectl():
    import yaml
    for path in glob.glob(os.path.join(KUBERNETES, "**/kustomization.yaml"), recursive=True):
        with open(path) as file:
            said = yaml.safe_load(file)
        check.equal(set(said) - KUSTOMIZATION_FIELDS, set(), f"fields of {path}")
        for resource in said.get("resources", []):
            check.true(os.path.isfile(os.path.join(os.path.dirname(path), resource)), f"{path}: {resource} is a file")


# --- the pod -------------------------------------------------------------------------------------------------

def test_pod_has_no_powers():
    for one in OVERLAYS:
        read = template(f"overlays/{one}")      # also says no to the host's namespaces and to unknown fields
        check.equal(read.container.security, {"privileged": False, "escalation": False, "read-only": True, "drop": ["ALL"],
                                              "add": []}, f"security context of {one}")
        check.equal((read.security["user"], read.security["group"], read.security["seccomp"]), (0, 0, "RuntimeDefault"),
                    f"security context of the pod of {one}")
        check.equal(read.security["selinux"], {"type": "spc_t"} if one == "crio" else {}, f"SELinux with {one}")


def test_pod_is_everywhere():
    for one in OVERLAYS:
        read = template(f"overlays/{one}")
        check.equal(read.tolerations, [{"operator": "Exists"}], "tolerations")
        check.equal(read.priority, "system-node-critical", "priority")
        check.equal(read.node_selector, {"kubernetes.io/os": "linux"}, "nodes")
        check.true(6 <= read.grace <= 30, "seconds to stop: it takes up to 5", read.grace)


def test_pod_sees_the_host():
    """Everything of the host read-only; two directories of its own to write to."""
    for one in OVERLAYS:
        daemonset = kubelet.find(objects(f"overlays/{one}"), "DaemonSet")
        volumes = {each["name"]: each for each in daemonset["spec"]["template"]["spec"]["volumes"]}
        mounts = {path: (volumes[name].get("hostPath"), read_only, propagation)
                  for name, path, read_only, propagation in template(f"overlays/{one}").container.mounts}
        own = [f"/var/lib/{NAMESPACE}", f"/run/{NAMESPACE}"]
        check.equal(mounts, {
            "/host": ({"path": "/", "type": "Directory"}, True, "HostToContainer"),
            **{path: ({"path": path, "type": "DirectoryOrCreate"}, False, None) for path in own},
            "/etc/disk-pressure-agent/agent.conf.d": (None, True, None)}, f"mounts of {one}")
        check.equal(template(f"overlays/{one}").container.arguments, ["--root", "/host", "run"], "arguments")
        check.equal(template(f"overlays/{one}").container.environment, [("NODE_NAME", ("field", "spec.nodeName"))], "environment")


def test_pod_resources():
    read = template().container.resources
    for kind, cpu, memory in (("requests", (0.005, 0.05), (14 << 20, 32 << 20)), ("limits", (0.1, 1), (64 << 20, 256 << 20))):
        check.within(read[kind]["cpu"], *cpu, f"{kind}: cpu")
        check.within(read[kind]["memory"], *memory, f"{kind}: memory")


def test_pod_probes():
    container = template().container
    check.equal({name: (one.path, one.port) for name, one in container.probes.items()},
                {"livenessProbe": ("/healthz", "http"), "readinessProbe": ("/readyz", "http")}, "probes")
    alive = container.probes["livenessProbe"]
    check.at_least(alive.period * alive.failures, 30, "seconds before it is restarted")


def test_image():
    version = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, timeout=20, check=True).stdout.split()[-1]
    for one in OVERLAYS:
        check.equal(template(f"overlays/{one}").container.image, f"disk-pressure-agent:{version}", "image")


def test_daemonset():
    daemonset = kubelet.find(objects("overlays/containerd"), "DaemonSet")["spec"]
    labels = daemonset["template"]["metadata"]["labels"]
    check.equal(daemonset.pop("selector"), {"matchLabels": labels}, "selector")
    check.equal(daemonset.pop("updateStrategy"), {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}}, "updates")
    check.equal(set(daemonset), {"template"}, "the rest")


# --- its configuration -----------------------------------------------------------------------------------------

def config_maps(name):
    return [one for one in objects(name) if one["kind"] == "ConfigMap"]


def check_configuration(*names):
    """`config check` of the files as the pod has them; the effective configuration as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        main = os.path.join(folder, "agent.conf")
        with open(main, "w") as file, open(os.path.join(TOP, "etc/agent.conf")) as shipped:
            file.write(shipped.read())
        os.mkdir(main + ".d")
        for name in names:
            for one in config_maps(name):
                for key, text in one["data"].items():
                    check.true(re.fullmatch(r"[0-9][0-9]-[a-z]+\.conf", key), "file name", key)
                    check.true(not os.path.exists(os.path.join(main + ".d", key)), f"{key} is there once")
                    with open(os.path.join(main + ".d", key), "w") as file:
                        file.write(text)
        for verb in (["config", "check"], ["config", "show", "--json"]):
            done = subprocess.run([PROGRAM, "--config", main, *verb], capture_output=True, text=True, timeout=20)
            check.equal(done.returncode, 0, f"{' '.join(verb)} of {names}\n{done.stdout[-500:]}{done.stderr}")
        return json.loads(done.stdout)


ENDPOINTS = {"containerd": "unix:///run/containerd/containerd.sock", "crio": "unix:///run/crio/crio.sock",
             "k3s": "unix:///run/k3s/containerd/containerd.sock", "docker": "unix:///run/docker.sock"}


def test_configuration():
    for one in OVERLAYS:
        shown = check_configuration(f"overlays/{one}")
        check.equal(shown["runtime"]["endpoint"], ENDPOINTS[one], f"endpoint of {one}")
        check.equal(shown["runtime"]["type"], "docker" if one == "docker" else "cri", f"type of {one}")
        check.equal(shown["http"]["listen"], ["[::]:9779", "unix:/run/disk-pressure-agent/agent.sock"], "listen")
        check.equal(template(f"overlays/{one}").container.ports, {"http": 9779}, "port of the container")
        check.equal(shown["agent"]["state-directory"], "/var/lib/disk-pressure-agent", "the directory that is mounted")


def test_condition():
    shown = check_configuration("overlays/containerd", "options/condition")
    check.equal(shown["kubernetes"]["condition"], "DiskReclaimFailing", "condition")
    check.equal(check_configuration("overlays/containerd")["kubernetes"]["condition"], "no", "condition without the option")


def test_configuration_reaches_the_pod():
    """The generated name stands in the volume, and another content gives another name: pods are replaced."""
    names = set()
    for one in OVERLAYS:
        generated = [each["metadata"]["name"] for each in config_maps(f"overlays/{one}")]
        volume = kubelet.find(objects(f"overlays/{one}"), "DaemonSet")["spec"]["template"]["spec"]["volumes"][-1]
        sources = [each["configMap"] for each in volume["projected"]["sources"]]
        check.equal(sources, [{"name": generated[0]}, {"name": "disk-pressure-agent-condition", "optional": True},
                              {"name": "disk-pressure-agent-metrics-auth", "optional": True}], "sources")
        names.update(generated)
    check.equal(len(names), len(OVERLAYS), "names")
    for option, source in (("condition", sources[1]), ("metrics-auth", sources[2])):
        check.equal([each["metadata"]["name"] for each in config_maps(f"options/{option}")], [source["name"]], f"of {option}")


# --- whom it is trusted by -----------------------------------------------------------------------------------

def rules(name):
    return {(one["kind"], one["metadata"]["name"], *(tuple(rule[key]) for key in ("apiGroups", "resources", "verbs")))
            for one in objects(name) if one["kind"].endswith("Role") for rule in one["rules"]}


def test_least_privilege():
    events = ("Role", "disk-pressure-agent-events", ("events.k8s.io",), ("events",), ("create", "patch"))
    for one in OVERLAYS:
        check.equal(rules(f"overlays/{one}"), {events}, f"rules of {one}")
    role = ("ClusterRole", "disk-pressure-agent-condition", ("",))
    check.equal(rules("options/condition"), {(*role, ("nodes",), ("get",)), (*role, ("nodes/status",), ("patch",))},
                "rules of the condition")


def test_bindings():
    bound = set()
    for name in ("overlays/containerd", "options/condition"):
        for one in objects(name):
            if not one["kind"].endswith("Binding"):
                continue
            check.equal(one["subjects"], [{"kind": "ServiceAccount", "name": NAMESPACE, "namespace": NAMESPACE}], "subjects")
            check.equal(one["roleRef"]["apiGroup"], "rbac.authorization.k8s.io", "roleRef.apiGroup")
            check.equal(one["kind"], one["roleRef"]["kind"] + "Binding", "kind of the binding")
            bound.add((one["roleRef"]["kind"], one["roleRef"]["name"], one["metadata"].get("namespace")))
    roles = {(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace"))
             for name in ("overlays/containerd", "options/condition") for one in objects(name) if one["kind"].endswith("Role")}
    check.equal(bound, roles, "every role is bound where it is")
    account = kubelet.find(objects("overlays/containerd"), "ServiceAccount")
    check.equal(account["automountServiceAccountToken"], False, "only who asks gets the token")
    check.equal((template().service_account, template().token), (NAMESPACE, True), "the pods ask")


def test_admission():
    """Host paths, and a priority that some clusters want a quota for."""
    namespace = kubelet.find(objects("overlays/containerd"), "Namespace")
    check.equal(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "privileged", "pod security")
    quota = kubelet.find(objects("overlays/containerd"), "ResourceQuota")["spec"]
    check.equal(quota["scopeSelector"]["matchExpressions"], [
        {"operator": "In", "scopeName": "PriorityClass", "values": [template().priority]}], "scope of the quota")
    check.at_least(int(quota["hard"]["pods"]), 5000, "pods: one on each node")


def test_network_policy():
    policy = kubelet.find(objects("overlays/containerd"), "NetworkPolicy")["spec"]
    check.equal(policy["podSelector"], {"matchLabels": template().labels}, "pods")
    check.equal(sorted(policy["policyTypes"]), ["Egress", "Ingress"], "both directions, or one is open")
    check.equal(policy["ingress"], [{
        "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}],
        "ports": [{"protocol": "TCP", "port": "http"}]}], "in: the scrape")
    check.equal(policy["egress"], [{"ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 6443}]}],
                "out: the API server")


# --- who reads its metrics -----------------------------------------------------------------------------------

def test_monitors():
    labels, ports = template().labels, template().container.ports
    relabelings = [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}]
    pods = kubelet.find(objects("options/podmonitor"), "PodMonitor")["spec"]
    check.equal(pods, {"selector": {"matchLabels": labels},
                       "podMetricsEndpoints": [{"port": "http", "path": "/metrics", "relabelings": relabelings}]}, "PodMonitor")
    check.is_in("http", ports, "port of the container")
    service = kubelet.find(objects("options/servicemonitor"), "Service")
    check.equal(service["spec"], {"clusterIP": "None", "selector": labels, "ports": [
        {"name": "http", "port": 9779, "targetPort": "http", "protocol": "TCP"}]}, "Service")
    monitor = kubelet.find(objects("options/servicemonitor"), "ServiceMonitor")["spec"]
    check.equal(monitor, {"selector": {"matchLabels": service["metadata"]["labels"]},
                          "endpoints": [{"port": "http", "path": "/metrics", "relabelings": relabelings}]}, "ServiceMonitor")
    annotations = template().annotations
    check.equal([annotations[f"prometheus.io/{key}"] for key in ("scrape", "port", "path")],
                ["true", str(ports["http"]), "/metrics"], "annotations")


# --- HTTPS, and who may ---------------------------------------------------------------------------------------

def composed():
    """What a kustomization makes of an overlay, a monitor and metrics-auth with its patches."""
    import yaml
    option = "kubernetes/options/metrics-auth"
    if "composed" not in rendered:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(KUBERNETES, os.path.join(folder, "kubernetes"))
            with open(os.path.join(folder, "kustomization.yaml"), "w") as file:
                yaml.safe_dump({
                    "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                    "bases": ["kubernetes/overlays/containerd", "kubernetes/options/servicemonitor", option],
                    "patchesStrategicMerge": [f"{option}/daemonset.yaml", f"{option}/servicemonitor.yaml"]}, file)
            rendered["composed"] = kubelet.render(folder)
    return rendered["composed"]


def test_metrics_auth():
    with_it, without = (kubelet.find(one, "DaemonSet") for one in (composed(), objects("overlays/containerd")))
    check.equal(lost(with_it, through_types(with_it), "DaemonSet"), [], "fields")
    read = kubelet.read_template(with_it["spec"]["template"])
    check.equal({name: (one.path, one.port, one.scheme) for name, one in read.container.probes.items()},
                {"livenessProbe": ("/healthz", "http", "HTTPS"), "readinessProbe": ("/readyz", "http", "HTTPS")}, "probes")
    check.equal(read.annotations, {**template().annotations, "prometheus.io/scheme": "https"}, "annotations")
    volumes = with_it["spec"]["template"]["spec"]["volumes"]
    check.equal([one for one in volumes if "secret" in one], [
        {"name": "tls", "secret": {"secretName": "disk-pressure-agent-tls", "defaultMode": 0o400}}], "the Secret")
    added = [one for one in read.container.mounts if one not in template().container.mounts]
    check.equal(added, [("tls", "/etc/disk-pressure-agent/tls", True, None)], "mounts that are added")
    check.equal([one for one in without["spec"]["template"]["spec"]["volumes"] if one not in volumes], [], "volumes that are gone")
    shown = check_configuration("overlays/containerd", "options/metrics-auth")["http"]
    check.equal((shown["tls-certificate"], shown["tls-key"], shown["authorize-by-cluster"]),
                ("/etc/disk-pressure-agent/tls/tls.crt", "/etc/disk-pressure-agent/tls/tls.key", True), "configuration")
    check.equal(check_configuration("overlays/containerd")["http"]["authorize-by-cluster"], False, "without the option")


def test_metrics_auth_rights():
    mine, reader = "disk-pressure-agent-metrics-auth", "disk-pressure-agent-metrics-reader"
    roles = {one["metadata"]["name"]: one["rules"] for one in objects("options/metrics-auth") if one["kind"] == "ClusterRole"}
    check.equal(roles, {
        mine: [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
               {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}],
        reader: [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}, "roles")
    binding = kubelet.find(objects("options/metrics-auth"), "ClusterRoleBinding")
    check.equal(binding["roleRef"], {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": mine}, "roleRef")
    check.equal(binding["subjects"], [{"kind": "ServiceAccount", "name": NAMESPACE, "namespace": NAMESPACE}], "subjects")


def test_metrics_auth_monitor():
    """The endpoint of the option, and what HTTPS and a token add to it."""
    spec = kubelet.find(composed(), "ServiceMonitor")["spec"]
    endpoint = dict(spec["endpoints"][0])
    check.equal((endpoint.pop("scheme"), endpoint.pop("bearerTokenFile")),
                ("https", "/var/run/secrets/kubernetes.io/serviceaccount/token"), "scheme and token")
    check.equal(endpoint.pop("tlsConfig"), {
        "ca": {"secret": {"name": "disk-pressure-agent-tls", "key": "ca.crt"}},
        "serverName": f"{NAMESPACE}.{NAMESPACE}.svc"}, "TLS")
    plain = kubelet.find(objects("options/servicemonitor"), "ServiceMonitor")["spec"]
    check.equal({**spec, "endpoints": [endpoint]}, plain, "the rest")
    service = kubelet.find(composed(), "Service")["metadata"]
    check.equal(f"{service['name']}.{service['namespace']}.svc", f"{NAMESPACE}.{NAMESPACE}.svc", "the name that is served")


# --- with other tools ------------------------------------------------------------------------------------------

MONITOR = os.path.join(KUBERNETES, "node-problem-detector/disk-pressure-monitor.json")
# As node-problem-detector 0.8.19 reads them: what it does not know it passes over without a word.
MONITOR_FIELDS = {"plugin", "pluginConfig", "source", "metricsReporting", "conditions", "rules"}
PLUGIN_FIELDS = {"invoke_interval", "timeout", "max_output_length", "concurrency",
                 "enable_message_change_based_condition_update", "skip_initial_status"}
RULE_FIELDS = {"type", "condition", "reason", "path", "args", "timeout"}


def seconds(text):
    check.true(re.fullmatch(r"\d+s", text), "duration", text)
    return int(text[:-1])


def test_node_problem_detector():
    with open(MONITOR) as file:
        monitor = json.load(file)
    check.equal(set(monitor) - MONITOR_FIELDS, set(), "fields")
    check.equal((monitor["plugin"], monitor["source"]), ("custom", "disk-pressure-agent"), "plugin and source")
    plugin = monitor["pluginConfig"]
    check.equal(set(plugin) - PLUGIN_FIELDS, set(), "fields of the plugin")
    check.equal(plugin["max_output_length"], 80, "what `check` keeps to")
    check.at_most(seconds(plugin["timeout"]), seconds(plugin["invoke_interval"]), "timeout")
    types = {one["type"] for one in monitor["conditions"]}
    check.true("DiskPressure" not in types, "that condition is the kubelet's", types)
    for one in monitor["conditions"]:
        check.equal(set(one), {"type", "reason", "message"}, "fields of a condition")
    for rule in monitor["rules"]:
        check.equal(set(rule) - RULE_FIELDS, set(), "fields of a rule")
        check.at_most(seconds(rule["timeout"]), seconds(plugin["timeout"]), "timeout of a rule")
        check.at_least(seconds(rule["timeout"]), 11, "timeout of a rule: `check` gives the agent 10 s")
        check.equal((rule["type"], rule["condition"] in types), ("permanent", True), "its condition is there")
        check.equal([rule["path"], *rule["args"]], ["/usr/sbin/disk-pressure-agent", "check"], "command")


# --- running them ------------------------------------------------------------------------------------------------

def main():
    reason = kubelet.missing()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        title = f"{number} - {name.removeprefix('test_')}"
        try:
            test()
            print(f"ok {title}")
        except Exception as problem:
            print(f"not ok {title}")
            text = str(problem) if isinstance(problem, AssertionError) else traceback.format_exc()
            print("".join(f"# {line}\n" for line in text.splitlines() if line), end="")


if __name__ == "__main__":
    main()
