# SPDX-License-Identifier: Apache-2.0
"""A double of the Kubernetes API server: the objects a node agent writes, over TLS, and every way to fail at it."""

import collections
import http.server
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
import urllib.parse

import rules
import store
from store import Identity, Where

BODY_MAX = 3145728
VERSION = {"major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
           "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "$Format:%H$", "gitTreeState": "",
           "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.10", "compiler": "gc", "platform": "linux/amd64"}
OPEN = ("/version", "/readyz", "/healthz", "/livez")
ANONYMOUS = Identity("system:anonymous", "", ("system:unauthenticated",))
ADMIN = Identity("admin", "1", ("system:masters", "system:authenticated"))
VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}

# What the agent is to be allowed, as (verb, group, resource): its role in a cluster.
AGENT_RIGHTS = {("create", "events.k8s.io", "events"), ("patch", "events.k8s.io", "events"), ("get", "", "nodes"),
                ("patch", "", "nodes/status")}

Request = collections.namedtuple("Request", "at method path user agent host body status peer")


class Fault:
    """One way to fail. `status` answers so instead; `how` is what happens to the connection:

    hang: nothing is answered; close: the connection ends instead of an answer; reset: the same with RST; half: the
    answer ends in its middle; lost: the request is carried out, then the connection ends; garbage: no HTTP;
    endless: a body without end; drip: an answer, byte by byte.
    """

    def __init__(self, status=0, how="", retry_after=None, delay=0.0, text=None, headers=()):
        self.status, self.how, self.retry_after, self.delay = status, how, retry_after, delay
        self.text, self.headers = text, dict(headers)


class Server:
    """`with Server(authority.server(), ca) as api:`. Give certificate=None for one without TLS."""

    def __init__(self, certificate, client_ca=None, host="127.0.0.1", port=0, clock=time.time):
        self.certificate, self.client_ca, self.host, self.port = certificate, client_ca, host, port
        self.tokens = {"admintoken": ADMIN}
        self.rights = {}            # user name: set of (verb, group, resource); who is not in it may everything
        self.store = store.Store(clock, self.tokens.get)
        self.requests, self.connections = [], 0
        self.handshakes_failed = 0
        self.stalled = False        # connections are taken and nothing is said
        self._faults, self._lock = [], threading.Lock()
        self._listener, self._sockets = None, set()     # those that are open

    # life

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Also after stop(), on the same port."""
        server = self

        class Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads, request_queue_size = True, 1024
            block_on_close = False
            address_family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
            allow_reuse_address = True

            def server_bind(self):
                socketserver.TCPServer.server_bind(self)

            def get_request(self):
                connection, address = self.socket.accept()
                server.note_connection(connection)
                return connection, address

            def handle_error(self, *_):
                pass        # clients that break off are what tests are about

        handler = type("BoundHandler", (Handler,), {"api": self})
        self._listener = Listener((self.host, self.port), handler)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        """Nobody listens any more, and what is connected is cut."""
        if not self._listener:
            return
        self._listener.shutdown()
        self._listener.server_close()
        self._listener = None
        self.cut()

    def cut(self):
        """Ends all connections, the listener stays."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for connection in sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    # failing

    def fail(self, fault, times=1, when=lambda request: True):
        """The next `times` requests that `when` picks (None: all, until heal())."""
        with self._lock:
            self._faults.append([fault, times, when])

    def heal(self):
        with self._lock:
            self._faults.clear()

    def take_fault(self, request):
        with self._lock:
            for entry in self._faults:
                if entry[2](request):
                    if entry[1] is not None:
                        entry[1] -= 1
                        if entry[1] == 0:
                            self._faults.remove(entry)
                    return entry[0]
        return None

    # looking

    def note_connection(self, connection, instead_of=None):
        with self._lock:
            self.connections += instead_of is None
            self._sockets.discard(instead_of)
            self._sockets.add(connection)

    def forget_connection(self, connection):
        with self._lock:
            self._sockets.discard(connection)

    def open_connections(self):
        with self._lock:
            return len(self._sockets)

    def note(self, request):
        with self._lock:
            self.requests.append(request)

    def seen(self, method=None, part=""):
        return [one for one in list(self.requests) if method in (None, one.method) and part in one.path]

    def events(self, reason=None):
        """In the order in which they were created."""
        with self.store.lock:
            return [one for one in self.store.events.values() if reason in (None, one["reason"])]

    def condition(self, node, kind):
        with self.store.lock:
            conditions = self.store.nodes[node]["status"].get("conditions", [])
            return next((one for one in conditions if one["type"] == kind), None)

    def tls_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        if self.client_ca:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context


