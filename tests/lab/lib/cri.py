# SPDX-License-Identifier: Apache-2.0
"""A minimal CRI v1 client: the calls the tests need, nothing else."""

import itertools
from dataclasses import dataclass, field

import grpc

from . import wire

CREATED, RUNNING, EXITED, UNKNOWN = range(4)
NAMESPACE_NODE = 2      # the host's network: no CNI plugin is needed


@dataclass
class CriImage:
    id: str
    tags: list
    digests: list
    size: int
    pinned: bool

    @property
    def names(self):
        return self.tags + self.digests


@dataclass
class CriContainer:
    id: str
    sandbox: str
    name: str
    image: str
    image_ref: str
    state: int


@dataclass
class Pod:
    """A sandbox that runs, and what CreateContainer wants to hear again about it."""
    id: str
    config: list = field(repr=False)


def open_channel(socket_path):
    # Without an authority of its own grpc sends the percent-encoded socket path, which a Go server refuses.
    return grpc.insecure_channel(f"unix:{socket_path}", options=[
        ("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", 64 << 20), ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 200)])


class Cri:
    def __init__(self, socket_path, timeout=60):
        self.channel = open_channel(socket_path)
        self.timeout = timeout
        self._uids = itertools.count(1)

    def close(self):
        self.channel.close()

    def call(self, service, method, fields=()):
        unary = self.channel.unary_unary(f"/runtime.v1.{service}/{method}", request_serializer=wire.encode,
                                         response_deserializer=wire.decode)
        return unary(list(fields), timeout=self.timeout, wait_for_ready=True)

    def image_call(self, method, fields=()):
        return self.call("ImageService", method, fields)

    def runtime_call(self, method, fields=()):
        return self.call("RuntimeService", method, fields)

    # images

    def images(self):
        answer = self.image_call("ListImages")
        return [_image(one) for one in wire.messages(answer, 1)]

    def image(self, name):
        """The image of that name or id, or None."""
        answer = self.image_call("ImageStatus", [(1, [(1, name)])])
        return _image(wire.message(answer, 1)) if 1 in answer else None

    def remove_image(self, name):
        self.image_call("RemoveImage", [(1, [(1, name)])])

    def image_directory(self):
        usage = wire.messages(self.image_call("ImageFsInfo"), 1)
        return wire.text(wire.message(usage[0], 2), 1) if usage else None

    # pods and containers

    def run_pod(self, name):
        unique = f"{name}-{next(self._uids)}"
        config = [(1, [(1, unique), (2, f"uid-{unique}"), (3, "lab")]),
                  (8, [(2, [(1, [(1, NAMESPACE_NODE)])])])]
        answer = self.runtime_call("RunPodSandbox", [(1, config)])
        return Pod(wire.text(answer, 1), config)

    def create_container(self, pod, image, args=()):
        unique = f"c{next(self._uids)}"
        config = [(1, [(1, unique)]), (2, [(1, image)])] + [(4, one) for one in args]
        config += [(15, [(2, [(3, [(1, NAMESPACE_NODE)])])])]
        answer = self.runtime_call("CreateContainer", [(1, pod.id), (2, config), (3, pod.config)])
        return wire.text(answer, 1)

    def start_container(self, container):
        self.runtime_call("StartContainer", [(1, container)])

    def stop_container(self, container, timeout=2):
        self.runtime_call("StopContainer", [(1, container), (2, timeout)])

    def remove_container(self, container):
        self.runtime_call("RemoveContainer", [(1, container)])

    def containers(self):
        answer = self.runtime_call("ListContainers")
        return [_container(one) for one in wire.messages(answer, 1)]

    def pods(self):
        return [wire.text(one, 1) for one in wire.messages(self.runtime_call("ListPodSandbox"), 1)]

    def remove_pod(self, pod):
        identity = pod.id if isinstance(pod, Pod) else pod
        self.runtime_call("StopPodSandbox", [(1, identity)])
        self.runtime_call("RemovePodSandbox", [(1, identity)])


def _image(fields):
    return CriImage(wire.text(fields, 1), wire.texts(fields, 2), wire.texts(fields, 3), wire.number(fields, 4),
                    bool(wire.number(fields, 8)))


def _container(fields):
    return CriContainer(wire.text(fields, 1), wire.text(fields, 2), wire.text(wire.message(fields, 3), 1),
                        wire.text(wire.message(fields, 4), 1), wire.text(fields, 5), wire.number(fields, 6))
