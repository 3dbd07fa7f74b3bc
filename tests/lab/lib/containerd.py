# SPDX-License-Identifier: Apache-2.0
"""A private containerd: its data on the loop filesystem, its sockets and state outside of it."""

import os
import shutil
import signal
import subprocess
import threading
import time

from .cri import Cri
from . import images as image_builder

PAUSE = image_builder.Image(names=("lab.test/pause:1",), recoverable=True, layers=(
    image_builder.Layer(seed="pause", program=True),))

CONFIG = """\
version = 2
root = "{root}"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.native", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{socket}"
[ttrpc]
  address = "{folder}/ttrpc.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox_image}"
  # An unprivileged laboratory may not lower an OOM score; without this every sandbox fails there.
  restrict_oom_score_adj = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "{folder}/cni"
    bin_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""


def missing():
    """What a host lacks to run this, or ''."""
    for program in ("containerd", "ctr", "runc"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return ""


class Containerd:
    def __init__(self, folder, root, store=None):
        """folder: state, socket and log; root: a folder on the loop filesystem."""
        self.folder, self.root = folder, root
        self.socket = os.path.join(folder, "c.sock")
        self.log_path = os.path.join(folder, "containerd.log")
        self.store = store or image_builder.Store()
        self.process = None
        self.cri = None

    # the process

    def start(self, prepare=True):
        os.makedirs(os.path.join(self.folder, "cni"), exist_ok=True)
        config = os.path.join(self.folder, "containerd.toml")
        with open(config, "w") as file:
            file.write(CONFIG.format(root=self.root, folder=self.folder, socket=self.socket,
                                     sandbox_image=PAUSE.name))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["containerd", "--config", config], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        if self.cri is None:
            self.cri = Cri(self.socket)
        self._wait_ready()
        if prepare:
            self.load(PAUSE)
        return self

    def _wait_ready(self, patience=20):
        deadline = time.monotonic() + patience
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"containerd left with {self.process.returncode}:\n{self.log_tail()}")
            try:
                self.cri.runtime_call("Version")
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self):
        """Ends the daemon; containers keep running, as with any containerd restart."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def restart(self):
        self.stop()
        self.start(prepare=False)

    def close(self):
        """Removes every pod, then the daemon. What this cannot end is swept by the caller."""
        try:
            if self.process and self.process.poll() is None:
                self.cri.timeout = 10
                for pod in self.cri.pods():
                    self.cri.remove_pod(pod)
        except Exception as problem:
            print(f"# lab: pods were not removed: {problem}", flush=True)
        self.stop()
        if self.cri:
            self.cri.close()

    def how_to_look(self):
        return f"ctr -a {self.socket} -n k8s.io images ls"

    def log_tail(self, lines=30):
        with open(self.log_path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    # images

    def ctr(self, *arguments, **more):
        command = ["ctr", "--address", self.socket, "--namespace", "k8s.io", *arguments]
        return subprocess.run(command, check=True, capture_output=True, timeout=120, **more).stdout.decode()

    def load(self, image):
        """Imports, and waits until CRI knows every name: CRI learns of them through events, a moment later."""
        self._import([image])
        return self._wait_known(image)

    def load_many(self, images):
        """The same of many in one archive, which is a lot faster."""
        self._import(images)
        return [self._wait_known(image) for image in (images[0], images[-1])]

    def _import(self, images):
        command = ["ctr", "--address", self.socket, "--namespace", "k8s.io", "images", "import", "-"]
        importer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        feeder = threading.Thread(target=self._feed, args=(images, importer.stdin), daemon=True)
        feeder.start()
        output = importer.stdout.read().decode(errors="replace")
        if importer.wait(600) != 0:
            raise RuntimeError(f"import of {images[0].name} failed: {output}\n{self.log_tail(10)}")
        feeder.join()

    def _feed(self, images, pipe):
        try:
            with pipe:
                self.store.write_archive_of(images, pipe)
        except BrokenPipeError:
            pass        # the importer gave up and says why itself

    def _wait_known(self, image, patience=10):
        deadline = time.monotonic() + patience
        while True:
            found = self.cri.image(image.name)
            if found and set(image.names) <= set(found.tags) and bool(found.digests) == image.recoverable:
                return found
            if time.monotonic() > deadline:
                raise RuntimeError(f"CRI does not know {image.names} after {patience} s: {found}")
            time.sleep(0.01)

    def pin(self, name):
        """containerd from 1.7.3 on reports this label as `pinned`; 1.6.20 has no such thing (proxy.py helps)."""
        self.ctr("images", "label", name, "io.cri-containerd.pinned=pinned")

    def names(self):
        """Every tag that CRI knows, the sandbox image's left out."""
        return sorted(tag for one in self.cri.images() for tag in one.tags if tag != PAUSE.name)

    # containers

    def container(self, image, state):
        """A container of that image in a pod of its own: 'created', 'running' or 'exited'."""
        pod = self.cri.run_pod("pod")
        container = self.cri.create_container(pod, image)
        if state in ("running", "exited"):
            self.cri.start_container(container)
        if state == "exited":
            self.cri.stop_container(container)
        return container, pod

    def use_once(self, image):
        """Someone ran the image and is gone again."""
        self.cri.remove_pod(self.container(image, "running")[1])
