"""The JSON Schemas of E2LLM/1 (Shared/Protocol/Specification/schemas): types, ranges, what is required."""
import functools
import json
import pathlib

from e2llm_wire import WireError

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Shared/Protocol/Specification/schemas"
if not FOLDER.is_dir():
    raise SystemExit(f"{FOLDER} is missing: the schemas stand beside this folder in a checkout")


@functools.cache
def load(name):
    return json.loads((FOLDER / name).read_text())


def resolve(reference, document):
    """The part of a schema that a `$ref` names, and the document that it is in."""
    name, _, pointer = reference.partition("#")
    document = load(name) if name else document
    part = document
    for key in filter(None, pointer.split("/")):
        part = part[key]
    return part, document


# `True` and 1e308 are integers to Python, or look like them; to the protocol they are not.
TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)}


def problem(value, schema, document, path=""):
    """What is wrong with a value, naming the field; nothing where it is sound."""
    if "$ref" in schema:
        return problem(value, *resolve(schema["$ref"], document), path)
    where = path or "the body"
    if "anyOf" in schema:
        found = [problem(value, part, document, path) for part in schema["anyOf"]]
        if all(found):
            return found[0]
    if "type" in schema and not TYPES[schema["type"]](value):
        return f"{where} is no {schema['type']}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} is none of {schema['enum']}"
    if TYPES["number"](value) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return f"{where} is {value}, which is out of range"
    if isinstance(value, (str, list)):
        least, most = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
        size = len(value.encode(errors="replace")) if isinstance(value, str) else len(value)
        if not schema.get(least, 0) <= size <= schema.get(most, size):
            return f"{where} has the length {size}"
    if isinstance(value, dict):
        if len(value) > schema.get("maxProperties", len(value)):
            return f"{where} has too many fields"
        for key in schema.get("required", []):
            if key not in value:
                return f"{path}{'.' if path else ''}{key} is missing"
        for key, part in schema.get("properties", {}).items():
            # An optional field may be null.
            if key in value and not (value[key] is None and key not in schema.get("required", [])):
                if found := problem(value[key], part, document, f"{path}{'.' if path else ''}{key}"):
                    return found
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            if found := problem(item, schema["items"], document, f"{path}[{index}]"):
                return found
    return None


def check(message):
    """Refuses a message whose envelope or body is not as its schema says; types without one are left to the service."""
    document = load("envelope.json")
    if found := problem(message.envelope, document, document):
        raise WireError("malformed", f"envelope: {found}")
    if "/" in message.type or not (FOLDER / f"{message.type}.json").exists():
        return
    document = load(f"{message.type}.json")
    if found := problem(message.body, document, document):
        raise WireError("malformed", f"{message.type}: {found}")
