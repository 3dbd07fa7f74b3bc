#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Docker and Podman behind the runtime layer: as recorded, in bad moments, and as hostile as can be. Prints TAP."""

import json
import os
import re
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(HERE), "data", "docker")
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import cri_check
from cri_check import DEADLINE, equal, main, test
from engine_double import Engine, Raw, Recorded, Store, identity, respond


def run(path, *commands, type="docker", **more):
    os.environ["CRI_CLIENT_TYPE"] = type
    return cri_check.run(path, *commands, **more)


def fails(path, errno, pattern, *commands, type="docker", **more):
    os.environ["CRI_CLIENT_TYPE"] = type
    return cri_check.fails(path, errno, pattern, *commands, **more)


def recorded(path, name, answers=None):
    return Recorded(path, os.path.join(DATA, name), answers)


def true(condition, what, *values):
    if not condition:
        raise AssertionError(f"{what}: {values}")


def by_name(inventory):
    """{first name or "": image}"""
    return {(one["names"] or [""])[0]: one for one in inventory["images"]}


# Real engines, recorded

OVERLAY2_LOWEST, OVERLAY2_OTHER, OVERLAY2_IMAGE = 9 * 4096, 12 * 4096, 4096


@test
def docker_20_inventory(path):
    with recorded(path, "docker-20.10.json") as engine:
        got, = run(path, "inventory")
    equal((got["runtime"], got["imageStorePath"]), ("docker 20.10.24+dfsg1", "/lab/fs/docker"), "runtime and store")
    equal(got.get("localIsOrdinary"), True, "images without a digest are nothing special")
    images = by_name(got)
    equal(sorted(images), ["", "lab.test/app1:1", "lab.test/app2:1", "lab.test/app3:1", "lab.test/child:1"], "images")
    equal(images["lab.test/app1:1"]["names"], ["lab.test/app1:1", "lab.test/app1:other", "lab.test/old:1",
                                               "other.test/app:1"], "names")
    equal((images[""]["digests"], images[""]["sizeBytes"]), ([], 6682710), "the dangling one, without <none>")
    # app1 and app2 share the lower of two layers; child has the layers of app3 and one of its own.
    own = 3682711 + OVERLAY2_OTHER + OVERLAY2_IMAGE
    equal([images[f"lab.test/app{n}:1"]["predictedBytes"] for n in (1, 2)], [own, own], "a shared lower layer")
    equal(images[""]["predictedBytes"], 6682710 + OVERLAY2_LOWEST + OVERLAY2_IMAGE, "nothing shared")
    equal(images["lab.test/app3:1"].get("dependent"), images["lab.test/child:1"]["id"], "built on app3")
    equal(images["lab.test/child:1"].get("dependent"), None, "nothing is built on the child")
    containers = {one["state"]: one["references"][:2] for one in got["containers"]}
    equal(containers, {"created": [images["lab.test/app2:1"]["id"], "lab.test/app2:1"],
                       "running": [images["lab.test/app3:1"]["id"], "lab.test/app3:1"]}, "containers")
    equal(engine.count("GET /version"), 0, "nothing but a ping is needed to know the version")
    true(all(path.startswith("/v1.41/") for key, path in engine.calls if key != "GET /_ping"), "version", engine.calls)


@test
def docker_28_inventory(path):
    with recorded(path, "engine-28.5-containerd-store.json") as engine:
        got, = run(path, "inventory")
    equal(got["runtime"], "docker 28.5.2+dfsg4", "runtime")
    images = by_name(got)
    equal(sorted(images), ["lab/app1:1", "lab/app2:1", "lab/app3:1", "lab/pause:1"], "images")
    equal(images["lab/app1:1"]["digests"], ["lab/app1@" + images["lab/app1:1"]["id"]], "IDs are digests of manifests")
    container, = got["containers"]
    equal(container["references"][:2], [images["lab/pause:1"]["id"], "lab/pause:1"], "references")
    true(all(path.startswith("/v1.51/") for key, path in engine.calls if key != "GET /_ping"), "version", engine.calls)


@test
def podman_4_inventory(path):
    with recorded(path, "podman-4.3.json") as engine:
        got, = run(path, "inventory", type="podman")
    equal((got["runtime"], got["imageStorePath"]), ("podman 4.3.1", "/lab/fs/podman"), "runtime and store")
    images = by_name(got)
    equal(sorted(images), ["", "lab.test/app2:1", "lab.test/app3:1", "lab.test/child:1", "lab.test/volume:1",
                           "other.test/app:1"], "images")
    equal(images["lab.test/app3:1"].get("dependent"), None, "Podman lets an image go that others are built on")
    volumes = {one["id"][:4]: one["volumeImages"] for one in got["containers"]}
    equal(sorted(volumes.values()), [[], [], ["lab.test/volume:1"]], "image volumes")
    equal({one["state"] for one in got["containers"]}, {"created", "running"}, "states")
    true(all(path.startswith("/v4.0.0/libpod/") for key, path in engine.calls if key != "GET /_ping"), "version",
         engine.calls)
    true(any("external=true" in path for _, path in engine.calls), "containers of Buildah are asked for", engine.calls)


@test
def podman_5_inventory(path):
    with recorded(path, "podman-5.8.json"):
        got, = run(path, "inventory", type="podman")
    equal((got["runtime"], got["imageStorePath"]), ("podman 5.8.6", "/lab/d28/podman"), "runtime and store")
    equal([one["sizeBytes"] for one in got["images"]], [200009223] * 3, "sizes")
    equal(got["containers"], [], "containers")


