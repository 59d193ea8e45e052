"""Checks every example message of the protocol against its JSON Schema, and that damaged examples do not pass."""
import copy
import json
import pathlib
import sys

import jsonschema
from jsonschema import RefResolver

folder = pathlib.Path(__file__).resolve().parents[2] / "Shared/Protocol/Specification"
schemas = {path.name: json.loads(path.read_text()) for path in (folder / "schemas").glob("*.json")}


def validator(name):
    resolver = RefResolver(base_uri="", referrer=schemas[name], store=schemas)
    return jsonschema.Draft202012Validator(schemas[name], resolver=resolver)


def required(schema):
    if "$ref" in schema:
        return schemas["definitions.json"]["$defs"][schema["$ref"].split("/")[-1]].get("required", [])
    return schema.get("required", [])


checked = 0
for path in sorted((folder / "examples").glob("*.json")):
    example = json.loads(path.read_text())
    validator("envelope.json").validate(example["envelope"])
    assert example["envelope"]["type"] == path.stem, path
    body = validator(path.name)
    body.validate(example["body"])
    for key in required(schemas[path.name]):
        damaged = copy.deepcopy(example["body"])
        del damaged[key]
        assert not body.is_valid(damaged), f"{path.name}: passes without {key}"
    checked += 1

bodies = {name for name in schemas if name not in ("definitions.json", "envelope.json")}
missing = bodies - {path.name for path in (folder / "examples").glob("*.json")}
if missing or checked == 0:
    sys.exit(f"schemas without an example: {sorted(missing)}")
print(f"checked {checked} messages against their schemas")
