# SPDX-License-Identifier: Apache-2.0
"""As much of a kubelet as the manifests need: a pod template becomes CRI's messages, volumes and probes.

Every field of the template has to be understood: one that is not stops the test, so that nothing in a
manifest goes unseen, a misspelled field least of all.
"""

import base64
import http.client
import json
import os
import shutil
import ssl
import subprocess
import time
from dataclasses import dataclass, field

from . import check, wire

POD, CONTAINER = 0, 1                   # namespace modes
PROPAGATION = {None: 0, "None": 0, "HostToContainer": 1, "Bidirectional": 2}
SERVED_NAME = "disk-pressure-agent.disk-pressure-agent.svc"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
MASKED = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
SYSTEM_PRIORITIES = ("system-node-critical", "system-cluster-critical")


# --- manifests -------------------------------------------------------------------------------------------

def kubectl():
    return os.environ.get("KUBECTL") or shutil.which("kubectl")


def missing():
    try:
        import yaml  # noqa: F401
    except ImportError:
        return "python3-yaml is not installed"
    return "" if kubectl() else "kubectl is not installed"


def render(folder):
    """The objects of a kustomization, in its order."""
    import yaml
    done = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, timeout=60)
    check.equal(done.returncode, 0, f"kubectl kustomize {folder}: {done.stderr}")
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def find(objects, kind, name=None):
    found = [one for one in objects if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    check.equal(len(found), 1, f"objects {kind} {name or ''}")
    return found[0]


# --- reading a template ----------------------------------------------------------------------------------

class Fields:
    """A mapping whose fields are all to be taken."""

    def __init__(self, value, where):
        check.true(isinstance(value, dict), f"{where} is a mapping", value)
        self.left, self.where = dict(value), where

    def take(self, name, default=None):
        return self.left.pop(name, default)

    def below(self, name):
        return Fields(self.left.pop(name, {}), f"{self.where}.{name}")

    def each(self, name):
        return [Fields(one, f"{self.where}.{name}[{number}]") for number, one in enumerate(self.left.pop(name, []))]

    def done(self, **expected):
        """What is left has to be these; a field that may be absent has None as its value."""
        for name, value in expected.items():
            check.is_in(self.left.pop(name, None), (value, None), f"{self.where}.{name}")
        check.equal(self.left, {}, f"{self.where}: fields that nothing here understands")


def quantity(text):
    for suffix, factor in (("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("m", 0.001)):
        if str(text).endswith(suffix):
            return float(text[:-len(suffix)]) * factor
    return float(text)


def int64_value(number):
    """The wrapper message, which is there also when the number is zero."""
    return None if number is None else [(1, number)]


@dataclass
class Probe:
    path: str
    port: str
    scheme: str
    period: float
    timeout: float
    failures: int


@dataclass
class Container:
    name: str
    image: str
    arguments: list
    command: list
    environment: list       # (name, value) or (name, field path)
    ports: dict
    probes: dict
    resources: dict
    security: dict
    mounts: list            # (volume, path, read-only, propagation)


@dataclass
class Template:
    """A pod template of one container."""
    labels: dict
    annotations: dict
    service_account: str
    token: bool
    priority: str
    grace: int
    tolerations: list
    node_selector: dict
    security: dict
    container: Container
    volumes: dict = field(default_factory=dict)     # name: Fields of what it is


def read_template(template):
    outer = Fields(template, "template")
    metadata, spec = outer.below("metadata"), outer.below("spec")
    outer.done()
    containers = spec.each("containers")
    check.equal(len(containers), 1, "containers")
    check.equal((spec.take("hostNetwork", False), spec.take("hostPID", False), spec.take("hostIPC", False)),
                (False, False, False), "namespaces of the host")
    volumes = {one.take("name"): one for one in spec.each("volumes")}
    read = Template(metadata.take("labels", {}), metadata.take("annotations", {}), spec.take("serviceAccountName"),
                    spec.take("automountServiceAccountToken", True), spec.take("priorityClassName"),
                    spec.take("terminationGracePeriodSeconds", 30), spec.take("tolerations", []),
                    spec.take("nodeSelector", {}), _pod_security(spec.below("securityContext")), _container(containers[0]),
                    volumes)
    metadata.done()
    spec.done(enableServiceLinks=False, restartPolicy="Always", dnsPolicy="ClusterFirst")
    check.equal({mount[0] for mount in read.container.mounts}, set(volumes), "volumes are mounted, mounts are volumes")
    return read


def _pod_security(context):
    seccomp = context.below("seccompProfile")
    read = {"user": context.take("runAsUser"), "group": context.take("runAsGroup"), "seccomp": seccomp.take("type"),
            "selinux": context.take("seLinuxOptions", {})}
    seccomp.done()
    context.done()
    return read


def _container(spec):
    read = Container(spec.take("name"), spec.take("image"), spec.take("args", []), spec.take("command", []),
                     [_variable(one) for one in spec.each("env")], {}, {}, {}, _security(spec.below("securityContext")),
                     [_mount(one) for one in spec.each("volumeMounts")])
    for port in spec.each("ports"):
        read.ports[port.take("name")] = port.take("containerPort")
        port.done(protocol="TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in spec.left:
            read.probes[name] = _probe(spec.below(name))
    resources = spec.below("resources")
    for kind in ("requests", "limits"):
        amounts = resources.below(kind)
        read.resources[kind] = {name: quantity(amounts.take(name, "0")) for name in ("cpu", "memory")}
        amounts.done()
    resources.done()
    spec.done(imagePullPolicy="IfNotPresent")
    return read


def _variable(variable):
    name, value = variable.take("name"), variable.take("value")
    if value is None:
        source = variable.below("valueFrom")
        reference = source.below("fieldRef")
        value = ("field", reference.take("fieldPath"))
        reference.done(apiVersion="v1")
        source.done()
    variable.done()
    return name, value


def _security(context):
    capabilities = context.below("capabilities")
    read = {"privileged": context.take("privileged", False), "escalation": context.take("allowPrivilegeEscalation", True),
            "read-only": context.take("readOnlyRootFilesystem", False), "drop": capabilities.take("drop", []),
            "add": capabilities.take("add", [])}
    capabilities.done()
    context.done()
    return read


def _mount(mount):
    read = (mount.take("name"), mount.take("mountPath"), mount.take("readOnly", False), mount.take("mountPropagation"))
    mount.done()
    return read


def _probe(probe):
    get = probe.below("httpGet")
    read = Probe(get.take("path"), get.take("port"), get.take("scheme", "HTTP"), probe.take("periodSeconds", 10),
                 probe.take("timeoutSeconds", 1), probe.take("failureThreshold", 3))
    get.done()
    probe.done()
    return read


# --- volumes ---------------------------------------------------------------------------------------------

class Volumes:
    """Makes a pod's volumes on a node; `place` says where a path of the node is for this process."""

    def __init__(self, place, objects, folder):
        self.place, self.objects, self.folder = place, objects, folder

    def make(self, name, volume):
        """The path on the node."""
        if "hostPath" in volume.left:
            source = volume.below("hostPath")
            path = self._host_path(source.take("path"), source.take("type", ""))
        elif "secret" in volume.left:
            source = volume.below("secret")
            path = self._secret(name, source.take("secretName"), source.take("defaultMode", 0o644))
        else:
            source = volume.below("projected")
            path = self._projected(name, source.each("sources"))
        source.done()
        volume.done()
        return path

    def _host_path(self, path, kind):
        if kind == "DirectoryOrCreate":
            os.makedirs(self.place(path), mode=0o755, exist_ok=True)
        else:
            check.equal(kind, "Directory", f"type of the host path {path}")
        check.true(os.path.isdir(self.place(path)), f"{path} is a directory")
        return path

    def _projected(self, name, sources):
        files = {}
        for source in sources:
            reference = source.below("configMap")
            wanted, optional = reference.take("name"), reference.take("optional", False)
            found = [one for one in self.objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == wanted]
            check.true(found or optional, f"there is a ConfigMap {wanted}")
            for one in found:
                files.update(one["data"])
            reference.done()
            source.done()
        return self.atomic(name, files)

    def _secret(self, name, wanted, mode):
        found = [one for one in self.objects if one["kind"] == "Secret" and one["metadata"]["name"] == wanted]
        check.equal(len(found), 1, f"Secrets {wanted}")
        return self.atomic(name, {key: base64.b64decode(text).decode() for key, text in found[0]["data"].items()}, mode)

    def atomic(self, name, files, mode=0o644):
        """Links to files behind a link to a folder: what a kubelet does so that all of them change at once."""
        path = f"{self.folder}/volumes/{name}"
        os.makedirs(self.place(f"{path}/..2024_01_01"), exist_ok=True)
        for file, text in files.items():
            with open(self.place(f"{path}/..2024_01_01/{file}"), "w") as out:
                out.write(text)
                os.fchmod(out.fileno(), mode)
            os.symlink(f"..data/{file}", self.place(f"{path}/{file}"))
        os.symlink("..2024_01_01", self.place(f"{path}/..data"))
        return path


def token_of(service_account, namespace):
    """Something in the form of a token; nobody checks it unless a test's API server does."""
    claims = json.dumps({"sub": f"system:serviceaccount:{namespace}:{service_account}"}).encode()
    return "e30." + base64.urlsafe_b64encode(claims).decode().rstrip("=") + ".c2ln"


# --- CRI -------------------------------------------------------------------------------------------------

def seccomp_profile(kind):
    return [(1, {"RuntimeDefault": 0, "Unconfined": 1, None: 1}[kind])]


def sandbox_config(template, name, namespace, uid, log_directory):
    security = template.security
    return [(1, [(1, name), (2, uid), (3, namespace)]), (3, log_directory),
            *wire.mapping(6, template.labels), *wire.mapping(7, template.annotations),
            (8, [(2, [(1, [(1, POD), (2, CONTAINER), (3, POD)]), (3, int64_value(security["user"])),
                      (8, int64_value(security["group"])), (9, seccomp_profile(security["seccomp"]))])])]


def container_config(template, environment, mounts):
    container, security = template.container, template.container.security
    limits, requests = container.resources["limits"], container.resources["requests"]
    resources = [(1, 100000), (2, int(limits["cpu"] * 100000)), (3, int(requests["cpu"] * 1024)),
                 (4, int(limits["memory"]))]
    context = [(1, [(1, one) for one in security["add"]] + [(2, one) for one in security["drop"]]),
               (2, security["privileged"]), (3, [(1, POD), (2, CONTAINER), (3, POD)]),
               (5, int64_value(template.security["user"])), (7, security["read-only"]),
               (11, not security["escalation"]), (12, int64_value(template.security["group"])),
               *[(13, one) for one in MASKED], *[(14, one) for one in READ_ONLY],
               (15, seccomp_profile(template.security["seccomp"]))]
    return [(1, [(1, container.name)]), (2, [(1, container.image)]), *[(3, one) for one in container.command],
            *[(4, one) for one in container.arguments], *[(6, [(1, name), (2, value)]) for name, value in environment],
            *[(7, [(1, path), (2, source), (3, read_only), (5, PROPAGATION[propagation])])
              for source, path, read_only, propagation in mounts],
            (11, f"{container.name}.log"), (15, [(1, resources), (2, context)])]


class RunningPod:
    """A pod of a template on a node, as the kubelet would have started it."""

    def __init__(self, node, objects, template, directory="/var/lib/kubelet", environment=(), authority="",
                 uid="11111111-2222-3333-4444-555555555555"):
        self.node, self.cri, self.objects, self.template, self.uid = node, node.cri, objects, template, uid
        self.folder = f"{directory}/pods/{uid}"
        self.logs = f"{directory}/logs/{uid}"
        self.volumes = Volumes(node.containerd.path, objects, self.folder)
        self.environment, self.authority = list(environment), authority     # of the API server: its certificate
        self.sandbox = self.container = self.address = None

    def start(self):
        template = self.template
        check.is_in(template.priority, SYSTEM_PRIORITIES, "priority class")
        os.makedirs(self.node.containerd.path(self.logs))
        paths = {name: self.volumes.make(name, volume) for name, volume in template.volumes.items()}
        mounts = [(paths[name], path, read_only, propagation)
                  for name, path, read_only, propagation in template.container.mounts]
        if template.token:
            secret = self.volumes.atomic("kube-api-access", {
                "token": token_of(template.service_account, "disk-pressure-agent"), "namespace": "disk-pressure-agent",
                "ca.crt": self.authority})
            mounts.append((secret, SERVICE_ACCOUNT, True, None))
        config = sandbox_config(template, "agent", "disk-pressure-agent", self.uid, self.logs)
        self.sandbox = wire.text(self.cri.runtime_call("RunPodSandbox", [(1, config)]), 1)
        status = wire.message(self.cri.runtime_call("PodSandboxStatus", [(1, self.sandbox)]), 1)
        self.address = wire.text(wire.message(status, 5), 1)
        answer = self.cri.runtime_call("CreateContainer", [
            (1, self.sandbox), (2, container_config(template, self._environment(), mounts)), (3, config)])
        self.container = wire.text(answer, 1)
        self.cri.start_container(self.container)
        return self

    def _environment(self):
        fields = {"spec.nodeName": "lab-node"}
        return [(name, fields[value[1]] if isinstance(value, tuple) else value)
                for name, value in self.template.container.environment] + self.environment

    def get(self, path, port="http", scheme="HTTP", context=None, headers=None):
        """Status and body of an HTTP GET from the node to the pod's address; (0, why) while nobody listens. HTTPS
        without a context is the kubelet's, which looks at no certificate."""
        number = self.template.container.ports[port]
        connection = http.client.HTTPConnection(self.address, number)
        try:
            connection.sock = self.node.containerd.connect(self.address, number)
            if scheme == "HTTPS":
                context = context or ssl._create_unverified_context()
                connection.sock = context.wrap_socket(connection.sock, server_hostname=SERVED_NAME)
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as problem:
            return 0, str(problem)
        finally:
            connection.close()

    def probe(self, name):
        probe = self.template.container.probes[name]
        return self.get(probe.path, probe.port, probe.scheme)[0]

    def wait_ready(self, seconds=10):
        def ready():
            check.equal(self.state()[0], 1, f"the container runs\n{self.log()}")
            return self.probe("readinessProbe") == 200
        check.wait_for(ready, seconds, "the pod gets ready", step=0.1)
        return self

    def state(self):
        """(state, exit code, process on this machine)"""
        answer = self.cri.runtime_call("ContainerStatus", [(1, self.container), (2, True)])
        status = wire.message(answer, 1)
        info = json.loads(wire.string_map(answer, 2).get("info", "{}"))
        return wire.number(status, 3), wire.number(status, 7), info.get("pid", 0)

    def execute(self, *command):
        """(exit code, standard output, standard error) of a command in the container: kubectl exec."""
        answer = self.cri.runtime_call("ExecSync", [(1, self.container), *[(2, one) for one in command], (3, 20)])
        return wire.number(answer, 3), wire.text(answer, 1), wire.text(answer, 2)

    def proc(self, file):
        """A file of /proc/PID of the container's process, as the node has it."""
        return self.node.containerd.path(f"/proc/{self.state()[2]}/{file}")

    def log(self):
        path = self.node.containerd.path(f"{self.logs}/{self.template.container.name}.log")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as file:
            return file.read()

    def stop(self):
        """As for `kubectl delete pod`: seconds it took."""
        begun = time.monotonic()
        self.cri.stop_container(self.container, self.template.grace)
        return time.monotonic() - begun

    def remove(self):
        self.cri.remove_pod(self.sandbox)
        shutil.rmtree(self.node.containerd.path(self.folder))