class Handler(http.server.BaseHTTPRequestHandler):
    api = None
    protocol_version, server_version, sys_version = "HTTP/1.1", "double", ""
    timeout = 120
    disable_nagle_algorithm = True

    def setup(self):
        if self.api.stalled:
            time.sleep(60)
        if self.api.certificate:
            self.request.settimeout(20)
            try:
                bare = self.request
                self.request = self.api.tls_context().wrap_socket(bare, server_side=True)
                self.api.note_connection(self.request, bare)
            except OSError:
                self.api.handshakes_failed += 1
                raise
        super().setup()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_request()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def handle_request(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length <= BODY_MAX else b""
        if length > BODY_MAX:
            self.rfile.read(length)
        self.carried_out = Request(time.monotonic(), self.command, self.path, "", self.headers.get("User-Agent", ""),
                                   self.headers.get("Host", ""), body.decode(errors="replace"), 0, self.client_address)
        fault = self.api.take_fault(self.carried_out)
        if fault:
            time.sleep(fault.delay)
        if fault and (fault.status or fault.how) and fault.how not in ("half", "lost", "drip"):
            return self.misbehave(fault)
        try:
            status, answer, warnings = self.serve(body, length)
        except rules.Refusal as refusal:
            status, answer, warnings = refusal.code, refusal.body, []
        self.api.note(self.carried_out._replace(status=status))
        return self.answer(status, answer, {"Warning": warnings[0]} if warnings else {}, fault)

    # who, what, whether

    def serve(self, body, length):
        url = urllib.parse.urlsplit(self.path)
        if url.path in OPEN and self.command == "GET":
            return 200, VERSION if url.path == "/version" else "ok", []
        user = self.authenticate()
        self.carried_out = self.carried_out._replace(user=user.name)
        where = locate(url.path)
        verb = VERBS[self.command] if where.name or self.command != "GET" else "list"
        self.authorize(user, verb, where)
        if length > BODY_MAX:
            raise rules.Refusal(413, "RequestEntityTooLarge", f"Request entity too large: limit is {BODY_MAX}")
        return self.dispatch(verb, where, body.decode(errors="replace"), dict(urllib.parse.parse_qsl(url.query)))

    def dispatch(self, verb, where, text, query):
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip()
        manager = query.get("fieldManager") or (self.headers.get("User-Agent") or "unknown").partition("/")[0]
        if verb == "get":
            return self.api.store.get(where)
        if verb == "create":
            if kind not in ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf"):
                raise rules.media_type(patch=False)
            return self.api.store.create(where, text, manager)
        if verb == "patch":
            return self.api.store.patch(where, kind, text, manager, query)
        raise rules.not_found(where)

    def authenticate(self):
        authorization = self.headers.get("Authorization", "")
        if authorization.startswith("Bearer "):
            user = self.api.tokens.get(authorization.removeprefix("Bearer "))
            if user is None:
                raise rules.unauthorized()
            return user
        certificate = self.request.getpeercert() if self.api.certificate else None
        if certificate:
            subject = {key: value for part in certificate["subject"] for key, value in part}
            return Identity(subject["commonName"], "", (subject.get("organizationName", ""),))
        return ANONYMOUS

    def authorize(self, user, verb, where):
        rights = self.api.rights.get(user.name)
        if user is ANONYMOUS:
            rights = set()
        resource = where.resource + (f"/{where.subresource}" if where.subresource else "")
        if rights is not None and (verb, where.group, resource) not in rights:
            raise rules.forbidden(where, user.name, verb)

    # answering

    def answer(self, status, body, headers, fault):
        text = body if isinstance(body, str) else json.dumps(body)
        kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
        self.write(status, kind, text.encode(), headers, fault.how if fault else "")

    def write(self, status, kind, data, headers, how):
        if how == "lost":
            return self.end()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if how == "half":
            self.wfile.write(data[:len(data) // 2])
            return self.end()
        if how == "drip":
            for byte in data:
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)
            return None
        self.wfile.write(data)
        return None

    def misbehave(self, fault):
        self.api.note(self.carried_out._replace(status=fault.status))
        if fault.status:
            text = fault.text if fault.text is not None else json.dumps(status_of(fault.status))
            headers = {**fault.headers, **({} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)})}
            return self.write(fault.status, "application/json", text.encode(), headers, "")
        if fault.how == "hang":
            time.sleep(60)
        elif fault.how == "garbage":
            self.wfile.write(b"\x16\x03\x01 these are not the bytes you are looking for\r\n\r\n" * 20)
        elif fault.how == "endless":
            self.endless()
        elif fault.how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        return self.end()

    def endless(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        for _ in range(4096):
            self.wfile.write(b" " * 65536)

    def finish(self):
        try:
            super().finish()
        finally:
            self.api.forget_connection(self.request)

    def end(self):
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass


def status_of(code):
    reasons = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable",
               504: "Timeout"}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": f"the double was told to fail with {code}", "reason": reasons.get(code, ""), "code": code}


def locate(path):
    """The parts of an API path."""
    parts = [urllib.parse.unquote(one) for one in path.strip("/").split("/")]
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise rules.Refusal(404, "NotFound", "the server could not find the requested resource", {})
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    rest += [""] * (3 - len(rest))
    if not rest[0]:
        raise rules.Refusal(404, "NotFound", "the server could not find the requested resource", {})
    return Where(group, version, namespace, rest[0], rest[1], rest[2])
