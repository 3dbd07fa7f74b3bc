# SPDX-License-Identifier: Apache-2.0
"""Two stand-ins for a container runtime: one answers properly, one byte for byte as badly as a test wants.

Recorded: real runtimes' answers, replayed over a real gRPC server. Raw: HTTP/2 frames by hand, because no gRPC
library sends what a broken peer sends.
"""

import base64
import contextlib
import json
import os
import socket
import struct
import threading
from concurrent import futures

import grpc

VERSION = "/runtime.v1.RuntimeService/Version"
STATUS = "/runtime.v1.RuntimeService/Status"
LIST_IMAGES = "/runtime.v1.ImageService/ListImages"
IMAGE_FS_INFO = "/runtime.v1.ImageService/ImageFsInfo"
IMAGE_STATUS = "/runtime.v1.ImageService/ImageStatus"
REMOVE_IMAGE = "/runtime.v1.ImageService/RemoveImage"
LIST_CONTAINERS = "/runtime.v1.RuntimeService/ListContainers"
CONTAINER_STATUS = "/runtime.v1.RuntimeService/ContainerStatus"
LIST_SANDBOXES = "/runtime.v1.RuntimeService/ListPodSandbox"
SANDBOX_STATUS = "/runtime.v1.RuntimeService/PodSandboxStatus"


# protobuf, as far as answers need it

def varint(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def message(*fields):
    """(number, value) pairs; a value is an int, a str or bytes, which may be a message. Zeros are written too."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def frame(data, flag=0):
    return struct.pack(">BI", flag, len(data)) + data


class Failure(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


class Recorded(grpc.GenericRpcHandler):
    """Answers as the recorded runtime did. `answers` overrides by method: bytes, a Failure or a function."""

    def __init__(self, socket_path, recording=None, answers=None):
        self.socket, self.answers = socket_path, dict(answers or {})
        self.recorded = []
        if recording:
            with open(recording) as file:
                self.recorded = json.load(file)["exchanges"]
        self.calls = []         # (method, request)
        self._server = None

    def __enter__(self):
        self._server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[self], options=[
            ("grpc.max_send_message_length", -1)])
        self._server.add_insecure_port(f"unix:{self.socket}")
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(0).wait(5)

    def count(self, method):
        return sum(1 for called, _ in self.calls if called == method)

    def service(self, details):
        method = details.method
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._answer(method, request, context))

    def _answer(self, method, request, context):
        self.calls.append((method, request))
        try:
            answer = self.answers.get(method)
            if callable(answer):
                answer = answer(request)
            if isinstance(answer, Failure):
                raise answer
            return self._replay(method, request) if answer is None else answer
        except Failure as failure:
            context.abort(failure.code, failure.text)

    def _replay(self, method, request):
        """The recorded exchange of that method whose request begins alike: requests differ in flags at their end."""
        for one in self.recorded:
            recorded = base64.b64decode(one["requestBase64"])
            if one["method"] == method and (recorded.startswith(request) or request.startswith(recorded)):
                if one["grpcStatus"] != "0":
                    codes = {code.value[0]: code for code in grpc.StatusCode}
                    raise Failure(codes[int(one["grpcStatus"])], one["grpcMessage"])
                return base64.b64decode(one["responseFramesBase64"])[5:]
        raise Failure(grpc.StatusCode.UNIMPLEMENTED, f"unknown method {method}")


# HTTP/2 by hand

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
ACK = END_STREAM = 1
END_HEADERS = 4
GRPC = {":status": "200", "content-type": "application/grpc"}
OK = {"grpc-status": "0"}


def hpack(headers):
    """Literal fields, neither indexed nor compressed; names and values of up to 16 KiB."""
    def text(value):
        data = value.encode("latin-1")
        if len(data) < 127:
            return bytes([len(data)]) + data
        return b"\x7f" + varint(len(data) - 127) + data
    return b"".join(b"\0" + text(name) + text(value) for name, value in headers.items())


class Stream:
    """One request on one connection; what the script of a test writes to."""

    def __init__(self, connection, identity, number, first):
        self.connection, self.id = connection, identity
        self.number = number            # of the request, over all connections, from 0
        self.first = first              # whether it is its connection's first

    def raw(self, data):
        self.connection.sendall(data)

    def h2(self, kind, flags, payload=b"", stream=None):
        stream = self.id if stream is None else stream
        self.raw(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def headers(self, headers, end=False):
        self.h2(HEADERS, END_HEADERS | (END_STREAM if end else 0), hpack(headers))

    def data(self, data, end=False):
        for at in range(0, len(data), 16384):
            self.h2(DATA, 0, data[at:at + 16384])
        if end:
            self.h2(DATA, END_STREAM)

    def answer(self, body, trailers=None):
        """A proper answer around that body."""
        self.headers(GRPC)
        self.data(body)
        self.headers(OK if trailers is None else trailers, end=True)

    def hang(self):
        """Says nothing more and takes whatever comes, until the client has gone."""
        with contextlib.suppress(OSError):
            while self.connection.recv(65536):
                pass

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Raw:
    """Calls script(stream) for every request. greet(connection) replaces HTTP/2's own beginning."""

    def __init__(self, socket_path, script=None, greet=None):
        self.socket, self.script, self.greet = socket_path, script, greet
        self.connections = self.requests = 0
        self.problems = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._open = []

    def __enter__(self):
        self._listener.bind(self.socket)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in [self._listener] + self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        os.unlink(self.socket)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            (self.greet or self._requests)(connection)
        except (OSError, EOFError):
            pass        # the client left, or the test closed
        except Exception as problem:
            self.problems.append(problem)

    def _requests(self, connection):
        if self._read(connection, len(PREFACE)) != PREFACE:
            return
        Stream(connection, 0, 0, False).h2(SETTINGS, 0)
        first = True
        while True:
            head = self._read(connection, 9)
            payload = self._read(connection, int.from_bytes(head[:3], "big"))
            kind, flags, identity = head[3], head[4], int.from_bytes(head[5:], "big")
            stream = Stream(connection, identity, self.requests, first)
            if kind in (SETTINGS, PING) and not flags & ACK:
                stream.h2(kind, ACK, payload if kind == PING else b"")
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.requests += 1
                first = False
                self.script(stream)

    @staticmethod
    def _read(connection, size):
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data
