# SPDX-License-Identifier: Apache-2.0
"""The agent in a pod: the image of packaging/oci and the manifests of packaging/kubernetes, on a whole node."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time

from lib import agent as program
from lib import apps, check, hostnode, images, kubelet
from lib.agent import SANITIZER, _sample

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGING = os.path.join(TOP, "packaging")

KUBELET = "/var/lib/elsewhere"

TEST_CONF = """\
[image-gc]
imageGCHighThresholdPercent = {high}
imageGCLowThresholdPercent = {low}
imageMinimumGCAge = 1s
when-futile = proceed
"""

KUBELET_CONFIG = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
imageGCHighThresholdPercent: 88
"""

KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
bases:
{bases}
configMapGenerator:
- name: disk-pressure-agent-config
  namespace: disk-pressure-agent
  behavior: merge
  files:
  - 90-test.conf
patchesStrategicMerge: [{patches}]
"""


def objects(lab, high, low, names, patches):
    """The manifests with thresholds of the test's own, given as a user would give them."""
    folder = os.path.join(lab.folder, "kustomization")
    os.makedirs(folder)
    # A base has to be named by a relative path without a link in it.
    bases = "\n".join(f"- {os.path.relpath(os.path.join(PACKAGING, 'kubernetes', name), os.path.realpath(folder))}"
                      for name in names)
    with open(os.path.join(folder, "kustomization.yaml"), "w") as file:
        file.write(KUSTOMIZATION.format(bases=bases, patches=", ".join(map(os.path.basename, patches))))
    for one in patches:     # kustomize takes none from outside of the folder
        shutil.copy(os.path.join(PACKAGING, "kubernetes", one), folder)
    with open(os.path.join(folder, "90-test.conf"), "w") as file:
        file.write(TEST_CONF.format(high=high, low=low))
    return kubelet.render(folder)


def built_image():
    """The archive that build.sh makes of the program. Kept where layers are, for the next test."""
    build, digest = os.path.join(PACKAGING, "oci", "build.sh"), hashlib.sha256()
    for path in (program.program(), build, os.path.join(TOP, "etc/agent.conf"), os.path.join(TOP, "configure.ac")):
        with open(path, "rb") as file:
            digest.update(file.read())
    folder = images.Store().folder
    archive = os.path.join(folder, f"agent-{digest.hexdigest()[:16]}.oci.tar")
    if not os.path.exists(archive):
        for old in glob.glob(os.path.join(folder, "agent-*.oci.tar")):
            if os.path.getmtime(old) < time.time() - 3600:      # of another program, which nobody imports right now
                os.unlink(old)
        part = f"{archive}.{os.getpid()}"
        subprocess.run([build, "--program", program.program(), "--output", part], check=True, capture_output=True,
                       timeout=120)
        os.rename(part, archive)
    return archive


class AgentPod(kubelet.RunningPod):
    def metrics(self):
        code, body = self.get("/metrics")
        check.equal(code, 200, "GET /metrics")
        return [parsed for parsed in map(_sample, body.splitlines()) if parsed]

    def metric(self, name, **labels):
        return sum(value for which, have, value in self.metrics()
                   if which == name and all(have.get(key) == want for key, want in labels.items()))

    def labels(self, name, **labels):
        return next(have for which, have, _ in self.metrics()
                    if which == name and all(have.get(key) == want for key, want in labels.items()))

    def verb(self, *arguments):
        """The program in the container, as `kubectl exec` runs it."""
        return self.execute("disk-pressure-agent", "--root", "/host", *arguments)


