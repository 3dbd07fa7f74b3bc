# SPDX-License-Identifier: Apache-2.0
"""The objects of the API server's double, and what requests make of them."""

import collections
import copy
import datetime
import json
import random
import threading
import uuid

import rules
import schema

Where = collections.namedtuple("Where", "group version namespace resource name subresource")
Identity = collections.namedtuple("Identity", "name uid groups")
PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml",
           "application/json-patch+json")
EVENT_SCHEMAS = {"events.k8s.io": schema.EVENT, "": schema.CORE_EVENT}
EMPTY_NODE_STATUS = {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": dict.fromkeys(
    ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
     "kubeProxyVersion", "operatingSystem", "architecture"), "")}


class Store:
    """Everything behind one lock. `now` tells the server's time, `identify` who a token is."""

    def __init__(self, now, identify):
        self.now, self.identify = now, identify
        self.lock = threading.RLock()
        self.namespaces = {"default", "kube-system"}
        self.nodes, self.events = {}, {}
        self.paths = {}     # name of a user or group: the non-resource URLs that it may get
        self.version = 458

    def add_node(self, name):
        with self.lock:
            self.nodes[name] = {"kind": "Node", "apiVersion": "v1", "metadata": self._metadata({"name": name}),
                                "spec": {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]},
                                "status": copy.deepcopy(EMPTY_NODE_STATUS)}
            return self.nodes[name]

    # requests: (status, body, warnings)

    def get(self, where):
        with self.lock:
            if where.resource == "nodes" and where.name:
                return 200, copy.deepcopy(self._node(where)), []
        raise rules.not_found(where)

    def create(self, where, text, manager):
        name = {"tokenreviews": schema.TOKEN_REVIEW, "subjectaccessreviews": schema.ACCESS_REVIEW}.get(where.resource)
        name = name or EVENT_SCHEMAS.get(where.group)
        thing, unknown = _parse(text, name)
        warnings = [f'299 - "unknown field \\"{one}\\""' for one in unknown]
        with self.lock:
            if where.resource == "events":
                return 201, self._create_event(where, thing, name, manager), warnings
            return 201, self._review(where, thing, name, manager), warnings

    def patch(self, where, kind, text, manager, query):
        if kind not in PATCHES:
            raise rules.media_type(patch=True)
        patch = _json(text, "patch")
        with self.lock:
            if where.resource == "events":
                return 200, self._patch_event(where, patch, manager), []
            if (where.resource, where.subresource) == ("nodes", "status"):
                return 200, self._patch_node(where, kind, patch, query), []
        raise rules.not_found(where)

    # events

    def _create_event(self, where, event, name, manager):
        metadata = event.setdefault("metadata", {})
        if metadata.setdefault("namespace", where.namespace) != where.namespace:
            raise rules.bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if where.namespace not in self.namespaces:
            raise rules.not_found(rules_namespace(where))
        if metadata.get("generateName") and not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        errors = rules.event_errors(event) if where.group else []
        if errors:
            raise rules.invalid("Event", metadata.get("name", ""), errors)
        key = (where.namespace, metadata["name"])
        if key in self.events:
            raise rules.exists(where, metadata["name"])
        stored = {"kind": "Event", "apiVersion": event["apiVersion"], "metadata": self._metadata(metadata),
                  **{field: value for field, value in event.items()
                     if field not in ("kind", "apiVersion", "metadata") and field in schema.SCHEMAS[name]["properties"]}}
        stored["metadata"]["managedFields"] = [self._manager(manager, "Update", event["apiVersion"],
                                                             schema.owned(event, name))]
        if where.group:
            stored = {"regarding": {}, **stored, "deprecatedSource": {}, "deprecatedFirstTimestamp": None,
                      "deprecatedLastTimestamp": None}
        else:
            stored = {"eventTime": None, "reportingComponent": "", "reportingInstance": "", **stored}
        self.events[key] = stored
        return copy.deepcopy(stored)

    def _patch_event(self, where, patch, manager):
        old = self.events.get((where.namespace, where.name))
        if old is None:
            raise rules.not_found(where)
        _decode(patch, schema.EVENT)
        new = merge(copy.deepcopy(old), patch)
        errors = rules.event_update_errors(old, new)
        if errors:
            raise rules.invalid("Event", where.name, errors)
        if new != old:
            self._own(new["metadata"], manager, new["apiVersion"], schema.owned(patch, schema.EVENT))
            new["metadata"]["resourceVersion"] = self._next_version()
            self.events[(where.namespace, where.name)] = new
        return copy.deepcopy(new)

    # nodes

    def _node(self, where):
        if where.name not in self.nodes:
            raise rules.not_found(where._replace(subresource=""))
        return self.nodes[where.name]

    def _patch_node(self, where, kind, patch, query):
        old = self._node(where)
        try:
            schema.decode(patch, schema.NODE)
        except schema.Mismatch as why:
            raise rules.invalid("", "", [("patch", "FieldValueInvalid", f'Invalid value: "{go_text(patch)}": {why}')]) from None
        new = copy.deepcopy(old)
        status = {field: value for field, value in patch.get("status", {}).items() if field != "conditions"}
        merge(new["status"], status)
        wanted = patch.get("status", {}).get("conditions", [])
        if wanted:
            have = new["status"].get("conditions", [])
            new["status"] = {**new["status"], "conditions": merge_list(have, wanted, "type")}
        if kind == "application/apply-patch+yaml":
            new["metadata"]["managedFields"] = self._apply(old, patch, query.get("fieldManager", ""))
        if new != old:
            new["metadata"]["resourceVersion"] = self._next_version()
            self.nodes[where.name] = new
        return copy.deepcopy(new)

    def _apply(self, old, patch, manager):
        """The first server-side apply of an object: what others set before stays theirs where it is the same."""
        before = {}
        applied = {one["type"]: one for one in patch["status"]["conditions"]}
        for condition in old["status"].get("conditions", []):
            same = {field: value for field, value in condition.items()
                    if field not in applied.get(condition["type"], {}) or applied[condition["type"]][field] == value}
            before.update(schema.owned({"status": {"conditions": [same]}}, schema.NODE)["f:status"]["f:conditions"])
        return [{**self._manager(manager, "Apply", "v1", schema.owned(patch, schema.NODE)), "subresource": "status"},
                {**self._manager("before-first-apply", "Update", "v1",
                                 {"f:status": {"f:conditions": {".": {}, **before}}}), "subresource": "status"}]

    # reviews

    def _review(self, where, review, name, manager):
        spec = {key: value for key, value in review.get("spec", {}).items() if value not in ([], "", None)}
        owned = self._manager(manager, "Update", review["apiVersion"], schema.owned(review, name))
        answer = {"kind": review["kind"], "apiVersion": review["apiVersion"], "metadata": {"managedFields": [owned]},
                  "spec": spec}
        if where.resource == "subjectaccessreviews":
            return {**answer, "status": {"allowed": self._may(spec)}}
        user = self.identify(spec.get("token", ""))
        if user is None:
            return {**answer, "status": {"user": {}, "error": "invalid bearer token"}}
        return {**answer, "status": {"authenticated": True, "user": {
            "username": user.name, "uid": user.uid, "groups": list(user.groups)},
            "audiences": ["https://kubernetes.default.svc"]}}

    def _may(self, spec):
        names = [spec.get("user", ""), *spec.get("groups", [])]
        path = spec.get("nonResourceAttributes", {}).get("path")
        return "system:masters" in names or any(path in self.paths.get(one, ()) for one in names)

    # what every object has

    def _metadata(self, given):
        return {**given, "uid": str(uuid.uuid4()), "resourceVersion": self._next_version(),
                "creationTimestamp": self._stamp()}

    def _next_version(self):
        self.version += 1
        return str(self.version)

    def _stamp(self):
        return datetime.datetime.fromtimestamp(self.now(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _manager(self, name, operation, version, fields):
        return {"manager": name, "operation": operation, "apiVersion": version, "time": self._stamp(),
                "fieldsType": "FieldsV1", "fieldsV1": fields}

    def _own(self, metadata, manager, version, fields):
        for entry in metadata["managedFields"]:
            if entry["manager"] == manager and entry["operation"] == "Update":
                entry["fieldsV1"].update(fields)
                entry["time"] = self._stamp()
                return
        metadata["managedFields"].append(self._manager(manager, "Update", version, fields))


def rules_namespace(where):
    return where._replace(group="", resource="namespaces", name=where.namespace, namespace="", subresource="")


def merge(target, patch):
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)
    return target


def merge_list(have, wanted, key):
    """A strategic merge: entries are the same where their key is."""
    merged = [copy.deepcopy(one) for one in have]
    for one in wanted:
        mine = next((each for each in merged if each[key] == one[key]), None)
        if mine is None:
            merged.append(copy.deepcopy(one))
        else:
            merge(mine, one)
    return merged


def go_text(value):
    """As Go's fmt prints a decoded JSON value."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    return str(value)


def _json(text, kind):
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise rules.bad_request(f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
                                f"json parse error: unexpected end of JSON input ({text})")
    return value


def _parse(text, name):
    kind = name.rpartition(".")[2]
    thing = _json(text, kind)
    return thing, _decode(thing, name)


def _decode(thing, name):
    kind = name.rpartition(".")[2]
    try:
        return schema.decode(thing, name)
    except schema.Mismatch as why:
        raise rules.bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {why}') from None
