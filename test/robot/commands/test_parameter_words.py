# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with parameters, in a sentence for the person who sent them."""

from __future__ import annotations

import pytest

from xparo_bridge.json_schema import Validator
from xparo_bridge.json_schema.words import sentence

SCHEMA = {
    'type': 'object',
    'additionalProperties': False,
    'properties': {
        'goal': {
            'type': ['string', 'object'],
            'properties': {'x': {'type': 'number'}, 'y': {'type': 'number'}},
            'required': ['x', 'y'],
        },
        'goals': {'type': 'array', 'minItems': 1},
        'loops': {'type': 'integer'},
        'mode': {'enum': ['fast', 'slow']},
        'x': {'type': 'number'},
        'y': {'type': 'number'},
    },
    'oneOf': [{'required': ['goal']}, {'required': ['goals']}, {'required': ['x', 'y']}],
    'dependentRequired': {'loops': ['goals'], 'x': ['y']},
}
FORMS = 'expected goal, goals or x and y'


@pytest.mark.parametrize(
    ('parameters', 'sentences'),
    [
        ({}, [FORMS]),
        ({'x': 1}, [FORMS, '"x" needs "y" beside it']),
        ({'goal': [1]}, ['[1] is a list, expected a string or an object']),
        ({'goal': None}, ['null, expected a string or an object']),
        ({'goal': {'x': 1}}, ['"y" is missing']),
        ({'x': 'left', 'y': 2}, ['"left" is a string, expected a number']),
        ({'x': True, 'y': 2}, ['true is a boolean, expected a number']),
        ({'goal': 'a', 'gaol': 1}, ['there is no parameter "gaol"; did you mean "goal"?']),
        ({'goal': 'a', 'goals': [1]}, ['goal and goals are too many; expected one of goal,']),
        ({'goals': []}, ['[] is too short, expected at least 1']),
        ({'goal': 'a', 'mode': 'quick'}, ['"quick" is none of those known; expected "fast" or']),
        ({'goals': [1], 'loops': 1.5}, ['1.5 is a number, expected a whole number']),
    ],
)
def test_it_says_what_would_be_right(parameters, sentences):
    found = [sentence(problem) for problem in Validator(SCHEMA).problems(parameters, 10)]
    assert len(found) == len(sentences)
    assert all(said.startswith(words) for said, words in zip(found, sentences, strict=True)), found
    text = ' '.join(found)
    assert "'" not in text
    assert 'None' not in text


@pytest.mark.parametrize(
    ('schema', 'words'),
    [
        ({'additionalProperties': False}, 'there is no parameter "why"; it takes none'),
        ({'additionalProperties': False, 'properties': {}}, 'it takes none'),
        ({'enum': []}, 'expected nothing'),
        ({'not': {}}, 'should not be valid'),
        ({'properties': {'why': False}}, 'cannot be given together with'),
    ],
)
def test_a_schema_that_takes_nothing_is_reported_too(schema, words):
    (problem, *_) = Validator(schema).problems({'why': 'because'}, 10)
    assert words in sentence(problem)


def test_what_is_long_is_cut():
    (problem,) = Validator(SCHEMA).problems({'goals': 'x' * 10_000}, 1)
    assert len(sentence(problem)) < 200
