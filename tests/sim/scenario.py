# SPDX-License-Identifier: Apache-2.0
"""A scenario in the making: disk-pressure-agent-scenario(5) from a few calls."""

import json

MB = 10 ** 6
GB = 10 ** 9
MINUTE, HOUR, DAY = 60, 3600, 86400

BYTES_PER_INODE = 25_000


class Trace:
    def __init__(self, description, capacity, other, policy=None, nodefs=None, inodes=None):
        """nodefs: (capacity, other) when that is a filesystem of its own. Sizes in bytes, times in seconds."""
        self.description, self.policy = description, policy or {}
        self.filesystems = {"imagefs": filesystem("d1", capacity, other, inodes),
                            "nodefs": filesystem("d2", *nodefs) if nodefs else {"device": "d1"}}
        self.layers, self.images, self.present, self.told = {}, {}, [], set()
        self.containers, self.sandbox_images, self.events = [], [], []

    # --- images -------------------------------------------------------------------------------------

    def layer(self, name, size, inodes=None):
        self.layers[name] = {"bytes": size, "inodes": size // BYTES_PER_INODE if inodes is None else inodes}

    def image(self, name, layers, told=None):
        """An image of those layers, with one more where a size is given as (name, size). told: the size that the runtime tells;
        a third of the layers', as containerd tells it, when absent."""
        names = []
        for layer in layers:
            if isinstance(layer, tuple):
                self.layer(*layer)
            names.append(layer[0] if isinstance(layer, tuple) else layer)
        size = sum(self.layers[layer]["bytes"] for layer in names)
        repository = name.partition(":")[0]
        self.images[name] = {"id": f"sha256:{name}", "names": [f"registry.example/{name}"],
                             "digests": [f"registry.example/{repository}@sha256:{name}"],
                             "sizeBytes": size // 3 if told is None else told, "layers": names}

    def has(self, name, seen, used=None):
        """It is there in the beginning."""
        self.present.append({**self.images[name], "firstSeen": seen, "lastUsed": used})
        self.told.add(name)

    # --- events -------------------------------------------------------------------------------------

    def at(self, when, **what):
        self.events.append({"at": round(when, 3), **what})

    def pull(self, when, name):
        image = self.images[name]
        self.at(when, pull={"id": image["id"]} if name in self.told else image)
        self.told.add(name)

    def start(self, when, container, name):
        if name not in self.told:
            self.pull(when, name)
        self.at(when, start={"id": container, "image": self.images[name]["id"]})

    def run(self, when, container, name, seconds, lingers=10):
        """Started, stopped, and after a while removed."""
        self.start(when, container, name)
        self.at(when + seconds, stop=container)
        self.at(when + seconds + lingers, remove=container)

    def write(self, when, size, seconds, filesystem="nodefs", inodes=1):
        self.at(when, write={"filesystem": filesystem, "bytes": size, "inodes": inodes, "seconds": seconds})

    def delete(self, when, size, filesystem="nodefs", inodes=1):
        self.at(when, delete={"filesystem": filesystem, "bytes": size, "inodes": inodes})

    def restart(self, when):
        self.at(when, restartAgent=True)

    # --- the document -------------------------------------------------------------------------------

    def document(self, end):
        self.at(end, end=True)
        events = sorted((one for one in self.events if one["at"] <= end), key=lambda one: one["at"])
        return {"version": 1, "description": self.description, "filesystems": self.filesystems, "policy": self.policy,
                "layers": self.layers, "images": self.present, "containers": self.containers,
                **({"sandboxImages": self.sandbox_images} if self.sandbox_images else {}), "events": events}


def filesystem(device, capacity, other, inodes=None):
    return {"device": device, "capacityBytes": capacity, "capacityInodes": capacity // 16384 if inodes is None else inodes,
            "otherBytes": other, "otherInodes": other // BYTES_PER_INODE}


def render(document):
    """For people: an entry a line."""
    lines = []
    for key, value in document.items():
        if key == "layers":
            inner = ",\n".join(f"  {json.dumps(name)}: {json.dumps(one)}" for name, one in value.items())
            lines.append(f' "layers": {{\n{inner}\n }}' if inner else ' "layers": {}')
        elif isinstance(value, list):
            inner = ",\n".join(f"  {json.dumps(one)}" for one in value)
            lines.append(f" {json.dumps(key)}: [\n{inner}\n ]" if inner else f" {json.dumps(key)}: []")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
