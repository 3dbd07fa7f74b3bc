#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: whom the cluster lets in, against the API server's double: what it is asked, how often, and what happens
when it does not answer."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scrape       # noqa: E402, the first: it knows where the others are
import certificates
import cluster
import double
from double import Fault, Identity
from lib.agent import program
from tap import Skip, equal, main, test, true, wait_for

PROMETHEUS = "system:serviceaccount:monitoring:prometheus"
TOKENS = {"prometheus-token": Identity(PROMETHEUS, "uid-1", ("system:serviceaccounts", "system:authenticated")),
          "other-token": Identity("system:serviceaccount:default:other", "uid-2", ("system:authenticated",))}
AGENT = Identity("system:serviceaccount:disk-pressure-agent:disk-pressure-agent", "uid-3", ("system:authenticated",))
RIGHTS = {("create", "authentication.k8s.io", "tokenreviews"), ("create", "authorization.k8s.io", "subjectaccessreviews")}


class Setting(cluster.Cluster):
    """A cluster with a Prometheus that may get /metrics, and an agent with no more rights than it needs."""

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        self.api.tokens.update(TOKENS, agenttoken=AGENT)
        self.api.rights[AGENT.name] = set(RIGHTS)
        self.api.store.paths[PROMETHEUS] = {"/metrics"}
        self.write("token", "agenttoken\n")

    def __exit__(self, problem, *more):
        try:
            for agent in self.agents if problem is None else ():
                agent.stop()
        finally:
            super().__exit__(problem, *more)

    def agent(self, kubeconfig=None, environment=(), **http):
        keys = {"events": "no", "kubeconfig": self.kubeconfig() if kubeconfig is None else kubeconfig}
        agent = scrape.Served(self.folder, {"authorize-by-cluster": "yes", **http}, kubernetes=keys)
        agent.environment += environment
        self.stack.callback(agent.kill)
        self.agents.append(agent)
        agent.start()
        return agent

    def asked(self, kind=""):
        return [one for one in list(self.api.requests) if kind in one.path]

    def counts(self):
        return len(self.asked("tokenreviews")), len(self.asked("subjectaccessreviews"))


def sanitized():
    with open(program(), "rb") as file:
        return b"__asan_init" in (text := file.read()) or b"__tsan_init" in text


def works(agent, seconds=0.6):
    """Whoever asks for what: it samples, and answers its owner."""
    before = agent.metric("samples_total")
    time.sleep(seconds)
    true(agent.metric("samples_total") > before, "no samples any more")
    equal(agent.local("/healthz").status, 200, "GET /healthz")


@test
def admitted(folder):
    with Setting(folder) as it:
        agent = it.agent()
        answer = agent.fetch(token="prometheus-token")
        equal(answer.status, 200, f"GET /metrics: {answer.body[:200]}")
        true("disk_pressure_filesystem_size_bytes" in answer.body, "metrics", answer.body[:200])
        review, access = (json.loads(one.body) for one in it.api.requests)
        equal(review, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                       "spec": {"token": "prometheus-token"}}, "TokenReview")
        equal(access["spec"], {"user": PROMETHEUS, "uid": "uid-1",
                               "groups": ["system:serviceaccounts", "system:authenticated"],
                               "nonResourceAttributes": {"path": "/metrics", "verb": "get"}}, "SubjectAccessReview")
        equal({one.user for one in it.api.requests}, {AGENT.name}, "who asked")
        # what was said holds for a while
        for _ in range(20):
            equal(agent.fetch(token="prometheus-token").status, 200, "GET /metrics again")
        equal(it.counts(), (1, 1), "reviews after 21 scrapes")
        equal(it.api.connections, 1, "connections")
        wait_for(lambda: it.api.open_connections() == 0, 5, "no connection is kept")


@test
def forbidden(folder):
    with Setting(folder) as it:
        agent = it.agent()
        answer = agent.fetch(token="other-token")
        equal((answer.status, answer.body), (403, "the cluster does not allow you to see this\n"), "GET /metrics")
        line = agent.wait_line("does not allow system:serviceaccount:default:other to get /metrics")
        equal(line.level, "info", "level of that line")
        # other paths are other questions
        equal(agent.fetch("/status", token="prometheus-token").status, 403, "GET /status by who may get /metrics only")
        equal(agent.fetch("/metrics", token="prometheus-token").status, 200, "GET /metrics by that one")
        equal(it.counts(), (3, 3), "reviews")
        for _ in range(5):
            equal(agent.fetch(token="other-token").status, 403, "GET /metrics again")
        equal(it.counts(), (3, 3), "reviews after more of the same")
        # a right that is given counts soon
        it.api.store.paths["system:serviceaccount:default:other"] = {"/metrics"}
        wait_for(lambda: agent.fetch(token="other-token").status == 200, 15, "the right counts")
        equal(it.counts(), (4, 4), "reviews")


