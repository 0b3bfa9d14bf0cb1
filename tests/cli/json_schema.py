"""As much of JSON Schema as docs/report.schema.json uses; an unknown keyword is an error, so that none is passed over."""

TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description"}


def problems(value, schema, root=None, place="$"):
    """What is wrong with the value, a line each."""
    root = root or schema
    for keyword in schema.keys() - ANNOTATIONS - CHECKS.keys():
        raise ValueError(f"{place}: keyword {keyword} is not known here")
    wrong_type = _type(value, schema, root, place) if "type" in schema else []
    if wrong_type:  # then the others make no sense
        return wrong_type
    return [line for keyword in schema.keys() - ANNOTATIONS for line in CHECKS[keyword](value, schema, root, place)]


def _ref(value, schema, root, place):
    return problems(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, place)


def _type(value, schema, root, place):
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return [] if any(TYPES[name](value) for name in names) else [f"{place}: {value!r} is not {' or '.join(names)}"]


def _enum(value, schema, root, place):
    return [] if value in schema["enum"] else [f"{place}: {value!r} is none of {schema['enum']}"]


def _const(value, schema, root, place):
    return [] if value == schema["const"] else [f"{place}: {value!r} is not {schema['const']!r}"]


def _any_of(value, schema, root, place):
    found = [problems(value, one, root, place) for one in schema["anyOf"]]
    return [] if [] in found else found[-1]


def _required(value, schema, root, place):
    return [f"{place}.{name} is missing" for name in schema["required"] if name not in value]


def _properties(value, schema, root, place):
    return [line for name, one in schema["properties"].items() if name in value
            for line in problems(value[name], one, root, f"{place}.{name}")]


def _additional(value, schema, root, place):
    return [f"{place}.{name} is not described" for name in value if name not in schema["properties"]]


def _items(value, schema, root, place):
    return [line for i, one in enumerate(value) for line in problems(one, schema["items"], root, f"{place}[{i}]")]


CHECKS = {"$ref": _ref, "type": _type, "enum": _enum, "const": _const, "anyOf": _any_of, "required": _required,
          "properties": _properties, "additionalProperties": _additional, "items": _items}
