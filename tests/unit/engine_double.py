# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for Docker and Podman on a unix socket: one answers as recorded, one as badly as a test wants.

Requests are told apart by method and path, without the API's version in front and the parameters behind: "GET
/images/json". `answers` overrides by that: (status, body), a body, or a function of the path with its parameters.
"""

import contextlib
import http.server
import json
import os
import re
import socket
import socketserver
import threading
import urllib.parse

VERSION = re.compile(r"^/v[0-9.]+(/libpod)?(?=/)")


def key_of(method, path):
    return f"{method} {urllib.parse.unquote(VERSION.sub('', path).split('?')[0])}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.server.engine.open.append(self.request)
        super().setup()

    def do_GET(self):
        self.server.engine.answer(self)

    do_DELETE = do_POST = do_GET

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def version_string(self):
        return self.server.engine.server_header


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 16

    def handle_error(self, *_):
        pass        # the client left


class Engine:
    """An engine that answers from a table."""

    def __init__(self, socket_path, answers=None, server="Docker/20.10.24 (linux)", api="1.41", libpod=""):
        self.socket, self.answers = socket_path, dict(answers or {})
        self.server_header, self.api, self.libpod = server, api, libpod
        self.calls = []         # (key, path with everything)
        self.open = []

    def __enter__(self):
        self._server = Server(self.socket, Handler)
        self._server.engine = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)

    def count(self, key):
        return sum(1 for called, _ in self.calls if called == key)

    def keys(self, method=""):
        return [key for key, _ in self.calls if key.startswith(method)]

    def answer(self, handler):
        key = key_of(handler.command, handler.path)
        self.calls.append((key, handler.path))
        answer = self.answers.get(key)
        if callable(answer):
            answer = answer(handler.path)
        if answer is None:
            answer = self.otherwise(key, handler.path)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        if self.api:
            handler.send_header("Api-Version", self.api)
        if self.libpod:
            handler.send_header("Libpod-Api-Version", self.libpod)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def otherwise(self, key, _path):
        if key == "GET /_ping":
            return 200, b"OK"
        return 404, {"message": "page not found"}


class Recorded(Engine):
    """Answers as the recorded engine did. What was asked for several times gets its answers in that order."""

    def __init__(self, socket_path, recording, answers=None):
        with open(recording) as file:
            self.recorded = json.load(file)["exchanges"]
        self.table = {}
        for one in self.recorded:
            self._add(key_of(*one["request"].split(" ", 1)), one)
        version = next(one["body"] for one in self.recorded if one["case"] == "version")
        details = {one["Name"]: one["Details"] for one in version["Components"]}
        libpod = details.get("Podman Engine", {}).get("APIVersion", "")
        server = f"Libpod/{libpod} (linux)" if libpod else f"Docker/{version['Version']} (linux)"
        super().__init__(socket_path, answers, server, version["ApiVersion"], libpod)

    def _add(self, key, one):
        self.table.setdefault(key, []).append(one)
        # The recordings of images by name serve for the ID as well.
        identity = one["status"] == 200 and re.match(r"GET /images/(?!json)(.*)/(json|history)$", key)
        if identity:
            body = one["body"][0] if identity[2] == "history" else one["body"]
            if body["Id"] != identity[1]:
                self.table.setdefault(f"GET /images/{body['Id']}/{identity[2]}", []).append(one)

    def otherwise(self, key, path):
        recorded = self.table.get(key)
        if not recorded:
            return super().otherwise(key, path)
        one = recorded.pop(0) if len(recorded) > 1 else recorded[0]
        body = one["body"]
        return one["status"], body.encode() if isinstance(body, str) else body


def identity(number, prefix="sha256:"):
    return f"{prefix}{number:064x}"


class Store(Engine):
    """A small engine that keeps images and containers and removes the way Docker does."""

    def __init__(self, socket_path, images=(), containers=(), answers=None, **more):
        super().__init__(socket_path, answers, **more)
        self.images = {one["Id"]: one for one in images}
        self.containers = list(containers)
        self.answers.setdefault("GET /info", {"DockerRootDir": "/var/lib/docker", "Driver": "overlay2"})

    def otherwise(self, key, path):
        method, _, rest = key.partition(" ")
        if key == "GET /images/json":
            return 200, list(self.images.values())
        if key == "GET /containers/json":
            return 200, self.containers
        about = re.match(r"/images/(.*)/(json|history)$", rest)
        if method == "GET" and about:
            return self._tell(about[1], about[2])
        if method == "DELETE" and rest.startswith("/images/"):
            return self._delete(rest.removeprefix("/images/"))
        return super().otherwise(key, path)

    def find(self, name):
        return next((one for one in self.images.values()
                     if name == one["Id"] or name in (one.get("RepoTags") or []) + (one.get("RepoDigests") or [])), None)

    def _tell(self, name, what):
        image = self.find(name)
        if not image:
            return 404, {"message": f"No such image: {name}"}
        layers = image.get("layers", {})
        if what == "history":
            return 200, [{"Id": "<missing>", "CreatedBy": "COPY", "Size": size} for size in reversed(layers.values())]
        return 200, dict(image, RootFS={"Type": "layers", "Layers": list(layers)})

    def _delete(self, name):
        image = self.find(name)
        if not image:
            return 404, {"message": f"No such image: {name}"}
        tags = image.get("RepoTags") or []
        digests = image.get("RepoDigests") or []
        used = [one for one in self.containers if one["ImageID"] == image["Id"]]
        if name in tags + digests and len(tags + digests) > 1:
            image["RepoTags"], image["RepoDigests"] = [one for one in tags if one != name], [
                one for one in digests if one != name]
            return 200, [{"Untagged": name}]
        if used or (name == image["Id"] and len(tags) > 1):
            return 409, {"message": f"conflict: unable to remove {name}"}
        del self.images[image["Id"]]
        return 200, [{"Untagged": name}, {"Deleted": image["Id"]}]


class Raw:
    """Calls script(connection, request) for every request; what it sends is up to it."""

    def __init__(self, socket_path, script):
        self.socket, self.script = socket_path, script
        self.requests = 0
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
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, EOFError):
            while True:
                request = b""
                while b"\r\n\r\n" not in request:
                    more = connection.recv(65536)
                    if not more:
                        return
                    request += more
                self.requests += 1
                self.script(connection, request.split(b"\r\n")[0].decode())


def respond(connection, body, status="200 OK", headers=()):
    """A proper answer around that body."""
    head = [f"HTTP/1.1 {status}", "Api-Version: 1.41", "Server: Docker/20.10.24 (linux)",
            f"Content-Length: {len(body)}", *headers]
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
