# SPDX-License-Identifier: Apache-2.0
"""A whole node: a containerd at its ordinary places, in mount, process and network namespaces of its own.

What is below / there is this host's, but for /run, /var/lib and /proc; /var/lib/containerd is the loop filesystem,
and /var/lib/docker is on it.
So a pod can mount the node's root directory as it would mount a real one's, and sees nothing but the node. The
namespaces end with their first process, and all that runs in them.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from . import containerd, docker

CNI_PLUGINS = "/usr/lib/cni"
CLONE_NEWNET = 0x40000000

# Pods get addresses of their own, as on any node; the node reaches them, nobody else does.
GATEWAY = "10.79.0.1"       # the node, for its pods
NETWORK = {"cniVersion": "0.4.0", "name": "lab", "plugins": [
    {"type": "ptp", "ipMasq": False, "ipam": {"type": "host-local", "subnet": "10.79.0.0/24", "dataDir": "/run/cni"}}]}

SCRIPT = """\
set -e
# What is mounted later is seen in pods, as on a host whose systemd has made it so.
mount --make-rshared /
mount --bind {folder}/var-lib /var/lib
mount --bind {disk} /var/lib/containerd
mkdir {disk}/docker
mount --bind {disk}/docker /var/lib/docker
mount -t tmpfs -o mode=755 tmpfs /run
exec containerd --config {folder}/containerd.toml
"""


def missing():
    for tool in ("unshare", "nsenter"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if not os.path.exists(f"{CNI_PLUGINS}/ptp"):
        return "containernetworking-plugins is not installed"
    return ""


class HostContainerd(containerd.Containerd):
    def __init__(self, folder, disk, store=None):
        super().__init__(folder, "/var/lib/containerd", store)
        self.disk, self.pid, self.socket = disk, None, None

    def start(self, prepare=True):
        for name in ("cni", "var-lib/containerd", "var-lib/docker", "var-lib/kubelet"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        self._write("cni/10-lab.conflist", json.dumps(NETWORK))
        self._write("containerd.toml", self._config())
        self._write("node.sh", SCRIPT.format(folder=self.folder, disk=self.disk))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                 "/bin/sh", os.path.join(self.folder, "node.sh")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self._first_process()
        self.socket = self.path("/run/containerd/containerd.sock")
        self.cri = containerd.Cri(self.socket)
        self._wait_ready()
        if prepare:
            self.load(containerd.PAUSE)
        return self

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def _config(self):
        text = containerd.CONFIG.format(root=self.root, folder="/run/containerd", sandbox_image=containerd.PAUSE.name,
                                        socket="/run/containerd/containerd.sock")
        return text.replace('conf_dir = "/run/containerd/cni"', f'conf_dir = "{self.folder}/cni"').replace(
            'bin_dir = "/run/containerd/cni"', f'bin_dir = "{CNI_PLUGINS}"')

    def _first_process(self, patience=5):
        deadline = time.monotonic() + patience
        parent = self.process.pid
        while time.monotonic() < deadline and self.process.poll() is None:
            with open(f"/proc/{parent}/task/{parent}/children") as file:
                children = file.read().split()
            if children:
                return int(children[0])
            time.sleep(0.01)
        raise RuntimeError(f"the node did not start:\n{self.log_tail()}")

    def stop(self):
        if self.process and self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    # the node from outside

    def path(self, path):
        """What the node has at that path, for this process."""
        return f"/proc/{self.pid}/root{path}"

    def inside(self, *command):
        """A command line that runs on the node."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", "--", *command]

    def connect(self, address, port, timeout=5):
        """A TCP connection from the node. A socket stays in the network that it was made in."""
        made = self.in_its_network(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        made.settimeout(timeout)
        made.connect((address, port))
        return made

    def in_its_network(self, function):
        """What function() returns in a thread that is in the node's network, as are threads that it starts."""
        made = []

        def run():
            with open(f"/proc/{self.pid}/ns/net") as network:
                if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET) == 0:
                    made.append(function())
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if not made:
            raise RuntimeError("this does not work in the node's network")
        return made[0]


class HostDocker(docker.Docker):
    """Docker on such a node, beside Kubernetes' containers and with the same containerd, as its packages have it."""

    def __init__(self, node, folder):
        super().__init__(folder, "/var/lib/docker", node.store)
        self.node = node
        self.socket = self.api.socket_path = node.path("/run/docker.sock")

    def command(self):
        return self.node.inside("dockerd", "--data-root", self.root, "--host", "unix:///run/docker.sock",
                                "--containerd", "/run/containerd/containerd.sock", "--config-file",
                                os.path.join(self.folder, "daemon.json"), "--bridge=none", "--iptables=false",
                                "--ip6tables=false")

    def start(self, prepare=True):
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "daemon.json"), "w") as file:
            file.write("{}")
        # Not the one above: there is a containerd already.
        return super(docker.Docker, self).start(prepare)