def follow_removals(engine, names):
    """What the recorded engine says of the image depends on how many of its names have gone."""
    first, one_left = next(list(rows) for key, rows in engine.table.items() if key.endswith("/json") and len(rows) == 2)

    def tell(_path):
        left = [one for one in first["body"]["RepoTags"] if f"DELETE /images/{one}" not in engine.keys()]
        if len(left) == 1:
            equal(one_left["body"]["RepoTags"], left, "the name that is left")
            return one_left["body"]
        return dict(first["body"], RepoTags=left) if left else (404, {"message": "No such image"})
    equal(len(first["body"]["RepoTags"]), names, "names")
    engine.answers[f"GET /images/{first['body']['Id']}/json"] = tell


@test
def docker_20_removal(path):
    """Name by name, the image gone with the last; what is in use stays; what is not there is no error."""
    with recorded(path, "docker-20.10.json") as engine:
        follow_removals(engine, 4)
        done, = run(path, "remove:lab.test/app1:1")
        equal(engine.keys("DELETE"), [f"DELETE /images/{name}" for name in (
            "lab.test/app1:1", "lab.test/app1:other", "lab.test/old:1", "other.test/app:1")], "removals")
        true("force" not in str(engine.calls), "never by force", engine.calls)
        fails(path, "EBUSY", "conflict: unable to remove repository reference", "remove:lab.test/app3:1")
    equal(done["name"], "docker", "done")


@test
def podman_4_removal(path):
    with recorded(path, "podman-4.3.json") as engine:
        follow_removals(engine, 4)
        run(path, "remove:lab.test/app1:1", type="podman")
        equal(len(engine.keys("DELETE")), 4, "removals")
        fails(path, "EBUSY", "image is in use by a container", "remove:lab.test/app3:1", type="podman")


@test
def events_of_both(path):
    for name, type, count in (("docker-20.10.json", "docker", 6), ("podman-4.3.json", "podman", 6)):
        with open(os.path.join(DATA, name)) as file:
            exchanges = json.load(file)["exchanges"]
        events = next(one["body"] for one in exchanges if one["case"] == "events")
        body = b"".join(json.dumps(one).encode() + b"\n" for one in events)
        with recorded(path, name, {"GET /events": (200, body)}):
            *got, last = run(path, "watch:30000", type=type)
        equal(last["errno"], "ECONNRESET", "the end of the stream")
        equal(len(got), count, "events")
        equal(sum(1 for one in got if one["created"]), sum(1 for one in events if one["Action"] == "create"),
              "containers created")
        equal({one["references"][0] for one in got}, {"lab.test/app2:1", "lab.test/app3:1"}, "images")


# Who is there

@test
def types(path):
    podman = dict(server="Libpod/4.3.1 (linux)", api="1.41", libpod="4.3.1")
    with Store(path):
        equal(run(path, "probe", type="auto")[0]["version"], "docker 20.10.24", "found out")
        fails(path, "EPROTONOSUPPORT", "not Podman but Docker/20.10.24", type="podman")
        fails(path, ("EBADMSG", "ECONNRESET"), "Version: ", type="cri")
        fails(path, "EINVAL", '"nonsense" is no type', type="nonsense")
    with Engine(path, **podman):
        equal(run(path, "probe", type="auto")[0]["version"], "podman 4.3.1", "found out")
        fails(path, "EPROTONOSUPPORT", "this is Podman: set type = podman", type="docker")


@test
def well_known_sockets(path):
    """In their order, each once however it may be reached, and only those of the type that is wanted."""
    def find(type="auto"):
        return [(one["name"], one["endpoint"].split(root)[1]) for one in run("", "find", type=type, endpoint="auto", root=root)]
    root = path + "r"
    for folder in ("run/podman", "var/run"):
        os.makedirs(os.path.join(root, folder))
    run_docker, var_run_docker = "/run/docker.sock", "/var/run/docker.sock"
    podman = dict(server="Libpod/5.0.0", libpod="5.0.0")
    with Store(root + "/run/podman/podman.sock", **podman), Store(root + run_docker):
        wanted = [("docker", run_docker), ("podman", "/run/podman/podman.sock")]
        equal(find(), wanted, "both")
        equal(run("", "probe", type="auto", endpoint="auto", root=root)[0]["name"], "docker", "the first")
        equal((find("podman"), find("docker")), (wanted[1:], wanted[:1]), "by type")
        os.link(root + run_docker, root + var_run_docker)
        equal(find(), wanted, "a socket with two names")
        os.unlink(root + var_run_docker)
    with Store(root + var_run_docker):
        equal(find(), [("docker", var_run_docker)], "where it used to be")
    os.rmdir(root + "/var/run")
    os.symlink("../run", root + "/var/run")
    with Store(root + run_docker):
        equal(find(), [("docker", run_docker)], "as it mostly is")
    fails("", "ENOENT", "no container runtime found; not there: .*/run/docker.sock, .*podman.sock", type="auto",
          endpoint="auto", root=root)


