# SPDX-License-Identifier: Apache-2.0
"""A real Podman: what the tests of containerd and Docker ask, and what is Podman's own."""

import os
import signal
import subprocess
import time

from lib import apps, check
from lib.agent import kept_reasons
from lib.engine import quoted
from lib.loopfs import MIB

RUNTIME = "podman"
SHARED = [
    "space.plan_equals_gc", "space.two_names", "space.dry_run", "space.maximum_age",
    "space.removal_limit", "protection.container_between_plan_and_removal", "protection.looks_before_every_removal",
    "protection.failed_look_ends_pass", "limits.futile", "simulate.inventory_plans_alike",
    "daemon.containerd_stopped_mid_pass", "daemon.starts_without_runtime", "daemon.sigterm_mid_pass",
    "daemon.gc_asks_daemon", "docker.in_use_stay", "docker.dangling_in_use_stays", "docker.local_images_may_go",
    "docker.relieves", "docker.three_names", "docker.container_between_names", "docker.removed_by_somebody_else",
    "docker.runtime_restarted_mid_pass", "docker.removal_that_frees_nothing", "docker.shared_layers",
    "docker.predictions", "docker.seen_by_events", "docker.xfs",
]


def full_node(lab):
    """Two images, app1 to be used, and a disk too full for what there is."""
    node = lab.node()
    apps.load(node, 2)
    node.fs.fill_to_percent(80)
    return node, lab.agent(node, settings={"image-gc": {"when-futile": "proceed"}}).acquaint()


def test_image_volume(lab):
    """Podman removes an image that a container mounts as a volume. The agent does not."""
    node, agent = full_node(lab)
    node.runtime.container(apps.name(2), "created", volumes=[apps.name(1)])
    done = agent.gc(expect=(0, 1))
    check.equal(kept_reasons(done).get(apps.name(1)), "image-volume", "why the volume's image stays")
    check.equal((done["removed"], node.names()), ([], apps.names(1, 2)), "removed and left")


def test_build_in_progress(lab):
    """The image that another is being built on is held by a container that only the storage knows."""
    node, agent = full_node(lab)
    context = os.path.join(lab.folder, "context")
    os.makedirs(context)
    with open(os.path.join(context, "Containerfile"), "w") as file:
        file.write(f"FROM {apps.name(1)}\nRUN [\"/pause\"]\n")
    build = subprocess.Popen(node.runtime.podman_command("build", "--network", "none", "--tag", "lab.test/built:1", context),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=node.runtime.environment())
    lab.stack.callback(build.kill)
    check.wait_for(lambda: node.runtime.api.get("/containers/json?all=true&external=true"), 15, "the build's container")
    check.equal(node.runtime.containers(), [], "containers that are Podman's own")
    done = agent.gc(expect=(0, 1))
    check.equal(kept_reasons(done).get(apps.name(1)), "in-use", "why the image stays")
    check.equal(node.names(), apps.names(1), "images left")


def test_full_disk(lab):
    """Podman writes its lists anew with every removal, and without a free byte mostly cannot: "no space left on device".

    Measured: it takes the image for gone then until its service is started anew, which systemd does for it whenever it is
    asked after some idle seconds. The agent lives, says so, tries again, and acts once there is a little room.
    """
    node = lab.node()
    apps.load(node, 3)
    agent = lab.agent(node, high=99, low=70).start()
    time.sleep(1.3)
    agent.send_signal(signal.SIGSTOP)
    node.fs.fill_completely()
    agent.send_signal(signal.SIGCONT)
    check.wait_for(lambda: agent.metric("removal_errors_total") >= 1, 10, "removal_errors_total")
    agent.wait_line("no space left")
    check.equal(agent.get("/healthz")[0], 200, "GET /healthz")
    os.truncate(os.path.join(node.fs.path, "filler"), os.path.getsize(os.path.join(node.fs.path, "filler")) - 4 * MIB)
    node.runtime.restart()
    check.wait_for(lambda: node.fs.used_percent() <= 70, 60, "the disk is relieved")


def test_pod(lab):
    """A pod that runs nothing yet has a container with an image of Podman's: that stays too."""
    node, agent = full_node(lab)
    node.runtime.tag(apps.name(1), "lab.test/infra:1")
    node.runtime.api.post("/pods/create", {"name": "pod", "infra_image": "lab.test/infra:1",
                                           "infra_command": ["/pause"], "netns": {"nsmode": "none"}})
    done = agent.gc(expect=(0, 1))
    check.equal(kept_reasons(done).get(apps.name(1)), "in-use", "why the pod's image stays")
    check.equal(node.names(), [apps.name(1), "lab.test/infra:1"], "names left")


def test_list_of_images(lab):
    """By the name of a list Podman removes the image in it that suits this machine. So the agent leaves lists alone."""
    node, agent = full_node(lab)
    node.runtime.api.post(f"/manifests/{quoted('lab.test/list:1')}?images={quoted('containers-storage:' + apps.name(1))}")
    agent.write_config({"image-gc": {"keep": apps.name(1)}})
    agent.acquaint()
    done = agent.gc(expect=(0, 1))
    check.equal((kept_reasons(done), node.names()), ({name: "keep-rule" for name in kept_reasons(done)},
                                                     [apps.name(1), "lab.test/list:1"]), "kept, and left")
