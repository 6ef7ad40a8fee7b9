# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What counts as a change."""

import math

import numpy
import pytest

from xparo_bridge.robot.telemetry.change import Threshold

RANGES = numpy.array([1, 2, math.nan, math.inf], numpy.float32)


@pytest.mark.parametrize(
    ('threshold', 'old', 'new', 'changed'),
    [
        (True, 1, 1, False),
        (True, 1.0, 1.0000001, True),
        (True, 'docked', 'docking', True),
        (True, 'docked', 'docked', False),
        (True, None, 'docked', True),
        (True, True, False, True),
        (0.1, 1.0, 1.05, False),
        (0.1, 1.0, 1.1000001, True),
        (0.1, 'a', 'b', True),
        (0.1, math.nan, math.nan, False),
        (0.1, 1.0, math.nan, True),
        (0.1, math.inf, math.inf, False),
        (0.1, math.inf, 1.0, True),
        (0.1, {'x': 1.0, 'y': 1.0}, {'x': 1.05, 'y': 1.0}, False),
        (0.1, {'x': 1.0, 'y': 1.0}, {'x': 1.0, 'y': 2.0}, True),
        (0.1, {'x': 1.0}, {'y': 1.0}, True),
        (0.1, [1.0, 2.0], [1.0, 2.05], False),
        (0.1, [1.0], [1.0, 2.0], True),
        (0.1, (1.0, 2.0), [1.0, 2.2], True),
        ('10%', 100, 109, False),
        ('10%', 100, 110, True),
        ('10%', 0, 0.001, True),
        (0.1, RANGES, RANGES + 0.01, False),
        (0.1, RANGES, RANGES + 0.2, True),
        (0.1, RANGES, RANGES[:2], True),
        (0.1, (), RANGES, True),
        (True, b'ab', b'ab', False),
        (True, b'ab', b'ac', True),
    ],
)
def test_what_counts_as_a_change(threshold, old, new, changed):
    assert Threshold.parse(threshold).exceeded(old, new) is changed


def test_a_slow_drift_is_a_change_in_the_end():
    threshold, sent, value = Threshold.parse(0.1), 0.0, 0.0
    for _ in range(5):
        value += 0.03
        if threshold.exceeded(sent, value):
            sent = value
    assert sent > 0


def test_false_is_no_threshold():
    assert Threshold.parse(False) is None


@pytest.mark.parametrize('text', ['much', '%', -1, '-5%', math.nan, None, []])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match='expected'):
        Threshold.parse(text)