@test
def versions(path):
    for api, server, wanted in (("1.41", "Docker/20.10.24+dfsg1 (linux)", "/v1.41/"), ("1.44", "Docker/25.0.0", "/v1.44/"),
                                ("1.51", "Docker/28.5.2 (linux)", "/v1.51/"), ("1.41", "", "/v1.41/")):
        with Store(path, api=api, server=server) as engine:
            run(path, "inventory")
            true(any(path.startswith(wanted) for _, path in engine.calls), wanted, engine.calls)
            equal(engine.count("GET /version"), 0, "no need to ask for the oldest")
    for least, wanted in (("1.44", "/v1.51/"), ("1.60", "/v1.60/")):
        answers = {"GET /version": {"ApiVersion": "1.63", "MinAPIVersion": least}}
        with Store(path, api="1.63", server="Docker/33.0.0 (linux)", answers=answers) as engine:
            run(path, "inventory", "inventory")
            true(any(path.startswith(wanted) for _, path in engine.calls), wanted, engine.calls)
            equal(engine.count("GET /version"), 1, "asked once")
    for version, wanted in (("4.0.0", "/v4.0.0/libpod/"), ("5.8.6", "/v5.0.0/libpod/"), ("7.1.0", "/v5.0.0/libpod/")):
        answers = {"GET /info": {"store": {"graphRoot": "/p"}}}
        with Store(path, api="1.44", server=f"Libpod/{version} (linux)", libpod=version, answers=answers) as engine:
            run(path, "inventory", type="podman")
            true(any(path.startswith(wanted) for _, path in engine.calls), wanted, engine.calls)


@test
def versions_that_do_not_serve(path):
    with Engine(path, api="1.40"):
        fails(path, "EPROTONOSUPPORT", r"speaks version 1.40 of its API, 1.41 or newer")
    with Engine(path, api="0.99"):
        fails(path, "EPROTONOSUPPORT", r"speaks version 0.99")
    for api in ("", "banana", "1", "99999999999999999999.1"):
        with Engine(path, api=api):
            fails(path, "EPROTONOSUPPORT", "this is not Docker")
    with Engine(path, api="1.60"):
        fails(path, "ENODATA", "GET /version: page not found")
    with Engine(path, api="1.60", answers={"GET /version": {"MinAPIVersion": 5}}):
        fails(path, "EBADMSG", "no MinAPIVersion")
    for libpod, errno in (("3.4.4", "EPROTONOSUPPORT"), ("four", "EBADMSG")):
        with Engine(path, libpod=libpod):
            fails(path, errno, "too old|no version of Podman", type="podman")


# Containers and images

def image(number, *names, layers=None, **more):
    return dict({"Id": identity(number), "RepoTags": list(names), "RepoDigests": None, "ParentId": "", "Size": 1000,
                 "SharedSize": -1, "layers": layers or {identity(number): 1000}}, **more)


def container(number, of, **more):
    return dict({"Id": identity(number, ""), "Image": "x:1", "ImageID": identity(of), "State": "running", "Mounts": []},
                **more)


@test
def states(path):
    rows = {"created": "created", "running": "running", "paused": "running", "restarting": "running",
            "removing": "unknown", "exited": "exited", "dead": "exited", "initialized": "created", "stopped": "exited",
            "storage": "unknown", "": "unknown"}
    containers = [container(number, 1, State=state) for number, state in enumerate(rows)]
    with Store(path, [image(1, "a:1")], containers):
        got, = run(path, "containers")
    equal([one["state"] for one in got["containers"]], list(rows.values()), "states")


@test
def containers_without_image(path):
    """Podman runs what is in a folder as well. Docker has no such thing, so there it is an error."""
    rootfs = container(1, 0, Image="", ImageID="")
    with Store(path, [], [rootfs]):
        fails(path, "EBADMSG", "names no image", "containers")
    with Store(path, [], [rootfs], libpod="4.3.1"):
        equal(run(path, "containers", type="podman")[0]["containers"][0]["references"], [""] * 4, "references")


@test
def image_volumes(path):
    """Asked about once for each container; Docker has the image in Name, Podman in Source."""
    mounts = [{"Type": "image", "Name": "lab/vol:1", "Source": "/var/lib/docker/overlay2/x/merged"},
              {"Type": "bind", "Source": "/etc"}]
    one = container(1, 1, Mounts=mounts)
    two = container(2, 1, Mounts=[{"Type": "volume", "Name": "v", "Source": "/v"}])
    three = container(3, 1, Mounts=mounts[:1])
    about = dict(one, HostConfig={"Mounts": [{"Type": "image", "Source": "lab/other:1"}, {"Type": "tmpfs"}]})
    answers = {f"GET /containers/{one['Id']}/json": about}
    with Store(path, [image(1, "x:1")], [one, two, three], answers) as engine:
        first, second = run(path, "containers", "containers")
    wanted = [["lab/vol:1", "lab/other:1"], [], []]
    equal([one["volumeImages"] for one in first["containers"]], wanted, "volumes; the third has gone meanwhile")
    equal(second["containers"], first["containers"], "the second time")
    equal(engine.count(f"GET /containers/{one['Id']}/json"), 1, "questions about the first")
    equal(engine.count(f"GET /containers/{two['Id']}/json"), 0, "questions about the second")
    equal(engine.count(f"GET /containers/{three['Id']}/json"), 2, "questions about the third")
    listed = container(1, 1, Mounts=["/data", "/v"])
    answers = {f"GET /containers/{listed['Id']}/json": {"Mounts": [{"Type": "image", "Source": "lab/vol:1"}]}}
    with Store(path, [image(1, "x:1")], [listed], answers, libpod="5.0.0"):
        got, = run(path, "containers", type="podman")
    equal(got["containers"][0]["volumeImages"], ["lab/vol:1"], "Podman's")


@test
def families(path):
    """What others are built on: with a name it is kept, without one it goes with the last of them."""
    images = [image(1, "base:1"), image(2, ParentId=identity(1)), image(3, ParentId=identity(2)),
              image(4, "app:1", ParentId=identity(3)), image(5, ParentId=identity(1)), image(6, ParentId=identity(99)),
              image(7, "self:1", ParentId=identity(7)), image(8, ParentId=identity(9)), image(9, ParentId=identity(8))]
    for order in (images, images[::-1]):
        with Store(path, order):
            got, = run(path, "inventory")
        listed = {int(one["id"].removeprefix("sha256:"), 16): one.get("dependent") for one in got["images"]}
        equal(set(listed) - {8, 9}, {1, 4, 5, 6, 7}, "listed: names, and those without that nothing is built on")
        equal(listed[1], identity(4), "base is kept for app")
        equal((listed[4], listed[5], listed[6], listed[7]), (None, None, None, None), "nothing is built on the others")


