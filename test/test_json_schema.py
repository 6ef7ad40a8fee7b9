# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does our validator say what jsonschema says, which is its oracle, and keep jsonschema out."""

from __future__ import annotations

from importlib.metadata import entry_points, version
import json
from pathlib import Path
import re
import subprocess
import sys
import time
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
import jsonschema
import pytest

from xparo_bridge.json_schema import defaults, SchemaError, Validator
from xparo_bridge.json_schema.defaults import fill_defaults
from xparo_bridge.robot.commands import configured, parameters
from xparo_bridge.share import share

# Releases before 4.21 have other words for what is too much, too little, or empty.
SAME_WORDS = tuple(map(int, version('jsonschema').split('.')[:2])) >= (4, 21)
_CONFIGURATION = json.loads(share('config', 'schema.json').read_text())
_KINDS = {point.name: point.load() for point in entry_points(group=configured.GROUP)}


def _parts(schema: Any) -> list[dict[str, Any]]:
    """Every schema in a schema that needs nothing of its root, and the root."""
    found = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if '$ref' not in json.dumps(part, default=str):
                found.append(part)
            for key in ('properties', '$defs'):
                for inner in part.get(key, {}).values():
                    walk(inner)
            for key in ('items', 'additionalProperties', 'propertyNames', 'not'):
                walk(part.get(key))
            for key in ('oneOf', 'anyOf', 'allOf'):
                for inner in part.get(key, ()):
                    walk(inner)

    walk(schema)
    return [schema, *found]


_SCHEMAS = [
    *_parts(_CONFIGURATION),
    *(part for kind in _KINDS.values() for part in _parts(kind.settings_schema)),
    *_parts(parameters.DECLARATIONS),
]
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 70000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, 1.0, 0.5, 2.5, 1e308, 10**400])
    | st.text(max_size=5)
    | st.sampled_from(['a', 'xparo', 'map', 'string', 'object', '/odom', 'std_srvs/srv/Trigger'])
)


def _values(schema: Any, depth: int = 4) -> st.SearchStrategy[Any]:
    """Values that are nearly right: with the schema's keys, most of its types, and others."""
    anything = st.recursive(
        _LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=4,
    )
    if not isinstance(schema, dict) or not depth:
        return anything
    if '$ref' in schema:
        part: Any = _CONFIGURATION
        for step in schema['$ref'].split('/')[1:]:
            part = part[step]
        return _values(part, depth - 1)
    choices = [anything]
    if 'enum' in schema:
        choices += [st.sampled_from(schema['enum'])] * 3
    for key in ('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'const', 'default'):
        if key in schema:
            choices.append(st.just(schema[key]))
    for key in ('oneOf', 'anyOf', 'allOf'):
        choices += [_values(part, depth - 1) for part in schema.get(key, ())]
    properties = schema.get('properties', {})
    extra = schema.get('additionalProperties')
    if properties or isinstance(extra, dict):
        choices += [
            st.builds(
                lambda known, more: {**more, **known},
                st.fixed_dictionaries(
                    {},
                    optional={key: _values(part, depth - 1) for key, part in properties.items()},
                ),
                st.dictionaries(
                    st.sampled_from(['a', 'b c', 'other']), _values(extra, depth - 1), max_size=2
                ),
            )
        ] * 4
    if isinstance(schema.get('items'), dict):
        choices += [st.lists(_values(schema['items'], depth - 1), max_size=3)] * 3
    return st.one_of(choices)


_STRATEGIES: dict[int, st.SearchStrategy[Any]] = {}


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Any, Any]:
    index = draw(st.integers(0, len(_SCHEMAS) - 1))
    if index not in _STRATEGIES:
        _STRATEGIES[index] = _values(_SCHEMAS[index])
    return _SCHEMAS[index], draw(_STRATEGIES[index])


def _ours(schema: Any, value: Any) -> list[tuple[Any, ...]]:
    return sorted(
        (
            (
                problem.path if problem.keyword else (),
                problem.message if SAME_WORDS else '',
                problem.keyword,
                problem.expected,
                problem.instance,
                problem.schema,
            )
            for problem in Validator(schema).problems(value)
        ),
        key=repr,
    )


def _oracle(schema: Any, value: Any) -> list[tuple[Any, ...]]:
    return sorted(
        (
            (
                # It loses the place of what False forbids.
                tuple(error.absolute_path) if error.validator else (),
                error.message if SAME_WORDS else '',
                error.validator,
                error.validator_value,
                error.instance,
                error.schema,
            )
            for error in jsonschema.Draft202012Validator(schema).iter_errors(value)
        ),
        key=repr,
    )