@test
def unknown(folder):
    with Setting(folder) as it:
        agent = it.agent()
        answer = agent.fetch(token="nobody's")
        equal((answer.status, answer.body), (401, "the token is not accepted\n"), "a token of nobody")
        true("invalid_token" in answer.headers.get("WWW-Authenticate", ""), answer.headers)
        equal(it.counts(), (1, 0), "reviews: who is nobody has no rights to ask about")
        equal(agent.fetch(token="nobody's").status, 401, "again")
        equal(it.counts(), (1, 0), "reviews")
        # what is no token is not asked about
        for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer a b"}):
            answer = agent.fetch(headers=headers)
            equal((answer.status, answer.body), (401, "this needs a token\n"), f"with {headers}")
        for path in ("/healthz", "/readyz", "/nothing"):
            true(agent.fetch(path).status != 401, f"{path} needs no token")
        equal(it.counts(), (1, 0), "reviews")
        equal(agent.local("/metrics").status, 200, "the owner of the socket")


@test
def not_its_own_token(folder):
    """A token of bearer-token-file is ours: nobody is asked, also when nobody could be."""
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": scrape.rename_over(os.path.join(folder, "own"), "our-own\n")})
        equal(agent.fetch(token="our-own").status, 200, "our own token")
        equal(it.counts(), (0, 0), "reviews")
        it.api.stop()
        equal(agent.fetch(token="our-own").status, 200, "our own token, the API server is away")
        equal(agent.fetch(token="prometheus-token").status, 503, "another one")


@test
def server_away(folder):
    with Setting(folder) as it:
        agent = it.agent()
        equal(agent.fetch(token="prometheus-token").status, 200, "GET /metrics")
        it.api.stop()
        equal(agent.fetch(token="prometheus-token").status, 200, "who was let in before")
        begun = time.monotonic()
        answer = agent.fetch(token="other-token")
        equal((answer.status, answer.body), (503, "the cluster cannot be asked whether you may see this\n"), "another one")
        true(answer.seconds < 3, f"an answer after {answer.seconds:.1f} s")
        line = agent.wait_line("nobody gets in by the cluster's word, it cannot be asked: ")
        true("Connection refused" in line.text and line.level == "warning", line.text)
        for number in range(5):
            equal(agent.fetch(token="other-token").status, 503, "again")
            equal(agent.fetch(token=f"token-{number}").status, 503, "yet another one")
        equal(len(agent.lines("nobody gets in by", since=begun)), 1, "the same is told once")
        works(agent)
        it.api.start()
        wait_for(lambda: agent.fetch(token="other-token").status == 403, 5, "its word is heard again")
        agent.wait_line("the cluster says again who gets in")


@test
def server_hangs(folder):
    """It costs those who wait five seconds, and nobody else anything."""
    with Setting(folder) as it:
        agent = it.agent(**{"bearer-token-file": scrape.rename_over(os.path.join(folder, "own"), "our-own\n")})
        it.api.fail(Fault(how="hang"), times=None)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(agent.fetch, token=f"token-{number}") for number in range(4)]
            time.sleep(0.3)
            works(agent)
            equal(agent.fetch(token="our-own").status, 200, "our own token meanwhile")
            answers = [one.result() for one in waiting]
        equal({one.status for one in answers}, {503}, "those who wait")
        true(all(4 < one.seconds < 7 for one in answers), [one.seconds for one in answers])
        it.api.heal()
        wait_for(lambda: agent.fetch(token="prometheus-token").status == 200, 8, "its word is heard again")