@test
def lists_of_images(path):
    """Podman takes the ID and the names of such a list for an image in it: whoever removes the list loses the image."""
    podman = dict(api="1.44", server="Libpod/5.0.0", libpod="5.0.0")
    told = dict(image(2, "list:1"), IsManifestList=True)
    with Store(path, [image(1, "a:1"), told, image(3, "old:1")], **podman) as engine:
        engine.answers["GET /info"] = {"store": {"graphRoot": "/p"}}
        engine.answers[f"GET /images/{identity(3)}/json"] = engine.images[identity(1)]
        first, second = run(path, "inventory", "inventory", type="podman")
        equal([[one["names"] for one in inventory["images"]] for inventory in (first, second)], [[["a:1"]]] * 2, "images")
        equal(engine.count(f"GET /images/{identity(3)}/json"), 1, "questions about the one that is not told to be a list")
        fails(path, "EBUSY", "its ID stands for another image", f"remove:{identity(3)}", type="podman")
        equal(engine.keys("DELETE"), [], "removals")


@test
def one_image_listed_twice(path):
    """As Docker 24 lists each name in the containerd store."""
    with Store(path) as engine:
        engine.answers["GET /images/json"] = [image(1, "b:1"), image(2, "x:1"), image(1, "a:1", Size=2000)]
        got, = run(path, "inventory")
    equal([(one["names"], one["sizeBytes"]) for one in got["images"]], [(["b:1", "a:1"], 2000), (["x:1"], 1000)], "images")


@test
def layers_are_asked_for_once(path):
    shared = {identity(50): 5000, identity(51): 100}
    images = [image(1, "a:1", layers={**shared, identity(52): 10}), image(2, "b:1", layers=shared), image(3, "c:1")]
    with Store(path, images) as engine:
        first, second = run(path, "inventory", "inventory")
        equal([one["predictedBytes"] for one in first["images"]],
              [10 + OVERLAY2_OTHER + OVERLAY2_IMAGE, OVERLAY2_IMAGE, 1000 + OVERLAY2_LOWEST + OVERLAY2_IMAGE], "predicted")
        equal(second, first, "the second time")
        equal(engine.count("GET /info"), 1, "questions about the store, which Podman runs other programs for")
        equal(len([key for key in engine.keys("GET /images/") if key != "GET /images/json"]), 6, "questions about images")


@test
def drivers(path):
    """vfs copies what is below a layer; of other drivers no more is known than the files."""
    shared = {identity(50): 5000, identity(51): 100}
    images = [image(1, "a:1", layers={**shared, identity(52): 10}), image(2, "b:1", layers=shared)]
    for driver, wanted in (("overlay2", [10 + OVERLAY2_OTHER, 0]), ("vfs", [5110, 0]), ("btrfs", [10, 0]), ("", [10, 0])):
        with Store(path, images, answers={"GET /info": {"DockerRootDir": "/d", "Driver": driver}}):
            got, = run(path, "inventory")
        equal([one["predictedBytes"] - OVERLAY2_IMAGE for one in got["images"]], wanted, driver)
    podman = dict(api="1.44", server="Libpod/5.0.0", libpod="5.0.0")
    for driver, wanted in (("overlay", [10 + 8 * 4096, 0]), ("vfs", [5110, 0]), ("zfs", [10, 0])):
        answers = {"GET /info": {"store": {"graphRoot": "/p", "graphDriverName": driver}}}
        with Store(path, images, answers=answers, **podman):
            got, = run(path, "inventory", type="podman")
        equal([one["predictedBytes"] - 4 * 4096 for one in got["images"]], wanted, driver)


@test
def sizes_that_histories_do_not_tell(path):
    """Which entries made layers is guessed where only some did; else the sum stands for the uppermost."""
    one = image(1, "a:1", Size=800, layers={identity(60): 0, identity(61): 0})
    key = f"GET /images/{identity(1)}/history"
    for entries, wanted in (([(300, "ADD x"), (0, "CMD y"), (500, "RUN z")], 800), ([(800, "COPY x")], 800), ([], 800)):
        history = [{"Size": size, "CreatedBy": by} for size, by in reversed(entries)]
        with Store(path, [one], answers={key: (200, history)}):
            got, = run(path, "inventory")
        equal(got["images"][0]["predictedBytes"] - OVERLAY2_IMAGE - OVERLAY2_LOWEST - OVERLAY2_OTHER, wanted, entries)
    # Podman says which entries are empty: the layer that the second image has as well is the one of 500 bytes.
    podman = dict(api="1.44", server="Libpod/5.0.0", libpod="5.0.0")
    layers = {identity(60): 500, identity(61): 0}
    two = [image(1, "a:1", layers=layers, History=[{}, {"empty_layer": False}, {"empty_layer": True}]),
           image(2, "b:1", layers={identity(60): 500})]
    with Store(path, two, answers={"GET /info": {"store": {"graphRoot": "/p"}}, key: [{"Size": 0}, {"Size": 0}, {"Size": 500}]},
               **podman):
        got, = run(path, "inventory", type="podman")
        equal([one["predictedBytes"] - 4 * 4096 for one in got["images"]], [0, 0], "shared, and nothing")
    for broken in ({"a": 1}, [1], [{"Size": "x"}], [{"Size": 1}] * 5000):
        with Store(path, [one], answers={key: (200, broken)}):
            equal(run(path, "inventory")[0]["images"][0]["predictedBytes"], 800, "by size alone")