def agent_pod(lab, high=60, low=45, names=("overlays/containerd",), size=512 << 20, cluster=None, patches=()):
    """A node with the agent running on it, as `kubectl apply -k` leaves it. cluster(node, objects): of the API server,
    as arguments for AgentPod; without it nobody says that there is a cluster."""
    reason = hostnode.missing() or kubelet.missing()
    if reason:
        raise check.Skip(reason)
    node = lab.host_node(size=size)
    # As on nodes that have a disk for it: the link means something on the node only.
    os.makedirs(node.containerd.path(KUBELET))
    os.rmdir(node.containerd.path("/var/lib/kubelet"))
    os.symlink(KUBELET, node.containerd.path("/var/lib/kubelet"))
    with open(node.containerd.path(f"{KUBELET}/of-this-node.yaml"), "w") as file:
        file.write(KUBELET_CONFIG)
    lab.stack.enter_context(some_kubelet(node))
    node.containerd.ctr("images", "import", built_image())
    check.wait_for(lambda: node.cri.image(wanted()), 10, "the agent's image is known")
    rendered = objects(lab, high, low, names, patches)
    manifest = kubelet.find(rendered, "DaemonSet")["spec"]["template"]
    template = kubelet.read_template(manifest)
    if sanitized():
        template.container.resources["limits"]["memory"] *= 8
    check.equal(template.container.image, wanted(), "the image of the manifest is the one that build.sh makes")
    more = cluster(node, rendered) if cluster else {}
    pod = AgentPod(node, rendered, template, directory=KUBELET, **more)
    pod.manifest = manifest
    lab.more_logs.append(("log of the pod", lambda: "\n".join(pod.log().splitlines()[-15:])))
    return node, pod.start().wait_ready()


def sanitized():
    """A sanitizer's build takes several times the memory."""
    return "asan" in subprocess.run(["ldd", program.program()], capture_output=True, text=True, timeout=20, check=True).stdout


@contextlib.contextmanager
def some_kubelet(node):
    """Its process is all that there is of it: the agent reads the command line, by the node's /proc below /host."""
    script = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'kubelet'); time.sleep(600)"
    process = subprocess.Popen(node.containerd.inside("/usr/bin/python3", "-c", script,
                                                      "--config=/var/lib/kubelet/of-this-node.yaml"))
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def wanted():
    done = subprocess.run([program.program(), "version"], capture_output=True, text=True, timeout=10, check=True)
    return f"disk-pressure-agent:{done.stdout.split()[-1]}"


def test_relieves(lab):
    """It sees the node's filesystems, relieves them, and serves its metrics and probes at the pod's address."""
    node, pod = agent_pod(lab)
    check.equal(pod.probe("livenessProbe"), 200, "liveness")
    check.equal(pod.labels("filesystem_info", filesystem="imagefs")["mountpoint"], "/var/lib/containerd",
                "mount point as the node calls it")
    check.equal(pod.metric("filesystem_size_bytes", filesystem="imagefs"), node.fs.capacity(), "size of imagefs")
    check.wait_for(lambda: pod.metric("filesystem_avail_bytes", filesystem="imagefs") == node.fs.available(), 15,
                   "available on imagefs")
    beside = os.statvfs(node.containerd.path(KUBELET))
    check.equal(pod.metric("filesystem_size_bytes", filesystem="nodefs"), beside.f_blocks * beside.f_frsize, "size of nodefs")
    check.within(pod.metric("threshold", filesystem="imagefs", resource="bytes", level="kubelet_gc_high"),
                 node.fs.capacity() * 0.11, node.fs.capacity() * 0.13, "the kubelet's threshold, by its configuration")
    apps.load(node, 10)
    check.wait_for(lambda: pod.metric("gc_runs_total", result="reached") >= 1, 15, "gc_runs_total{result=reached}")
    check.wait_for(lambda: node.fs.used_percent() < 60, 15, "the disk is relieved")
    check.wait_for(lambda: pod.metric("images_removed_total") == 10 - len(app_names(node)), 5, "images_removed_total")
    check.within(len(app_names(node)), 3, 8, "images left")
    check.equal(app_names(node), apps.names(*range(11 - len(app_names(node)), 11)), "the oldest went")
    check.true(node.cri.image(wanted()), "its own image is there")
    check.equal(pod.probe("readinessProbe"), 200, "readiness")
    check.equal(pod.verb("check")[0], 0, "exit code of check in the container")