SLOW_NAMES = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	int (*original)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&original = dlsym(RTLD_NEXT, "getaddrinfo");
	if (hints && hints->ai_flags & AI_NUMERICHOST)
		return original(name, service, hints, found);
	sleep(15);
	return EAI_AGAIN;
}
"""


@test
def lane_hangs(folder):
    """Names are looked up without an end in sight: those who wait are told so after five seconds all the same."""
    if sanitized() or not shutil.which("cc"):
        raise Skip("a build with sanitizers, or no C compiler")
    with Setting(folder) as it:
        library = os.path.join(folder, "slow.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=SLOW_NAMES, text=True, check=True)
        agent = it.agent(kubeconfig=it.kubeconfig({"server": "https://slow.example:6443"}),
                         environment=[f"LD_PRELOAD={library}"])
        answer = agent.fetch(token="prometheus-token")
        equal(answer.status, 503, f"GET /metrics: {answer.body}")
        true(4 < answer.seconds < 6.5, f"after {answer.seconds:.1f} s")
        answer = agent.fetch(token="prometheus-token")
        true(answer.status == 503 and answer.seconds < 1, f"again: {answer.status} after {answer.seconds:.1f} s")
        works(agent)
        true(agent.stop() < 2, "seconds to the end")


@test
def stops_while_waiting(folder):
    with Setting(folder) as it:
        agent = it.agent()
        it.api.fail(Fault(how="hang"), times=None)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(agent.fetch, token="prometheus-token")
            time.sleep(0.5)
            took = agent.stop()
            answer = waiting.result()
        true(took < 2, f"it stopped after {took:.1f} s")
        equal(answer.status, 503, "who waited gets an answer")


@test
def rights_missing(folder):
    """Without a right of the agent's own nobody gets in, and the log says which."""
    for right in sorted(RIGHTS):
        with Setting(os.path.join(folder, right[2])) as it:
            it.api.rights[AGENT.name].discard(right)
            agent = it.agent()
            equal(agent.fetch(token="prometheus-token").status, 503, f"without the right to {right}")
            line = agent.wait_line("nobody gets in by")
            true(f"a role that allows to create {right[2]} of {right[1]} is missing" in line.text, line.text)


def garbage(name, fault):
    def one(folder):
        with Setting(folder) as it:
            agent = it.agent()
            for kind in ("tokenreviews", "subjectaccessreviews"):
                it.api.heal()
                it.api.fail(fault, times=None, when=lambda request, kind=kind: kind in request.path)
                equal(agent.fetch(token=f"prometheus-{kind}" if kind == "tokenreviews" else "prometheus-token").status, 503,
                      f"with that for {kind}")
            works(agent)
            it.api.heal()
            wait_for(lambda: agent.fetch(token="prometheus-token").status == 200, 5, "its word is heard again")
    one.__name__ = f"garbage_{name}"
    test(one)


garbage("no_http", Fault(how="garbage"))
garbage("half", Fault(how="half"))
garbage("endless", Fault(how="endless"))
garbage("error_500", Fault(status=500))
garbage("too_many_requests", Fault(status=429, retry_after=1))
garbage("redirection", Fault(status=302, headers={"Location": "https://example.com/"}))
garbage("other_object", Fault(status=201, text='{"kind":"Node","status":{"allowed":true,"authenticated":true}}'))
garbage("yes_as_text", Fault(status=201, text='{"kind":"TokenReview","status":{"allowed":"true","authenticated":"true"}}'))
garbage("nothing", Fault(status=201, text=""))
garbage("deep", Fault(status=201, text='{"kind":' * 500))


@test
def asked_once_at_a_time(folder):
    """Many with the same token at the same moment are one question."""
    with Setting(folder) as it:
        agent = it.agent()
        it.api.fail(Fault(delay=1), times=1)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: agent.fetch(token="prometheus-token").status, range(20)))
        equal(set(answers), {200}, "answers")
        equal(it.counts(), (1, 1), "reviews")


@test
def flood(folder):
    """Who tries token after token makes the agent ask no more than so often, and pushes nobody out."""
    with Setting(folder) as it:
        agent = it.agent()
        equal(agent.fetch(token="prometheus-token").status, 200, "GET /metrics")
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: agent.fetch(token=f"guess-{number}").status, range(400)))
        took = time.monotonic() - begun
        true(set(answers) <= {401, 503} and 401 in answers and 503 in answers, sorted(set(answers)))
        most = 20 + 10 * took + 2
        true(it.counts()[0] <= most, f"{it.counts()[0]} reviews in {took:.1f} s")
        equal(agent.fetch(token="prometheus-token").status, 200, "GET /metrics")
        works(agent)


@test
def certificate_is_a_user(folder):
    with Setting(folder) as it:
        pki = certificates.Authority(os.path.join(folder, "served"), "served")
        certificate, key = pki.server()
        agent = it.agent(**{"tls-certificate": certificate, "tls-key": key, "tls-client-ca": pki.certificate})
        it.api.store.paths["scrapers"] = {"/metrics"}
        own = pki.client("prometheus", "scrapers", name="own")
        other = pki.client("someone", "others", name="other")
        stranger = certificates.Authority(os.path.join(folder, "strange"), "served").client("prometheus", "scrapers")
        equal(agent.fetch(ca=pki.certificate, own=own).status, 200, "a user of the right group")
        equal(json.loads(it.api.requests[0].body)["spec"], {
            "user": "prometheus", "groups": ["scrapers", "system:authenticated"],
            "nonResourceAttributes": {"path": "/metrics", "verb": "get"}}, "SubjectAccessReview")
        equal(agent.fetch(ca=pki.certificate, own=other).status, 403, "another one")
        equal(it.counts(), (0, 2), "reviews: nobody asks who that is")
        equal(agent.fetch(ca=pki.certificate, own=stranger).status, 401, "one that somebody else vouches for")
        equal(agent.fetch(ca=pki.certificate).status, 401, "none")
        equal(it.counts(), (0, 2), "reviews")
        equal(agent.fetch(ca=pki.certificate, token="prometheus-token").status, 200, "a token")
        equal(it.counts(), (1, 3), "reviews")


