# SPDX-License-Identifier: Apache-2.0
"""A private Podman: its service, with all it would share with another Podman of this host in a folder of its own."""

import os

from .engine import Api, Engine, quoted

# Where limits may not be raised, as in many sandboxes, a container wants to be told of low ones.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
static_dir = "{root}/libpod"
tmp_dir = "{folder}/t"
volume_path = "{root}/volumes"
[network]
network_config_dir = "{folder}/networks"
"""

STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{root}"
runroot = "{folder}/r"
"""


class Podman(Engine):
    type = "podman"
    programs = ("podman", "conmon", "runc")

    def __init__(self, folder, root, store=None):
        super().__init__(folder, root, store)
        self.api = Api(self.socket, "/v4.0.0/libpod")

    def environment(self):
        return dict(os.environ, CONTAINERS_CONF=os.path.join(self.folder, "containers.conf"),
                    CONTAINERS_STORAGE_CONF=os.path.join(self.folder, "storage.conf"),
                    TMPDIR=os.path.join(self.folder, "tmp"))

    def command(self):
        for name, text in (("containers.conf", CONTAINERS_CONF), ("storage.conf", STORAGE_CONF)):
            with open(os.path.join(self.folder, name), "w") as file:
                file.write(text.format(folder=self.folder, root=self.root))
        return self.podman_command("system", "service", "--time", "0", f"unix://{self.socket}")

    def how_to_look(self):
        return f"podman --remote --url unix://{self.socket} image ls"

    def create(self, image, volumes=()):
        mounts = [{"Source": one, "Destination": f"/v{number}"} for number, one in enumerate(volumes)]
        return self.api.post("/containers/create", {"image": image, "image_volumes": mounts})["Id"]

    def untag(self, name):
        repository, _, tag = name.rpartition(":")
        self.api.post(f"/images/{quoted(name)}/untag?repo={quoted(repository)}&tag={tag}")

    def podman_command(self, *arguments):
        return ["podman", "--root", self.root, "--runroot", os.path.join(self.folder, "r"), *arguments]
