# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Forms drawn from the JSON Schema of a command's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
from typing import Any, TypeVar

from nicegui import ui
from nicegui.element import Element

from ..json_reader import read_json
from .layout import named

_AT_ONCE = 3  # fields that are seen without opening the rest
_Field = TypeVar('_Field', bound=Element)
_UNSET = ''  # what a choice that nobody made has


class Form:
    """
    Fields of an object's schema; `values` is what was filled in.

    What a schema says that has no field of its own (an object, a list, one of several) is asked
    for as JSON. The robot checks all of it again, and says what is wrong.
    """

    def __init__(self, schema: Mapping[str, Any], places: Sequence[str] = ()) -> None:
        self._readers: dict[str, Callable[[], Any]] = {}
        required = set(schema.get('required', ()))
        fields = {
            name: field if isinstance(field, Mapping) else {}
            for name, field in (schema.get('properties') or {}).items()
            if field is not False
        }
        # What must be said comes first; of what may be said, the schema's first.
        first = [name for name in fields if name in required]
        first += [name for name in fields if name not in required][: max(0, _AT_ONCE - len(first))]
        for name in first:
            self._readers[name] = _field(name, fields[name], name in required, places)
        rest = [name for name in fields if name not in first]
        if rest:
            with ui.expansion(f'More ({len(rest)})').classes('w-full'):
                with ui.element('div').classes('xc-stack'):
                    for name in rest:
                        self._readers[name] = _field(name, fields[name], False, places)

    def values(self) -> dict[str, Any]:
        """
        Return the parameters; what was left empty is left out.

        :raises JsonError: if what was written as JSON is none
        """
        values = {name: read() for name, read in self._readers.items()}
        return {name: value for name, value in values.items() if value is not None}


def _field(
    name: str, schema: Mapping[str, Any], required: bool, places: Sequence[str]
) -> Callable[[], Any]:
    label = f'{name}, required' if required else name
    hint = _hint(schema)
    kinds = schema.get('type', [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    default = schema.get('default')
    if 'enum' in schema or 'const' in schema:
        return _choice(label, hint, list(schema.get('enum', [schema.get('const')])), default)
    if places and 'string' in kinds and _is_place(name, schema):
        return _place(label, hint, places)
    if kinds == ['boolean']:
        return _choice(label, hint, [True, False], default)
    if kinds in (['number'], ['integer']):
        return _number(label, hint, schema, default, whole=kinds == ['integer'])
    if kinds == ['string']:
        line = _hinted(ui.input(label, value=default or ''), hint)
        return lambda: str(line.value) if line.value else None
    area = ui.textarea(f'{label}, as JSON', value='' if default is None else json.dumps(default))
    _hinted(area, hint).props('autogrow')
    return lambda: read_json(str(area.value)) if str(area.value or '').strip() else None


def _hinted(field: _Field, hint: str) -> _Field:
    return named(field, hint, 'hint').props('outlined dense')


def _hint(schema: Mapping[str, Any]) -> str:
    low = schema.get('minimum', schema.get('exclusiveMinimum'))
    high = schema.get('maximum', schema.get('exclusiveMaximum'))
    said = str(schema.get('description', ''))
    if low is not None and high is not None and abs(high) < 1e6:
        said += f' ({low:g} to {high:g})'
    elif low is not None and abs(low) < 1e6:
        said += f' (at least {low:g})'
    return said.strip()


def _is_place(name: str, schema: Mapping[str, Any]) -> bool:
    return name in ('goal', 'place') or 'place' in str(schema.get('description', '')).split(',')[0]


def _choice(label: str, hint: str, options: list[Any], default: Any) -> Callable[[], Any]:
    shown = {_UNSET: '(left out)', **{json.dumps(option): str(option) for option in options}}
    shown |= {
        json.dumps(option): ('yes' if option else 'no')
        for option in options
        if isinstance(option, bool)
    }
    chosen = _hinted(
        ui.select(shown, label=label, value=_UNSET if default is None else json.dumps(default)),
        hint,
    )
    return lambda: read_json(chosen.value) if chosen.value != _UNSET else None


def _place(label: str, hint: str, places: Sequence[str]) -> Callable[[], Any]:
    # The browser's own list beside a line: what was typed counts, chosen from the list or not.
    with ui.element('datalist') as shown:
        for place in places:
            named(ui.element('option'), place, 'value')
    line = _hinted(ui.input(label), hint).props('clearable autocomplete=off')
    named(line, f'c{shown.id}', 'list')

    def read() -> Any:
        value = str(line.value or '').strip()
        return read_json(value) if value.startswith('{') else value or None

    return read


def _number(
    label: str, hint: str, schema: Mapping[str, Any], default: Any, *, whole: bool
) -> Callable[[], Any]:
    limits = [schema.get(key) for key in ('minimum', 'maximum')]
    low, high = (
        limit if isinstance(limit, (int, float)) and abs(limit) < 1e6 else None for limit in limits
    )
    field = _hinted(
        ui.number(
            label,
            value=default,
            min=low,
            max=high,
            step=1 if whole else None,
            precision=0 if whole else None,
        ),
        hint,
    )

    def read() -> Any:
        value = field.value
        if value is None:
            return None
        return int(value) if whole else float(value)

    return read
