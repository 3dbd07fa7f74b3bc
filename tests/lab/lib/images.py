# SPDX-License-Identifier: Apache-2.0
"""Images made on demand: OCI archives with exactly the sizes, files, layers and names a test wants.

Layers are cached as blobs, so a second run writes nothing; the archive around them is streamed into the
importer and never stored. Everything is a function of the seed: the same description gives the same digests.
"""

import hashlib
import io
import json
import os
import struct
import subprocess
import tarfile
import tempfile
import zlib
from dataclasses import dataclass, field

from .loopfs import MB, MIB

FORMAT = 3          # part of every cache key: change it with the layout of a layer
PAUSE_SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pause.c")


@dataclass(frozen=True)
class Layer:
    """`random` bytes do not compress (the image's size to CRI), `zeros` vanish in the blob but not on disk."""
    seed: str
    random: int = 0
    zeros: int = 0
    files: int = 0
    program: bool = False


@dataclass(frozen=True)
class Image:
    """names: with a tag. recoverable: has a registry digest as well, so a node could pull it again."""
    names: tuple
    layers: tuple
    recoverable: bool = True
    labels: tuple = ()

    @property
    def name(self):
        return self.names[0]


def simple(name, random=10 * MB, zeros=10 * MB, files=0, recoverable=True, base=(), more_names=(), labels=()):
    """One image with one layer of its own (and the pause program, so that it can run) on shared base layers.

    On disk in containerd: the blob (`random`) plus the unpacked layer (`random` + `zeros`).
    """
    own = Layer(seed=name, random=random, zeros=zeros, files=files, program=True)
    return Image(names=(name,) + tuple(more_names), layers=tuple(base) + (own,), recoverable=recoverable,
                 labels=tuple(labels))


def big(name, **more):
    """100 MB to CRI, 300 MB on disk: the image of the measurement against the kubelet."""
    return simple(name, random=100 * MB, zeros=100 * MB, **more)


def default_cache():
    return os.environ.get("DPA_LAB_CACHE") or os.path.join(tempfile.gettempdir(), f"dpa-lab-cache-{os.getuid()}")


@dataclass
class Blob:
    digest: str
    size: int
    diff_id: str = ""
    path: str = ""
    data: bytes = b""

    def descriptor(self, media_type):
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": self.digest, "size": self.size}


@dataclass
class Store:
    """The cache of layer blobs and of the pause program."""
    folder: str = field(default_factory=default_cache)

    def __post_init__(self):
        os.makedirs(self.folder, mode=0o700, exist_ok=True)

    def program(self):
        with open(PAUSE_SOURCE, "rb") as source:
            key = hashlib.sha256(source.read()).hexdigest()[:16]
        path = os.path.join(self.folder, f"pause-{key}")
        if not os.path.exists(path):
            part = f"{path}.{os.getpid()}"
            subprocess.run(["gcc", "-static", "-Os", "-s", "-o", part, PAUSE_SOURCE], check=True, timeout=60)
            os.rename(part, path)
        with open(path, "rb") as file:
            return file.read()

    def layer(self, layer):
        key = hashlib.sha256(repr((FORMAT, layer)).encode()).hexdigest()[:24]
        path = os.path.join(self.folder, f"layer-{key}")
        if not os.path.exists(path + ".json"):
            part = f"{path}.{os.getpid()}"
            facts = _write_layer(part, layer, self.program() if layer.program else b"")
            os.rename(part, path)
            with open(part, "w") as file:
                json.dump(facts, file)
            os.rename(part, path + ".json")
        with open(path + ".json") as file:
            return Blob(path=path, **json.load(file))

    def write_archive(self, image, out):
        """Streams the OCI archive of an image into a file object."""
        self.write_archive_of([image], out)

    def write_archive_of(self, images, out):
        """One archive of several images."""
        manifests, blobs = [], {}
        for image in images:
            layers = [self.layer(one) for one in image.layers]
            config = _json_blob(_config(image, layers))
            manifest = _json_blob({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config.descriptor("config.v1+json"),
                "layers": [one.descriptor("layer.v1.tar+gzip") for one in layers]})
            manifests += [_named(manifest, name) for name in _references(image, manifest)]
            blobs.update((one.digest, one) for one in layers + [config, manifest])
        tar = _Tar(out)
        tar.add("oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        tar.add("index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())
        for blob in blobs.values():
            name = "blobs/sha256/" + blob.digest.removeprefix("sha256:")
            if blob.path:
                tar.add_file(name, blob.path)
            else:
                tar.add(name, blob.data)
        tar.close()

    def write_docker_archive(self, image, out):
        """The same image as `docker save` would write it: Docker and Podman load no OCI archives by name."""
        layers = [self.layer(one) for one in image.layers]
        config = _json_blob(_config(image, layers))
        names = [one.digest.removeprefix("sha256:") + ".tar.gz" for one in layers]
        tar = _Tar(out)
        tar.add("manifest.json", json.dumps([{"Config": config.digest.removeprefix("sha256:") + ".json",
                                              "RepoTags": list(image.names), "Layers": names}]).encode())
        tar.add(config.digest.removeprefix("sha256:") + ".json", config.data)
        for name, blob in dict(zip(names, layers)).items():
            tar.add_file(name, blob.path)
        tar.close()


