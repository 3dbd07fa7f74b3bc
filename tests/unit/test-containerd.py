#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The layers that containerd's own API tells of, and what becomes of an inventory when it fails. Prints TAP."""

import os
import sys
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
from cri_check import DEADLINE, equal, main, run, test
from cri_double import Failure, Raw, message
from engine_double import Store, identity

NAMESPACES = "/containerd.services.namespaces.v1.Namespaces/List"
CONTENT = "/containerd.services.content.v1.Content/List"
IMAGES = "/containerd.services.images.v1.Images/List"
SNAPSHOTS = "/containerd.services.snapshots.v1.Snapshots/List"
USAGE = "/containerd.services.snapshots.v1.Snapshots/Usage"

COMMITTED, ACTIVE = 3, 2
CONFIG = "containerd.io/gc.ref.content.config"
LAYER = "containerd.io/gc.ref.content.l."
SNAPSHOT = "containerd.io/gc.ref.snapshot.overlayfs"

# Two images of 10,000 compressed bytes each; by sizes alone removing either would free some 20,000.
BY_SIZE = {"sha256:c1": 20000, "sha256:c2": 20000}


def label(key, value):
    return message((1, key), (2, value))


def blob(digest, size, **labels):
    fields = [(1, digest), (2, size)]
    return message(*fields, *((5, label(key, value)) for key, value in labels.items()))


def snapshot(name, parent="", kind=COMMITTED, **labels):
    return message((1, name), (2, parent), (3, kind), *((6, label(*one)) for one in labels.items()))


def image(name, target):
    return message((1, name), (3, message((1, "application/json"), (2, target), (3, 1))))


def listed(*entries):
    return message(*((1, entry) for entry in entries))


def manifest(number, *layers):
    digests = {f"{LAYER}{at}": digest for at, digest in enumerate(layers)}
    return blob(f"m{number}", 500, **{CONFIG: f"sha256:c{number}"}, **digests)


def config(number, top):
    return blob(f"sha256:c{number}", 5000, **{SNAPSHOT: top})


def store(**more):
    """Two images on one base. On disk: 4096 a manifest, 8192 a configuration, blobs and snapshots."""
    answers = {
        NAMESPACES: [listed(message((1, "k8s.io")))],
        # in several messages, as lists of more than a hundred come
        CONTENT: [listed(manifest(1, "base", "l1"), config(1, "s1")), listed(),
                  listed(manifest(2, "base", "l2"), config(2, "s2"), blob("base", 100000)),
                  listed(blob("l1", 40960), blob("l2", 81920))],
        IMAGES: [listed(image("lab.test/one:1", "m1"), image("sha256:c1", "m1")), listed(image("lab.test/two:1", "m2"))],
        SNAPSHOTS: [listed(snapshot("base"), snapshot("s1", "base"), snapshot("s2", "base"))],
        USAGE: usage,
        double.VERSION: message((2, "containerd"), (3, "1.6.20")),
        double.LIST_IMAGES: listed(*(
            message((1, f"sha256:c{number}"), (2, f"lab.test/{name}:1"), (4, 10000))
            for number, name in ((1, "one"), (2, "two")))),
        double.LIST_CONTAINERS: b"", double.LIST_SANDBOXES: b"", double.STATUS: b"",
        double.IMAGE_FS_INFO: message((1, message((2, message((1, "/store")))))),
    }
    answers.update(more)
    return answers


def usage(request):
    name = request.rsplit(b"\x12", 1)[1][1:]
    size, inodes = {b"base": (500000, 50), b"s1": (100000, 10), b"s2": (200000, 20)}[name]
    return message((1, size), (2, inodes))


ONE, TWO = 4096 + 8192 + 40960 + 100000 + 8192, 4096 + 8192 + 81920 + 200000 + 8192


