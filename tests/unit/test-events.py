#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What runtimes tell of containers as it happens, and what becomes of a stream that is none. Prints TAP."""

import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

try:
    import grpc
    import cri_double as double
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)
from cri_check import equal, main, run, test
from cri_double import Failure, Raw, frame, message

CRI_EVENTS = "/runtime.v1.RuntimeService/GetContainerEvents"
CONTAINERD_EVENTS = "/containerd.services.events.v1.Events/Subscribe"
CREATED, STARTED, STOPPED, DELETED = range(4)
WATCH = "watch:300"


def version(name):
    return message((2, name), (3, "1.0"))


def status(identity, image, reference="", image_id=""):
    return message((1, identity), (8, message((1, image))), (9, reference), (17, image_id))


def cri_event(identity, kind, *statuses):
    fields = [(1, identity), (2, kind), (3, 1790000000), (4, message((1, "sandbox")))]
    return message(*fields, *((5, one) for one in statuses))


def create(identity, image):
    runtime = (3, message((1, "io.containerd.runc.v2")))
    return message((1, identity), (2, image), runtime)


def envelope(inner, topic="/containers/create", kind="containerd.events.ContainerCreate"):
    return message((1, message((1, 1790000000))), (2, "k8s.io"), (3, topic), (4, message((1, kind), (2, inner))))


class Runtime(double.Recorded):
    """Hands out these events, one a while after another, and ends as told: "stay", "end" or a Failure."""

    def __init__(self, path, name, method, events, ending="stay"):
        super().__init__(path, answers={double.VERSION: version(name)})
        self.method, self.events, self.ending = method, events, ending
        self.metadata = {}

    def service(self, details):
        if details.method != self.method:
            return super().service(details)
        self.metadata = dict(details.invocation_metadata)
        return grpc.unary_stream_rpc_method_handler(self._stream)

    def _stream(self, request, context):
        self.calls.append((self.method, request))
        left = threading.Event()
        context.add_callback(left.set)
        for event in self.events:
            yield event
        if isinstance(self.ending, Failure):
            context.abort(self.ending.code, self.ending.text)
        if self.ending == "stay":
            left.wait(10)


def crio(path, *events, **more):
    return Runtime(path, "cri-o", CRI_EVENTS, events, **more)


def containerd(path, *events, **more):
    return Runtime(path, "containerd", CONTAINERD_EVENTS, events, **more)


def told(answers):
    return [(one["id"], one["created"], one["references"]) for one in answers[:-1]]


def fails(path, errno, what, *commands):
    answer = run(path, *(commands or (WATCH,)))[-1]
    equal(answer.get("errno"), errno, str(answer))
    equal(what in answer["error"], True, f"{answer['error']!r} says {what!r}")


@test
def crio_tells(path):
    other = status("c2", "docker.io/lab/b:1", image_id="sha256:b")
    with crio(path,
              cri_event("c1", CREATED, other, status("c1", "docker.io/lab/a:1", "lab/a@sha256:1", "sha256:a")),
              cri_event("c2", STARTED, other),
              cri_event("c2", STOPPED, other),
              cri_event("sandbox", CREATED, other),     # of a sandbox nothing tells the image
              cri_event("c1", DELETED, other)) as runtime:
        answers = run(path, WATCH)
    equal(told(answers), [
        ("c1", True, ["sha256:a", "lab/a@sha256:1", "docker.io/lab/a:1", ""]),
        ("c2", False, ["sha256:b", "docker.io/lab/b:1", "", ""]),
        ("c2", False, ["sha256:b", "docker.io/lab/b:1", "", ""])], "events")
    equal(answers[-1], {"events": 3}, "the end")
    equal(runtime.count(CRI_EVENTS), 1, "subscriptions")
    equal("grpc-timeout" in runtime.metadata, False, "it has no deadline")


