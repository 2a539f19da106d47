#!/usr/bin/python3
"""Prints the operations of schema/openapi.yaml, a JSON line each: {method, path, body, query}, with the
body of its example and, of the query, what is required."""

import json
import sys

import yaml

DOCUMENT = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))

for path, item in DOCUMENT["paths"].items():
    for method, operation in item.items():
        if method == "parameters":
            continue
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        query = [p["name"] for p in operation.get("parameters", []) if p.get("in") == "query" and p.get("required")]
        print(json.dumps({"id": operation["operationId"], "method": method.upper(), "path": path,
                          "body": content.get("example", {} if content else None), "query": query,
                          "open": operation.get("security") == []}))
