#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: what the daemon serves on the network with TLS, tokens and client certificates, and what becomes of it when
their files change."""

import concurrent.futures
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scrape       # noqa: E402, the first: it knows where the others are
import certificates
from lib import check
from lib.agent import free_port, program
from tap import Skip, equal, main, test, true, wait_for


class Setting:
    """An authority, a certificate of it in `folder`/tls, and an agent. A sanitizer that speaks fails the test."""

    def __init__(self, folder):
        self.folder, self.agents = folder, []
        self.authority = certificates.Authority(os.path.join(folder, "pki"), "pki")
        self.paths = {"tls-certificate": os.path.join(folder, "tls.crt"), "tls-key": os.path.join(folder, "tls.key")}
        self.number = 0
        self.renew()

    def __enter__(self):
        return self

    def __exit__(self, problem, *_):
        for agent in self.agents:
            if problem is None:
                agent.stop()
            else:
                agent.kill()

    def renew(self, **validity):
        """Another certificate and key, replaced one after the other. DER of the certificate."""
        self.number += 1
        made = self.authority.server(name=f"server-{self.number}", **validity)
        for path, source in zip(self.paths.values(), made):
            with open(source) as file:
                scrape.rename_over(path, file.read())
        return self.shown()

    def shown(self):
        with open(self.paths["tls-certificate"]) as file:
            return ssl.PEM_cert_to_DER_cert(file.read())

    def token(self, text="the-token\n"):
        return scrape.rename_over(os.path.join(self.folder, "token"), text)

    def agent(self, tls=True, ready=True, **http):
        agent = scrape.Served(self.folder, {**(self.paths if tls else {}), **http})
        self.agents.append(agent)
        agent.start(ready=ready)
        return agent

    def fetch(self, agent, path="/metrics", **more):
        return agent.fetch(path, ca=self.authority.certificate, **more)


@test
def https(folder):
    with Setting(folder) as it:
        agent = it.agent()
        answer = it.fetch(agent)
        equal(answer.status, 200, f"GET /metrics: {answer.body[:100]}")
        equal(answer.certificate, it.shown(), "the certificate")
        equal([it.fetch(agent, path).status for path in ("/status", "/healthz", "/nothing")], [200, 200, 404], "others")
        equal(agent.fetch().status, 0, "plain HTTP to the same port")
        equal(it.fetch(agent).status, 200, "HTTPS afterwards")
        agent.wait_line(f"the certificate {it.paths['tls-certificate']} holds until 21")


@test
def the_command_line_asks_the_socket(folder):
    """It needs neither certificate nor token; without the socket it looks for itself, as ever."""
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": it.token()})
        host = ("--root", agent.host_folder)
        asked = agent.verb(*host, "status", "--json", expect=(0, 1)).json
        true("http-files" in [one["name"] for one in asked["lanes"]], "the agent answers `status`", asked)
        agent.verb(*host, "check", expect=(0, 1))
        agent.write_config({"http": {"listen": f"127.0.0.1:{agent.port}"}})
        equal(agent.verb(*host, "status", "--json", expect=(0, 1)).json["lanes"], [], "lanes when it looks for itself")


@test
def tokens(folder):
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": it.token()})
        for token, status in (("the-token", 200), ("the-toke", 401), ("the-token2", 401), ("THE-TOKEN", 401),
                              ("the-token ", 200), ("", 401), (None, 401), ("x" * 8000, 401)):
            equal(it.fetch(agent, token=token).status, status, f"GET /metrics with the token {str(token)[:20]!r}")
        wait_for(lambda: it.fetch(agent, "/readyz").status == 200, 5, "/readyz without a token")
        equal([it.fetch(agent, path).status for path in ("/healthz", "/status", "/nothing")], [200, 401, 404],
              "without a token")
        equal(agent.local("/metrics").status, 200, "the owner of the socket")
        shown = "\n".join(line.text for line in agent.log) + agent.local("/status").body
        true("the-token" not in shown, "the token is told nobody")


@test
def token_rotates(folder):
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": it.token()})
        equal(it.fetch(agent, token="the-token").status, 200, "the first token")
        it.token("the-second\n")
        wait_for(lambda: it.fetch(agent, token="the-second").status == 200, 14, "the second token counts")
        equal(it.fetch(agent, token="the-token").status, 401, "the first one now")
        begun = time.monotonic()
        it.token("\n")
        agent.wait_line("expected a token, the file is empty; what was there before stays in force", 14, since=begun)
        equal([it.fetch(agent, token=one).status for one in ("the-second", "", None)], [200, 401, 401], "an empty file")
        os.unlink(os.path.join(folder, "token"))
        agent.wait_line("No such file", 14, since=begun)
        equal([it.fetch(agent, token=one).status for one in ("the-second", None)], [200, 401], "no file")
        time.sleep(11)      # the next look
        equal(len(agent.lines("stays in force", since=begun)), 2, "each is told once")


@test
def client_certificates(folder):
    with Setting(folder) as it:
        clients = certificates.Authority(os.path.join(folder, "clients"), "clients")
        strange = certificates.Authority(os.path.join(folder, "strange"), "clients")
        agent = it.agent(**{"tls-client-ca": clients.certificate, "bearer-token-file": it.token()})
        for own, what, status in (
                (clients.client("anybody"), "one of the authority", 200),
                (strange.client("anybody"), "one of another authority of the same name", 401),
                (clients.client("anybody", name="late", expired=True), "one that is over", 401),
                (clients.client("anybody", name="early", future=True), "one that is not yet", 401),
                (clients.server("server"), "one for servers", 401),
                (it.authority.client("anybody"), "one of whoever signed ours", 401),
                (None, "none", 401)):
            equal(it.fetch(agent, own=own).status, status, f"GET /metrics with a certificate: {what}")
            equal(it.fetch(agent, "/healthz", own=own).status, 200, f"GET /healthz with a certificate: {what}")
        equal(it.fetch(agent, token="the-token").status, 200, "GET /metrics with a token")
        agent.reload({"http": {"bearer-token-file": ""}})
        answer = wait_for(lambda: next((one for one in [it.fetch(agent)] if one.status == 403), None), 5, "no token helps")
        equal(answer.body, "this needs a client certificate\n", "what it says")


@test
def versions(folder):
    warnings.simplefilter("ignore", DeprecationWarning)     # of what it is to refuse
    with Setting(folder) as it:
        agent = it.agent()
        for version, status in ((ssl.TLSVersion.TLSv1_1, 0), (ssl.TLSVersion.TLSv1, 0), (ssl.TLSVersion.TLSv1_2, 200),
                                (ssl.TLSVersion.TLSv1_3, 200)):
            context = ssl.create_default_context(cafile=it.authority.certificate)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            equal(agent.fetch(context=context).status, status, version.name)
        for ciphers, status in (("ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0", 0), ("ECDHE-ECDSA-AES128-GCM-SHA256", 200)):
            context = ssl.create_default_context(cafile=it.authority.certificate)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers)
            equal(agent.fetch(context=context).status, status, ciphers)


@test
def curl(folder):
    if not shutil.which("curl"):
        raise Skip("no curl")
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": it.token()})
        url, ca = f"https://localhost:{agent.port}/metrics", ("--cacert", it.authority.certificate)
        def ask(*more):
            return subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *more], capture_output=True,
                                  text=True, timeout=20, check=False)
        equal(ask(*ca, "-H", "Authorization: Bearer the-token", url).stdout, "200", "with the token")
        equal(ask(*ca, url).stdout, "401", "without")
        equal(ask(url).returncode, 60, "curl does not trust our authority by itself")
        true(ask(*ca, "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0", url).returncode != 0, "TLS 1.1")


# --- files that change -------------------------------------------------------------------------------------

@test
def certificate_rotates(folder):
    """By itself within ten seconds; one that is not right changes nothing."""
    with Setting(folder) as it:
        agent = it.agent()
        first = it.shown()
        equal(it.fetch(agent).certificate, first, "the certificate")
        second = it.renew()
        wait_for(lambda: it.fetch(agent).certificate == second, 14, "the second certificate is shown")
        agent.wait_line("the new certificates and tokens are in force")

        begun = time.monotonic()
        key, _ = it.paths["tls-key"], it.authority.server(name="another")
        with open(os.path.join(folder, "pki", "another.key")) as file:
            scrape.rename_over(key, file.read())
        agent.wait_line(f"{key}: is not the key of the certificate.*what was there before stays", 14, since=begun)
        answer = it.fetch(agent)
        equal((answer.status, answer.certificate), (200, second), "what is shown meanwhile")
        true(agent.running(), "it runs on")
        third = it.renew()
        wait_for(lambda: it.fetch(agent).certificate == third, 14, "the third certificate is shown")


@test
def certificate_rotates_under_load(folder):
    """With SIGHUP: nobody is turned away, and nothing is left behind."""
    with Setting(folder) as it:
        agent = it.agent()
        it.fetch(agent)
        before, failed, done = descriptors(agent), [], threading.Event()
        seen = set()

        def load(_):
            count = 0
            while not done.is_set():
                answer = it.fetch(agent)
                seen.add(answer.certificate)
                count += 1
                if answer.status != 200:
                    failed.append((answer.status, answer.body))
            return count

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            counts = [pool.submit(load, one) for one in range(6)]
            for _ in range(8):
                time.sleep(0.4)
                shown = it.renew()
                agent.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            done.set()
            total = sum(one.result() for one in counts)
        equal(failed[:5], [], f"failures among {total} requests")
        true(total > 50, f"{total} requests")
        true(len(seen) > 4, f"{len(seen)} certificates were seen")
        wait_for(lambda: it.fetch(agent).certificate == shown, 3, "the last certificate is shown")
        wait_for(lambda: descriptors(agent) <= before, 3, "no descriptor is left behind")


def descriptors(agent):
    return len(os.listdir(f"/proc/{agent.process.pid}/fd"))


@test
def held_connection(folder):
    """Somebody who holds a connection does not hold the old certificate in force, nor keeps the daemon from ending."""
    with Setting(folder) as it:
        agent = it.agent()
        context = ssl.create_default_context(cafile=it.authority.certificate)
        with socket.create_connection(("127.0.0.1", agent.port)) as bare, \
                context.wrap_socket(bare, server_hostname="localhost") as held:
            held.sendall(b"GET /met")
            second = it.renew()
            agent.send_signal(signal.SIGHUP)
            wait_for(lambda: it.fetch(agent).certificate == second, 3, "the second certificate is shown")
            held.sendall(b"rics HTTP/1.1\r\nHost: x\r\n\r\n")
            true(held.recv(100).startswith(b"HTTP/1.1 200"), "the one that was connected is served")
        with socket.create_connection(("127.0.0.1", agent.port)) as bare, \
                context.wrap_socket(bare, server_hostname="localhost") as held:
            held.sendall(b"GET /met")
            it.renew()
            agent.send_signal(signal.SIGHUP)
            agent.wait_line("configuration reloaded")
            true(agent.stop() < 2, "seconds to the end")


@test
def reload(folder):
    """A reload that cannot be is refused as a whole; TLS comes and goes on the same address."""
    with Setting(folder) as it:
        agent = it.agent(tls=False)
        equal(agent.fetch().status, 200, "plain HTTP")
        agent.reload({"http": {**it.paths, "bearer-token-file": os.path.join(folder, "not-there")}})
        line = agent.wait_line("configuration not reloaded, the old one stays: http: .*not-there: No such file")
        equal(line.level, "error", "level of that line")
        equal((agent.fetch().status, agent.metric("config_last_reload_successful")), (200, 0), "plain HTTP, no reload")
        begun = time.monotonic()
        it.token()
        agent.reload({"http": {"bearer-token-file": os.path.join(folder, "token")}})
        agent.wait_line("configuration reloaded", since=begun)
        equal([agent.fetch().status, it.fetch(agent).status, it.fetch(agent, token="the-token").status], [0, 401, 200],
              "plain HTTP, HTTPS, and with a token")
        begun = time.monotonic()
        agent.reload({"http": {"tls-certificate": "", "tls-key": ""}})
        agent.wait_line("configuration reloaded", since=begun)
        equal([agent.fetch().status, agent.fetch(token="the-token").status], [401, 200], "plain HTTP with a token")


def refuses(name, change, message):
    def one(folder):
        with Setting(folder) as it:
            paths = {**it.paths, **change(it)}
            agent = scrape.Served(folder, paths)
            answer = agent.verb("--root", agent.host_folder, "run", expect=(2,))
            true(message in answer.err and "http: " in answer.err, answer.err)
            true(len(answer.err.splitlines()) == 1, "one line", answer.err)
    one.__name__ = f"refuses_{name}"
    test(one)


refuses("no_certificate", lambda it: {"tls-certificate": "/no/such/tls.crt"}, "/no/such/tls.crt: No such file")
refuses("no_key", lambda it: {"tls-key": it.paths["tls-certificate"]}, "expected a private key in PEM")
refuses("another_key", lambda it: {"tls-key": it.authority.key}, "is not the key of the certificate")
refuses("no_authority", lambda it: {"tls-client-ca": it.paths["tls-key"]}, "expected certificates in PEM")
refuses("empty_token", lambda it: {"bearer-token-file": it.token("")}, "expected a token, the file is empty")


# --- what is told ------------------------------------------------------------------------------------------

@test
def who_may_read_the_key(folder):
    with Setting(folder) as it:
        os.chmod(it.paths["tls-key"], 0o644)
        agent = it.agent()
        true("mode 0644, expected 0600" in agent.wait_line("tls.key may be read by others").text, "it says how")
        equal(len(agent.warnings("may be read")), 1, "warnings")


@test
def certificate_is_over(folder):
    with Setting(folder) as it:
        it.renew(expired=True)
        agent = it.agent()
        agent.wait_line("the certificate .* has held until 2020-01-02")
        time.sleep(11)      # the next look
        equal(len(agent.warnings("has held until")), 1, "warnings")


@test
def what_stands_open(folder):
    """An address that others reach is told about, when it asks for nothing, and when tokens go there in the clear."""
    with Setting(folder) as it:
        agent = scrape.Served(folder)
        it.agents.append(agent)
        agent.write_config({"http": {"listen": f"0.0.0.0:{free_port()} unix:{agent.socket}"}})
        agent.start()
        line = agent.wait_line("whoever reaches 0.0.0.0:[0-9]+ may read metrics and status")
        equal(line.level, "notice", "level of that line")
        agent.reload({"http": {"bearer-token-file": it.token()}})
        line = agent.wait_line("tokens go to 0.0.0.0:[0-9]+ in the clear")
        equal(line.level, "warning", "level of that line")
        for changes in ({}, {"http": it.paths}):
            begun = time.monotonic()
            agent.reload(changes)
            agent.wait_line("configuration reloaded", since=begun)
        equal(len(agent.lines("whoever reaches|in the clear")), 2, "each is told once")
        local = scrape.Served(os.path.join(folder, "local"))
        it.agents.append(local)
        local.start()
        equal(local.lines("whoever reaches|in the clear"), [], "of what only this host reaches")


# --- limits ------------------------------------------------------------------------------------------------

@test
def handshakes_that_stop(folder):
    """All connections are taken by handshakes that stop halfway: the owner's socket works, the CPU rests, and after ten
    seconds others are served."""
    with Setting(folder) as it:
        agent = it.agent()
        held = []
        try:
            for _ in range(40):
                held.append(socket.create_connection(("127.0.0.1", agent.port)))
                held[-1].sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            time.sleep(1)
            before, begun = cpu(agent), time.monotonic()
            equal(agent.local("/healthz").status, 200, "the owner's socket")
            time.sleep(3)
            busy = (cpu(agent) - before) / (time.monotonic() - begun)
            true(busy < 0.2, f"{busy:.3f} of a core for nothing")
            answer = it.fetch(agent, timeout=25)
            equal(answer.status, 200, f"GET /metrics: {answer.body}")
            true(answer.seconds < 15, f"after {answer.seconds:.1f} s")
        finally:
            for one in held:
                one.close()
        equal(it.fetch(agent).status, 200, "GET /metrics")


def cpu(agent):
    with open(f"/proc/{agent.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@test
def large_headers(folder):
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": it.token()})
        for size in (20000, 33000, 200000, 2000000):
            status = it.fetch(agent, headers={"X": "x" * size}).status
            true(status in (0, 401, 413, 431), f"{size} bytes: {status}")
            equal(it.fetch(agent, token="the-token").status, 200, f"GET /metrics after {size} bytes")


@test
def cost(folder):
    with open(program(), "rb") as file:
        if b"__asan_init" in (text := file.read()) or b"__tsan_init" in text:
            raise Skip("a build with sanitizers")
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": it.token()})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: it.fetch(agent, token="the-token").status, range(300)))
        equal(set(answers), {200}, "answers")
        time.sleep(0.5)
        with open(f"/proc/{agent.process.pid}/smaps_rollup") as file:
            memory = {line.split()[0]: int(line.split()[1]) for line in file if line.rstrip().endswith("kB")}
        check.at_most(memory["Rss:"], 20 * 1024, "KiB resident")
        check.at_most(memory["Private_Dirty:"], 5 * 1024, "KiB private and dirty")
        check.at_most(descriptors(agent), 32, "open descriptors")
        print(f"# {memory['Rss:']} KiB resident, {memory['Private_Dirty:']} KiB private and dirty")


# --- with others -------------------------------------------------------------------------------------------

PROMETHEUS = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: token
  scheme: https
  tls_config: {ca_file: CA, server_name: localhost}
  authorization: {credentials_file: TOKEN}
  static_configs: [{targets: ["127.0.0.1:PORT"]}]
- job_name: certificate
  scheme: https
  tls_config: {ca_file: CA, server_name: localhost, cert_file: CERT, key_file: KEY}
  static_configs: [{targets: ["127.0.0.1:PORT"]}]
- job_name: neither
  scheme: https
  tls_config: {ca_file: CA, server_name: localhost}
  static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


@test
def prometheus(folder):
    """A real one, by the configuration of the manual page."""
    if not shutil.which("prometheus"):
        raise Skip("no prometheus")
    with Setting(folder) as it:
        own = it.authority.client("prometheus")
        agent = it.agent(**{"bearer-token-file": it.token(), "tls-client-ca": it.authority.certificate})
        text = PROMETHEUS
        for word, value in (("CA", it.authority.certificate), ("TOKEN", os.path.join(folder, "token")), ("CERT", own[0]),
                            ("KEY", own[1]), ("PORT", str(agent.port))):
            text = text.replace(word, value)
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w") as file:
            file.write(text)
        port = free_port()
        process = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb",
                                    f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wanted = {"token": "up", "certificate": "up", "neither": "server returned HTTP status 401 Unauthorized"}
            wait_for(lambda: targets(port) == wanted, 30, "Prometheus scrapes: " + str(wanted))
        finally:
            process.kill()
            process.wait(10)


def targets(port):
    try:
        import urllib.request
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets", timeout=5) as answer:
            active = json.load(answer)["data"]["activeTargets"]
    except OSError:
        return {}
    return {one["labels"]["job"]: "up" if one["health"] == "up" else one["lastError"] for one in active}


if __name__ == "__main__":
    sys.exit(main(certificates.missing(), jobs=3))
