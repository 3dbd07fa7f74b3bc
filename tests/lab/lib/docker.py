# SPDX-License-Identifier: Apache-2.0
"""A private Docker: dockerd on a containerd of its own, so that the host's is never asked."""

import json
import os

from .engine import Api, Engine, end

CONTAINERD = """\
version = 2
root = "{folder}/c-root"
state = "{folder}/c"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{folder}/c.sock"
[ttrpc]
  address = "{folder}/ct.sock"
"""


class Docker(Engine):
    type = "docker"
    programs = ("dockerd", "containerd", "runc")

    def __init__(self, folder, root, store=None):
        super().__init__(folder, root, store)
        self.api = Api(self.socket, "/v1.41")
        self.containerd = None

    def command(self):
        config = os.path.join(self.folder, "daemon.json")
        with open(config, "w") as file:
            # Containers outlive a restart, and shutting down does not wait for them.
            json.dump({"live-restore": True}, file)
        return ["dockerd", "--config-file", config, "--data-root", self.root, "--exec-root",
                os.path.join(self.folder, "x"), "--host", f"unix://{self.socket}", "--pidfile",
                os.path.join(self.folder, "pid"), "--containerd", os.path.join(self.folder, "c.sock"),
                "--bridge=none", "--iptables=false", "--ip6tables=false"]

    def environment(self):
        # Where an archive is unpacked: outside of the filesystem that a test watches.
        return dict(os.environ, DOCKER_TMPDIR=os.path.join(self.folder, "tmp"))

    def start(self, prepare=True):
        if not self.containerd:
            config = os.path.join(self.folder, "containerd.toml")
            with open(config, "w") as file:
                file.write(CONTAINERD.format(folder=self.folder))
            self.containerd = self.spawn(["containerd", "--config", config])
        return super().start(prepare)

    def close(self):
        super().close()
        end(self.containerd)

    def how_to_look(self):
        return f"docker -H unix://{self.socket} image ls"

    def create(self, image, volumes=()):
        mounts = [{"Type": "image", "Source": one, "Target": f"/v{number}"} for number, one in enumerate(volumes)]
        return self.api.post("/containers/create", {"Image": image, "HostConfig": {"NetworkMode": "none",
                                                                                    "Mounts": mounts}})["Id"]

    def untag(self, name):
        """Docker has no such thing: the next tag() moves the name."""

    def commit(self, container, name):
        """An image that is built on the container's."""
        repository, _, tag = name.rpartition(":")
        return self.api.post(f"/commit?container={container}&repo={repository}&tag={tag}", {})["Id"]
