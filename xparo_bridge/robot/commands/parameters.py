# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters a command of the configuration declares: `{floor: {type: integer, …}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...json_schema import Problem, SchemaError, Validator
from ...json_schema.words import sentence
from ...ros.fields import load_type, UnknownType
from .kind import Schema, SettingsError

_NUMBER = {'type': 'number'}
_SIZE = {'type': 'integer', 'minimum': 0}

# The entry `parameters` of a command's settings: JSON Schema's own words, and `required`.
DECLARATIONS: Schema = {
    'description': 'What the platform may send, by name',
    'type': 'object',
    'default': {},
    'propertyNames': {'pattern': r'^\w+$'},
    'additionalProperties': {
        'type': 'object',
        'additionalProperties': False,
        'required': ['type'],
        'properties': {
            'type': {'enum': ['string', 'number', 'integer', 'boolean', 'array', 'object']},
            'description': {'type': 'string'},
            'required': {'type': 'boolean'},
            'default': {},
            'enum': {'type': 'array', 'minItems': 1},
            'minimum': _NUMBER,
            'maximum': _NUMBER,
            'exclusiveMinimum': _NUMBER,
            'exclusiveMaximum': _NUMBER,
            'multipleOf': _NUMBER,
            'anyOf': {'type': 'array', 'minItems': 1, 'items': {'type': 'object'}},
            'minLength': _SIZE,
            'maxLength': _SIZE,
            'pattern': {'type': 'string'},
            'minItems': _SIZE,
            'maxItems': _SIZE,
            'items': {'type': 'object'},
            'properties': {'type': 'object'},
        },
    },
}


def schema(declared: Mapping[str, Mapping[str, Any]]) -> Schema:
    """JSON Schema of declared parameters; SettingsError where a declaration cannot work."""
    properties = {
        name: {key: value for key, value in part.items() if key != 'required'}
        for name, part in declared.items()
    }
    for name, part in properties.items():
        try:
            validator = Validator(part)
        except SchemaError as error:
            raise SettingsError(('parameters', name, *error.path), error.message) from error
        _check_enum(name, part)
        problem = validator.first(part['default']) if 'default' in part else None
        if problem is not None:
            text = sentence(problem) + _hint(problem.instance, problem)
            raise SettingsError(('parameters', name, 'default', *problem.path), text)
    return {
        'type': 'object',
        'additionalProperties': False,
        'properties': properties,
        'required': [name for name, part in declared.items() if part.get('required')],
    }


def _check_enum(name: str, part: Mapping[str, Any]) -> None:
    """Refuse choices that are not of the type: nobody could send them."""
    if 'type' not in part:  # The type itself was wrong, and is reported.
        return
    typed = Validator({'type': part['type']})
    for index, choice in enumerate(part.get('enum', ())):
        problem = typed.first(choice)
        if problem is not None:
            text = sentence(problem) + _hint(choice, problem)
            raise SettingsError(('parameters', name, 'enum', index), text)


def _hint(value: Any, problem: Problem) -> str:
    if problem.keyword != 'type' or problem.expected != 'string':
        return ''
    if isinstance(value, bool):
        return '; YAML reads on, off, yes, no, true and false so: put it in quotes'
    return '; put it in quotes' if isinstance(value, (int, float)) else ''


def interface(name: str, kind: str) -> Any:
    """Class of an interface type, `std_srvs/srv/Trigger` or `std_srvs/Trigger`."""
    try:
        return load_type(name, kind)
    except UnknownType as error:
        raise SettingsError(('type',), str(error)) from None
