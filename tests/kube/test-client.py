#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: the client of the API server against the double: trust, credentials that change, and every way to fail."""

import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import certificates
import cluster
import double
from double import Fault
from tap import equal, main, test, true

CLIENT = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "tests", "kube", "kube-client")
VERSION = "GET /version"
NODE = "GET /api/v1/nodes/node-a"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
# Sanitizers and a busy machine take their time; a hang takes for ever.
PATIENCE = 3


class Setting(cluster.Cluster):
    def ask(self, *commands, config=None, timeout=5, **environment):
        return ask(config or self.kubeconfig(), *commands, timeout=timeout, **environment)


def ask(config, *commands, timeout=5, **environment):
    """What each request came to."""
    begun = time.monotonic()
    done = subprocess.run([CLIENT, config, str(int(timeout * 1000)), *commands], capture_output=True, timeout=60,
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 1) or done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    true(time.monotonic() - begun < (timeout + PATIENCE) * max(1, len(answers)), "it takes too long", time.monotonic() - begun)
    return answers


def fine(answers, status=200):
    for answer in answers:
        true("error" not in answer and answer["status"] == status, answer)
    return answers


def fails(answers, errno, pattern, status=None):
    answer = answers[-1]
    true("error" in answer, "no error", answer)
    true(answer["errno"] in ((errno,) if isinstance(errno, str) else errno), f"{answer['errno']} instead of {errno}", answer)
    true(re.search(pattern, answer["error"]), f"{answer['error']!r} does not say {pattern!r}")
    if status is not None:
        equal(answer["status"], status, "status")
    return answer


def event(name, **fields):
    return json.dumps({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"},
                       "eventTime": "2026-01-02T03:04:05.000006Z", "reportingController": "example.com/agent",
                       "reportingInstance": "node-a", "action": "Reclaim", "reason": "DiskReclaimed", "type": "Normal",
                       "regarding": {"apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "node-a"},
                       "note": "text", **fields}, separators=(",", ":"))


def post(text):
    return f"POST {EVENTS} application/json {text}"


# --- requests ---------------------------------------------------------------------------------------


@test
def requests(folder):
    with Setting(folder) as it:
        patch = json.dumps({"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:05.000006Z"}})
        answers = it.ask(VERSION, NODE, post(event("a")), f"PATCH {EVENTS}/a application/merge-patch+json {patch}")
        equal([one["status"] for one in answers], [200, 200, 201, 200], "statuses")
        equal(json.loads(answers[3]["body"])["series"]["count"], 2, "count of the series")
        equal([one.method for one in it.api.requests], ["GET", "GET", "POST", "PATCH"], "methods")
        equal(it.api.connections, 1, "connections")
        true(it.api.requests[0].agent.startswith("disk-pressure-agent/"), it.api.requests[0].agent)
        equal({one.user for one in it.api.seen(part="/api")}, {"admin"}, "users")


@test
def connection_kept_and_closed(folder):
    with Setting(folder) as it:
        fine(it.ask(VERSION, VERSION, "rest", VERSION, VERSION))
        equal(it.api.connections, 2, "connections")


