# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Check schemas of JSON Schema draft 2020-12, and values against them.

A schema is compiled once, into functions. These know the keywords that the bridge's own schemas
use and most that others would; for a schema with any other keyword jsonschema is imported, which
takes 5 MB and a tenth of a second, so make validators at the start. Words and order of problems
are those of jsonschema, the oracle of the tests.
"""

from __future__ import annotations

from typing import Any

from .compiler import Check, Compiler, Enough, Found, NotOurs, Path, Problem, SchemaError
from .keywords import is_finite_number


class Validator:
    """Checks values against one schema."""

    def __init__(self, schema: Any, *, root: Any = None, finite: bool = False) -> None:
        """
        Compile a schema, whose `$ref` point into `root`, by default itself.

        `finite` takes no NaN and no infinity for a number.

        :raises SchemaError: if it is no JSON Schema.
        """
        try:
            self._check: Check = Compiler(schema if root is None else root, finite).node(schema)
        except NotOurs:
            self._check = _by_jsonschema(schema, finite)

    def problems(self, value: Any, most: int | None = None) -> list[Problem]:
        """Return what is wrong with a value, the first `most` of it."""
        found = Found(most)
        try:
            self._check(value, (), found)
        except Enough:
            pass
        return found

    def first(self, value: Any) -> Problem | None:
        """Return the first thing that is wrong with a value."""
        return next(iter(self.problems(value, 1)), None)


def _by_jsonschema(schema: Any, finite: bool) -> Check:
    import jsonschema

    plain = jsonschema.Draft202012Validator
    try:
        plain.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise SchemaError(tuple(error.path), error.message) from error
    # Releases before 4.18, as Ubuntu 24.04 has, look at no regular expression before it is used.
    expressions = jsonschema.FormatChecker(formats=('regex',))
    for bad in plain(plain.META_SCHEMA, format_checker=expressions).iter_errors(schema):
        raise SchemaError(tuple(bad.path), bad.message)
    kind: Any = plain
    if finite:
        checker = plain.TYPE_CHECKER.redefine(
            'number', lambda checker, value: is_finite_number(value)
        )
        kind = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
            plain, type_checker=checker
        )
    validator = kind(schema)

    def check(value: Any, at: Path, found: Found) -> None:
        for error in validator.iter_errors(value):
            found.add(
                Problem(
                    (*at, *error.absolute_path),
                    error.message,
                    error.validator,
                    error.validator_value,
                    error.instance,
                    error.schema,
                )
            )

    return check