class Containerd(double.Recorded):
    """Answers with lists of messages; remembers each call's namespace."""

    def __init__(self, path, **more):
        super().__init__(path, answers=store(**more))
        self.namespaces = []

    def service(self, details):
        method = details.method
        metadata = dict(details.invocation_metadata)
        if method.startswith("/containerd"):
            self.namespaces.append((method, metadata.get("containerd-namespace")))
        return grpc.unary_stream_rpc_method_handler(lambda request, context: self._several(method, request, context))

    def _several(self, method, request, context):
        answer = self._answer(method, request, context)
        yield from answer if isinstance(answer, list) else [answer]


def predictions(path, *commands, deadline=2, **answers):
    """What the inventories predicted, and the double that they were asked from."""
    with Containerd(path, **answers) as runtime:
        printed = run(path, *(commands or ("inventory",)), deadline=deadline)
    return [{one["id"]: one["predictedBytes"] for one in inventory["images"]} for inventory in printed], runtime


def falls_back(path, **answers):
    (got,), _ = predictions(path, **answers)
    equal(got, BY_SIZE, f"predictions by sizes, with {answers}")


@test
def shared_layers_are_no_gain(path):
    (got,), runtime = predictions(path)
    equal(got, {"sha256:c1": ONE, "sha256:c2": TWO}, "predictions")
    equal({space for _, space in runtime.namespaces}, {"k8s.io"}, "namespaces asked about")
    equal(runtime.count(USAGE), 3, "usages asked for")


@test
def inodes_are_counted_too(path):
    with Containerd(path):
        got, = run(path, "inventory", deadline=2)
    equal([one["predictedInodes"] for one in got["images"]], [3 + 10 + 2, 3 + 20 + 2], "predicted inodes")


@test
def nothing_is_asked_while_nothing_changes(path):
    got, runtime = predictions(path, "inventory", "inventory", "inventory")
    equal(got, [{"sha256:c1": ONE, "sha256:c2": TWO}] * 3, "predictions")
    equal([runtime.count(method) for method in (NAMESPACES, CONTENT, SNAPSHOTS, IMAGES)], [1] * 4, "lists")


@test
def another_container_is_looked_at(path):
    listings = []

    def containers(_request):
        listings.append(1)
        return b"" if len(listings) < 3 else message((1, message((1, "c"), (4, message((1, "lab.test/one:1"))))))

    def snapshots(_request):
        active = [snapshot("container", "s1", ACTIVE)] if len(listings) >= 3 else []
        return [listed(snapshot("base"), snapshot("s1", "base"), snapshot("s2", "base"), *active)]
    got, runtime = predictions(path, *["inventory"] * 4, **{
        double.LIST_CONTAINERS: containers, SNAPSHOTS: snapshots, double.CONTAINER_STATUS: message((1, message((1, "c"))))})
    used = {"sha256:c1": 4096 + 8192 + 40960, "sha256:c2": TWO}
    equal(got, [{"sha256:c1": ONE, "sha256:c2": TWO}] * 2 + [used] * 2, "predictions")
    equal((runtime.count(SNAPSHOTS), runtime.count(USAGE)), (2, 3), "lists of snapshots, usages: each is asked for once")


@test
def an_image_not_unpacked_yet_is_looked_at_again(path):
    asked = []

    def content(_request):
        asked.append(1)
        lists = store()[CONTENT]
        return [listed(manifest(1, "base", "l1"), blob("sha256:c1", 5000))] + lists[1:] if len(asked) == 1 else lists
    got, _ = predictions(path, "inventory", "inventory", **{CONTENT: content})
    equal(got, [{"sha256:c1": 4096 + 8192 + 40960, "sha256:c2": TWO + 500000 + 8192},
                {"sha256:c1": ONE, "sha256:c2": TWO}], "predictions")


@test
def usage_of_a_snapshot_that_has_gone(path):
    def gone(request):
        if b"s1" in request:
            raise Failure(grpc.StatusCode.NOT_FOUND, "snapshot s1: not found")
        return usage(request)
    (got,), _ = predictions(path, **{USAGE: gone})
    equal(got, {"sha256:c1": 20000, "sha256:c2": TWO}, "predictions")


