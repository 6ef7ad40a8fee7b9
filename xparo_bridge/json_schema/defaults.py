# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Put the defaults of a schema into values, which the check itself leaves as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import copy
from typing import Any


def defaults_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of an object's properties by their names; shared, not copied."""
    return {
        name: part['default']
        for name, part in schema.get('properties', {}).items()
        if isinstance(part, dict) and 'default' in part
    }


def fill_defaults(value: Any, schema: Any, root: dict[str, Any]) -> None:
    """Put the defaults into a value that has passed its check, in its inner values too."""
    schema = resolved(schema, root)
    if isinstance(value, dict):
        for key, default in defaults_of(schema).items():
            if key not in value:
                value[key] = copy.deepcopy(default)
    for child, _, part in children(value, schema):
        fill_defaults(child, part, root)


def resolved(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a chain of references within `root` leads to; {} for true."""
    while isinstance(schema, dict) and '$ref' in schema:
        target: Any = root
        for step in schema['$ref'].removeprefix('#/').split('/'):
            target = target[step]
        schema = target
    return schema if isinstance(schema, dict) else {}


def part_of(schema: Mapping[str, Any], key: str) -> Any:
    """Return the schema of a key of an object, None if it may be anything."""
    part = schema.get('properties', {}).get(key, schema.get('additionalProperties'))
    return part if isinstance(part, dict) else None


def children(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Yield each value of an object or a list, with its key and its schema, if it has one."""
    if isinstance(value, dict):
        for key in list(value):
            part = part_of(schema, key)
            if part is not None:
                yield value[key], key, part
    elif isinstance(value, list) and isinstance(schema.get('items'), dict):
        for index, item in enumerate(value):
            yield item, index, schema['items']
