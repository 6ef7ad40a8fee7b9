# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What does the local platform answer to chat."""

import pytest

from xparo_bridge.local.chat_rules import answer

TELEMETRY = {'pose': {'x': 1.234, 'y': -2.0, 'yaw': 0.0}, 'battery_percentage': 75.2}


@pytest.mark.parametrize(
    ('text', 'part'),
    [
        ('Hello robot', 'assist'),
        ('WHERE are you?', 'x 1.23 m, y -2.00 m'),
        ('how is the battery', '75%'),
        ('help', 'repeat'),
        ('somewhere over the rainbow', 'You said: somewhere over the rainbow'),
    ],
)
def test_it_answers_by_rules_and_repeats_the_rest(text, part):
    assert part in answer(text, TELEMETRY)


@pytest.mark.parametrize(
    'telemetry',
    [
        {},
        {'pose': None, 'battery_percentage': 'full'},
        {'pose': {'x': None, 'y': 1.0}, 'battery_percentage': None},
    ],
)
def test_it_says_so_where_telemetry_lacks_the_answer(telemetry):
    assert 'do not know' in answer('where are you', telemetry)
    assert 'do not know' in answer('battery?', telemetry)