@test
def usage_comes_later(path):
    """The first inventory learns two sizes, then the call fails; the next one goes on from there."""
    calls = []

    def sometimes(request):
        calls.append(request)
        if len(calls) == 3:
            raise Failure(grpc.StatusCode.INTERNAL, "not now")
        return usage(request)
    got, runtime = predictions(path, "inventory", "inventory", **{USAGE: sometimes})
    equal(got, [{"sha256:c1": ONE, "sha256:c2": 20000}, {"sha256:c1": ONE, "sha256:c2": TWO}], "predictions")
    equal(runtime.count(USAGE), 4, "usages asked for")


@test
def a_container_holds_its_snapshots(path):
    snapshots = [listed(snapshot("base"), snapshot("s1", "base"), snapshot("s2", "base"),
                        snapshot("container", "s1", ACTIVE))]
    (got,), runtime = predictions(path, **{SNAPSHOTS: snapshots})
    equal(got, {"sha256:c1": 4096 + 8192 + 40960, "sha256:c2": TWO}, "predictions")
    equal(runtime.count(USAGE), 3, "usages asked for: an active one would be walked through")


@test
def other_namespaces_hold_blobs(path):
    asked = []

    def content(_request):
        asked.append(1)
        return store()[CONTENT] if len(asked) == 1 else [listed(blob("l1", 40960), blob("unheard-of", 1))]
    spaces = [listed(message((1, "moby")), message((1, "k8s.io")))]
    (got,), runtime = predictions(path, **{NAMESPACES: spaces, CONTENT: content})
    equal(got, {"sha256:c1": ONE - 40960, "sha256:c2": TWO}, "predictions")
    equal([space for method, space in runtime.namespaces if method == CONTENT], ["k8s.io", "moby"], "content lists")


@test
def roots_hold(path):
    """What is labelled as a root of the garbage collection is nobody's to free."""
    content = store()[CONTENT] + [listed(blob("l1", 40960, **{"containerd.io/gc.root": "2024-01-01"}))]
    (got,), _ = predictions(path, **{CONTENT: content})
    equal(got, {"sha256:c1": ONE - 40960, "sha256:c2": TWO}, "predictions")


@test
def other_labels_mean_nothing(path):
    strange = {"containerd.io/gc.ref.contents": "l2", "containerd.io/gc.ref.snapshots.overlayfs": "s2",
               "\x01\xff": "\x00", "containerd.io/uncompressed": "l2"}
    content = store()[CONTENT] + [listed(blob("l1", 40960, **strange))]
    (got,), _ = predictions(path, **{CONTENT: content})
    equal(got, {"sha256:c1": ONE, "sha256:c2": TWO}, "predictions")


@test
def any_refusal_falls_back(path):
    for method in (NAMESPACES, CONTENT, IMAGES, SNAPSHOTS, USAGE):
        for code in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNKNOWN):
            falls_back(path, **{method: Failure(code, "no")})


@test
def nonsense_falls_back(path):
    too_long = "x" * 5000
    for method, answer in (
            (NAMESPACES, b"\xff\xff"), (NAMESPACES, listed(message((1, "a b")))), (NAMESPACES, listed(b"")),
            (NAMESPACES, listed(message((1, "a\r\nx: y")))), (NAMESPACES, listed(message((1, "n" * 77)))),
            (NAMESPACES, listed(*(message((1, f"n{at}")) for at in range(17)))),
            (CONTENT, b"\x0a\x7f"), (CONTENT, listed(blob("", 1))), (CONTENT, listed(blob("d", 1 << 61))),
            (CONTENT, listed(message((1, "d"), (2, (1 << 64) - 1)))), (CONTENT, listed(blob(too_long, 1))),
            (CONTENT, listed(blob("d\0e", 1))), (CONTENT, listed(blob("d", 1, **{SNAPSHOT: ""}))),
            (SNAPSHOTS, listed(snapshot(""))), (SNAPSHOTS, listed(snapshot("s", too_long))),
            (USAGE, message((1, 1 << 61))), (USAGE, message((2, (1 << 64) - 5))), (USAGE, b"\x08"),
            (IMAGES, listed(message((1, "no target")))), (IMAGES, listed(image("", "m1"))),
            (IMAGES, listed(image("name", "")))):
        falls_back(path, **{method: [answer] if method == USAGE else store()[method] + [answer]})