@test
def inventory_without_layers(path):
    """Predictions by size where the questions about an image fail; the inventory does not."""
    for answer in ((500, {"message": "broken"}), (200, b"garbage"), (200, {"RootFS": {"Layers": ["no digest"]}}),
                   (200, {"RootFS": 5}), (404, {"message": "gone"})):
        images = [image(1, "a:1"), image(2, "b:1")]
        with Store(path, images, answers={f"GET /images/{identity(1)}/json": answer}):
            got, = run(path, "inventory")
        equal([one["predictedBytes"] for one in got["images"]], [1000, 1000 + OVERLAY2_LOWEST + OVERLAY2_IMAGE], answer)


@test
def layers_take_their_time(path):
    """A store that is slow to tell of images holds up an inventory for three seconds at most."""
    def slow(_path):
        time.sleep(0.4)
        return None
    images = [image(number, f"a:{number}") for number in range(40)]
    with Store(path, images, answers={f"GET /images/{one['Id']}/json": slow for one in images}):
        started = time.monotonic()
        got, = run(path, "inventory", deadline=60)
        took = time.monotonic() - started
    true(2.5 < took < 5, "seconds", took)
    known = sum(1 for one in got["images"] if one["predictedBytes"] > 1000)
    true(4 <= known <= 8, "images whose layers are known", known)


# Removing

@test
def removal_of_what_changed(path):
    listing = [image(1, "a:1")]
    with Store(path, [image(1, "a:1", "new:1")]) as engine:
        engine.answers["GET /images/json"] = listing
        fails(path, "EBUSY", "got the name new:1 since it was listed", f"remove:a:1")
        equal(engine.keys("DELETE"), [], "removals")
    with Store(path, []) as engine:
        engine.answers["GET /images/json"] = listing
        run(path, "remove:a:1")
        equal(engine.keys("DELETE"), [], "removals of what has gone")


@test
def removal_meets_a_container(path):
    """A container appears between two names: the names that are left stay."""
    with Store(path, [image(1, "a:1", "b:1", "c:1")]) as engine:
        real = engine._delete

        def delete(name):
            engine.containers.append(container(5, 1, Image="c:1"))
            return real(name)
        engine._delete = delete
        fails(path, "EBUSY", "container 0*5 uses it since it was listed", "remove:a:1")
        equal(engine.keys("DELETE"), ["DELETE /images/a:1"], "removals")
        equal(engine.find("c:1")["RepoTags"], ["b:1", "c:1"], "names left")


@test
def removal_meets_a_name(path):
    """Somebody gives the image another name while its last is removed: it stays under that."""
    with Store(path, [image(1, "a:1")]) as engine:
        def delete(_name):
            engine.images[identity(1)]["RepoTags"] = ["b:1"]
            return 200, [{"Untagged": "a:1"}]
        engine._delete = delete
        fails(path, "EBUSY", "got the name b:1 since", "remove:a:1")
        equal(engine.keys("DELETE"), ["DELETE /images/a:1"], "removals")


@test
def removal_of_nameless(path):
    """By its ID; and what was pulled by digest by that."""
    with Store(path, [image(1)]) as engine:
        run(path, f"remove:{identity(1)}")
        equal((engine.keys("DELETE"), engine.images), ([f"DELETE /images/{identity(1)}"], {}), "a dangling one")
    digests = [f"r{n}.test/a@{identity(7)}" for n in (1, 2)]
    with Store(path, [image(1, RepoTags=None, RepoDigests=digests)]) as engine:
        run(path, f"remove:{identity(1)}")
        equal((engine.keys("DELETE"), engine.images), ([f"DELETE /images/{one}" for one in digests], {}), "by digests")


@test
def removal_by_somebody_else(path):
    """In the middle of it: what has gone is no error."""
    with Store(path, [image(1, "a:1", "b:1")]) as engine:
        real = engine._delete

        def delete(name):
            answer = real(name)
            engine.images.clear()
            return answer
        engine._delete = delete
        run(path, "remove:a:1")


@test
def removal_of_a_name_that_has_gone(path):
    """The other names go nevertheless."""
    with Store(path, [image(1, "a:1", "b:1")]) as engine:
        def gone(_path):
            engine.images[identity(1)]["RepoTags"] = ["b:1"]
            return 404, {"message": "No such image"}
        engine.answers["DELETE /images/a:1"] = gone
        run(path, "remove:a:1")
        equal((engine.keys("DELETE"), engine.images), (["DELETE /images/a:1", "DELETE /images/b:1"], {}), "removals")


@test
def removal_that_is_told(path):
    """What is told to have gone is not asked for again: the engine may be away by then."""
    for told, type in (([{"Untagged": "a:1"}, {"Deleted": identity(1)}], "docker"),
                       ({"Untagged": ["a:1"], "Deleted": [identity(1)], "ExitCode": 0}, "podman")):
        with Store(path, [image(1, "a:1", "b:1")], libpod="5.0.0" if type == "podman" else "") as engine:
            engine.answers["GET /info"] = {"DockerRootDir": "/d", "store": {"graphRoot": "/d"}}

            def delete(_name):
                engine.answers[f"GET /images/{identity(1)}/json"] = (500, {"message": "away"})
                return 200, told
            engine._delete = delete
            run(path, "remove:a:1", type=type)
            equal(engine.keys("DELETE"), ["DELETE /images/a:1"], "removals")
    for told in ([{"Deleted": identity(2)}], {"Deleted": [identity(2)]}, {"Deleted": None}, [], 5, [5], ["x"], {"Deleted": {}}):
        with Store(path, [image(1, "a:1")]) as engine:
            engine._delete = lambda name: (200, told)
            fails(path, "EBUSY", "still there as a:1", "remove:a:1")


