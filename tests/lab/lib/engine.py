# SPDX-License-Identifier: Apache-2.0
"""What a private Docker and a private Podman have in common: HTTP on a unix socket, images and containers.

They serve the tests as Containerd does: load, names, image, container, use_once, restart.
"""

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from dataclasses import dataclass

from . import images as image_builder


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, socket_path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.socket_path = socket_path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.socket_path)


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """prefix: the version, such as /v1.41."""

    def __init__(self, socket_path, prefix):
        self.socket_path, self.prefix = socket_path, prefix

    def call(self, method, path, body=None, timeout=60, kind="application/json"):
        connection = UnixConnection(self.socket_path, timeout)
        try:
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, self.prefix + path, data, {"Content-Type": kind} if body is not None else {},
                               encode_chunked=hasattr(body, "read"))
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(answer.status, text)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def delete(self, path):
        return self.call("DELETE", path)


def quoted(name):
    return urllib.parse.quote(name, safe="")


@dataclass
class EngineImage:
    id: str
    tags: list
    digests: list
    size: int

    @property
    def names(self):
        return self.tags + self.digests


class Engine:
    """A daemon with its data on the loop filesystem and everything else in a folder of its own."""

    type = ""               # value of runtime.type
    programs = ()           # what has to be installed

    def __init__(self, folder, root, store=None):
        self.folder, self.root = folder, root
        self.socket = os.path.join(folder, "e.sock")
        self.log_path = os.path.join(folder, "engine.log")
        self.store = store or image_builder.Store()
        self.process = None
        self.api = None
        self._number = itertools.count(1)

    @property
    def cri(self):
        """What tests ask CRI for is had here."""
        return self

    # the process

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def start(self, prepare=True):
        del prepare     # there is nothing to prepare
        os.makedirs(os.path.join(self.folder, "tmp"), exist_ok=True)
        self.process = self.spawn(self.command())
        self.wait_ready()
        return self

    def spawn(self, command):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                                    env=self.environment())

    def wait_ready(self, patience=30):
        deadline = time.monotonic() + patience
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.type} left with {self.process.returncode}:\n{self.log_tail()}")
            try:
                self.api.get("/_ping")
                return
            except (OSError, http.client.HTTPException, Refused):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self):
        """Ends the daemon; containers keep running."""
        end(self.process)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        """Removes every container, then the daemon. What this cannot end is swept by the caller."""
        try:
            if self.process and self.process.poll() is None:
                for one in self.containers():
                    self.remove_container(one["Id"])
        except Exception as problem:
            print(f"# lab: containers were not removed: {problem}", flush=True)
        self.stop()

    def log_tail(self, lines=30):
        with open(self.log_path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    # images

    def load(self, image):
        reader, writer = os.pipe()
        feeder = threading.Thread(target=self._feed, args=(image, writer), daemon=True)
        feeder.start()
        with open(reader, "rb") as archive:
            answer = self.post_archive(archive)
        feeder.join()
        found = self.image(image.name)
        if not found or not set(image.names) <= set(found.tags):
            raise RuntimeError(f"{self.type} does not know {image.names} but {found}: {answer}\n{self.log_tail(10)}")
        return found

    def post_archive(self, archive):
        return self.api.post("/images/load", archive, timeout=120, kind="application/x-tar")

    def _feed(self, image, writer):
        try:
            with open(writer, "wb") as pipe:
                self.store.write_docker_archive(image, pipe)
        except BrokenPipeError:
            pass        # the daemon gave up and says why itself

    def images(self):
        # Podman refuses to list while an image that it has begun to list is removed.
        for tries in itertools.count(1):
            try:
                return [_image(one) for one in self.api.get("/images/json?all=true")]
            except Refused as answer:
                if answer.status != 500 or tries == 20:
                    raise
                time.sleep(0.1)

    def image(self, name):
        """The image of that name or ID, or None."""
        try:
            return _image(self.api.get(f"/images/{quoted(name)}/json"))
        except Refused as answer:
            if answer.status == 404:
                return None
            raise

    def names(self):
        return sorted(tag for one in self.images() for tag in one.tags)

    def tag(self, name, new):
        repository, _, tag = new.rpartition(":")
        self.api.post(f"/images/{quoted(name)}/tag?repo={quoted(repository)}&tag={tag}")

    def remove_image(self, name):
        self.api.delete(f"/images/{quoted(name)}?force=true")

    # containers

    def create(self, image, volumes=()):
        raise NotImplementedError

    def container(self, image, state, volumes=()):
        """A container of that image: 'created', 'running', 'paused' or 'exited'. It, and what removes it."""
        container = self.create(image, volumes)
        if state != "created":
            self.api.post(f"/containers/{container}/start")
        if state == "exited":
            self.api.post(f"/containers/{container}/kill")
            self.wait_state(container, "exited")
        if state == "paused":
            self.api.post(f"/containers/{container}/pause")
        return container, container

    def wait_state(self, container, wanted, patience=10):
        deadline = time.monotonic() + patience
        while next(one["State"] for one in self.containers() if one["Id"] == container) != wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"container {container} does not get {wanted}")
            time.sleep(0.02)

    def start_container(self, container):
        self.api.post(f"/containers/{container}/start")

    def containers(self):
        return self.api.get("/containers/json?all=true")

    def remove_container(self, container):
        self.api.delete(f"/containers/{container}?force=true&v=true")

    # as tests that know pods have it
    remove_pod = remove_container

    def use_once(self, image):
        self.remove_container(self.container(image, "running")[0])


def _image(json_image):
    return EngineImage(json_image["Id"], [tag for tag in json_image["RepoTags"] or [] if "<none>" not in tag],
                       [one for one in json_image["RepoDigests"] or [] if "<none>" not in one], json_image["Size"])


def end(process, patience=15):
    if process and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
