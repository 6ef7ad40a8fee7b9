# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is every message of a period counted, and is what was said last said of what is stale."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest
from rclpy.serialization import serialize_message

from xparo_bridge.robot.telemetry.groups import diagnostics
from xparo_bridge.robot.telemetry.groups.diagnostics import _Part

SETTINGS = {'topic': '/diagnostics', 'stale_after': 60.0, 'limit': 10}


def array(*names, level=b'\0'):
    return DiagnosticArray(
        status=[DiagnosticStatus(name=name, level=level, message=f'{name} says') for name in names]
    )


@pytest.fixture
def listening(graph):
    """Make the group and a publisher that it hears, and what tells that all has come."""
    publisher = graph.robot.create_publisher(DiagnosticArray, '/diagnostics', 100)
    graph.spin_until(lambda: graph.node.count_publishers('/diagnostics'))
    source = diagnostics.make(graph.node, SETTINGS)
    source.refresh()
    # In the bridge's own participant, so that what it has heard the group has too.
    heard = []
    graph.node.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 100)
    graph.spin_until(lambda: publisher.get_subscription_count() == 2)

    def publish(*messages):
        before = len(heard)
        for message in messages:
            publisher.publish(message)
        graph.spin_until(lambda: len(heard) == before + len(messages))

    yield source, publish
    source.close()


@pytest.mark.parametrize('busy', [False, True])
def test_all_messages_of_a_period_are_read_as_far_as_there_is_time(listening, monkeypatch, busy):
    monkeypatch.setattr(diagnostics, '_BUDGET', -1.0 if busy else 60.0)
    source, publish = listening
    publish(*(array(f'part {number}') for number in range(5)))
    totals = [source.collect()['diagnostics']['total'] for _ in range(5)]
    # With no time to spare one message is read each period, and the others in those that follow.
    assert totals == ([1, 2, 3, 4, 5] if busy else [5] * 5)


def test_of_what_is_stale_the_newest_words_are_said():
    part = _Part({1: ('warm', 5.0), 2: ('hot', 7.0), 0: ('well', 6.0)})
    assert part.now(4.0) == (2, 'hot')
    assert part.now(6.5) == (2, 'hot')
    assert part.now(7.0) == (3, 'hot')
    part.said[0] = ('well again', 8.0)
    assert part.now(7.5) == (0, 'well again')
    assert part.now(9.0) == (3, 'well again')
    # Of what nobody has said is known less than of an error, and more than of a warning.
    part.said = {3: ('lost', 5.0), 1: ('warm', 5.0)}
    assert part.now(4.0) == (3, 'lost')
    part.said[2] = ('broken', 5.0)
    assert part.now(4.0) == (2, 'broken')


def test_a_part_that_fell_silent_is_shown_stale_with_its_words(listening):
    source, publish = listening
    publish(array('arm', level=b'\1'))
    assert source.collect()['diagnostics']['level'] == 'WARN'
    source._settings = {**SETTINGS, 'stale_after': 1e-9}
    source._parts[('arm', '')].heard += 60.0  # Not so long that it is taken for removed.
    assert source.collect()['diagnostics'] == {
        'level': 'STALE',
        'total': 1,
        'not_ok': [{'name': 'arm', 'level': 'STALE', 'message': 'arm says'}],
    }


@pytest.mark.parametrize('cause', ['unreadable', 'too many'])
def test_what_was_wrong_is_taken_back_when_nothing_was_for_a_while(listening, monkeypatch, cause):
    monkeypatch.setattr(diagnostics, '_WELL_AFTER', 60.0)
    monkeypatch.setattr(diagnostics, '_MOST', 3)
    source, publish = listening
    problems = source._problems
    bad = serialize_message(array('arm'))[:12] if cause == 'unreadable' else array(*'abcdef')
    words = 'is no DiagnosticArray' if cause == 'unreadable' else 'more than 3 parts report'
    if cause == 'unreadable':
        source._subscription.drain = lambda: [bad]  # No other reader of the test could take it.
    else:
        publish(bad)
    source.collect()
    assert words in problems.now['telemetry of /diagnostics']
    vars(source._subscription).pop('drain', None)
    publish(array('arm'))
    source.collect()
    assert 'telemetry of /diagnostics' in problems.now  # It may come again with the next.
    monkeypatch.setattr(diagnostics, '_WELL_AFTER', 0.0)
    publish(array('arm'))
    source.collect()
    assert 'telemetry of /diagnostics' not in problems.now