@test
def removal_that_leaves_it(path):
    """The names go and the image stays without one: then it goes by its ID."""
    with Store(path, [image(1, "a:1")]) as engine:
        real = engine._delete

        def delete(name):
            if name != "a:1":
                return real(name)
            engine.images[identity(1)]["RepoTags"] = ["<none>:<none>"]
            return 200, [{"Untagged": name}]
        engine._delete = delete
        run(path, "remove:a:1")
        equal((engine.keys("DELETE"), engine.images),
              (["DELETE /images/a:1", f"DELETE /images/{identity(1)}"], {}), "removals")


@test
def removal_is_refused(path):
    for status, errno in ((409, "EBUSY"), (403, "EPERM"), (500, "EIO"), (400, "EPROTO"), (501, "EOPNOTSUPP")):
        with Store(path, [image(1, "a:1")], answers={"DELETE /images/a:1": (status, {"message": "no\u0007 \x1b[31m"})}):
            fails(path, errno, r"^DELETE /images/a:1: no   \[31m$", "remove:a:1")
    with Store(path, [image(1, "a:1")], answers={"DELETE /images/a:1": (500, b"")}):
        fails(path, "EIO", "does not say why", "remove:a:1")


@test
def hostile_names(path):
    """A name is one element of the path or no name at all: it cannot become another request."""
    for name in ("a/../../containers/x?force=true", "a:1?force=true", "a:1#x", "a%2f..", "../x:1", "a b:1", "-x:1", "a\\b:1"):
        with Store(path, [image(1, name)]) as engine:
            fails(path, "EBADMSG", "no name of an image", f"remove:{name}")
            equal(engine.keys("DELETE"), [], "removals")
    with Store(path, [image(1, "host:5000/a/b.c_d-e:1")]) as engine:
        run(path, "remove:host:5000/a/b.c_d-e:1")
        true(any("/images/host:5000%2Fa%2Fb.c_d-e:1" in path for _, path in engine.calls), "escaped", engine.calls)


# Other things than images

@test
def build_cache(path):
    records = [{"Size": 100, "InUse": False, "Shared": False}, {"Size": 20, "InUse": True}, {"Size": 3, "Shared": True},
               {"Size": 4000}]
    for api, parameter in (("1.42", "keep-storage"), ("1.47", "keep-storage"), ("1.48", "reserved-space")):
        answers = {"GET /system/df": {"BuildCache": records}, "POST /build/prune": {"CachesDeleted": None, "SpaceReclaimed": 77}}
        with Store(path, api=api, answers=answers) as engine:
            equal([one["bytes"] for one in run(path, "cache", "cache:5000")], [4100, 77], "what is there, and what went")
        paths = [path for key, path in engine.calls if key != "GET /_ping"]
        equal(paths, [f"/v{api}/system/df?type=build-cache", f"/v{api}/build/prune?all=true&{parameter}=5000"], "requests")
    for body, wanted in (({"BuildCache": None}, 0), ({}, 0), ({"BuildCache": []}, 0)):
        with Store(path, api="1.44", answers={"GET /system/df": body}):
            equal(run(path, "cache")[0]["bytes"], wanted, body)
    for body in ({"BuildCache": 5}, {"BuildCache": [{}]}, {"BuildCache": [{"Size": -1}]}, {"BuildCache": ["x"]}):
        with Store(path, api="1.44", answers={"GET /system/df": body}):
            fails(path, "EBADMSG", "^GET /system/df: ", "cache")
    for body in ({}, {"SpaceReclaimed": "x"}, (200, b"garbage")):
        with Store(path, answers={"POST /build/prune": body}):
            fails(path, "EBADMSG", "^POST /build/prune: ", "cache:0")
    with Store(path) as engine:
        fails(path, "EOPNOTSUPP", "only together with all volumes", "cache")
        equal(engine.keys(), ["GET /_ping"], "calls: 1.41 would look through every volume")
    with Store(path, libpod="5.0.0"):
        fails(path, "EOPNOTSUPP", "podman has no build cache", "cache", type="podman")
        fails(path, "EOPNOTSUPP", "podman has no build cache", "cache:0", type="podman")


@test
def removal_of_containers(path):
    one = identity(5, "")
    for status, errno in ((409, "EBUSY"), (500, "EIO")):
        with Store(path, answers={f"DELETE /containers/{one}": (status, {"message": "it runs"})}):
            fails(path, errno, f"DELETE /containers/{one}: it runs", f"rm:{one}")
    with Store(path, answers={f"DELETE /containers/{one}": (500, {"message": "it is running: container state improper"})}):
        fails(path, "EBUSY", "it is running", f"rm:{one}")
    for answer in ((204, b""), (404, {"message": "No such container"}), (200, [{"Id": one, "Err": None}])):
        with Store(path, answers={f"DELETE /containers/{one}": answer}) as engine:
            run(path, f"rm:{one}")
            equal([path for key, path in engine.calls if key.startswith("DELETE")], [f"/v1.41/containers/{one}"], "request")


# Hostile answers

LIST = "GET /images/json"