@test
def containerd_tells(path):
    with containerd(path, envelope(create("c1", "docker.io/lab/a:1")), envelope(create("c2", "sha256:b"))) as runtime:
        answers = run(path, WATCH)
    equal(told(answers), [("c1", True, ["docker.io/lab/a:1", "", "", ""]), ("c2", True, ["sha256:b", "", "", ""])], "events")
    equal(runtime.metadata.get("containerd-namespace"), "k8s.io", "namespace")
    request = [request for method, request in runtime.calls if method == CONTAINERD_EVENTS]
    equal(request, [message((1, 'namespace==k8s.io,topic=="/containers/create"'))], "what is asked for")


@test
def containerd_is_not_asked_by_cri(path):
    """Until 2.0 an event that one listener gets is lost to the kubelet."""
    refused = Failure(grpc.StatusCode.UNIMPLEMENTED, "unknown service")
    with containerd(path, ending=refused) as runtime:
        fails(path, "EOPNOTSUPP", "Events/Subscribe: unknown service")
    equal(runtime.count(CRI_EVENTS), 0, "calls of GetContainerEvents")


@test
def nothing_is_told(path):
    with crio(path, ending=Failure(grpc.StatusCode.UNIMPLEMENTED, "no such method")):
        fails(path, "EOPNOTSUPP", "GetContainerEvents: no such method")


@test
def events_are_switched_off(path):
    """What CRI-O answers unless enable_pod_events is set."""
    with crio(path, ending="end"):
        fails(path, "EOPNOTSUPP", "no events are told")


@test
def ends_after_an_event(path):
    good = status("c1", "a")
    with crio(path, cri_event("c1", CREATED, good), ending="end"):
        fails(path, "ECONNRESET", "the runtime ended it")


@test
def containerd_ends(path):
    with containerd(path, ending="end"):
        fails(path, "ECONNRESET", "the runtime ended it")


@test
def fails_in_the_middle(path):
    with containerd(path, envelope(create("c1", "a")), ending=Failure(grpc.StatusCode.UNAVAILABLE, "shutting down")):
        answers = run(path, WATCH)
    equal(answers[0]["id"], "c1", "what was told before")
    equal(answers[-1]["errno"], "ECONNREFUSED", str(answers[-1]))


# What is no event is skipped, and the next one is told.

GARBAGE = {"nothing": b"", "bytes": bytes(range(256)), "text": b"event", "cut": cri_event("c9", CREATED)[:-3],
           "long": message((1, "x" * 5000)), "control": message((1, "a\nb")), "latin": message((1, b"\xff\xfe"))}


@test
def garbage_of_crio(path):
    good = status("c1", "a")
    odd = [cri_event("c2", CREATED, status("", "a")), cri_event("", CREATED, status("", "a")),
           cri_event("c2", CREATED, status("c2", "a\n")), cri_event("c2", CREATED, status("c2", "x" * 5000)),
           cri_event("c2", CREATED, b"\xff\xff"), cri_event("c\n2", CREATED, status("c\n2", "a")),
           cri_event("c2", CREATED, status("c2", b"\xc3\x28"))]
    with crio(path, *GARBAGE.values(), *odd, cri_event("c1", 77, good)):
        answers = run(path, WATCH)
    equal(told(answers), [("c1", False, ["a", "", "", ""])], "events")


@test
def garbage_of_containerd(path):
    odd = [envelope(inner) for inner in GARBAGE.values()]
    odd += [envelope(create("c2", "")), envelope(create("", "a")), envelope(create("c2", "a\n")),
            envelope(create("c2", "a"), topic="/tasks/start"), envelope(create("c2", "a"), topic=""),
            message((3, "/containers/create")), envelope(create("c2", "x" * 5000))]
    with containerd(path, *GARBAGE.values(), *odd, envelope(create("c1", "a"))):
        answers = run(path, WATCH)
    equal(told(answers), [("c1", True, ["a", "", "", ""])], "events")


