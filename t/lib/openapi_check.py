#!/usr/bin/python3
"""Holds exchanges to schema/openapi.yaml. Reads JSON lines {method, path, status, headers, body}
(path without the prefix, body parsed) or {event, data}; prints what does not fit, a line each.
With --codes prints the documented error codes, with --unused the documented (operation, status)
pairs that no exchange showed."""

import json
import re
import sys

import jsonschema
import yaml

DOCUMENT = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
EVENTS = {"hello": "HelloEvent", "message": "Message", "conversation": "Conversation",
          "read": "ReadEvent", "unread": "UnreadEvent", "typing": "TypingEvent", "presence": "PresenceEvent",
          "reset": "ResetEvent", "bye": "ByeEvent"}


def deref(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def errors(schema, value):
    # The schema resolves its references within the whole document.
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = jsonschema.Draft202012Validator(whole)
    return [f"{'/'.join(map(str, e.path)) or '(root)'}: {e.message[:200]}" for e in validator.iter_errors(value)]


def operation_of(method, path):
    path = path.split("?")[0]
    for template, item in DOCUMENT["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return template, item.get(method.lower())
    return None, None


def check_exchange(line, seen):
    template, operation = operation_of(line["method"], line["path"])
    name = f"{line['method']} {template or line['path']} {line['status']}"
    if operation is None:
        # No such path or method: a problem all the same.
        if str(line["status"]) not in ("401", "404", "405"):
            return [f"{name}: not documented"]
        return [f"{name}: {e}" for e in errors(DOCUMENT["components"]["schemas"]["Problem"], line["body"])]
    response = operation["responses"].get(str(line["status"]))
    if response is None:
        return [f"{name}: status not documented"]
    seen.add((operation["operationId"], str(line["status"])))
    response = deref(response)
    found = []
    for header, declared in response.get("headers", {}).items():
        value = line["headers"].get(header.lower())
        if value is None:
            found.append(f"{name}: no header {header}")
        else:
            found += [f"{name}: {header} {e}" for e in errors(deref(declared)["schema"], value)]
    if "content" in response:
        kind = line["headers"].get("content-type", "").split(";")[0]
        if kind not in response["content"]:
            return [*found, f"{name}: content type {kind}"]
        found += [f"{name}: {e}" for e in errors(response["content"][kind]["schema"], line["body"])]
    return found


def main():
    jsonschema.Draft202012Validator.check_schema(
        {"$defs": DOCUMENT["components"]["schemas"]})
    if "--codes" in sys.argv:
        print("\n".join(DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]))
        return
    seen = set()
    for text in sys.stdin:
        line = json.loads(text)
        if "event" in line:
            schema = EVENTS.get(line["event"])
            if schema is None:
                print(f"event {line['event']}: not documented")
                continue
            for e in errors(DOCUMENT["components"]["schemas"][schema], line["data"]):
                print(f"event {line['event']}: {e}")
        else:
            for e in check_exchange(line, seen):
                print(e)
    if "--unused" in sys.argv:
        for item in DOCUMENT["paths"].values():
            for method, operation in item.items():
                if method == "parameters":
                    continue
                for status in operation["responses"]:
                    if (operation["operationId"], status) not in seen:
                        print(f"unseen: {operation['operationId']} {status}")


main()
