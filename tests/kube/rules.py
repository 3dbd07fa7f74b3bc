# SPDX-License-Identifier: Apache-2.0
"""What an API server says beyond the schemas: validation of events, and the answers that refuse."""

import re

SUBDOMAIN_TEXT = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
                  "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
                  r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAME_PART_TEXT = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
                  "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
                  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")
NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")


class Refusal(Exception):
    """An answer that is a Status."""

    def __init__(self, code, reason, message, details=None):
        super().__init__(message)
        self.code = code
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                     "reason": reason, **({} if details is None else {"details": details}), "code": code}


def bad_request(message):
    return Refusal(400, "BadRequest", message)


def unauthorized():
    return Refusal(401, "Unauthorized", "Unauthorized")


def forbidden(where, user, verb):
    kind, scope = qualified(where), f'in the namespace "{where.namespace}"' if where.namespace else "at the cluster scope"
    name = f' "{where.name}"' if where.name else ""
    resource = where.resource + (f"/{where.subresource}" if where.subresource else "")
    return Refusal(403, "Forbidden", f'{kind}{name} is forbidden: User "{user}" cannot {verb} resource "{resource}" '
                   f'in API group "{where.group}" {scope}', details(where))


def not_found(where):
    return Refusal(404, "NotFound", f'{qualified(where)} "{where.name}" not found', details(where))


def exists(where, name):
    where = where._replace(name=name)
    return Refusal(409, "AlreadyExists", f'{qualified(where)} "{name}" already exists', details(where))


def media_type(patch):
    if patch:
        return Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    return Refusal(415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted media types "
                   "include: application/json, application/yaml, application/vnd.kubernetes.protobuf")


def invalid(kind, name, errors):
    """errors: (field, cause's reason, message)"""
    texts = [f"{field}: {message}" for field, _, message in errors]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return Refusal(422, "Invalid", f'{kind} "{name}" is invalid: {text}', {
        **({"name": name} if name else {}), **({"kind": kind} if kind else {}),
        "causes": [{"reason": reason, "message": message, "field": field} for field, reason, message in errors]})


def qualified(where):
    return f"{where.resource}.{where.group}" if where.group else where.resource


def details(where):
    return {**({"name": where.name} if where.name else {}), **({"group": where.group} if where.group else {}),
            "kind": where.resource}


# --- events -----------------------------------------------------------------------------------------


def event_errors(event):
    """Of a new event of events.k8s.io/v1."""
    errors = _metadata_errors(event["metadata"])
    errors += _controller_errors(event.get("reportingController") or "")
    for field in ("reportingInstance", "action", "reason"):
        errors += _text_errors(event, field)
    if len((event.get("note") or "").encode()) > 1024:
        errors.append(_wrong("message", '""', "can have at most 1024 characters"))
    if event.get("type") not in ("Normal", "Warning"):
        errors.append(_wrong("type", '""', f"has invalid value: {event.get('type') or ''}"))
    if not event.get("eventTime"):
        errors.append(("eventTime", "FieldValueRequired", "Required value"))
    errors += _series_errors(event.get("series"))
    for field, name in (("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"),
                        ("deprecatedCount", "count"), ("deprecatedSource", "source")):
        if event.get(field):
            errors.append(_wrong(name, '""', "needs to be unset"))
    return errors + _regarding_errors(event)


IMMUTABLE = (("regarding", "involvedObject"), ("reason", "reason"), ("note", "message"), ("deprecatedSource", "source"),
             ("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"),
             ("deprecatedCount", "count"), ("type", "type"), ("eventTime", "eventTime"), ("action", "action"),
             ("related", "related"), ("reportingController", "reportingController"),
             ("reportingInstance", "reportingInstance"))


def event_update_errors(old, new):
    errors = [_wrong(name, f'"{new.get(field)}"', "field is immutable") for field, name in IMMUTABLE
              if (old.get(field) or None) != (new.get(field) or None)]
    return errors + _series_errors(new.get("series"))


def _metadata_errors(metadata):
    prefix, name = metadata.get("generateName"), metadata.get("name", "")
    if prefix and not SUBDOMAIN.fullmatch(prefix):
        return [_wrong("metadata.generateName", f'"{prefix}"', SUBDOMAIN_TEXT)]
    if not name:
        return [("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")]
    if len(name) > 253:
        return [_wrong("metadata.name", f'"{name}"', "must be no more than 253 bytes")]
    return [] if SUBDOMAIN.fullmatch(name) else [_wrong("metadata.name", f'"{name}"', SUBDOMAIN_TEXT)]


def _controller_errors(controller):
    field, value, errors = "reportingController", f'"{controller}"', []
    if not controller:
        errors += [(field, "FieldValueRequired", "Required value"), _wrong(field, value, "name part must be non-empty")]
    prefix, slash, name = controller.rpartition("/")
    if slash and not SUBDOMAIN.fullmatch(prefix):
        errors.append(_wrong(field, value, "prefix part " + SUBDOMAIN_TEXT))
    if len(name) > 63:
        errors.append(_wrong(field, value, "name part must be no more than 63 bytes"))
    return errors if NAME_PART.fullmatch(name) else [*errors, _wrong(field, value, NAME_PART_TEXT)]


def _text_errors(event, field):
    if not event.get(field):
        return [(field, "FieldValueRequired", "Required value")]
    return [_wrong(field, '""', "can have at most 128 characters")] if len(event[field].encode()) > 128 else []


def _series_errors(series):
    if series is None:
        return []
    errors = [] if series.get("count", 0) >= 2 else [_wrong("series.count", '""', "should be at least 2")]
    if not series.get("lastObservedTime"):
        errors.append(("series.lastObservedTime", "FieldValueRequired", "Required value"))
    return errors


def _regarding_errors(event):
    """What is of no namespace has its events in one of two."""
    namespace, its = event["metadata"]["namespace"], (event.get("regarding") or {}).get("namespace", "")
    if its and its != namespace:
        return [_wrong("involvedObject.namespace", f'"{its}"', "does not match event.namespace")]
    if not its and namespace not in ("default", "kube-system"):
        return [_wrong("involvedObject.namespace", '""', "does not match event.namespace")]
    return []


def _wrong(field, value, why):
    return field, "FieldValueInvalid", f"Invalid value: {value}: {why}"
