# SPDX-License-Identifier: Apache-2.0
"""An API server's double, and what a client needs to know of it, in one folder."""

import contextlib
import json
import os

import certificates
import double


class Cluster:
    """Use as a context manager. There is one Node, node-a; the token file is for who may everything."""

    def __init__(self, folder, node="node-a", **options):
        self.folder, self.node = folder, node
        self.stack, self.agents = contextlib.ExitStack(), []
        self.authority = certificates.Authority(os.path.join(folder, "pki"))
        certificate = options.pop("certificate", None) or self.authority.server()
        self.api = double.Server(certificate, **options)
        self.token_path = self.write("token", "admintoken\n")

    def __enter__(self):
        self.api.start()
        self.api.store.add_node(self.node)
        return self

    def __exit__(self, *_):
        try:
            self.stack.close()
        finally:
            self.api.stop()

    def write(self, name, text):
        """A file that is replaced in one go, as rotated secrets are. Its path."""
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def kubeconfig(self, cluster=None, user=None):
        """Its path. What is None in cluster is left out."""
        cluster = {"server": self.api.url, "certificate-authority": self.authority.certificate, **(cluster or {})}
        user = {"tokenFile": "token"} if user is None else user
        cluster = {key: value for key, value in cluster.items() if value is not None}
        return self.write("kubeconfig", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "preferences": {},
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "other", "cluster": {}}, {"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": user}]}))
