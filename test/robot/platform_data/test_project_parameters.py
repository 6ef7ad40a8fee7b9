# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever value a platform sends for a parameter, it fits the parameter's type or is refused."""

from __future__ import annotations

import math

import pytest
from rcl_interfaces.msg import ParameterType as Type
from rcl_interfaces.msg import ParameterValue
from rclpy.parameter import parameter_value_to_python
from rclpy.serialization import deserialize_message, serialize_message

from xparo_bridge.robot.platform_data.project_parameters import parameter_value, ValueMisfit

KINDS = range(1, 10)
HOSTILE = [
    10**30,
    2**63,
    -(2**63) - 1,
    10**5000,
    [10**30],
    [2**63],
    1e308 * 10,
    math.nan,
    [math.nan],
    None,
    {},
    {'a': 1},
    [[]],
    [None],
    [1, 'a'],
    [True, 1],
    ['x'] * 10_001,
    [0.5] * 10_001,
    'text',
    -1,
    256,
    True,
    [],
]


@pytest.mark.parametrize('kind', range(0, 12))
@pytest.mark.parametrize('value', HOSTILE, ids=range(len(HOSTILE)))
def test_a_value_of_any_size_fits_or_is_refused_in_few_words(value, kind):
    try:
        made = parameter_value(value, kind)
    except ValueMisfit as error:
        assert len(str(error)) < 200
    else:
        # What fits can be written to the wire and read back.
        assert deserialize_message(serialize_message(made), ParameterValue) == made


@pytest.mark.parametrize(
    ('value', 'kind', 'taken'),
    [
        (5, Type.PARAMETER_DOUBLE, 5.0),
        (5.0, Type.PARAMETER_INTEGER, 5),
        (2**63 - 1, Type.PARAMETER_INTEGER, 2**63 - 1),
        ([1, 2.5], Type.PARAMETER_DOUBLE_ARRAY, [1.0, 2.5]),
        ([], Type.PARAMETER_STRING_ARRAY, []),
        ([0, 255], Type.PARAMETER_BYTE_ARRAY, [b'\x00', b'\xff']),
        (True, Type.PARAMETER_NOT_SET, True),
        (5, Type.PARAMETER_NOT_SET, 5),
        ([1, 2.5], Type.PARAMETER_NOT_SET, [1.0, 2.5]),
        (['a'], Type.PARAMETER_NOT_SET, ['a']),
    ],
)
def test_a_value_takes_the_type_of_the_parameter(value, kind, taken):
    python = parameter_value_to_python(parameter_value(value, kind))
    assert list(python) == taken if isinstance(taken, list) else python == taken


@pytest.mark.parametrize('value', [1.5, '5', True, [5], 2**63])
def test_what_no_integer_is_is_not_made_one(value):
    with pytest.raises(ValueMisfit, match='expected a whole number of 64 bits'):
        parameter_value(value, Type.PARAMETER_INTEGER)
