# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy in front of Docker or Podman, as proxy.py is one in front of containerd: it shows and holds calls.

A call is "GET /images/json", without the API's version and the parameters. Calls that remove an image or list the
containers have the names that the proxy of CRI gives them, so that a test need not know whom it is about.
"""

import http.server
import os
import re
import socketserver
import threading
import time
import urllib.parse

from .engine import UnixConnection
from .proxy import LIST_CONTAINERS, LIST_IMAGES, REMOVE_IMAGE

VERSION = re.compile(r"^/v[0-9.]+(/libpod)?(?=/)")
NAMES = {"GET /containers/json": LIST_CONTAINERS, "GET /images/json": LIST_IMAGES}
HOP = ("connection", "transfer-encoding", "keep-alive")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        proxy = self.server.proxy
        name = name_of(self.command, self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        proxy.note(name)
        if proxy.before:
            proxy.before(name, self.path)
        faked = proxy.instead(name, self.path) if proxy.instead else None
        if faked:
            self.give(*faked)
            return
        upstream = UnixConnection(proxy.target, timeout=None)
        try:
            upstream.request(self.command, self.path, body)
            answer = upstream.getresponse()
            if "events" in name:
                self.follow(answer)
            else:
                data = answer.read()
                self.give(answer.status, proxy.after(name, data) if proxy.after else data, answer.getheaders())
        finally:
            upstream.close()

    do_DELETE = do_POST = do_HEAD = do_GET

    def give(self, status, data, headers=()):
        self.send_response_only(status)
        for key, value in headers:
            if key.lower() not in HOP + ("content-length",):
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def follow(self, answer):
        self.send_response_only(answer.status)
        self.send_header("Connection", "close")
        self.end_headers()
        while piece := answer.read1(65536):
            self.wfile.write(piece)
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 32

    def handle_error(self, *_):
        pass        # one of the two sides left


class HttpProxy:
    """before(name, path) ahead of forwarding; after(name, answer) -> the answer to pass on; instead(name, path) ->
    None, or (status, body) without asking anybody."""

    def __init__(self, socket_path, target, before=None, after=None):
        self.socket, self.target = socket_path, target
        self.before, self.after, self.instead = before, after, None
        self.calls = []
        self._lock = threading.Lock()

    def start(self):
        self._server = Server(self.socket, Handler)
        self._server.proxy = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def note(self, name):
        with self._lock:
            self.calls.append((time.monotonic(), name))

    def methods(self):
        with self._lock:
            return [name for _, name in self.calls]


def name_of(method, path):
    name = f"{method} {urllib.parse.unquote(VERSION.sub('', path).split('?')[0])}"
    return REMOVE_IMAGE if name.startswith("DELETE /images/") else NAMES.get(name, name)