@given(_cases())
def test_values_of_our_own_schemas_have_the_problems_that_jsonschema_finds(case: Any) -> None:
    schema, value = case
    assert _ours(schema, value) == _oracle(schema, value)


_NUMBERS = st.integers(-4, 4) | st.sampled_from([0.5, 1.0, 1.5, -2.0])
_SIZES = st.integers(0, 3)
_SMALL = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.sampled_from(['', 'a', 'ab', 'abc', '1']),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from('abc'), inner, max_size=3)
    ),
    max_leaves=6,
)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, min_size=1, max_size=3)
    names = st.lists(st.sampled_from('abc'), unique=True, max_size=2)
    types = st.sampled_from(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])
    return st.fixed_dictionaries(
        {},
        optional={
            'type': types | st.lists(types, min_size=1, max_size=3, unique=True),
            'const': _SMALL,
            'enum': st.lists(_SMALL, max_size=3),
            **dict.fromkeys(
                ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'], _NUMBERS
            ),
            'multipleOf': st.sampled_from([1, 2, 3, 0.5, 0.1]),
            **dict.fromkeys(
                [
                    *('minLength', 'maxLength', 'minItems', 'maxItems'),
                    *('minProperties', 'maxProperties'),
                ],
                _SIZES,
            ),
            'pattern': st.sampled_from(['^a', 'b$', '[0-9]', '']),
            'uniqueItems': st.booleans(),
            'required': names,
            'dependentRequired': st.dictionaries(st.sampled_from('abc'), names, max_size=2),
            'properties': st.dictionaries(st.sampled_from('abc'), inner, max_size=2),
            'items': inner,
            **dict.fromkeys(['additionalProperties', 'propertyNames', 'not'], inner),
            **dict.fromkeys(['if', 'then', 'else'], inner),
            **dict.fromkeys(['oneOf', 'anyOf', 'allOf'], lists),
        },
    )


@given(st.recursive(st.booleans() | _schemas(st.booleans()), _schemas, max_leaves=4), _SMALL)
@example({'enum': [True, [0]]}, 1)
@example({'const': {'a': [1]}}, {'a': [1.0]})
@example({'uniqueItems': True}, [1, True, 1.0])
@example({'multipleOf': 0.1}, 0.3)
@example({'items': False}, [1, 2])
@example({'properties': {'a': False}}, {'a': 1})
def test_any_schema_of_these_keywords_means_what_it_means_to_jsonschema(
    schema: Any, value: Any
) -> None:
    assert _ours(schema, value) == _oracle(schema, value)


@pytest.mark.parametrize(
    'schema',
    [
        {'type': 'wrong'},
        {'type': []},
        {'type': ['string', 'string']},
        {'minimum': '1'},
        {'minimum': True},
        {'minLength': -1},
        {'pattern': '('},
        {'pattern': 1},
        {'required': 'a'},
        {'required': ['a', 'a']},
        {'properties': []},
        {'properties': {'a': 1}},
        {'items': 'a'},
        {'enum': 'a'},
        {'oneOf': []},
        {'multipleOf': 0},
        {'description': 1},
        {'$defs': {'a': {'type': 'wrong'}}},
        {'uniqueItems': 1},
        7,
    ],
)
def test_what_is_no_schema_is_reported_in_the_words_of_jsonschema(schema: Any) -> None:
    with pytest.raises(SchemaError) as ours:
        Validator(schema)
    kind = jsonschema.Draft202012Validator
    # Some releases look at formats by themselves when they check a schema.
    checker = jsonschema.FormatChecker(formats=('regex',))
    oracle = next(kind(kind.META_SCHEMA, format_checker=checker).iter_errors(schema))
    assert (ours.value.path, ours.value.message) == (tuple(oracle.path), oracle.message)


def test_a_reference_that_leads_nowhere_is_an_error_at_once() -> None:
    with pytest.raises(SchemaError, match='leads nowhere'):
        Validator({'$ref': '#/$defs/missing'})


def test_a_schema_may_refer_to_itself() -> None:
    schema = {'properties': {'next': {'$ref': '#'}}, 'additionalProperties': False}
    validator = Validator(schema)
    assert not validator.problems({'next': {'next': {}}})
    assert [problem.path for problem in validator.problems({'next': {'a': 1}})] == [('next',)]


