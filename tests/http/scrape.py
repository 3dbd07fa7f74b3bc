# SPDX-License-Identifier: Apache-2.0
"""A daemon on a host that has nothing, and clients of what it serves on the network, with TLS or without."""

import contextlib
import http.client
import os
import ssl
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, os.pardir, "kube"), os.path.join(HERE, os.pardir, "lab")]

from lib.agent import Agent     # noqa: E402


class Answer:
    def __init__(self, status, headers, body, certificate=b"", seconds=0.0):
        self.status, self.headers, self.body = status, headers, body
        self.certificate, self.seconds = certificate, seconds


class Served(Agent):
    """Its own /healthz and so on are asked through the unix socket, which never has TLS."""

    def __init__(self, folder, http=None, **sections):
        self.environment = []       # NAME=VALUE, of the daemon alone
        self.host_folder = os.path.join(folder, "host")
        os.makedirs(self.host_folder, exist_ok=True)
        super().__init__(os.path.join(folder, "agent"), {
            "filesystems": {"sample-interval-max": "200ms"}, "kubelet": {"config": "no"},
            "kubernetes": {"events": "no"}, "http": http or {}, **sections})
        self.settings["http"] = {"listen": f"127.0.0.1:{self.port} unix:{self.socket}", **(http or {})}
        self.write_config()

    def command(self, *arguments):
        return [*(("env", *self.environment) if self.environment else ()), *super().command(*arguments)]

    def start(self, *more, ready=True):
        return super().start("--root", self.host_folder, *more, ready=ready)

    def is_ready(self):
        return self.running() and self.local("/healthz").status == 200

    def local(self, path):
        connection = UnixConnection(self.socket, timeout=5)
        return exchange(connection, path, {})

    def metric(self, name):
        for line in self.local("/metrics").body.splitlines():
            if line.startswith(f"disk_pressure_{name}"):
                return float(line.rpartition(" ")[2])
        return 0

    def fetch(self, path="/metrics", token=None, ca=None, own=None, context=None, headers=None, timeout=12):
        """With TLS when there is an authority or a context. own: (certificate, key) that the client shows."""
        if ca or context:
            context = context or ssl.create_default_context(cafile=ca)
            if own:
                context.load_cert_chain(*own)
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=timeout)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        authorization = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return exchange(connection, path, {**authorization, **(headers or {})})


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        import socket
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def exchange(connection, path, headers):
    """Status 0: there was no answer, the body says why."""
    begun = time.monotonic()
    with contextlib.closing(connection):
        try:
            connection.connect()
            shown = connection.sock.getpeercert(True) if isinstance(connection.sock, ssl.SSLSocket) else b""
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace"), shown,
                          time.monotonic() - begun)
        except (OSError, http.client.HTTPException) as problem:
            return Answer(0, {}, f"{type(problem).__name__}: {problem}", seconds=time.monotonic() - begun)


def rename_over(path, text, mode=0o600):
    """As secrets are replaced: in one go."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)
    return path