@test
def hostile_lists(path):
    rows = (
        (b"", "EBADMSG", "ends after 0 bytes"), (b"{}", "EBADMSG", "array of objects"), (b"[", "EBADMSG", "ends after 1"),
        (b"\xff\xfe", "EBADMSG", "array of objects"), (b"[{}", "EBADMSG", "'Id'"), (b"[{}]", "EBADMSG", "'Id' is no ID"),
        (b'[{"Id":5}]', "EBADMSG", "'Id' must be a string"), (b'[{"Id":"sha256:12"}]', "EBADMSG", "64 hex digits"),
        (b'[{"Id":"' + identity(1).encode() + b'?x"}]', "EBADMSG", "64 hex digits"),
        (b'["a"]', "EBADMSG", "array of objects"), (b"[null]", "EBADMSG", "array of objects"),
        (b"[" * 5000, "EBADMSG", "array of objects"), (b'[{"a":' + b"[" * 200 + b"]" * 200 + b"}]", "E2BIG", "too deep"),
        (b'[{"Id":"' + b"a" * (2 << 20) + b'"}]', "E2BIG", "larger than 1048576"), (b"x" * 300000, "EBADMSG", "byte 1"),
    )
    for body, errno, pattern in rows:
        with Store(path, answers={LIST: (200, body)}):
            fails(path, errno, f"^GET /images/json: .*{pattern}", "inventory")
    for change, errno, pattern in (
            ({"RepoTags": "x"}, "EBADMSG", "'RepoTags' must be an array"),
            ({"RepoTags": [1]}, "EBADMSG", "'RepoTags' must hold strings"),
            ({"RepoTags": ["a\u0000b"]}, "EBADMSG", "NUL"), ({"RepoTags": ["a\nb"]}, "EBADMSG", "control character"),
            ({"RepoTags": ["x" * 5000]}, "E2BIG", "5000 bytes"), ({"RepoTags": ["x"] * 2000}, "E2BIG", "2000 elements"),
            ({"Size": "big"}, "EBADMSG", "'Size' must be a number"), ({"Size": 1.5}, "EBADMSG", "'Size'"),
            ({"Size": 1e300}, "EBADMSG", "'Size'"), ({"ParentId": {}}, "EBADMSG", "'ParentId'")):
        with Store(path, [image(1, "a:1", **{})], answers={LIST: [dict(image(1, "a:1"), **change)]}):
            fails(path, errno, pattern, "inventory")
    with Store(path, answers={LIST: (200, b'[{"Id":"' + identity(1).encode() + b'","RepoTags":["\xff\xfe"]}]')}):
        fails(path, "EBADMSG", "not UTF-8", "inventory")


@test
def harmless_oddities(path):
    odd = {"RepoTags": None, "RepoDigests": [], "Size": -1, "ParentId": None, "Labels": {"a": ["b"]}, "New": {"x": [1]}}
    with Store(path, answers={LIST: [dict(image(1), **odd)]}):
        equal(run(path, "inventory")[0]["images"][0]["sizeBytes"], 0, "size")
    with Store(path, answers={LIST: (200, b"null\n"), "GET /containers/json": (200, b"null")}):
        got, = run(path, "inventory")
        equal((got["images"], got["containers"]), ([], []), "null is an empty list")


@test
def hostile_containers(path):
    for change, pattern in (({"Id": "short"}, "'Id' is no ID"), ({"State": 5}, "'State'"), ({"Image": []}, "'Image'"),
                            ({"ImageID": {}}, "'ImageID'"), ({"Mounts": 5}, "'Mounts'"), ({"Mounts": [{"Type": 1}]}, "'Type'"),
                            ({"Image": "", "ImageID": ""}, "names no image")):
        with Store(path, [], [dict(container(1, 1), **change)]):
            fails(path, "EBADMSG", pattern, "containers")
    mounting = container(1, 1, Mounts=[{"Type": "image"}])
    for about, errno in (({"Mounts": 5}, "EBADMSG"), ({"Mounts": [{"Type": "image", "Name": 5}]}, "EBADMSG"), ([], "EBADMSG"),
                         ((500, {}), "EIO"), ((200, b"{"), "EBADMSG"),
                         ({"Mounts": [{"Type": "image", "Name": "x"}] * 20000}, "E2BIG")):
        with Store(path, [], [mounting], {f"GET /containers/{mounting['Id']}/json": about}):
            fails(path, errno, "", "containers")


@test
def failures_of_lists(path):
    """The inventory fails as a whole: nothing that cannot be had is taken for nothing."""
    for key in ("GET /_ping", LIST, "GET /containers/json", "GET /info"):
        with Store(path, [image(1, "a:1")], answers={key: (500, {"message": "no such thing today"})}):
            fails(path, "EIO", f"^{key}: no such thing today$", "inventory")
    for info in ({}, {"DockerRootDir": ""}, {"DockerRootDir": "relative"}, {"DockerRootDir": 5}, []):
        with Store(path, answers={"GET /info": info}):
            fails(path, "EBADMSG", "GET /info|DockerRootDir", "inventory")
    with Store(path, answers={"GET /info": (200, b" " * (5 << 20))}):
        fails(path, "E2BIG", "GET /info: .*larger than", "inventory")


def endless(connection, first, again):
    connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24\r\n\r\n" + first)
    while True:
        connection.sendall(again)


@test
def endless_answers(path):
    """They are cut at the ceiling, long before the deadline, and take no memory."""
    for what, first, again, errno in (
            ("/info", b"{", b" " * 65536, "E2BIG"), ("/images/json", b"[", b" " * 65536, "E2BIG"),
            ("/images/json", b'[{"a":"', b"x" * 65536, "E2BIG"), ("/images/json", b"", b"no " * 20000, "EBADMSG"),
            ("/images/json", b'[{"Id":"' + identity(1).encode() + b'"}',
             (b',{"Id":"' + identity(1).encode() + b'"}') * 700, "E2BIG")):
        def script(connection, request):
            if what in request:
                endless(connection, first, again)
            elif "/_ping" in request:
                respond(connection, b"OK")
            else:
                respond(connection, b"[]")
        with Raw(path, script):
            started = time.monotonic()
            fails(path, errno, "", "inventory", deadline=60)
            true(time.monotonic() - started < 20, "seconds", time.monotonic() - started)