def app_names(node):
    return sorted((name for name in node.names() if name.startswith("lab.test/app")),
                  key=lambda name: int(name.removeprefix("lab.test/app").removesuffix(":1")))


def test_without_powers(lab):
    """What the manifest takes away is away: powers, privileges, system calls, the host's namespaces, writing."""
    node, pod = agent_pod(lab)
    with open(pod.proc("status")) as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        check.equal(int(status[kind], 16), 0, kind)
    check.equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), "no new privileges, a filter of system calls")
    check.equal(set(status["Uid"].split() + status["Gid"].split()), {"0"}, "user and group")
    for namespace in ("mnt", "net", "pid", "ipc", "uts"):
        check.true(os.readlink(pod.proc(f"ns/{namespace}")) != os.readlink(node.containerd.path(f"/proc/1/ns/{namespace}")),
                   f"{namespace} namespace of its own")
    with open(pod.proc("mountinfo")) as file:
        options = {line.split()[4]: line.split()[5].split(",") for line in file}
    writable = {path for path, flags in options.items()
                if "rw" in flags and not path.startswith(("/host/", "/proc", "/dev", "/sys"))}
    check.equal(writable, {"/var/lib/disk-pressure-agent", "/run/disk-pressure-agent"}, "what can be written to")
    check.is_in("ro", options["/host"], "the host's root directory")
    below = os.path.join("/var/lib/containerd", "later")
    os.makedirs(node.containerd.path(below))
    subprocess.run(node.containerd.inside("mount", "-t", "tmpfs", "tmpfs", below), check=True, timeout=10)
    with open(pod.proc("mountinfo")) as file:
        check.true(any(line.split()[4] == f"/host{below}" for line in file), "what is mounted later is seen")
    subprocess.run(node.containerd.inside("umount", below), check=True, timeout=10)


