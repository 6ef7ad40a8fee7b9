# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check the parameters of a command against its JSON Schema, in bounded time.

What is cheap to see is looked at first: numbers that are none, and more items than are allowed. So
to check a command never costs much more than to read it, and an answer stays short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
import json
import math
from typing import Any

from ...json_schema import Validator
from ...json_schema.defaults import defaults_of
from ...json_schema.words import placed_sentence
from .kind import Kind, Schema

# How many problems are reported, and how long a text may be, in characters.
_MOST = 10
_LONGEST = 300
# How many values parameters may have in all: jsonschema, where a schema needs it, takes 10 µs and
# more for each.
_MAX_VALUES = 4000
_LARGEST = 1.7e308


class Checker:
    """Checks the parameters of one kind of command and fills in what they leave out."""

    def __init__(self, kind: Kind[Any]) -> None:
        self.schema: Schema = kind.parameters_schema(kind.settings)
        self._validator = Validator(self.schema)
        self._properties: Mapping[str, Schema] = self.schema.get('properties', {})
        self._parts = {
            name: Validator(part, root=self.schema) for name, part in self._properties.items()
        }
        # Those of the configuration over those of the schema.
        self._defaults = {**defaults_of(self.schema), **kind.settings['defaults']}

    def fill(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with the defaults of those left out."""
        return {**self._defaults, **parameters}

    def problems(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with parameters, each with its place; the first ten."""
        cheap = list(islice(_out_of_bounds(dict(parameters), self.schema, '', [0]), _MOST))
        return cheap or self._found(self._validator, dict(parameters))

    def problems_of(self, name: str, value: Any) -> list[str]:
        """Return what is wrong with one parameter by itself."""
        part = self._properties[name]
        cheap = list(islice(_out_of_bounds(value, part, '', [0]), _MOST))
        return cheap or self._found(self._parts[name], value)

    def usable(self, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """
        Return those parameters that can be used, and what is wrong with the others.

        A number stands for its text where a text is expected.
        """
        kept: dict[str, Any] = {}
        notes: list[str] = []
        for name, value in parameters.items():
            part = self._properties.get(name)
            if part is None:
                notes.append(f'{clip(name, 80)}: no such parameter')
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number and part.get('type') == 'string':
                value = json.dumps(value)
            problems = self.problems_of(name, value)
            if problems:
                notes.append(f'{name}: {problems[0]}')
            else:
                kept[name] = value
        return kept, notes[:_MOST]

    def _found(self, validator: Validator, value: Any) -> list[str]:
        found = []
        for problem in validator.problems(value, _MOST):
            found.append(clip(placed_sentence(problem), _LONGEST))
        return found


def clip(text: str, longest: int) -> str:
    """Return a text, its middle left out if it is too long."""
    if len(text) <= longest:
        return text
    half = (longest - 3) // 2
    return f'{text[:half]} … {text[-half:]}'


def _out_of_bounds(
    value: Any, schema: Mapping[str, Any], at: str, count: list[int]
) -> Iterator[str]:
    """Yield what has too many items, and numbers that are none; `count` counts all values."""
    count[0] += 1
    if count[0] > _MAX_VALUES:
        if count[0] == _MAX_VALUES + 1:
            yield f'{at or "parameters"}: more than {_MAX_VALUES} values in all'
        return
    place = f'{clip(at, 80)}: ' if at else ''
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no NaN and no infinity, but Python's reader takes them, and NaN passes every
        # minimum and maximum.
        yield f'{place}not a finite number'
    elif isinstance(value, int) and abs(value) > _LARGEST:
        yield f'{place}not a finite number: it has more than 308 digits'
    elif isinstance(value, list):
        most = schema.get('maxItems')
        if most is not None and len(value) > most:
            yield f'{place}expected at most {most} items, not {len(value)}'
            return
        items = schema.get('items')
        for index, part in enumerate(value):
            yield from _out_of_bounds(
                part, items if isinstance(items, dict) else {}, f'{at}[{index}]', count
            )
            if count[0] > _MAX_VALUES:
                return
    elif isinstance(value, dict):
        known = schema.get('properties', {})
        if schema.get('additionalProperties') is False:
            unknown = [key for key in value if key not in known]
            if len(unknown) > _MOST:
                names = ', '.join(clip(str(key), 40) for key in unknown[:_MOST])
                yield f'{place}{len(unknown)} unknown names, such as {names}'
                return
        for key, part in value.items():
            inner = known.get(key)
            yield from _out_of_bounds(
                part,
                inner if isinstance(inner, dict) else {},
                f'{at}.{key}' if at else str(key),
                count,
            )
            if count[0] > _MAX_VALUES:
                return