@test
def peers_that_stop(path):
    def script_of(what):
        def script(connection, request):
            if what == "silence":
                connection.recv(1)
            elif what == "header":
                connection.sendall(b"HTTP/1.1 200 OK\r\nApi-V")
                connection.recv(1)
            elif what == "body":
                connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 5\r\n\r\nO")
                connection.recv(1)
            elif what == "drip":
                connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 500\r\n\r\n")
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.02)
        return script
    for what in ("silence", "header", "body", "drip"):
        with Raw(path, script_of(what)):
            took = fails(path, "ETIMEDOUT", "^GET /_ping: no answer")
            true(took > DEADLINE * 0.9, "gave up early", took)


@test
def peers_that_break(path):
    rows = ((b"", ("ECONNRESET", "EBADMSG")), (b"\0" * 100, ("EBADMSG",)), (b"SSH-2.0-x\r\n", ("EBADMSG",)),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", ("ECONNRESET",)),
            (b"HTTP/1.1 banana\r\n\r\n", ("EBADMSG", "EPROTO")),
            (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200000 + b"\r\n\r\n", ("E2BIG", "EBADMSG")))
    for data, errno in rows:
        def script(connection, _request):
            connection.sendall(data)
            connection.shutdown(2)
        with Raw(path, script):
            fails(path, errno, "GET /_ping: ")


@test
def hostile_headers(path):
    def script(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/" + b"x" * 500 + b"\x1b[31m\xff\r\n"
                           b"Content-Length: 2\r\n\r\nOK")
    with Raw(path, script):
        version = run(path, "probe")[0]["version"]
    true(re.fullmatch(r"docker x+", version) and len(version) < 128, "version", version)


@test
def engine_restarts(path):
    """On the same handle: the kept connection is of no use, and the version another."""
    first = Store(path, [image(1, "a:1")])
    first.__enter__()
    restarted = []

    def restart():
        time.sleep(0.5)
        first.__exit__()
        restarted.append(Store(path, [image(1, "a:1"), image(2, "b:1")], server="Docker/27.0.0 (linux)", api="1.46").__enter__())
    thread = threading.Thread(target=restart)
    thread.start()
    before, after = run(path, "inventory", "sleep:1200", "inventory")
    thread.join()
    equal((before["runtime"], after["runtime"], len(after["images"])), ("docker 20.10.24", "docker 27.0.0", 2), "after it")
    restarted[0].__exit__()


@test
def twenty_thousand_images(path):
    """In one list, on two bases; what is asked about each is cut short here."""
    count = 20000
    base = {identity(900001): 5_000_000}
    images = [image(number, f"lab.test/app{number}:1", Labels={"text": "x" * 300},
                    layers={**base, identity(number): 1000 + number}) for number in range(1, count + 1)]
    body = json.dumps(images).encode()
    with Store(path, images, answers={LIST: (200, body)}) as engine:
        started = time.monotonic()
        got, = run(path, "inventory", deadline=60, patience=120)
        took = time.monotonic() - started
    equal(len(got["images"]), count, "images")
    true(took < 12, "seconds", took)
    known = sum(1 for one in got["images"] if one["predictedBytes"] > 30000)
    true(known > 100, "images whose layers are known", known)
    print(f"# {took:.1f} s, {known} images' layers asked for, a list of {len(body) >> 20} MiB", flush=True)


# Events

@test
def hostile_events(path):
    """What makes no sense is skipped, what is no JSON ends it."""
    good = {"Type": "container", "Action": "start", "Actor": {"ID": identity(1, ""), "Attributes": {"image": "a:1"}}}
    odd = [dict(good, Type="image"), dict(good, Actor={"ID": "x"}), dict(good, Actor=5), {}, dict(good, Action=7), good]
    body = b"\n".join(json.dumps(one).encode() for one in odd)
    with Store(path, answers={"GET /events": (200, body)}):
        event, last = run(path, "watch:30000")
    equal((event["created"], event["references"][0], last["errno"]), (False, "a:1", "ECONNRESET"), "one event")
    for broken, errno in ((b"{}{", "EBADMSG"), (b"garbage", "EBADMSG"), (b'{"a":"' + b"x" * (2 << 20), "E2BIG")):
        with Store(path, answers={"GET /events": (200, broken)}):
            equal(run(path, "watch:30000")[-1]["errno"], errno, broken[:20])
    with Store(path, answers={"GET /events": (500, {"message": "no events today"})}):
        fails(path, "EIO", "no events today", "watch:30000")


@test
def events_without_end(path):
    """They are handed out as they come, and the watch ends when it is told to."""
    def script(connection, request):
        if "/_ping" in request:
            return respond(connection, b"OK")
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        event = json.dumps({"Type": "container", "Action": "create", "Actor": {"ID": identity(1, ""), "Attributes": {}}}).encode()
        for piece in (event[:20], event[20:] + b"\n" + event, b"\n"):
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.05)
        connection.recv(1)
    with Raw(path, script):
        started = time.monotonic()
        got = run(path, "watch:700")
        took = time.monotonic() - started
    equal([one.get("created") for one in got], [True, True, None], "events")
    true(0.6 < took < 5 and "error" not in got[-1], "ended when told", took, got)


sys.exit(main())
