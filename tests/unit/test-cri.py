#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The runtime layer against runtimes that answer as recorded, or politely but wrong. Prints TAP."""

import json
import os
import socket
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(HERE), "data", "cri")
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

try:
    import grpc
    import cri_double as double
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)
from cri_check import equal, fails, main, run, test
from cri_double import Recorded, message


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
    answers = {double.SANDBOX_STATUS: message((1, message((1, "sandbox"))))}
    with Recorded(path, recording("cri-o-1.37.json"), answers):
        fails(path, "EBUSY", r"^RemoveImage: image used by 1776af975b.*in use by a container \(UNKNOWN\)$",
              "remove:localhost/pause:1")
        equal(run(path, "remove:docker.io/lab/none:1")[0]["name"], "cri-o", "an unknown image is no error")


@test
def an_image_that_is_gone(path):
    answers = {double.VERSION: message((2, "fake")),
               double.IMAGE_STATUS: message((1, message((1, "sha256:1")))),
               double.REMOVE_IMAGE: double.Failure(grpc.StatusCode.NOT_FOUND, "no such image")}
    with Recorded(path, answers=answers) as runtime:
        equal(run(path, "remove:sha256:1")[0].get("error"), None, "NOT_FOUND is success")
        equal(runtime.calls[-1], (double.REMOVE_IMAGE, message((1, message((1, "sha256:1"))))), "request")


@test
def an_image_that_changed_since_it_was_listed(path):
    """Pinned or named anew: other rules may hold for it now. Without an answer nothing is removed either."""
    listed = ((1, "sha256:a"), (2, "a:1"), (4, 1000))
    for status, why in ((message((1, message(*listed, (8, 1)))), "pinned since it was listed"),
                        (message((1, message(*listed, (2, "keep:1")))), "got the name keep:1"),
                        (message((1, message(*listed, (3, "a@sha256:b")))), "got the name a@sha256:b")):
        with Recorded(path, answers=healthy(IMAGE_STATUS=status)) as runtime:
            fails(path, "EBUSY", f"^ImageStatus: {why}", "remove:a:1")
            equal(runtime.count(double.REMOVE_IMAGE), 0, "nothing is removed")
    with Recorded(path, answers=healthy(IMAGE_STATUS=double.Failure(grpc.StatusCode.INTERNAL, "broken"))) as runtime:
        fails(path, "EIO", "^ImageStatus: broken", "remove:a:1")
        equal(runtime.count(double.REMOVE_IMAGE), 0, "nothing is removed")
    with Recorded(path, answers=healthy(IMAGE_STATUS=message((1, message(*listed))))) as runtime:
        equal(run(path, "remove:a:1")[0].get("error"), None, "one that is the same goes")
        equal(runtime.count(double.REMOVE_IMAGE), 1, "it is removed")
    with Recorded(path, answers=healthy(IMAGE_STATUS=b"")) as runtime:
        equal(run(path, "remove:a:1")[0].get("error"), None, "one that is gone is no error")
        equal(runtime.count(double.REMOVE_IMAGE), 0, "and not asked for")


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
        # Without the flag for more a runtime says nothing about the images of sandboxes.
        verbose = [call for call in runtime.calls if call[0] in (double.STATUS, double.SANDBOX_STATUS)]
        equal(verbose[:2], [(double.SANDBOX_STATUS, message((1, "s1"), (2, 1))), (double.STATUS, message((1, 1)))],
              "requests for more")
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
                return healthy()[double.VERSION]
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
        # Docker's containerd, which has no CRI.
        with Recorded(root + "/run/crio/crio.sock"):
            fails(path, "ECONNREFUSED", r"refused; .*/run/crio/crio.sock: Version: unknown method .* \(UNIMPLEMENTED\); ",
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


if __name__ == "__main__":
    sys.exit(main())