@test
def very_many(path):
    with containerd(path, *(envelope(create(f"c{number}", "a")) for number in range(5000))):
        answers = run(path, "watch:3000")
    equal(answers[-1], {"events": 5000}, "the end")


# Frames by hand

def raw(path, script):
    """Answers Version, and leaves the subscription to the script."""
    def both(stream):
        if stream.number == 0:
            stream.answer(frame(version("containerd")))
        else:
            script(stream)
    return Raw(path, both)


@test
def silence_ends_at_once(path):
    """A runtime that has nothing to tell sends not even headers. What is asked to end ends."""
    with raw(path, lambda stream: stream.hang()):
        started = time.monotonic()
        answers = run(path, WATCH)
        took = time.monotonic() - started
    equal(answers, [{"events": 0}], "answers")
    equal(0.3 <= took < 1.3, True, f"it took {took:.2f} s")


@test
def silence_costs_nothing(path):
    """Nobody looks again and again whether something came."""
    with raw(path, lambda stream: stream.hang()):
        before = os.times()
        run(path, "watch:4000")
        after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    equal(used < 0.5, True, f"{used:.2f} s of processor time")


@test
def one_event_in_pieces(path):
    def script(stream):
        stream.headers(double.GRPC)
        for byte in frame(envelope(create("c1", "a"))) + frame(envelope(create("c2", "b"))):
            stream.data(bytes([byte]))
            time.sleep(0.001)
        stream.hang()
    with raw(path, script):
        answers = run(path, "watch:1000")
    equal([one["id"] for one in answers[:-1]], ["c1", "c2"], "events")


@test
def broken_within_an_event(path):
    def script(stream):
        stream.headers(double.GRPC)
        whole = frame(envelope(create("c1", "a")))
        stream.data(whole + whole[:-2])
        time.sleep(0.05)
        stream.close()
    with raw(path, script):
        answers = run(path, WATCH)
    equal(answers[0]["id"], "c1", "what was told before")
    equal(answers[-1]["errno"], "ECONNRESET", str(answers[-1]))


@test
def broken_in_silence(path):
    """Nothing came before, perhaps for hours: whoever asked is to know, not to be asked for again unnoticed."""
    def script(stream):
        time.sleep(0.05)
        stream.close()
    with raw(path, script) as runtime:
        fails(path, "ECONNRESET", "broke")
        equal(runtime.requests, 2, "requests, with that for the version")


@test
def ends_within_an_event(path):
    def script(stream):
        stream.headers(double.GRPC)
        stream.data(frame(envelope(create("c1", "a")))[:-2])
        stream.headers(double.OK, end=True)
    with raw(path, script):
        fails(path, "EBADMSG", "ends within a message")


@test
def too_large(path):
    def script(stream):
        stream.headers(double.GRPC)
        stream.data(b"\0\x00\x10\x00\x01")
        stream.hang()
    with raw(path, script):
        fails(path, "E2BIG", "announces 1048577 bytes")


@test
def compressed(path):
    def script(stream):
        stream.headers(double.GRPC)
        stream.data(frame(b"x", flag=1))
        stream.hang()
    with raw(path, script):
        fails(path, "EBADMSG", "compressed")


@test
def no_grpc(path):
    def script(stream):
        stream.headers({":status": "404", "content-type": "text/plain"})
        stream.data(b"not here", end=True)
    with raw(path, script):
        answer = run(path, WATCH)[-1]
    equal("errno" in answer, True, str(answer))


@test
def the_handle_is_good_afterwards(path):
    with containerd(path, envelope(create("c1", "a"))) as runtime:
        answers = run(path, "watch:100", "probe", "watch:100")
    equal([one for one in answers if "events" in one], [{"events": 1}] * 2, "events")
    equal(answers[2]["version"], "containerd 1.0", "an ordinary call in between")
    equal(runtime.count(CONTAINERD_EVENTS), 2, "subscriptions")


if __name__ == "__main__":
    sys.exit(main())