@test
def empty_answers_fall_back(path):
    for method in (CONTENT, IMAGES):
        falls_back(path, **{method: []})
    (got,), _ = predictions(path, **{USAGE: []})
    equal(got, BY_SIZE, "predictions without any usage")


@test
def too_many_snapshotters(path):
    """Of those that are not looked at nobody knows the size."""
    labels = {f"containerd.io/gc.ref.snapshot.other{at}": "s" for at in range(9)}
    content = store()[CONTENT] + [listed(blob("l1", 40960, **labels))]
    (got,), _ = predictions(path, **{CONTENT: content})
    equal(got, {"sha256:c1": 20000, "sha256:c2": TWO}, "predictions")


@test
def a_hang_takes_one_timeout_and_is_not_repeated(path):
    def hang(_request):
        time.sleep(3 * DEADLINE)
        return store()[CONTENT]
    with Containerd(path, **{CONTENT: hang}) as runtime:
        started = time.monotonic()
        got = run(path, "inventory", "inventory", "inventory", deadline=DEADLINE)
        took = time.monotonic() - started
    equal([{one["id"]: one["predictedBytes"] for one in inventory["images"]} for inventory in got], [BY_SIZE] * 3,
          "predictions")
    equal(runtime.count(CONTENT), 1, "calls that hang")
    if took > DEADLINE + 2:
        raise AssertionError(f"took {took:.2f} s with a deadline of {DEADLINE} s")


@test
def a_large_list_does_not_wait(path):
    """libcurl 7.88 left the end of such an answer in its buffer for a second."""
    many = [listed(*(blob(f"filler{at}-{number}", 4096, note="x" * 200) for number in range(100))) for at in range(30)]
    with Containerd(path, **{CONTENT: store()[CONTENT] + many}):
        quickest = min(run(path, "times:1:inventory", deadline=5)[0]["meanMicroseconds"] for _ in range(5))
    if quickest > 700_000:
        raise AssertionError(f"an inventory took {quickest} us")


@test
def the_stream_breaks(path):
    """Within a list the connection goes: the inventory stays, and later calls find a new connection."""
    answers = store()
    order = [double.VERSION, double.LIST_IMAGES, double.LIST_CONTAINERS, double.LIST_SANDBOXES, double.STATUS,
             double.IMAGE_FS_INFO]

    def script(stream):
        at = stream.number - 1      # the client's own probe comes first
        if at < 0 or at < len(order):
            return stream.answer(double.frame(answers[order[max(at, 0)]]))
        if at == len(order):
            return stream.answer(double.frame(answers[NAMESPACES][0]))
        if at == len(order) + 1:
            stream.headers(double.GRPC)
            stream.data(double.frame(answers[CONTENT][0]) + double.frame(answers[CONTENT][2])[:20])
            return stream.close()
        return stream.answer(double.frame(answers[double.VERSION]))
    with Raw(path, script) as runtime:
        got, probe = run(path, "inventory", "probe", deadline=2)
    equal({one["id"]: one["predictedBytes"] for one in got["images"]}, BY_SIZE, "predictions")
    equal(probe["name"], "containerd", "the next call")
    equal((runtime.connections, runtime.problems), (2, []), "connections")


# Docker with its images in containerd

PLUGINS = "/containerd.services.introspection.v1.Introspection/Plugins"


