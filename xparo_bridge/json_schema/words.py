# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say in a sentence, for the person who wrote it, what of a value a schema does not allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..alike import alike
from ..json_reader import json_type
from ..json_writer import dumps
from . import Problem

_ARTICLES = {
    'string': 'a string',
    'number': 'a number',
    'integer': 'a whole number',
    'boolean': 'true or false',
    'object': 'an object',
    'array': 'a list',
    'null': 'null',
}
_LONGEST = 60
_MOST_NAMED = 12


def sentence(problem: Problem) -> str:
    """Say what a value breaks, and what would be right."""
    if problem.schema is False:
        return 'cannot be given together with what is beside it'
    said = _SAY.get(problem.keyword or '')
    return (said(problem) if said else '') or problem.message


def placed_sentence(problem: Problem) -> str:
    """Say where in a value what breaks its schema stands, and the same as `sentence`."""
    place = f'{".".join(map(str, problem.path))}: ' if problem.path else ''
    return place + sentence(problem)


def _type(problem: Problem) -> str:
    kinds = problem.expected if isinstance(problem.expected, list) else [problem.expected]
    expected = _either([_ARTICLES.get(kind, str(kind)) for kind in kinds], 'or')
    # Null is a value and its own type.
    is_a = '' if problem.instance is None else f' is {json_type(problem.instance)}'
    return f'{_shown(problem.instance)}{is_a}, expected {expected}'


def _required(problem: Problem) -> str:
    missing = [name for name in problem.expected if name not in problem.instance]
    # One problem for each that is missing: the message says which.
    named = next((name for name in missing if f"'{name}'" in problem.message), '')
    return f'"{named}" is missing' if named else ''


def _additional(problem: Problem) -> str:
    known = list(problem.schema.get('properties') or {})
    others = [name for name in problem.instance if name not in known]
    if not others or problem.schema.get('patternProperties'):
        return ''
    near = alike(others[0], known, 1)
    if near:
        hint = f'did you mean "{near[0]}"?'
    else:
        hint = f'expected {_either(known, "or")}' if known else 'it takes none'
    return f'there is no parameter "{others[0][:_LONGEST]}"; {hint}'


def _enum(problem: Problem) -> str:
    choices = _either([dumps(one) for one in problem.expected[:_MOST_NAMED]], 'or')
    return f'{_shown(problem.instance)} is none of those known; expected {choices}'


def _any_of(problem: Problem) -> str:
    """Of forms that each need some members, say which, if none of them is whole."""
    forms = [form.get('required') for form in problem.expected if isinstance(form, Mapping)]
    if not isinstance(problem.instance, Mapping) or not all(forms) or not forms:
        return ''
    if len(forms) != len(problem.expected):
        return ''
    known = _either([_either(form, 'and') for form in forms if form], 'or')
    whole = [form for form in forms if form and all(name in problem.instance for name in form)]
    if whole:
        many = _either([name for form in whole for name in form], 'and')
        return f'{many} are too many; expected one of {known}'
    return f'expected {known}'


def _too_few(problem: Problem) -> str:
    return f'{_shown(problem.instance)} is too short, expected at least {problem.expected}'


def _needs(problem: Problem) -> str:
    for key, others in problem.expected.items():
        missing = [other for other in others if other not in problem.instance]
        if key in problem.instance and missing:
            return f'"{key}" needs "{missing[0]}" beside it'
    return ''


_SAY = {
    'type': _type,
    'required': _required,
    'additionalProperties': _additional,
    'enum': _enum,
    'anyOf': _any_of,
    'oneOf': _any_of,
    'dependentRequired': _needs,
    'minItems': _too_few,
    'minLength': _too_few,
}


def _either(words: Iterable[str], last: str) -> str:
    """Return words in a row, as `a, b or c`."""
    *first, end = [*words] or ['nothing']
    return f'{", ".join(first)} {last} {end}' if first else str(end)


def _shown(value: Any) -> str:
    text = dumps(value)
    return text if len(text) <= _LONGEST else f'{text[: _LONGEST - 1]}…'