def on_the_node(node, *arguments, expect=(0,)):
    """The program as installed on the node, without a configuration; the document that it prints."""
    config = os.path.join(node.containerd.folder, "node.conf")
    with open(config, "w") as file:
        file.write("[image-gc]\nimageMinimumGCAge = 0s\n")
    done = subprocess.run(node.containerd.inside(program.program(), "--config", config, *arguments), capture_output=True,
                          text=True, timeout=60)
    check.is_in(done.returncode, expect, f"exit code of {arguments}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def test_from_the_node(lab):
    """A program on the node finds the agent of the pod, and the two never run a pass at once."""
    node, pod = agent_pod(lab, high=90, low=40)
    apps.load(node, 6)
    seen = on_the_node(node, "status", "--json")
    check.equal(seen["filesystems"][1]["path"].split("/")[:4], ["", "var", "lib", "containerd"], "status: path of imagefs")
    started = json.loads(pod.get("/status")[1])["startedAt"]
    check.equal(seen["startedAt"], started, "status is that of the pod's agent")
    time.sleep(1.2)
    done = on_the_node(node, "gc", "--to", "50", "--json")["passes"][0]
    check.equal(done["result"], "reached", "gc on the node")
    check.equal(pod.metric("images_removed_total"), len(done["removed"]), "the agent in the pod has done it")
    # Whoever holds the directory is in a pass: the node's own program, or the pod's.
    handle = os.open(node.containerd.path("/var/lib/disk-pressure-agent"), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    done = on_the_node(node, "gc", "--to", "45", "--json", expect=(2,))["passes"][0]
    check.equal((done["result"], done["removed"]), ("error", []), "gc while another pass is running")
    code, out, _ = pod.verb("--set", "image-gc.imageMinimumGCAge=0s", "gc", "--to", "45", "--json")
    check.equal((code, json.loads(out)["passes"][0]["result"]), (2, "error"), "gc in the container, by itself")
    os.close(handle)
    done = on_the_node(node, "--set", "image-gc.imageMinimumGCAge=0s", "gc", "--to", "40", "--json")["passes"][0]
    check.equal(done["result"], "reached", "gc by itself, with nobody in the way")


def test_replaced(lab):
    """It ends in time, and the next pod of the node goes on with what this one knew."""
    node, pod = agent_pod(lab, high=90, low=40)
    apps.load(node, 3)
    _, used = node.containerd.container(apps.name(1), "running")
    on_the_node(node, "plan", "--json", expect=(0, 1))      # the agent looks, and sees it in use
    node.cri.remove_pod(used)
    time.sleep(1)
    check.at_most(pod.stop(), 20, "seconds until it had ended: not killed")
    check.equal(pod.state()[:2], (2, 0), "state and exit code")
    pod.remove()
    template = kubelet.read_template(pod.manifest)
    template.container.resources = pod.template.container.resources
    again = AgentPod(node, pod.objects, template, directory=KUBELET, uid="2222")
    again.start().wait_ready()
    done = json.loads(again.verb("plan", "--to", "0", "--json")[1])["passes"][0]
    order = [one["names"][0] for one in done["removed"]]
    check.equal(order, apps.names(2, 3, 1), "the one that was used goes last")
    check.true(not SANITIZER.search(pod.log() + again.log()), "a sanitizer speaks", pod.log(), again.log())


MANY = 40


def test_within_its_resources(lab):
    """The manifest's requests and limits hold: memory at rest and at the most, measured by the kernel."""
    if sanitized():
        raise check.Skip("a sanitizer's build takes more")
    node, pod = agent_pod(lab, high=90, low=80, size=1 << 30)
    time.sleep(2)
    idle = memory(pod)
    apps.load(node, MANY, random=1000, zeros=1000)
    on_the_node(node, "plan", "--json", expect=(0, 1))      # the agent looks: now they are known, and grow old
    time.sleep(1.2)
    on_the_node(node, "gc", "--to", "0", "--json", expect=(0, 1))
    check.equal(app_names(node), [], "images left")
    most, throttled = memory(pod, most=True), throttling(pod)
    with open(pod.proc("status")) as file:
        resident = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    print(f"# resident {resident / 1e6:.1f} MB at the most; its group has {idle / 1e6:.1f} MB at rest, {most / 1e6:.1f} MB at "
          f"the most in a pass over {MANY} images; {throttled:.3f} s held back by its limit of CPU time")
    resources = pod.template.container.resources
    check.at_most(idle, resources["requests"]["memory"], "memory at rest")
    check.at_most(max(most, resident), resources["limits"]["memory"] / 4, "memory at the most")


def group_file(pod, controller, file, unified_file):
    """What the kernel says about the container's control group, in either hierarchy."""
    with open("/proc/self/cgroup") as lines:
        unified = len(lines.readlines()) == 1
    with open(pod.proc("cgroup")) as lines:
        group = next(fields[2] for fields in (line.strip().split(":") for line in lines)
                     if unified or controller in fields[1].split(","))
    path = f"/sys/fs/cgroup{group}/{unified_file}" if unified else f"/sys/fs/cgroup/{controller}{group}/{file}"
    with open(path) as text:
        return text.read()


def memory(pod, most=False):
    """Bytes that count against its limit, its share of cached files included."""
    if most:
        return int(group_file(pod, "memory", "memory.max_usage_in_bytes", "memory.peak"))
    return int(group_file(pod, "memory", "memory.usage_in_bytes", "memory.current"))


def throttling(pod):
    """Seconds that its threads had to wait for the limit of CPU time."""
    lines = dict(line.split() for line in group_file(pod, "cpu", "cpu.stat", "cpu.stat").splitlines())
    return int(lines["throttled_usec"]) / 1e6 if "throttled_usec" in lines else int(lines["throttled_time"]) / 1e9


# Of CRI-O and the others only the place is here: it is containerd that answers.
PLACES = {"crio": "/run/crio/crio.sock", "k3s": "/run/k3s/containerd/containerd.sock"}


def test_each_overlay(lab):
    """Every overlay's agent finds its socket, also where that is a link as only the node can follow it."""
    node, pod = agent_pod(lab)
    for number, (name, place) in enumerate(PLACES.items()):
        pod.stop()
        pod.remove()
        os.makedirs(node.containerd.path(os.path.dirname(place)), exist_ok=True)
        os.symlink("/run/containerd/containerd.sock", node.containerd.path(place))
        rendered = kubelet.render(os.path.join(PACKAGING, "kubernetes/overlays", name))
        manifest = kubelet.find(rendered, "DaemonSet")["spec"]["template"]
        template = kubelet.read_template(manifest)
        template.container.resources = pod.template.container.resources
        pod = AgentPod(node, rendered, template, directory=KUBELET, uid=f"overlay-{number}")
        pod.start().wait_ready()
        runtimes = [one["name"] for one in json.loads(pod.get("/status")[1])["runtimes"]]
        check.equal(runtimes, ["containerd"], f"runtimes with {name}")


def test_docker(lab):
    """With Docker's overlay it is Docker's images that go, those of Kubernetes' containerd stay."""
    for tool in hostnode.HostDocker.programs:
        if not shutil.which(tool):
            raise check.Skip(f"{tool} is not installed")
    engines = []

    def start_docker(node, _objects):
        engines.append(hostnode.HostDocker(node.containerd, os.path.join(lab.folder, "docker")).start())
        lab.stack.callback(engines[0].close)
        return {}
    node, pod = agent_pod(lab, names=("overlays/docker",), cluster=start_docker)
    check.equal(pod.labels("filesystem_info", filesystem="imagefs")["mountpoint"], "/var/lib/docker", "where Docker's images are")
    apps.load(node, 2)
    for number in range(11, 21):
        engines[0].load(apps.app(number))
    check.wait_for(lambda: pod.metric("images_removed_total") >= 3, 20, "images_removed_total")
    check.wait_for(lambda: node.fs.used_percent() < 60, 15, "the disk is relieved")
    check.within(len(engines[0].names()), 2, 7, "Docker's images left")
    check.equal(app_names(node), apps.names(1, 2), "containerd's images")


def plugin(node, rule, length):
    """What node-problem-detector makes of a rule: the state of the condition and its message."""
    command = [program.program(), *rule["args"]]
    done = subprocess.run(node.containerd.inside(*command), capture_output=True, text=True,
                          timeout=int(rule["timeout"].rstrip("s")))
    message = done.stdout.strip()
    check.at_most(len(message.encode()), length, f"bytes of the message: the rest is cut\n{message}")
    check.equal(message.count("\n"), 0, "lines beyond the first")
    return {0: "False", 1: "True"}.get(done.returncode, "Unknown"), message


def test_node_problem_detector(lab):
    """Its plugin on the node asks the agent in the pod: all is well, pressure, nobody can tell."""
    node, pod = agent_pod(lab)
    with open(os.path.join(PACKAGING, "kubernetes/node-problem-detector/disk-pressure-monitor.json")) as file:
        monitor = json.load(file)
    rule, length = monitor["rules"][0], monitor["pluginConfig"]["max_output_length"]
    state, message = plugin(node, rule, length)
    check.equal(state, "False", f"condition of a node without pressure: {message}")
    check.true("imagefs" in message, "the message", message)
    node.fs.fill_to_percent(75)
    check.wait_for(lambda: plugin(node, rule, length)[0] == "True", 15, "the condition is true")
    check.true("PRESSURE" in plugin(node, rule, length)[1], "the message says so")
    os.unlink(os.path.join(node.fs.path, "filler"))
    check.wait_for(lambda: plugin(node, rule, length)[0] == "False", 15, "the condition is false again")
    pod.stop()
    there, away = (node.containerd.path(f"/run/containerd/{name}") for name in ("containerd.sock", "away"))
    os.rename(there, away)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(there)        # as a runtime that died leaves it
    state, message = plugin(node, rule, length)
    os.rename(away, there)
    check.equal(state, "Unknown", f"condition without the agent and with a dead runtime: {message}")
