#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The runtime layer against runtimes that answer as recorded, and against peers that break every rule. Prints TAP."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(HERE), "data", "cri")
CLIENT = os.path.join(os.environ.get("TOP_BUILDDIR", "."), "tests", "unit", "cri-client")
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

try:
    import grpc
    import cri_double as double
    from cri_double import frame, message, Raw, Recorded
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

DEADLINE = 0.4
# Sanitizers and a busy machine take their time; a hang takes for ever.
PATIENCE = DEADLINE + 2
VERSION_ANSWER = message((1, "0.1.0"), (2, "fake"), (3, "1.2"))
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def run(socket_path, *commands, deadline=DEADLINE, root="", endpoint=None, patience=60):
    """What each command printed. Fails when the client crashes or takes longer than that."""
    arguments = [CLIENT, endpoint or f"unix://{socket_path}", str(int(deadline * 1000)), *commands]
    done = subprocess.run(arguments, capture_output=True, timeout=patience,
                          env=dict(os.environ, CRI_CLIENT_ROOT=root))
    if done.returncode not in (0, 1) or done.stderr:
        raise AssertionError(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def fails(socket_path, errno, pattern, *commands, deadline=DEADLINE, **more):
    started = time.monotonic()
    answer = run(socket_path, *(commands or ("probe",)), deadline=deadline, **more)[-1]
    took = time.monotonic() - started
    if "error" not in answer:
        raise AssertionError(f"no error: {answer}")
    if answer["errno"] not in ((errno,) if isinstance(errno, str) else errno):
        raise AssertionError(f"{answer['errno']} instead of {errno}: {answer['error']}")
    if not re.search(pattern, answer["error"]):
        raise AssertionError(f"{answer['error']!r} does not say {pattern!r}")
    if took > deadline + PATIENCE - DEADLINE:
        raise AssertionError(f"took {took:.2f} s with a deadline of {deadline} s")
    return took


# Real runtimes, recorded

def sandbox_answer(image):
    info = json.dumps({"pid": 1, "image": image})
    return message((1, message((1, "sandbox"))), (2, message((1, "info"), (2, info))))


def recording(name):
    return os.path.join(DATA, name)


def by_id(inventory):
    return {image["id"]: image for image in inventory["images"]}


@test
def containerd_1_6_inventory(path):
    with Recorded(path, recording("containerd-1.6.20.json")) as runtime:
        got, = run(path, "inventory")
    equal(got["runtime"], "containerd 1.6.20~ds1", "runtime")
    equal(got["imageStorePath"], "/lab/fs/ctd/io.containerd.snapshotter.v1.overlayfs", "image store")
    equal(got["sandboxImages"], ["lab.test/pause:1"], "sandbox images")
    app1 = "sha256:5293940ec0b547460cae10dc02e2cec63458430aa4669c1a83e32b3512abfa37"
    app2 = "sha256:7e8d245bad4143e85f4d21185a02ba911b5c534f56e195432189c9f0ee1fe976"
    digest = "lab.test/app1@sha256:325969438e4684850d0155ba22548341792f3efa51f6657ae57e8b938f795bb7"
    total, used, inodes = 305488 + 3 * 1306587, 8871936, 48
    equal(by_id(got)[app1], {
        "id": app1, "names": ["lab.test/app1:1", "lab.test/app1:other"], "digests": [digest], "sizeBytes": 1306587,
        "predictedBytes": 1306587 + used * 1306587 // total,
        "predictedInodes": inodes * (used * 1306587 // total) // used, "pinned": False}, "app1")
    equal(by_id(got)[app2]["digests"], [], "an image that was loaded")
    equal([(one["references"], one["state"]) for one in got["containers"]],
          [([app1, "lab.test/app1:1", digest, ""], "running"), ([app2, "lab.test/app2:1", "", ""], "exited")],
          "containers")
    equal(runtime.count(double.CONTAINER_STATUS), 2, "statuses asked for")


@test
def containerd_2_1_inventory(path):
    answers = {double.SANDBOX_STATUS: sandbox_answer("localhost/pause:1")}
    with Recorded(path, recording("containerd-2.1.9.json"), answers):
        got, = run(path, "inventory")
    equal(got["runtime"], "containerd 2.1.9+unknown", "runtime")
    # Its Status names no sandbox image: it pins that instead.
    equal(got["sandboxImages"], ["localhost/pause:1"], "sandbox images")
    pinned = [image["names"] for image in got["images"] if image["pinned"]]
    equal(pinned, [["docker.io/lab/pause:1", "localhost/pause:1"]], "pinned")
    container, = got["containers"]
    equal(container["references"], ["sha256:ccd83a413792ff86ac9144044b3005317ac3d856aad1ce596bdebadc5b1e3301",
                                    "localhost/pause:1", "docker.io/lab/pause:1", ""], "references")
    # The store had not counted the newest images yet, so the floor of twice the size holds.
    equal({image["sizeBytes"]: image["predictedBytes"] for image in got["images"]},
          {100129011: 200258022, 100129009: 200258018, 100128997: 200257994, 329109: 658218}, "predictions")


@test
def cri_o_inventory(path):
    answers = {double.SANDBOX_STATUS: message((1, message((1, "sandbox"))))}
    with Recorded(path, recording("cri-o-1.37.json"), answers):
        got, = run(path, "inventory")
    equal(got["runtime"], "cri-o 1.37.0", "runtime")
    equal(got["imageStorePath"], "/lab/cfs/storage/overlay-images", "image store")
    equal(got["sandboxImages"], ["localhost/pause:1"], "configured sandbox image")
    pause = "ccd83a413792ff86ac9144044b3005317ac3d856aad1ce596bdebadc5b1e3301"
    image = by_id(got)[pause]
    equal((image["pinned"], image["sizeBytes"], image["predictedBytes"]), (True, 769039, 769039), "pause image")
    equal(image["predictedInodes"], 47, "one for 16 KiB")
    container, = got["containers"]
    equal(container["references"], [pause, image["digests"][0], "localhost/pause:1", ""], "references")


@test
def cri_o_refuses_an_image_in_use(path):
    with Recorded(path, recording("cri-o-1.37.json")):
        fails(path, "EBUSY", r"^RemoveImage: image used by 1776af975b.*in use by a container \(UNKNOWN\)$",
              "remove:localhost/pause:1")
        equal(run(path, "remove:docker.io/lab/none:1")[0]["name"], "cri-o", "an unknown image is no error")


@test
def an_image_that_is_gone(path):
    answers = {double.VERSION: VERSION_ANSWER,
               double.REMOVE_IMAGE: double.Failure(grpc.StatusCode.NOT_FOUND, "no such image")}
    with Recorded(path, answers=answers) as runtime:
        equal(run(path, "remove:sha256:1")[0].get("error"), None, "NOT_FOUND is success")
        equal(runtime.calls[-1], (double.REMOVE_IMAGE, message((1, message((1, "sha256:1"))))), "request")


# A runtime of our own making

def healthy(**more):
    """Answers of a runtime with one image, one container, one sandbox. Names of `more` as in cri_double."""
    answers = {
        double.VERSION: message((2, "containerd"), (3, "9.9")),
        double.STATUS: b"",
        double.LIST_IMAGES: message((1, message((1, "sha256:a"), (2, "a:1"), (4, 1000)))),
        double.LIST_CONTAINERS: message((1, message((1, "c1"), (4, message((1, "a:1")))))),
        double.CONTAINER_STATUS: message((1, message((1, "c1"), (14, message((9, message((1, "volume:1")))))))),
        double.LIST_SANDBOXES: message((1, message((1, "s1")))),
        double.SANDBOX_STATUS: sandbox_answer("pause:1"),
        double.IMAGE_FS_INFO: message((1, message((2, message((1, "/images"))), (3, message((1, 5000)))))),
        double.REMOVE_IMAGE: b"",
    }
    answers.update({getattr(double, name): answer for name, answer in more.items()})
    return answers


@test
def statuses_are_asked_for_once(path):
    listed = ["c1", "c2"]

    def containers(_):
        return b"".join(message((1, message((1, one), (4, message((1, "a:1")))))) for one in listed)
    with Recorded(path, answers=healthy(LIST_CONTAINERS=containers)) as runtime:
        got = run(path, "inventory", "containers", "containers", "inventory")
        equal(runtime.count(double.CONTAINER_STATUS), 2, "container statuses")
        equal(runtime.count(double.SANDBOX_STATUS), 1, "sandbox statuses")
        equal(runtime.count(double.LIST_CONTAINERS), 4, "lists")
        for one in got:
            equal([c["volumeImages"] for c in one["containers"]], [["volume:1"]] * 2, "image volumes")
        equal(got[0]["sandboxImages"], ["pause:1"], "sandbox images")
        equal(got[1]["images"], [], "containers only")


@test
def a_container_that_left_is_forgotten(path):
    turns = iter([["c1"], [], ["c1"], ["c1"]])

    def containers(_):
        return b"".join(message((1, message((1, one), (4, message((1, "a:1")))))) for one in next(turns))
    with Recorded(path, answers=healthy(LIST_CONTAINERS=containers)) as runtime:
        run(path, *["containers"] * 4)
        equal(runtime.count(double.CONTAINER_STATUS), 2, "container statuses")


@test
def a_container_that_vanishes_stays_protected(path):
    gone = double.Failure(grpc.StatusCode.NOT_FOUND, "not found")
    with Recorded(path, answers=healthy(CONTAINER_STATUS=gone, SANDBOX_STATUS=gone)):
        got, = run(path, "inventory")
    equal(got["containers"][0]["references"][0], "a:1", "as listed")
    equal(got["sandboxImages"], [], "sandbox images")


@test
def any_failing_call_fails_the_inventory(path):
    for name in ("VERSION", "STATUS", "LIST_IMAGES", "LIST_CONTAINERS", "CONTAINER_STATUS", "LIST_SANDBOXES",
                 "SANDBOX_STATUS", "IMAGE_FS_INFO"):
        short = getattr(double, name).rpartition("/")[2]
        calls = []

        def answer(request, name=name, calls=calls):
            calls.append(request)
            if name == "VERSION" and len(calls) == 1:
                return VERSION_ANSWER
            raise double.Failure(grpc.StatusCode.INTERNAL, "disk on fire")
        with Recorded(path, answers=healthy(**{name: answer})):
            fails(path, "EIO", rf"^{short}: disk on fire \(INTERNAL\)$", "inventory")


@test
def statuses_become_errors(path):
    table = [("CANCELLED", "EIO"), ("UNKNOWN", "EIO"), ("INVALID_ARGUMENT", "EPROTO"),
             ("DEADLINE_EXCEEDED", "ETIMEDOUT"), ("NOT_FOUND", "ENODATA"), ("ALREADY_EXISTS", "EIO"),
             ("PERMISSION_DENIED", "EPERM"), ("RESOURCE_EXHAUSTED", "E2BIG"), ("FAILED_PRECONDITION", "EBUSY"),
             ("ABORTED", "EBUSY"), ("OUT_OF_RANGE", "EPROTO"), ("UNIMPLEMENTED", "EOPNOTSUPP"), ("INTERNAL", "EIO"),
             ("UNAVAILABLE", "ECONNREFUSED"), ("DATA_LOSS", "EIO"), ("UNAUTHENTICATED", "EPERM")]
    for name, errno in table:
        answers = healthy(VERSION=double.Failure(grpc.StatusCode[name], "why not"))
        with Recorded(path, answers=answers):
            fails(path, errno, rf"^Version: why not \({name}\)$")


@test
def malformed_messages(path):
    spec = message((1, "a:1"))
    table = [
        ("LIST_IMAGES", message((1, 5)), "EBADMSG", "^ListImages: the answer is not a ListImagesResponse message"),
        ("LIST_IMAGES", b"\x0a\xff\xff\xff\xff\x0f", "EBADMSG", "^ListImages: the answer is not"),
        ("LIST_IMAGES", message((1, message((1, "a"), (4, "five")))), "EBADMSG", "^ListImages: the answer is not"),
        ("LIST_IMAGES", b"\xff" * 100, "EBADMSG", "^ListImages: the answer is not"),
        ("LIST_IMAGES", message((1, message((4, 5)))), "EBADMSG", "^ListImages: an image's ID is empty"),
        ("LIST_IMAGES", message((1, message((1, "a\nb")))), "EBADMSG", "^ListImages: .*control character"),
        ("LIST_IMAGES", message((1, message((1, "a\0b")))), "EBADMSG", "^ListImages: .*control character"),
        ("LIST_IMAGES", message((1, message((1, b"\xff\xfe")))), "EBADMSG", "^ListImages: .*not UTF-8"),
        ("LIST_IMAGES", message((1, message((1, "a" * 5000)))), "E2BIG", "^ListImages: an image's ID has 5000 bytes"),
        ("LIST_IMAGES", message((1, message((1, "a"), (4, 2 ** 64 - 1)))), "EBADMSG", "^ListImages: .*impossible"),
        ("LIST_IMAGES", message((1, message((1, "a"), *[(2, "t")] * 1025))), "E2BIG", "^ListImages: 1025 times"),
        ("LIST_IMAGES", message((1, message((1, "a")))) * 70000, "E2BIG", "^ListImages: 70000 images"),
        # 4 MB that would take half a gigabyte.
        ("LIST_IMAGES", message((1, b"")) * 2000000, "E2BIG", "^ListImages: the answer takes more than"),
        ("LIST_IMAGES", message((99, b"")) * 4000000, "E2BIG", "^ListImages: the answer takes more than"),
        ("LIST_CONTAINERS", message((1, message((4, spec)))), "EBADMSG", "^ListContainers: .*ID is empty"),
        ("LIST_CONTAINERS", message((1, message((1, "c")))), "EBADMSG", "^ListContainers: container c names no image"),
        ("LIST_CONTAINERS", message((1, message((1, "c"), (4, spec)))) * 65537, "E2BIG", "^ListContainers: 65537"),
        ("CONTAINER_STATUS", b"", "EBADMSG", "^ContainerStatus: the answer has no status"),
        ("CONTAINER_STATUS", message((1, message((14, message((9, message((1, "\x1b")))))))), "EBADMSG",
         "^ContainerStatus: an image volume contains a control"),
        ("SANDBOX_STATUS", message((2, message((1, "info"), (2, "{")))), "EBADMSG", "^PodSandboxStatus: info \"info\""),
        ("SANDBOX_STATUS", message((2, message((1, "info"), (2, '{"image":5}')))), "EBADMSG", "must be a string"),
        ("SANDBOX_STATUS", message((2, message((1, "info"), (2, "[" * 9999)))), "E2BIG", "^PodSandboxStatus: info"),
        ("STATUS", message((2, message((1, "config"), (2, "x" * 1100000)))), "E2BIG", "^Status: info \"config\" has"),
        ("STATUS", message((2, message((1, "config"), (2, '{"sandboxImage":"a\\u0001"}')))), "EBADMSG", "^Status: "),
        ("IMAGE_FS_INFO", b"", "EBADMSG", "^ImageFsInfo: the answer names no image filesystem"),
        ("IMAGE_FS_INFO", message((1, b"")), "EBADMSG", "^ImageFsInfo: the image filesystem has no path"),
        ("IMAGE_FS_INFO", message((1, message((2, message((1, "images")))))), "EBADMSG", "not absolute: images"),
        ("VERSION", b"", "EBADMSG", "^Version: the runtime's name is empty"),
    ]
    for name, answer, errno, pattern in table:
        with Recorded(path, answers=healthy(**{name: answer})):
            fails(path, errno, pattern, "inventory", deadline=20)


@test
def unexpected_but_harmless(path):
    info = message((2, message((1, "other"), (2, "no JSON")))) + message((2, message((1, "info"), (2, "{}"))))
    answers = healthy(
        LIST_CONTAINERS=message((1, message((1, "c1"), (4, message((1, "a:1"))), (6, 77)))),
        LIST_IMAGES=message((1, message((1, "b"), (2, ""), (2, "b:1"), (4, 7)))) +
        message((1, message((1, "a"), (2, "a:1"), (4, 5), (100, "new"), (101, 3)))) +
        message((1, message((1, "b"), (2, "b:2"), (4, 9), (8, 1)))),
        SANDBOX_STATUS=info)
    with Recorded(path, answers=answers):
        got, = run(path, "inventory")
    equal([(one["id"], one["names"], one["sizeBytes"], one["pinned"]) for one in got["images"]],
          [("a", ["a:1"], 5, False), ("b", ["b:1", "b:2"], 9, True)], "sorted, doubles merged")
    equal(got["containers"][0]["state"], "unknown", "a state that is not known")
    equal(got["sandboxImages"], [], "sandbox images")


@test
def ten_thousand_images(path):
    count = 10000
    images = b"".join(message((1, message((1, f"sha256:{n:064x}"), (2, f"registry.test/group/app{n}:v{n}"),
                                           (3, f"registry.test/group/app{n}@sha256:{n:064x}"), (4, n + 1))))
                      for n in range(count))
    with Recorded(path, answers=healthy(LIST_IMAGES=images)):
        got, = run(path, "inventory", deadline=20)
    equal(len(got["images"]), count, "images")
    equal(got["images"][count - 1]["sizeBytes"], count, "the last one's size")


# Endpoints

@test
def no_socket(path):
    fails(path, "ENOENT", r"^Version: cannot connect to .*: No such file")


@test
def nobody_listens(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        fails(path, "ECONNREFUSED", r"^Version: cannot connect to .*: Connection refused")


@test
def not_an_endpoint(path):
    for endpoint in ("", "tcp://localhost:1", "unix:relative", "unix://", "/run/x.sock", "AUTO"):
        fails(path, "EINVAL", "is no endpoint: expected auto or unix:///path", endpoint=endpoint or "http:")
    fails("/" + "x" * 200, "ENAMETOOLONG", r"at most 107 bytes, this has 201")


@test
def endpoint_auto(path):
    root = path + ".root"
    os.makedirs(root + "/run/containerd")
    os.makedirs(root + "/run/crio")
    fails(path, "ENOENT", "^no container runtime found; not there: .*/run/containerd/containerd.sock, .*/run/crio/",
          endpoint="auto", root=root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(root + "/run/containerd/containerd.sock")
        fails(path, "ECONNREFUSED", "containerd.sock: Connection refused; not there: .*/run/crio/crio.sock",
              endpoint="auto", root=root)
        with Recorded(root + "/run/crio/crio.sock", answers=healthy()):
            got, = run(path, "probe", endpoint="auto", root=root + "//")
            equal(got["endpoint"], f"unix://{root}/run/crio/crio.sock", "endpoint")
            got, = run(path, "probe", endpoint="unix:/run/crio/crio.sock", root=root)
            equal(got["endpoint"], f"unix://{root}/run/crio/crio.sock", "with a root")


@test
def a_full_backlog(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(path)
        fails(path, "ECONNREFUSED", "^Version: ")
        for one in waiting:
            one.close()


# Peers that stop anywhere

def hangs(path, script=None, greet=None):
    with Raw(path, script, greet) as peer:
        took = fails(path, "ETIMEDOUT", r"^Version: no answer from .* within 400ms$")
        if took < DEADLINE * 0.9:
            raise AssertionError(f"gave up after {took:.2f} s")
        equal(peer.problems, [], "the double's own problems")


def silence(connection):
    while connection.recv(65536):
        pass


def drip(stream):
    stream.headers(double.GRPC)
    while True:
        stream.data(b"\0")
        time.sleep(0.02)


@test
def hangs_before_accepting(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(4)
        fails(path, "ETIMEDOUT", "^Version: no answer")


@test
def hangs_at_once(path):
    hangs(path, greet=silence)


@test
def hangs_before_headers(path):
    hangs(path, lambda stream: stream.hang())


@test
def hangs_after_headers(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.hang()))


@test
def hangs_in_the_frame(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.data(b"\0\0\0"), stream.hang()))


@test
def hangs_in_the_message(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.data(frame(b"x" * 100)[:50]), stream.hang()))


@test
def hangs_before_trailers(path):
    hangs(path, lambda stream: (stream.headers(double.GRPC), stream.data(frame(VERSION_ANSWER)), stream.hang()))


@test
def hangs_in_an_http2_frame(path):
    hangs(path, lambda stream: (stream.raw(b"\0\1\0\1\4\0\0"), stream.hang()))


@test
def drips_for_ever(path):
    hangs(path, drip)


@test
def pings_for_ever(path):
    def script(stream):
        while True:
            stream.h2(double.PING, 0, b"12345678", stream=0)
            time.sleep(0.01)
    hangs(path, script)


# Peers that talk nonsense

# libcurl does not always know a connection that ended from one that makes no sense.
BROKEN = ("EBADMSG", "ECONNRESET")
BROKEN_TEXT = "(/.* does not speak HTTP/2 as expected|the connection to .* broke)"


def nonsense(path, errnos, pattern, script=None, greet=None):
    with Raw(path, script, greet) as peer:
        fails(path, errnos, pattern, deadline=5)
        equal(peer.problems, [], "the double's own problems")


def speaks(data):
    def greet(connection):
        connection.recv(24)
        connection.sendall(data)
        silence(connection)
    return greet


@test
def garbage_instead_of_http2(path):
    for data in (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"\xff" * 1000, b"SSH-2.0-OpenSSH\r\n",
                 b"\0" * 64):
        nonsense(path, BROKEN, f"^Version: {BROKEN_TEXT}", greet=speaks(data))


@test
def closes_at_once(path):
    def greet(connection):
        connection.recv(24)
        connection.close()
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke", greet=greet)


@test
def closes_after_headers(path):
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke",
             lambda stream: (stream.headers(double.GRPC), stream.close()))


@test
def closes_in_the_message(path):
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke",
             lambda stream: (stream.headers(double.GRPC), stream.data(frame(b"x" * 100)[:50]), stream.close()))


@test
def closes_before_trailers(path):
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke",
             lambda stream: (stream.headers(double.GRPC), stream.data(frame(VERSION_ANSWER)), stream.close()))


@test
def closes_in_an_http2_frame(path):
    nonsense(path, "ECONNRESET", "^Version: .*connection .* broke",
             lambda stream: (stream.raw(b"\0\1\0\1\4\0\0"), stream.close()))


@test
def resets_the_stream(path):
    for code in (0, 1, 2, 7, 8):
        nonsense(path, BROKEN, "^Version: ", lambda stream, code=code: (
            stream.h2(double.RST_STREAM, 0, bytes([0, 0, 0, code])), stream.hang()))


@test
def says_go_away(path):
    nonsense(path, BROKEN, "^Version: ", lambda stream: (
        stream.h2(double.GOAWAY, 0, bytes(4) + b"\0\0\0\2", stream=0), stream.close()))


@test
def refuses_and_resets(path):
    refusal = dict(double.GRPC, **{"grpc-status": "7", "grpc-message": "go away"})
    # As a server does that need not read the rest of the request.
    nonsense(path, "EPERM", r"^Version: go away \(PERMISSION_DENIED\)$", lambda stream: (
        stream.headers(refusal, end=True), stream.h2(double.RST_STREAM, 0, bytes(4)), stream.hang()))
    nonsense(path, "EPERM", r"^Version: go away \(PERMISSION_DENIED\)$", lambda stream: (
        stream.headers(refusal), time.sleep(0.1), stream.h2(double.RST_STREAM, 0, b"\0\0\0\2"), stream.hang()))


@test
def framing_lies(path):
    table = [(b"", "too few"), (b"\0\0\0", "too few"), (frame(VERSION_ANSWER)[:-1], "announces .* bytes and has"),
             (frame(VERSION_ANSWER) + b"x", "announces .* bytes and has"),
             (frame(VERSION_ANSWER) * 2, "announces .* bytes and has"),
             (frame(VERSION_ANSWER, 1), "compressed"), (frame(VERSION_ANSWER, 7), "not framed")]
    for body, pattern in table:
        nonsense(path, "EBADMSG", f"^Version: .*{pattern}", lambda stream, body=body: stream.answer(body))
    nonsense(path, "E2BIG", "^Version: .*announces 4294967295",
             lambda stream: stream.answer(b"\0\xff\xff\xff\xff" + VERSION_ANSWER))


@test
def wrong_content_type(path):
    for kind in ("text/html", "application/grpc-web", "application/json", ""):
        nonsense(path, "EBADMSG", f'^Version: the answer is of type "{kind}" instead of application/grpc$',
                 lambda stream, kind=kind: (stream.headers({":status": "200", "content-type": kind}),
                                            stream.data(frame(VERSION_ANSWER)), stream.headers(double.OK, end=True)))
    for kind in ("application/grpc+proto", "application/grpc;charset=utf-8", "Application/GRPC"):
        with Raw(path, lambda stream, kind=kind: (
                stream.headers({":status": "200", "content-type": kind}), stream.data(frame(VERSION_ANSWER)),
                stream.headers(double.OK, end=True))):
            equal(run(path, "probe", deadline=5)[0].get("version"), "fake 1.2", kind)


@test
def http_errors(path):
    for status, errno in (("404", "EOPNOTSUPP"), ("503", "ECONNREFUSED"), ("401", "EPERM"), ("500", "EPROTO"),
                          ("204", "EPROTO"), ("301", "EPROTO")):
        nonsense(path, errno, f"^Version: HTTP status {status} instead of a gRPC answer",
                 lambda stream, status=status: stream.headers({":status": status, "location": "http://x/"}, end=True))


@test
def trailers_only(path):
    refusal = dict(double.GRPC, **{"grpc-status": "12", "grpc-message": "unknown%20service%0aX%zz%00%1b%c3%a4%ff"})
    nonsense(path, "EOPNOTSUPP", r"^Version: unknown service X%zz  ä\? \(UNIMPLEMENTED\)$",
             lambda stream: stream.headers(refusal, end=True))
    nonsense(path, "EIO", r"^Version: the runtime gives no reason \(status 99\)$",
             lambda stream: stream.headers(dict(double.GRPC, **{"grpc-status": "99"}), end=True))
    nonsense(path, "EBADMSG", "^Version: .*too few",
             lambda stream: stream.headers(dict(double.GRPC, **double.OK), end=True))


@test
def no_usable_grpc_status(path):
    nonsense(path, "EBADMSG", "^Version: the answer ends without a grpc-status", lambda stream: (
        stream.headers(double.GRPC), stream.data(frame(VERSION_ANSWER), end=True)))
    nonsense(path, "EBADMSG", "^Version: the answer ends without a grpc-status",
             lambda stream: stream.answer(frame(VERSION_ANSWER), {"x": "y"}))
    # A status ahead of the body does not say that the body is complete.
    nonsense(path, "EBADMSG", "^Version: the answer ends without a grpc-status", lambda stream: (
        stream.headers(dict(double.GRPC, **double.OK)), stream.data(frame(VERSION_ANSWER), end=True)))
    for status in ("", "ok", "-1", "0x0", "99999999999999999999", "0 0"):
        nonsense(path, "EBADMSG", "^Version: the answer's grpc-status is not a number",
                 lambda stream, status=status: stream.answer(frame(VERSION_ANSWER), {"grpc-status": status}))


@test
def answers_without_end(path):
    def body(stream):
        stream.headers(double.GRPC)
        while True:
            stream.data(b"x" * 16384)
    nonsense(path, "E2BIG", "^Version: the answer is larger than 16777221 bytes", body)


@test
def headers_without_end(path):
    def headers(stream):
        while True:
            stream.headers({":status": "103", "x-filler": "y" * 8000})

    def continuation(stream):
        stream.h2(double.HEADERS, 0, double.hpack(double.GRPC))
        while True:
            stream.h2(double.CONTINUATION, 0, double.hpack({"x": "y" * 8000}))

    def trailers(stream):
        stream.headers(double.GRPC)
        stream.data(frame(VERSION_ANSWER))
        stream.headers({f"x-{n}": "y" * 700 for n in range(20)}, end=True)
    for script in (headers, continuation, trailers):
        nonsense(path, BROKEN + ("E2BIG",), "^Version: ", script)


@test
def huge_message_text(path):
    refusal = dict(double.GRPC, **{"grpc-status": "2", "grpc-message": "%41" * 4000})
    nonsense(path, "EIO", r"^Version: A{100,400} \(UNKNOWN\)$", lambda stream: stream.headers(refusal, end=True))


# Connections

def version(stream):
    stream.answer(frame(VERSION_ANSWER))


@test
def a_connection_is_kept(path):
    with Raw(path, version) as peer:
        run(path, *["probe"] * 20, deadline=5)
        equal((peer.requests, peer.connections), (21, 1), "requests, connections")


@test
def a_connection_closed_meanwhile(path):
    with Raw(path, lambda stream: (version(stream), time.sleep(0.05), stream.close())) as peer:
        got = run(path, "sleep:100", "probe", "sleep:100", "probe", deadline=5)
        equal([one.get("error") for one in got], [None, None], "probes")
        equal((peer.requests, peer.connections), (3, 3), "requests, connections")


@test
def a_connection_that_dies_at_the_next_request(path):
    def script(stream):
        if stream.first:
            version(stream)
        else:
            stream.close()
    with Raw(path, script) as peer:
        got = run(path, "probe", "probe", deadline=5)
        equal([one.get("error") for one in got], [None, None], "probes")
        equal(peer.connections >= 3, True, f"{peer.connections} connections")


@test
def a_connection_told_to_go_away(path):
    def script(stream):
        version(stream)
        time.sleep(0.05)
        stream.h2(double.GOAWAY, 0, stream.id.to_bytes(4, "big") + bytes(4), stream=0)
    with Raw(path, script):
        got = run(path, "sleep:100", "probe", "sleep:100", "probe", "sleep:100", "probe", deadline=5)
        equal([one.get("error") for one in got], [None] * 3, "probes")


@test
def a_restarted_runtime(path):
    def two_lives():
        with Recorded(path, answers=healthy()):
            started.set()
            time.sleep(0.5)
        with Recorded(path, answers=healthy()):
            done.wait(20)
    started, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=two_lives)
    thread.start()
    started.wait(10)
    got = run(path, "probe", "sleep:1000", "probe", "containers", deadline=5)
    done.set()
    thread.join()
    equal([one.get("error") for one in got], [None] * 3, "after the restart")


@test
def a_kept_connection_that_hangs(path):
    def script(stream):
        if stream.number == 0:
            version(stream)
        else:
            stream.hang()
    with Raw(path, script) as peer:
        fails(path, "ETIMEDOUT", "^Version: no answer")
        equal(peer.requests, 2, "a request that may be under way is not repeated")


@test
def a_proxy_in_the_environment_is_not_asked(path):
    os.environ["http_proxy"] = os.environ["all_proxy"] = "http://127.0.0.1:9/"
    try:
        with Raw(path, version):
            equal(run(path, "probe", deadline=5)[0].get("version"), "fake 1.2", "version")
    finally:
        del os.environ["http_proxy"], os.environ["all_proxy"]


def main():
    wanted = sys.argv[1:]
    tests = [one for one in TESTS if not wanted or one.__name__ in wanted]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, one in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="dpa-cri-") as folder:
            try:
                one(os.path.join(folder, "s"))
                print(f"ok {number} - {one.__name__}", flush=True)
            except Exception:
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {one.__name__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