@test
def connection_closed_by_the_server_meanwhile(folder):
    """It is not used again, and no request is lost on it."""
    with Setting(folder) as it:
        process = subprocess.Popen([CLIENT, it.kubeconfig(), "5000", VERSION, "wait", VERSION], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with process:
            equal(json.loads(process.stdout.readline())["status"], 200, "first answer")
            it.api.cut()
            time.sleep(0.1)
            process.stdin.write("\n")
            process.stdin.flush()
            equal(json.loads(process.stdout.readline())["status"], 200, "second answer")
        equal((it.api.connections, len(it.api.requests)), (2, 2), "connections, requests")


# --- whom to trust ----------------------------------------------------------------------------------


@test
def ca_inline(folder):
    with Setting(folder) as it:
        with open(it.authority.certificate, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        fine(it.ask(VERSION, config=it.kubeconfig({"certificate-authority": None, "certificate-authority-data": data})))


@test
def ca_of_somebody_else(folder):
    with Setting(folder) as it:
        other = certificates.Authority(os.path.join(folder, "other"), "other")
        config = it.kubeconfig({"certificate-authority": other.certificate})
        fails(it.ask(NODE, config=config), "EKEYREJECTED", "certificate of https://127.0.0.1:.* is not trusted: .*issuer", 0)
        equal(it.api.requests, [], "requests, and with them tokens, that went there")


@test
def ca_of_the_system_only(folder):
    with Setting(folder) as it:
        fails(it.ask(NODE, config=it.kubeconfig({"certificate-authority": None})), "EKEYREJECTED", "is not trusted")


@test
def ca_unusable(folder):
    with Setting(folder) as it:
        for text in ("", "no PEM\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            config = it.kubeconfig({"certificate-authority": it.write("broken", text)})
            fails(it.ask(NODE, config=config), "EKEYREJECTED", "certificate authority for .* cannot be used|not trusted")
        config = it.kubeconfig({"certificate-authority": "/nowhere/ca.crt"})
        fails(it.ask(NODE, config=config), "ENOENT", "^certificate authority: /nowhere/ca.crt: No such file")
        equal(it.api.requests, [], "requests")


@test
def ca_replaced(folder):
    """Both the server and the file change: the next connection takes the new one."""
    with Setting(folder) as it:
        with open(it.authority.certificate) as file:
            path = it.write("ca.crt", file.read())
        process = subprocess.Popen([CLIENT, it.kubeconfig({"certificate-authority": "ca.crt"}), "5000", VERSION, "wait",
                                    VERSION, "wait", VERSION], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with process:
            equal(json.loads(process.stdout.readline())["status"], 200, "status before")
            other = certificates.Authority(os.path.join(folder, "other"), "other")
            it.api.certificate = other.server()
            it.api.cut()
            print("", file=process.stdin, flush=True)
            equal(json.loads(process.stdout.readline())["errno"], "EKEYREJECTED", "while only the server has changed")
            with open(other.certificate) as file:
                it.write(os.path.basename(path), file.read())
            print("", file=process.stdin, flush=True)
            equal(json.loads(process.stdout.readline())["status"], 200, "status afterwards")


@test
def certificate_times(folder):
    with Setting(folder) as it:
        it.api.certificate = it.authority.server("late", expired=True)
        fails(it.ask(NODE), "EKEYREJECTED", "is not trusted: .*expired")
        it.api.certificate = it.authority.server("early", future=True)
        fails(it.ask(NODE), "EKEYREJECTED", "is not trusted: .*not yet valid")


@test
def certificate_of_another_host(folder):
    with Setting(folder) as it:
        it.api.certificate = it.authority.server("named", names=("DNS:api.example.com",))
        fails(it.ask(NODE), "EKEYREJECTED", "is not trusted: .*(subject name|alternative)")
        fine(it.ask(NODE, config=it.kubeconfig({"tls-server-name": "api.example.com"})))
        equal([one.host for one in it.api.requests], [it.api.url.removeprefix("https://")], "Host headers")
        fails(it.ask(NODE, config=it.kubeconfig({"tls-server-name": "other.example.com"})), "EKEYREJECTED", "not trusted")


@test
def insecure(folder):
    """As it is asked for, and only then."""
    with Setting(folder) as it:
        it.api.certificate = certificates.Authority(os.path.join(folder, "x"), "x").server(names=("DNS:else",), expired=True)
        config = {"certificate-authority": None, "insecure-skip-tls-verify": True}
        fine(it.ask(NODE, config=it.kubeconfig(config)))
        fails(it.ask(NODE, config=it.kubeconfig({**config, "insecure-skip-tls-verify": False})), "EKEYREJECTED", "not trusted")


@test
def ipv6(folder):
    with Setting(folder, host="::1") as it:
        true("[::1]" in it.api.url, it.api.url)
        fine(it.ask(NODE))


@test
def proxy_of_the_environment_is_not_used(folder):
    with Setting(folder) as it:
        fine(it.ask(NODE, https_proxy="http://127.0.0.1:1", HTTPS_PROXY="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1"))


@test
def proxy_that_is_configured_is_used(folder):
    with Setting(folder) as it:
        fails(it.ask(NODE, config=it.kubeconfig({"proxy-url": "http://127.0.0.1:1"})), "ECONNREFUSED", "cannot connect")


@test
def path_of_the_server(folder):
    """Behind a gateway a cluster has a path."""
    with Setting(folder) as it:
        it.ask(VERSION, config=it.kubeconfig({"server": it.api.url + "/clusters/a/"}))
        equal([one.path for one in it.api.requests], ["/clusters/a/version"], "paths")


# --- who we are -------------------------------------------------------------------------------------


def in_cluster(it, **changes):
    it.write("ca.crt", open(it.authority.certificate).read())
    return {"config": f"in-cluster:{it.folder}", "KUBERNETES_SERVICE_HOST": it.api.host,
            "KUBERNETES_SERVICE_PORT": str(it.api.port), **changes}


@test
def service_account(folder):
    with Setting(folder) as it:
        fine(it.ask(NODE, **in_cluster(it)))
        fails(it.ask(NODE, **in_cluster(it, KUBERNETES_SERVICE_HOST="")), "ENOENT", "not in a cluster")
        fails(it.ask(NODE, **in_cluster(it, KUBERNETES_SERVICE_HOST="a b")), "EINVAL", "KUBERNETES_SERVICE_HOST")
        fails(it.ask(NODE, **in_cluster(it, KUBERNETES_SERVICE_PORT="x")), "EINVAL", "_PORT")
        os.unlink(it.token_path)
        fails(it.ask(NODE, **in_cluster(it)), "ENOENT", "^token: .*/token: No such file")


@test
def service_account_ipv6(folder):
    with Setting(folder, host="::1") as it:
        fine(it.ask(NODE, **in_cluster(it)))


@test
def token_inline(folder):
    with Setting(folder) as it:
        fine(it.ask(NODE, config=it.kubeconfig(user={"token": "admintoken"})))
        fails(it.ask(NODE, config=it.kubeconfig(user={"token": "wrong"})), "EACCES", r"^Unauthorized \(401\); .*not accepted", 401)
        fails(it.ask(NODE, config=it.kubeconfig(user={})), "EPERM", r"system:anonymous.* \(403\); a role .* do this", 403)


@test
def token_rotated(folder):
    """The file is read for each request."""
    with Setting(folder) as it:
        process = subprocess.Popen([CLIENT, it.kubeconfig(), "5000", NODE, "wait", NODE], text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        with process:
            equal(json.loads(process.stdout.readline())["status"], 200, "status with the first token")
            it.api.tokens.clear()
            it.api.tokens["second"] = double.ADMIN
            it.write("token", "second\n")
            print("", file=process.stdin, flush=True)
            equal(json.loads(process.stdout.readline())["status"], 200, "status with the second token")
        equal(len(it.api.requests), 2, "requests")


@test
def token_rotated_under_way(folder):
    """A 401, while the file has another token by now: once more with that one, and only once."""
    with Setting(folder) as it:
        for answer, requests in ((200, 2), (401, 1)):
            it.write("token", "old")
            it.api.requests.clear()
            renew = answer == 200

            def rotate(_request, renew=renew):
                if renew:
                    it.api.tokens["new"] = double.ADMIN
                    it.write("token", "new")
                return False
            it.api.fail(Fault(), None, when=rotate)
            equal(it.ask(NODE)[0]["status"], answer, "status")
            it.api.heal()
            equal(len(it.api.requests), requests, "requests")
            it.api.tokens.pop("new", None)


@test
def token_that_is_none(folder):
    with Setting(folder) as it:
        for text, why in (("", "it is empty"), (" \n", "it is empty"), ("a\r\nX-Header: b", "one line of ASCII"),
                          ("a b", "one line of ASCII"), ("\u00e4", "one line of ASCII"), ("x" * 20000, "larger than")):
            it.write("token", text)
            fails(it.ask(NODE), ("EINVAL", "E2BIG"), f"^token: .*{why}", 0)
        equal(it.api.requests, [], "requests")


@test
def client_certificate(folder):
    with Setting(folder) as it:
        it.api.client_ca = it.authority.certificate
        certificate, key = it.authority.client("system:node:node-a", "system:nodes")
        fine(it.ask(NODE, config=it.kubeconfig(user={"client-certificate": certificate, "client-key": key})))
        data = [base64.b64encode(open(one, "rb").read()).decode() for one in (certificate, key)]
        fine(it.ask(NODE, config=it.kubeconfig(user={"client-certificate-data": data[0], "client-key-data": data[1]})))
        equal({one.user for one in it.api.requests}, {"system:node:node-a"}, "users")


@test
def client_certificate_unusable(folder):
    with Setting(folder) as it:
        certificate, key = it.authority.client("a")
        _, other = it.authority.client("b", name="other")
        locked = os.path.join(folder, "locked.key")
        subprocess.run(["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:secret", "-out", locked], check=True,
                       capture_output=True, timeout=20)
        for one, its in ((certificate, other), (certificate, locked), (it.write("broken", "no PEM"), key)):
            config = it.kubeconfig(user={"client-certificate": one, "client-key": its})
            fails(it.ask(NODE, config=config), "EKEYREJECTED", "client certificate for .* cannot be used")
        equal(it.api.requests, [], "requests")


@test
def kubeconfig_that_does_not_do(folder):
    with Setting(folder) as it:
        for user, why in (({"exec": {"command": "aws"}}, r'user "u": credentials from a program \(exec\) are not supported'),
                          ({"username": "a", "password": "b"}, "user name and password are not supported"),
                          ({"client-certificate": "x"}, "client-certificate without client-key")):
            fails(it.ask(NODE, config=it.kubeconfig(user=user)), "EINVAL", f"^{folder}/kubeconfig: .*{why}")
        for server in ("http://127.0.0.1:8001", "127.0.0.1", "https://", "https://a:b@c", "https://a?b", "https://a b"):
            fails(it.ask(NODE, config=it.kubeconfig({"server": server})), "EINVAL", "server: expected https://HOST")
        fails(ask("/nowhere/kubeconfig", NODE), "ENOENT", "^/nowhere/kubeconfig: No such file")
        fails(ask(folder, NODE), "EINVAL", "expected a regular file")


# --- what is answered -------------------------------------------------------------------------------


@test
def statuses(folder):
    """Each has a meaning of its own."""
    expected = {301: "EBADMSG", 304: "EBADMSG", 400: "EINVAL", 401: "EACCES", 403: "EPERM", 404: "ENOENT", 405: "EINVAL",
                408: "EAGAIN", 409: "EEXIST", 410: "ESTALE", 413: "EINVAL", 415: "EINVAL", 422: "EINVAL", 429: "EAGAIN",
                500: "EREMOTEIO", 502: "EREMOTEIO", 503: "EAGAIN", 504: "EREMOTEIO"}
    with Setting(folder) as it:
        for status, errno in expected.items():
            it.api.fail(Fault(status, headers={"Location": "https://127.0.0.1:1/"} if status == 301 else {}))
            answer = fails(it.ask(NODE), errno, rf"\({status}\)", status)
            equal(answer["retryAfter"], 0, "retryAfter")
        equal(len(it.api.requests), len(expected), "requests: a redirection is not followed")


@test
def explanations(folder):
    with Setting(folder) as it:
        fails(it.ask("GET /api/v1/nodes/nope"), "ENOENT", r'^nodes "nope" not found \(404\); is it there\?$', 404)
        it.api.rights["admin"] = set()
        fails(it.ask(NODE), "EPERM", r'^nodes "node-a" is forbidden: User "admin" cannot get resource "nodes" in API group "" '
              r"at the cluster scope \(403\); a role that allows to do this is missing$", 403)
        it.api.fail(Fault(500, text="<html>\0</html>"))
        fails(it.ask(NODE), "EREMOTEIO", r"^the API server gives no reason \(500\)$")
        it.api.fail(Fault(422, text=json.dumps({"kind": "Status", "message": "a\nb\u001b[31m\u00e4" + "x" * 5000})))
        answer = fails(it.ask(NODE), "EINVAL", r"^a b \[31m\u00e4x+ \(422\)$")
        true(len(answer["error"]) < 400, answer["error"])


@test
def retry_after(folder):
    with Setting(folder) as it:
        for given, taken in ((7, 7), (0, 0), (-5, 0), (99999999, 600), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("x", 0)):
            it.api.fail(Fault(429, retry_after=given))
            equal(it.ask(NODE)[0]["retryAfter"], taken, f"of {given!r}")


@test
def refused_objects(folder):
    with Setting(folder) as it:
        fails(it.ask(post(event("A"))), "EINVAL", "metadata.name: Invalid value", 422)
        fails(it.ask(post(event("a")), post(event("a"))), "EEXIST", r'^events.events.k8s.io "a" already exists \(409\)$', 409)


@test
def breaks(folder):
    """A peer that ends, says nonsense or does not end: an error, in time, and the next request works."""
    expected = {"close": "ECONNRESET", "reset": "ECONNRESET", "half": "ECONNRESET", "lost": "ECONNRESET", "garbage": "EBADMSG",
                "endless": "E2BIG", "hang": "ETIMEDOUT", "drip": "ETIMEDOUT"}
    with Setting(folder) as it:
        for how, errno in expected.items():
            it.api.fail(Fault(how=how))
            answers = it.ask(NODE, NODE, timeout=1 if errno == "ETIMEDOUT" else 5)
            fails(answers[:1], errno, "")
            fine(answers[1:])


@test
def breaks_on_a_kept_connection(folder):
    """The request is carried out, the answer lost: it is sent again, and found to be there already."""
    with Setting(folder) as it:
        it.api.fail(Fault(how="lost"), when=lambda request: request.method == "POST")
        answers = it.ask(VERSION, post(event("a")))
        fails(answers, "EEXIST", "already exists", 409)
        equal(len(it.api.store.events), 1, "events")


@test
def nobody_there(folder):
    with Setting(folder) as it:
        it.api.stop()
        fails(it.ask(NODE), "ECONNREFUSED", "^cannot connect to https://127.0.0.1:.*: Connection refused$", 0)
        config = it.kubeconfig({"server": "https://no-such-host.invalid:6443"})
        fails(it.ask(NODE, config=config), "EHOSTUNREACH", "cannot connect to https://no-such-host.invalid")


@test
def no_tls(folder):
    with Setting(folder) as it:
        it.api.certificate = None
        fails(it.ask(NODE), ("EPROTO", "ECONNRESET"), "no TLS connection|broke")
        equal(it.api.requests, [], "requests")


@test
def stalled_handshake(folder):
    with Setting(folder) as it:
        it.api.stalled = True
        begun = time.monotonic()
        fails(it.ask(NODE, timeout=0.5), "ETIMEDOUT", "no answer from https://.* within 500ms", 0)
        true(time.monotonic() - begun < 0.5 + PATIENCE, "it takes too long")
        it.api.stalled = False


@test
def never_accepted(folder):
    with Setting(folder) as it, contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        config = it.kubeconfig({"server": f"https://127.0.0.1:{listener.getsockname()[1]}"})
        fails(it.ask(NODE, config=config, timeout=0.5), "ETIMEDOUT", "no answer")


if __name__ == "__main__":
    sys.exit(main(certificates.missing(), jobs=4))
