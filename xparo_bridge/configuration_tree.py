# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Bring the tree of a configuration into the form that its schema means, before and after."""

from __future__ import annotations

from collections.abc import Iterator
import copy
from pathlib import Path
from typing import Any

from . import configuration_rules
from .json_schema import Validator
from .json_schema.defaults import children, part_of, resolved
from .yaml_layers import EMPTY, KeyPath

# Problems of one configuration that are taken out of it to look for further ones.
_MOST_WRONG = 100


def without_nothing(tree: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """
    Say what nothing means, where the schema does not take it for a value.

    A section with nothing below it has its defaults; a key that a later file sets to null is gone.
    """
    schema = resolved(schema, root)
    if isinstance(tree, list):
        items = schema.get('items', {})
        return [without_nothing(None if item is EMPTY else item, items, root) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kept = {}
    for key, value in tree.items():
        part = part_of(schema, key)
        kinds = resolved(part, root).get('type', ()) if part is not None else ('null',)
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if value is EMPTY and 'object' in kinds:
            value = {}
        elif value is EMPTY and 'array' in kinds:
            value = []
        elif (value is None or value is EMPTY) and 'null' in kinds:
            value = None
        elif value is None or value is EMPTY:
            continue
        kept[key] = without_nothing(value, part or {}, root)
    return kept


def without_wrong(
    tree: dict[str, Any], schema: dict[str, Any], validator: Validator
) -> dict[str, Any] | None:
    """Return a copy of a tree without what the schema does not allow; None if nothing is left."""
    rest = copy.deepcopy(tree)
    for _ in range(_MOST_WRONG):
        error = validator.first(rest)
        if error is None:
            return rest
        path = list(error.path)
        if error.keyword == 'additionalProperties' and isinstance(error.instance, dict):
            known = error.schema.get('properties', {})
            path.append(next(key for key in error.instance if key not in known))
        if not path:
            # Without what the top level requires there are no links, but all the rest.
            if error.keyword != 'required' or 'links' in rest:
                return None
            rest['links'] = []
            schema = {**schema, 'properties': {**schema['properties'], 'links': {}}}
            validator = Validator(schema, finite=True)
            continue
        parent: Any = rest
        for step in path[:-1]:
            parent = parent[step]
        del parent[path[-1]]
        if path[0] == 'links' and not rest.get('links'):
            rest['links'] = []
            schema = {**schema, 'properties': {**schema['properties'], 'links': {}}}
            validator = Validator(schema, finite=True)
    return None


def expand_paths(
    value: Any,
    schema: dict[str, Any],
    root: dict[str, Any],
    at: KeyPath = (),
    *,
    on_robot: bool,
) -> Iterator[tuple[KeyPath, str]]:
    """Put the home of the user in place of ~ in paths; yield those that cannot be meant so."""
    for child, key, part in children(value, resolved(schema, root)):
        here = (*at, key)
        if isinstance(child, str) and part.get('format') == 'path':
            if child.startswith('~'):
                try:
                    value[key] = str(Path(child).expanduser())
                except RuntimeError:
                    if on_robot:
                        yield here, f'{child.partition("/")[0]} is the home of no user here'
            if text := configuration_rules.path_problem(child):
                yield here, text
        yield from expand_paths(child, part, root, here, on_robot=on_robot)