def _references(image, manifest):
    """CRI takes a repoDigest from a reference with a digest in its name, so such a reference is imported too."""
    names = list(image.names)
    if image.recoverable:
        repositories = dict.fromkeys(name.rpartition(":")[0] for name in image.names)
        names += [f"{repository}@{manifest.digest}" for repository in repositories]
    return names


def _named(manifest, name):
    return dict(manifest.descriptor("manifest.v1+json"), annotations={"io.containerd.image.name": name})


def _config(image, layers):
    return {"created": "2024-01-01T00:00:00Z", "architecture": "amd64", "os": "linux",
            "config": {"Entrypoint": ["/pause"], "Labels": dict(image.labels, seed=image.name)},
            "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in layers]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"COPY {one.diff_id} /"} for one in layers]}


def _json_blob(value):
    data = json.dumps(value, sort_keys=True).encode()
    return Blob(digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data), data=data)


class _Tar:
    """Headers by tarfile, bodies by us: with sendfile-sized pieces and without a second copy in memory."""

    def __init__(self, out):
        self.out = out

    def header(self, name, size, mode=0o644):
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, mode
        return info.tobuf(tarfile.USTAR_FORMAT)

    @staticmethod
    def padding(size):
        return bytes(-size % 512)

    def add(self, name, data, mode=0o644):
        self.out.write(self.header(name, len(data), mode) + data + self.padding(len(data)))

    def add_file(self, name, path):
        size = os.path.getsize(path)
        self.out.write(self.header(name, size))
        with open(path, "rb") as file:
            while piece := file.read(4 * MIB):
                self.out.write(piece)
        self.out.write(self.padding(size))

    def close(self):
        self.out.write(bytes(1024))


class _LayerWriter:
    """A gzip file of several members: stored for what cannot shrink, compressed for what can.

    Compressing 100 MB of random bytes takes 3 s, storing them 0.4 s, and the result is as large.
    """

    def __init__(self, path):
        self.file = open(path, "wb")
        self.diff = hashlib.sha256()
        self.digest = hashlib.sha256()
        self.size = 0

    def _out(self, data):
        self.digest.update(data)
        self.size += len(data)
        self.file.write(data)

    def member(self, pieces, level):
        squeeze, checksum, total = zlib.compressobj(level, zlib.DEFLATED, -15), 0, 0
        self._out(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
        for piece in pieces:
            self.diff.update(piece)
            checksum = zlib.crc32(piece, checksum)
            total += len(piece)
            self._out(squeeze.compress(piece))
        self._out(squeeze.flush() + struct.pack("<II", checksum, total & 0xffffffff))

    def close(self):
        self.file.close()
        return {"digest": "sha256:" + self.digest.hexdigest(), "size": self.size,
                "diff_id": "sha256:" + self.diff.hexdigest()}


def _random_pieces(seed, size, step=16 * MIB):
    for at in range(0, size, step):
        yield hashlib.shake_128(f"{seed}/{at}".encode()).digest(min(step, size - at))


def _zero_pieces(size, step=16 * MIB):
    for at in range(0, size, step):
        yield bytes(min(step, size - at))


def _write_layer(path, layer, program):
    writer, tar = _LayerWriter(path), _Tar(io.BytesIO())
    if program:
        tar.add("pause", program, 0o755)
    for number in range(layer.files):
        if number % 1000 == 0:
            tar.out.write(_directory(f"files/{number // 1000}"))
        tar.add(f"files/{number // 1000}/{number}", b"")
    # Without this two layers of the same sizes and different seeds could be the same bytes.
    tar.add("seed", layer.seed.encode())
    tar.out.write(tar.header("random", layer.random))
    writer.member([tar.out.getvalue()], 6)
    writer.member(_random_pieces(layer.seed, layer.random), 0)
    writer.member([tar.padding(layer.random), tar.header("zeros", layer.zeros)], 6)
    writer.member(_zero_pieces(layer.zeros), 6)
    writer.member([tar.padding(layer.zeros), bytes(1024)], 6)
    return writer.close()


def _directory(name):
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info.tobuf(tarfile.USTAR_FORMAT)
