# SPDX-License-Identifier: Apache-2.0
"""A gRPC proxy in front of containerd: tests look at the agent's calls, hold them, and change the answers.

It ends HTTP/2 on both sides and passes message bytes on unread, so it serves every service on the socket,
streams included. Hooks run in the call's own thread and may block.
"""

import os
import threading
import time
from concurrent import futures

import grpc

from . import wire
from .cri import open_channel

LIST_IMAGES = "/runtime.v1.ImageService/ListImages"
IMAGE_STATUS = "/runtime.v1.ImageService/ImageStatus"
REMOVE_IMAGE = "/runtime.v1.ImageService/RemoveImage"
LIST_CONTAINERS = "/runtime.v1.RuntimeService/ListContainers"


class Proxy(grpc.GenericRpcHandler):
    """before(method, request) ahead of forwarding; after(method, answer) -> the answer to pass on."""

    def __init__(self, socket_path, target, before=None, after=None):
        self.socket, self.target = socket_path, target
        self.before, self.after = before, after
        self.calls = []
        self._lock = threading.Lock()

    def start(self):
        self._channel = open_channel(self.target)
        self._server = grpc.server(futures.ThreadPoolExecutor(32), handlers=[self])
        self._server.add_insecure_port(f"unix:{self.socket}")
        self._server.start()
        return self

    def close(self):
        self._server.stop(0).wait(5)
        self._channel.close()
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def methods(self):
        with self._lock:
            return [method for _, method in self.calls]

    def service(self, details):
        method = details.method
        return grpc.unary_stream_rpc_method_handler(lambda request, context: self._pass(method, request, context))

    def _pass(self, method, request, context):
        with self._lock:
            self.calls.append((time.monotonic(), method))
        if self.before:
            self.before(method, request)
        metadata = [(key, value) for key, value in context.invocation_metadata()
                    if not key.startswith((":", "grpc-")) and key != "user-agent"]
        left = context.time_remaining()     # without a deadline: centuries, which overflow on the way out
        call = self._channel.unary_stream(method)(request, metadata=metadata, timeout=left if left < 1e6 else None)
        context.add_callback(call.cancel)
        try:
            for answer in call:
                yield self.after(method, answer) if self.after else answer
        except grpc.RpcError as problem:
            context.abort(problem.code(), problem.details())


def pin(*names):
    """An `after` hook that reports the images of these tags as pinned: containerd 1.6.20 cannot do so itself."""
    def after(method, answer):
        if method != LIST_IMAGES:
            return answer
        images = [raw + wire.encode([(8, 1)]) if set(names) & set(wire.texts(wire.decode(raw), 2)) else raw
                  for raw in wire.decode(answer).get(1, [])]
        return wire.encode([(1, raw) for raw in images])
    return after