@pytest.mark.parametrize(
    ('schema', 'value'),
    [
        ({'patternProperties': {'^a': {'type': 'string'}}}, {'ab': 1}),
        ({'contains': {'type': 'string'}}, [1]),
        ({'prefixItems': [{'type': 'string'}], 'items': False}, [1, 2]),
        ({'$anchor': 'a', 'type': 'string'}, 1),
        ({'properties': {'a': {'unevaluatedProperties': False}}}, {'a': {'b': 1}}),
        ({'x-of-our-own': 1, 'type': 'string'}, 1),
    ],
)
def test_other_keywords_are_left_to_jsonschema(schema: Any, value: Any) -> None:
    assert _ours(schema, value) == _oracle(schema, value) != []


def test_numbers_can_be_asked_to_be_finite() -> None:
    for value in (float('nan'), float('inf')):
        for schema in ({'type': 'number'}, {'type': 'number', 'contains': {}}):
            assert Validator(schema, finite=True).problems(value)
            assert not Validator(schema).problems(value)
    assert not Validator({'type': 'number'}, finite=True).problems(10**400)


def test_the_bridge_loads_no_jsonschema() -> None:
    program = (
        'import sys; import xparo_bridge.process; import xparo_bridge.rollout.source as source;'
        'from xparo_bridge.configuration import load;'
        'load(source.package_files(["bridge.yaml", "commands.yaml", "demo.yaml"]));'
        'print("jsonschema" in sys.modules, "attr" in sys.modules)'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ['False', 'False'], done.stderr


def test_a_check_costs_a_fraction_of_what_it_costs_by_jsonschema() -> None:
    pose = {
        'type': 'object',
        'additionalProperties': False,
        'required': ['x', 'y'],
        'properties': {name: {'type': 'number', 'minimum': -1e6} for name in ('x', 'y', 'yaw')},
    }
    schema = {'type': 'object', 'properties': {'poses': {'type': 'array', 'items': pose}}}
    value = {'poses': [{'x': 1.0, 'y': 2.0, 'yaw': 0.5}] * 200}
    ours, oracle = Validator(schema), jsonschema.Draft202012Validator(schema)

    def fastest(check: Any) -> float:
        times = []
        for _ in range(5):
            began = time.thread_time()
            check()
            times.append(time.thread_time() - began)
        return min(times)

    found = fastest(lambda: ours.problems(value)), fastest(lambda: list(oracle.iter_errors(value)))
    assert found[0] < found[1] / 3, found


# --- defaults: the same for a configuration, a command that came, and one in a tree on paper ---


@pytest.mark.parametrize(
    'schema, value, filled',
    [
        ({}, {'a': 1}, {'a': 1}),
        ({'properties': {'a': {'default': 2}, 'b': {}, 'c': True}}, {}, {'a': 2}),
        ({'properties': {'a': {'default': 2}}}, {'a': None}, {'a': None}),
        ({'properties': {'a': {'default': None}}}, {}, {'a': None}),
        ({'properties': {'a': {'properties': {'b': {'default': 1}}}}}, {}, {}),
        ({'properties': {'a': {'properties': {'b': {'default': 1}}}}}, {'a': {}}, {'a': {'b': 1}}),
        (
            {'properties': {'a': {'default': {}, 'properties': {'b': {'default': [1]}}}}},
            {},
            {'a': {'b': [1]}},
        ),
        (
            {'additionalProperties': {'properties': {'b': {'default': 1}}}},
            {'x': {}, 'y': {'b': 2}},
            {'x': {'b': 1}, 'y': {'b': 2}},
        ),
        ({'items': {'properties': {'b': {'default': 1}}}}, [{}, 3], [{'b': 1}, 3]),
        (
            {'$defs': {'d': {'properties': {'b': {'default': 1}}}}, '$ref': '#/$defs/d'},
            {},
            {'b': 1},
        ),
    ],
)
def test_defaults_are_filled_where_a_value_leaves_them_out(schema, value, filled):
    before = json.dumps(schema)
    fill_defaults(value, schema, schema)
    assert value == filled
    assert Validator(schema).first(value) is None
    if isinstance(value, dict):
        for part in value.values():
            if isinstance(part, dict):
                part['changed'] = True
    assert json.dumps(schema) == before  # A default is copied, so that no value changes another.


def test_each_default_of_a_kind_is_filled_in_a_command_and_on_paper():
    """One place knows what a default is, whoever asks for it."""
    package = Path(defaults.__file__).parents[1]
    readers = {
        path.relative_to(package).as_posix()
        for path in package.rglob('*.py')
        if re.search(r"""\[['"]default['"]\](?! *=)""", path.read_text())
    }
    # Declarations are checked where they are read: parameters' own schemas.
    assert readers == {'json_schema/defaults.py', 'robot/commands/parameters.py'}