@test
def names_are_printable(folder):
    with Setting(folder) as it:
        it.api.tokens["odd"] = Identity('x\n\x1b[31m"level":"error', "1", ("g" * 5000,))
        agent = it.agent()
        equal(agent.fetch(token="odd").status, 403, "GET /metrics")
        line = agent.wait_line("does not allow x")
        true("\x1b" not in line.text and line.level == "info", repr(line.text))


@test
def token_is_told_nobody(folder):
    with Setting(folder) as it:
        agent = it.agent()
        for token in ("prometheus-token", "other-token", "guessed-token"):
            agent.fetch(token=token)
        it.api.fail(Fault(status=500), times=None)
        agent.fetch(token="late-token")
        shown = "\n".join(line.text for line in agent.log) + agent.local("/status").body + agent.local("/metrics").body
        true(not re.search(r"[a-z]+-token\b", shown), re.findall(r".*[a-z]+-token\b.*", shown))


@test
def reload(folder):
    with Setting(folder) as it:
        agent = it.agent()
        equal(agent.fetch(token="prometheus-token").status, 200, "GET /metrics")
        agent.reload({"http": {"authorize-by-cluster": "no"}})
        agent.wait_line("configuration reloaded")
        wait_for(lambda: agent.fetch().status == 200, 3, "everybody gets in, as configured")
        begun = time.monotonic()
        agent.reload({"http": {"authorize-by-cluster": "yes"}})
        agent.wait_line("configuration reloaded", since=begun)
        wait_for(lambda: agent.fetch().status == 401, 3, "nobody any more")
        equal(agent.fetch(token="prometheus-token").status, 200, "GET /metrics")
        equal(it.counts(), (2, 2), "reviews: what was said before is forgotten")


@test
def no_cluster(folder):
    os.environ.pop("KUBERNETES_SERVICE_HOST", None)
    with Setting(folder) as it:
        agent = it.agent(kubeconfig="")
        line = agent.wait_line("nobody gets in by the cluster's word")
        true("no kubeconfig" in line.text and line.level == "warning", line.text)
        equal(agent.fetch(token="prometheus-token").status, 503, "GET /metrics")
        agent.wait_line(r"it cannot be asked: .*KUBERNETES_SERVICE_HOST")
        works(agent)


@test
def kubeconfig_comes_later(folder):
    with Setting(folder) as it:
        path = os.path.join(folder, "later")
        agent = it.agent(kubeconfig=path)
        equal(agent.fetch(token="prometheus-token").status, 503, "GET /metrics")
        os.rename(it.kubeconfig(), path)
        wait_for(lambda: agent.fetch(token="prometheus-token").status == 200, 5, "GET /metrics")


@test
def whoever_answers(folder):
    """insecure-skip-tls-verify is warned about: it decides who gets in."""
    with Setting(folder) as it:
        agent = it.agent(kubeconfig=it.kubeconfig({"certificate-authority": None, "insecure-skip-tls-verify": True}))
        equal(agent.fetch(token="prometheus-token").status, 200, "GET /metrics")
        equal(agent.fetch(token="other-token").status, 403, "GET /metrics")
        equal(len(agent.warnings("whoever answers there decides who gets in")), 1, "warnings")


@test
def somebody_else_answers(folder):
    """An API server that the kubeconfig's authority does not know gets no token."""
    with Setting(folder) as it:
        other = certificates.Authority(os.path.join(folder, "other"), "other")
        agent = it.agent(kubeconfig=it.kubeconfig({"certificate-authority": other.certificate}))
        equal(agent.fetch(token="prometheus-token").status, 503, "GET /metrics")
        equal(it.api.requests, [], "requests")


@test
def lane_is_shown(folder):
    with Setting(folder) as it:
        agent = it.agent()
        true("access" not in lanes(agent), "a lane before anybody was asked")
        agent.fetch(token="prometheus-token")
        true("access" in lanes(agent), "no lane", lanes(agent))
        agent.send_signal(signal.SIGTERM)


def lanes(agent):
    return [one["name"] for one in json.loads(agent.local("/status").body)["lanes"]]


if __name__ == "__main__":
    sys.exit(main(certificates.missing(), jobs=4))
