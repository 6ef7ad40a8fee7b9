# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is an operator who watches shown what has changed, once, and nothing that counts is left out."""

from __future__ import annotations

import pytest

from xparo_bridge.local.changes import Changes, of_interest, PERIOD
from xparo_bridge.local.event_lines import event_line
from xparo_bridge.local.platform_frames import make


def telemetry(at: float, robot: str = 'r', **values):
    return {'robot': robot, 'event': 'received', 'type': 'telemetry', 'time': at, 'data': values}


def shown(changes: Changes, *events):
    return [each['data'] for event in events for each in changes.of(event)]


def test_what_is_said_again_is_shown_once():
    changes = Changes()
    said = [telemetry(at, battery=80.0, pose={'x': 1.0}) for at in range(10)]
    assert shown(changes, *said) == [{'battery': 80.0, 'pose': {'x': 1.0}}]
    assert not list(changes.waiting())
    moved = telemetry(10.0, battery=80.0, pose={'x': 1.2})
    assert shown(changes, moved) == []
    assert [each['data'] for each in changes.waiting()] == [{'pose': {'x': 1.2}}]


def test_messages_of_one_period_become_one_line_with_the_latest_of_each():
    changes = Changes()
    assert shown(changes, telemetry(0.0, a=1), telemetry(0.5, b=1), telemetry(1.0, a=2)) == []
    (line,) = changes.waiting()
    assert (line['data'], line['time']) == ({'a': 2, 'b': 1}, 1.0)


def test_of_what_was_kept_each_period_is_a_line():
    changes = Changes()
    kept = [telemetry(at * PERIOD, a=at) for at in range(5)]
    assert shown(changes, *kept) == [{'a': 0}, {'a': 1}, {'a': 2}, {'a': 3}]
    assert [each['data'] for each in changes.waiting()] == [{'a': 4}]


def test_a_value_that_comes_once_is_shown_though_nothing_comes_after_it():
    changes = Changes()
    assert shown(changes, telemetry(0.0, a=1)) == []
    assert [each['data'] for each in changes.waiting()] == [{'a': 1}]
    assert shown(changes, telemetry(0.1, door='open')) == []
    assert [each['data'] for each in changes.waiting()] == [{'door': 'open'}]


def test_a_change_that_is_not_in_the_line_is_none():
    changes = Changes()
    events = [telemetry(at * PERIOD, x=1.00001 + at * 1e-6) for at in range(4)]
    assert shown(changes, *events) == [{'x': 1.00001}]


def test_robots_do_not_hide_one_another():
    changes = Changes()
    for robot in ('r1', 'r2'):
        assert shown(changes, telemetry(0.0, robot, a=1)) == []
    assert [(each['robot'], each['data']) for each in changes.waiting()] == [
        ('r1', {'a': 1}),
        ('r2', {'a': 1}),
    ]


@pytest.mark.parametrize(
    'event',
    [
        {'robot': 'r', 'event': 'connected', 'time': 0.0},
        {'robot': 'r', 'event': 'received', 'type': 'chat', 'time': 0.0, 'data': {'message': 'a'}},
    ],
)
def test_what_is_no_telemetry_is_shown_at_once_each_time(event):
    changes = Changes()
    assert [*changes.of(event), *changes.of(event)] == [event, event]


@pytest.mark.parametrize(
    'event',
    [
        {'robot': 'r', 'event': 'sent', 'frame': make('ping'), 'time': 0.0},
        {'robot': 'r', 'event': 'received', 'type': 'pong', 'time': 0.0, 'data': {}},
    ],
)
def test_heartbeats_are_no_news(event):
    assert not list(Changes().of(event))


def test_only_what_is_named_is_of_interest():
    event = telemetry(0.0, pose={'x': 1.0}, battery=80.0)
    assert of_interest(event, set()) == event
    assert of_interest(event, {'telemetry'}) == event
    assert of_interest(event, {'pose'})['data'] == {'pose': {'x': 1.0}}
    assert of_interest(event, {'command_status'}) is None
    status = {'robot': 'r', 'event': 'received', 'type': 'command_status', 'data': {'pose': 1}}
    assert of_interest(status, {'pose'}) is None
    assert of_interest(status, {'pose', 'command_status'}) == status


def test_telemetry_of_an_outage_is_a_line():
    samples = [{'time': 100.0 + at, 'values': {'a': at}} for at in range(200)]
    event = {'robot': 'r', 'event': 'received', 'type': 'telemetry_history', 'time': 400.0}
    line = event_line({**event, 'data': {'samples': samples}})
    assert 'telemetry_history 200 samples of an outage, ' in line and len(line) < 100
    assert event_line({**event, 'data': {}}).endswith('telemetry_history 0 samples of an outage')