def docker_manifest(number):
    """Whose digest is the image's ID in Docker."""
    return blob(identity(number), 500, **{CONFIG: f"sha256:c{number}", f"{LAYER}0": "base", f"{LAYER}1": f"l{number}"})


def docker_containerd(path, **more):
    plugin = message((1, "io.containerd.snapshotter.v1"), (2, "overlayfs"), (5, label("platform", "x")),
                     (5, label("root", "/ctd/overlayfs")))
    other = message((1, "io.containerd.snapshotter.v1"), (2, "native"), (5, label("root", "/ctd/native")))
    answers = {
        NAMESPACES: [listed(message((1, "moby")))],
        CONTENT: [listed(docker_manifest(1), docker_manifest(2), config(1, "s1"), config(2, "s2"), blob("base", 100000),
                         blob("l1", 40960), blob("l2", 81920))],
        IMAGES: [listed(image("docker.io/lab/one:1", identity(1)), image("docker.io/lab/one:other", identity(1)),
                        image("docker.io/lab/two:1", identity(2)))],
        PLUGINS: listed(other, plugin)}
    return Containerd(path, **{**answers, **more})


def docker(path, info=None, **more):
    info = dict({"DockerRootDir": "/docker", "Driver": "overlayfs", "DriverStatus": [["driver-type",
                 "io.containerd.snapshotter.v1"]], "Containerd": {"Address": path + "c", "Namespaces": {
                     "Containers": "moby", "Plugins": "plugins.moby"}}}, **(info or {}))
    images = [{"Id": identity(number), "RepoTags": [name], "Size": 20000, "layers": {identity(number + 10): 9000}}
              for number, name in ((1, "lab/one:1"), (2, "lab/two:1"))]
    return Store(path, images, answers={"GET /info": info}, api="1.46", **more)


def run_docker(path):
    os.environ["CRI_CLIENT_TYPE"] = "docker"
    try:
        got, = run(path, "inventory", deadline=10)
    finally:
        del os.environ["CRI_CLIENT_TYPE"]
    return got["imageStorePath"], [one["predictedBytes"] for one in got["images"]]


@test
def docker_in_containerd(path):
    with docker_containerd(path + "c") as containerd, docker(path):
        equal(run_docker(path), ("/ctd/overlayfs", [ONE, TWO]), "store and predictions")
    equal({space for _, space in containerd.namespaces}, {"moby"}, "namespaces asked about")
    equal(containerd.count(CONTENT), 1, "lists of content: what this namespace has is no other's")


@test
def docker_in_containerd_that_is_away(path):
    """Then Docker's own account has to do: a layer each, and what it counts as the image's size."""
    with docker(path):
        equal(run_docker(path), ("/docker", [20000 + 16384] * 2), "no containerd")
    with docker_containerd(path + "c", **{PLUGINS: Failure(grpc.StatusCode.UNIMPLEMENTED, "no"),
                                          IMAGES: Failure(grpc.StatusCode.UNAVAILABLE, "no")}), docker(path):
        equal(run_docker(path), ("/docker", [20000 + 16384] * 2), "a containerd that does not tell")
    with docker_containerd(path + "c", **{PLUGINS: listed()}), docker(path):
        equal(run_docker(path), ("/docker", [ONE, TWO]), "one that does not tell where")
    for info in ({"Containerd": None}, {"Containerd": {"Address": "relative"}}, {"Containerd": {"Address": 5}},
                 {"Containerd": {"Address": path + "c", "Namespaces": {"Containers": "a b"}}},
                 {"Containerd": {"Address": path + "c", "Namespaces": {"Containers": "x" * 100}}},
                 {"DriverStatus": [["driver-type"], "x", 5]}, {"DriverStatus": None}):
        with docker_containerd(path + "c") as containerd, docker(path, info):
            equal(run_docker(path), ("/docker", [20000 + 16384] * 2), info)
            equal(containerd.calls, [], "calls")


if __name__ == "__main__":
    sys.exit(main())
