# SPDX-License-Identifier: Apache-2.0
"""What the API server's OpenAPI schemas say about objects: types, unknown fields, who owns which field."""

import json
import os
import re

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "data", "kube")
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
EVENT, CORE_EVENT = "io.k8s.api.events.v1.Event", "io.k8s.api.core.v1.Event"
NODE = "io.k8s.api.core.v1.Node"
TOKEN_REVIEW = "io.k8s.api.authentication.v1.TokenReview"
ACCESS_REVIEW = "io.k8s.api.authorization.v1.SubjectAccessReview"

MICRO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{6})?(.*)")
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
GO_KINDS = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
JSON_TYPES = {"object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,),
              "number": (int, float)}
GO_TYPES = {"integer": "int32", "boolean": "bool"}


class Mismatch(Exception):
    """A value that cannot be decoded; the text is what Go says."""


def load(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return json.load(file)


SCHEMAS = load("schemas.json")["components"]["schemas"]


def resolve(part):
    """(schema, its name or None), following references."""
    name = None
    while True:
        if "allOf" in part:
            part = part["allOf"][0]
        elif "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            part = SCHEMAS[name]
        else:
            return part, name


def decode(value, name):
    """Checks an object against the schema `name`; the unknown fields' paths."""
    unknown = []
    _decode(value, SCHEMAS[name], name, name.rpartition(".")[2], "", unknown)
    return unknown


def _decode(value, schema, name, struct, path, unknown):
    if value is None:
        return
    if name in (META + "MicroTime", META + "Time"):
        return _time(value, name, struct, path)
    kind = schema.get("type")
    if kind and (not isinstance(value, JSON_TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        raise Mismatch(f"json: cannot unmarshal {GO_KINDS[type(value)]} into Go struct field "
                       f"{struct}.{path.rpartition('.')[2]} of type {GO_TYPES.get(kind, kind)}")
    if isinstance(value, list):
        item, item_name = resolve(schema.get("items", {}))
        for number, one in enumerate(value):
            _decode(one, item, item_name, struct, f"{path}[{number}]", unknown)
    elif isinstance(value, dict) and "properties" in schema:
        for key, one in value.items():
            inner = f"{path}.{key}" if path else key
            if key not in schema["properties"]:
                unknown.append(inner)
                continue
            part, part_name = resolve(schema["properties"][key])
            _decode(one, part, part_name, struct, inner, unknown)


def _time(value, name, struct, path):
    micro = name.endswith("MicroTime")
    if not isinstance(value, str):
        raise Mismatch(f"json: cannot unmarshal {GO_KINDS[type(value)]} into Go struct field {struct}.{path} of type string")
    layout = "2006-01-02T15:04:05.000000Z07:00" if micro else "2006-01-02T15:04:05Z07:00"
    found = MICRO.fullmatch(value)
    if not found:
        raise Mismatch(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"')
    if micro and not found[2]:
        raise Mismatch(f'parsing time "{value}" as "{layout}": cannot parse "{found[3]}" as ".000000"')
    if not SECONDS.fullmatch(value):
        raise Mismatch(f'parsing time "{value}" as "{layout}": cannot parse "{found[3]}" as "Z07:00"')


def owned(value, name):
    """The fieldsV1 of what a request sets: names, and how structs, lists and maps are merged."""
    fields = _owned(value, SCHEMAS[name])
    for key in ("apiVersion", "kind"):
        fields.pop("f:" + key, None)
    fields.pop("f:metadata", None)
    return fields


def _owned(value, schema):
    found = {}
    for key, one in value.items():
        if key not in schema.get("properties", {}) or one in (None, "", [], {}):
            continue
        holder = schema["properties"][key]
        found["f:" + key] = _owned_value(one, holder)
    return found


def _owned_value(value, holder):
    schema, _ = resolve(holder)
    if holder.get("x-kubernetes-list-type") == "map":
        keys = holder["x-kubernetes-list-map-keys"]
        inner = {"k:" + json.dumps({key: one[key] for key in keys}, separators=(",", ":")):
                 {".": {}, **_owned(one, resolve(holder["items"])[0])} for one in value}
        return inner
    if isinstance(value, dict) and "properties" in schema and schema.get("x-kubernetes-map-type") != "atomic":
        # What has a default of {} is no pointer in Go, so it is there anyway.
        return {**({} if "default" in holder else {".": {}}), **_owned(value, schema)}
    return {}
