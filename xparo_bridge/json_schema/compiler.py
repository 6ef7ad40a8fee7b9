# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Make functions that check values of a JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import re
from typing import Any

from ..errors import BadInput
from .keywords import ANNOTATIONS, is_finite_number, is_number, Test, TESTS, TYPES

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]


class SchemaError(BadInput):
    """A schema is no JSON Schema: `message` says what is wrong at its `path`."""

    def __init__(self, path: Path, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a value breaks: at `path` in it `instance` fails `keyword: expected` of `schema`."""

    path: Path
    message: str
    keyword: str | None
    expected: Any
    instance: Any
    schema: Any


class NotOurs(Exception):
    """The schema has a keyword or a form that is left to jsonschema."""


class Enough(Exception):
    """As many problems as were requested have been found."""


class Found(list[Problem]):
    """Problems found so far."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        super().__init__()

    def add(self, problem: Problem) -> None:
        """Keep one, and end the search if it is the last that was requested."""
        self.append(problem)
        if self._most is not None and len(self) >= self._most:
            raise Enough


Check = Callable[[Any, Path, Found], None]


def _fits(check: Check, value: Any) -> bool:
    try:
        check(value, (), Found(1))
    except Enough:
        return False
    return True


class Compiler:
    """Makes the check of a schema; one of a root, where `$ref` lead."""

    def __init__(self, root: Any, finite: bool) -> None:
        self._root = root
        self._references: dict[str, list[Check]] = {}
        self._is_number = is_finite_number if finite else is_number
        self._types = {**TYPES, 'number': self._is_number}

    def node(self, schema: Any) -> Check:
        """Check of a schema or a part of one."""
        if schema is True:
            return lambda value, at, found: None
        if schema is False:
            return lambda value, at, found: found.add(
                Problem(at, f'False schema does not allow {value!r}', None, None, value, False)
            )
        if not isinstance(schema, dict):
            raise NotOurs
        checks = [
            check
            for keyword, expected in schema.items()
            if (check := self._keyword(keyword, expected, schema)) is not None
        ]
        if len(checks) == 1:
            return checks[0]

        def check_all(value: Any, at: Path, found: Found) -> None:
            for check in checks:
                check(value, at, found)

        return check_all

    def _keyword(self, keyword: str, expected: Any, schema: Schema) -> Check | None:
        if keyword in ANNOTATIONS:
            if not isinstance(expected, ANNOTATIONS[keyword]):
                raise NotOurs
            return None
        if keyword in TESTS:
            make, numbers, fits = TESTS[keyword]
            if not fits(expected):
                raise NotOurs
            test: Test = make(expected)
            applies = self._is_number if numbers else None
        elif keyword == 'type':
            test, applies = self._type(expected), None
        else:
            part = _PARTS.get(keyword)
            if part is None:
                raise NotOurs
            return part(self, expected, schema)

        def check(value: Any, at: Path, found: Found) -> None:
            if applies is None or applies(value):
                message = test(value)
                if message is not None:
                    found.add(Problem(at, message, keyword, expected, value, schema))

        return check

    def _type(self, expected: Any) -> Test:
        names = [expected] if isinstance(expected, str) else expected
        known = isinstance(names, list) and names and len(set(map(str, names))) == len(names)
        if not known or not all(isinstance(name, str) and name in TYPES for name in names):
            raise NotOurs
        words = ', '.join(map(repr, names))
        tests = [self._types[name] for name in names]
        if len(tests) == 1:
            fits = tests[0]
            return lambda value: None if fits(value) else f'{value!r} is not of type {words}'
        return lambda value: (
            None if any(fits(value) for fits in tests) else f'{value!r} is not of type {words}'
        )

    # Keywords with schemas in them

    def properties(self, expected: Any, schema: Schema) -> Check:
        """Check the values of known keys."""
        parts = self._schemas(expected)

        def check(value: Any, at: Path, found: Found) -> None:
            if isinstance(value, dict):
                for key, part in parts.items():
                    if key in value:
                        part(value[key], (*at, key), found)

        return check

    def definitions(self, expected: Any, schema: Schema) -> None:
        """See that what is only referred to is a schema, too."""
        self._schemas(expected)

    def additional_properties(self, expected: Any, schema: Schema) -> Check:
        """Check, or forbid, all other keys."""
        known = schema.get('properties', {})
        if expected is not False:
            part = self.node(expected)

            def check(value: Any, at: Path, found: Found) -> None:
                if isinstance(value, dict):
                    for key, one in value.items():
                        if key not in known:
                            part(one, (*at, key), found)

            return check

        def forbid(value: Any, at: Path, found: Found) -> None:
            if isinstance(value, dict) and not value.keys() <= known.keys():
                extra = sorted((key for key in value if key not in known), key=str)
                verb = 'was' if len(extra) == 1 else 'were'
                message = (
                    'Additional properties are not allowed '
                    f'({", ".join(map(repr, extra))} {verb} unexpected)'
                )
                found.add(Problem(at, message, 'additionalProperties', expected, value, schema))

        return forbid

    def property_names(self, expected: Any, schema: Schema) -> Check:
        """Check the keys themselves."""
        part = self.node(expected)

        def check(value: Any, at: Path, found: Found) -> None:
            if isinstance(value, dict):
                for key in value:
                    part(key, at, found)

        return check

    def items(self, expected: Any, schema: Schema) -> Check:
        """Check each item of a list."""
        if expected is False:
            raise NotOurs
        part = self.node(expected)

        def check(value: Any, at: Path, found: Found) -> None:
            if isinstance(value, list):
                for index, item in enumerate(value):
                    part(item, (*at, index), found)

        return check

    def all_of(self, expected: Any, schema: Schema) -> Check:
        """Check against each of several schemas."""
        parts = self._list(expected)

        def check(value: Any, at: Path, found: Found) -> None:
            for part in parts:
                part(value, at, found)

        return check

    def any_of(self, expected: Any, schema: Schema) -> Check:
        """See that one or more of several schemas fit."""
        parts = self._list(expected)

        def check(value: Any, at: Path, found: Found) -> None:
            if not any(_fits(part, value) for part in parts):
                message = f'{value!r} is not valid under any of the given schemas'
                found.add(Problem(at, message, 'anyOf', expected, value, schema))

        return check

    def one_of(self, expected: Any, schema: Schema) -> Check:
        """See that one of several schemas fits and no other."""
        parts = self._list(expected)

        def check(value: Any, at: Path, found: Found) -> None:
            fitting = [
                one for one, part in zip(expected, parts, strict=True) if _fits(part, value)
            ]
            if len(fitting) == 1:
                return
            if fitting:
                # jsonschema names the first one last.
                words = ', '.join(map(repr, [*fitting[1:], fitting[0]]))
                message = f'{value!r} is valid under each of {words}'
            else:
                message = f'{value!r} is not valid under any of the given schemas'
            found.add(Problem(at, message, 'oneOf', expected, value, schema))

        return check

    def negation(self, expected: Any, schema: Schema) -> Check:
        """See that a schema does not fit."""
        part = self.node(expected)

        def check(value: Any, at: Path, found: Found) -> None:
            if _fits(part, value):
                message = f'{value!r} should not be valid under {expected!r}'
                found.add(Problem(at, message, 'not', expected, value, schema))

        return check

    def condition(self, expected: Any, schema: Schema) -> Check:
        """Check by `then` or `else`, whichever a schema decides."""
        when = self.node(expected)
        then, otherwise = self.node(schema.get('then', True)), self.node(schema.get('else', True))

        def check(value: Any, at: Path, found: Found) -> None:
            (then if _fits(when, value) else otherwise)(value, at, found)

        return check

    def branch(self, expected: Any, schema: Schema) -> None:
        """Do nothing by itself: `if` does."""
        self.node(expected)

    def dependent_required(self, expected: Any, schema: Schema) -> Check:
        """See that keys which belong together are there together."""
        if not isinstance(expected, dict) or not all(map(_is_names, expected.values())):
            raise NotOurs

        def check(value: Any, at: Path, found: Found) -> None:
            if isinstance(value, dict):
                for key, others in expected.items():
                    for other in others if key in value else ():
                        if other not in value:
                            message = f'{other!r} is a dependency of {key!r}'
                            problem = (message, 'dependentRequired', expected, value, schema)
                            found.add(Problem(at, *problem))

        return check

    def required(self, expected: Any, schema: Schema) -> Check:
        """See that keys are there."""
        if not _is_names(expected):
            raise NotOurs

        def check(value: Any, at: Path, found: Found) -> None:
            if isinstance(value, dict):
                for key in expected:
                    if key not in value:
                        message = f'{key!r} is a required property'
                        found.add(Problem(at, message, 'required', expected, value, schema))

        return check

    def reference(self, expected: Any, schema: Schema) -> Check:
        """Check by a schema elsewhere in the root, which may refer to itself."""
        if not isinstance(expected, str) or not re.fullmatch(r'#(/[^%~]*)?', expected):
            raise NotOurs
        target = self._references.get(expected)
        if target is None:
            part = self._root
            try:
                for step in expected.split('/')[1:]:
                    part = part[int(step) if isinstance(part, list) else step]
            except (LookupError, TypeError, ValueError) as error:
                raise SchemaError(('$ref',), f'{expected!r} leads nowhere') from error
            target = self._references[expected] = []
            target.append(self.node(part))
        return lambda value, at, found: target[0](value, at, found)

    def _schemas(self, expected: Any) -> dict[str, Check]:
        if not isinstance(expected, dict):
            raise NotOurs
        return {key: self.node(part) for key, part in expected.items()}

    def _list(self, expected: Any) -> list[Check]:
        if not isinstance(expected, list) or not expected:
            raise NotOurs
        return [self.node(part) for part in expected]


_PARTS: dict[str, Callable[[Compiler, Any, Schema], Check | None]] = {
    '$defs': Compiler.definitions,
    '$ref': Compiler.reference,
    'additionalProperties': Compiler.additional_properties,
    'allOf': Compiler.all_of,
    'anyOf': Compiler.any_of,
    'dependentRequired': Compiler.dependent_required,
    'else': Compiler.branch,
    'if': Compiler.condition,
    'items': Compiler.items,
    'not': Compiler.negation,
    'oneOf': Compiler.one_of,
    'properties': Compiler.properties,
    'propertyNames': Compiler.property_names,
    'required': Compiler.required,
    'then': Compiler.branch,
}


def _is_names(expected: Any) -> bool:
    return (
        isinstance(expected, list)
        and all(isinstance(name, str) for name in expected)
        and len(set(expected)) == len(expected)
    )
