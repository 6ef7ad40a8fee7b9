# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a message published as often as it should be, and is it said what would make it heard."""

from __future__ import annotations

from fixtures.ros_graph import RosGraph
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Int32, String

from xparo_bridge.messages import CommandState

LED = {
    'kind': 'publish',
    'topic': '/led',
    'type': 'std_msgs/msg/String',
    'subscriber_timeout': 0.3,
    'motion': True,
}
KEEPING = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
REMEDY = 'write latched: true below the command'


@pytest.mark.parametrize(
    ('listeners', 'settings', 'words', 'remedy'),
    [
        ((), {}, 'nobody subscribes to it', False),
        (((String, KEEPING),), {}, 'does not fit', True),
        # Of another type, and no help to those that would be reached.
        (((Int32, 10), (String, KEEPING)), {}, '/led', True),
        (((Int32, 10),), {}, 'std_msgs/msg/Int32', False),
        (((Int32, KEEPING),), {'latched': True}, 'std_msgs/msg/Int32', False),
    ],
)
def test_latched_is_advised_where_somebody_needs_it_and_there_alone(
    station, listeners, settings, words, remedy
):
    at = station({'led': {**LED, **settings}})
    # In participants of their own, as one has one type alone for a name.
    graphs = [RosGraph(f'listener_{number}') for number in range(len(listeners))]
    for graph, (kind, qos) in zip(graphs, listeners, strict=True):
        graph.listen(kind, '/led', qos)
    at.until(lambda: at.graph.node.count_subscribers('/led') == len(listeners))
    error = at.end(at.send('led')).error
    assert error['code'] == 'no_subscriber'
    assert words in error['message']
    assert (REMEDY in error['message']) is remedy
    for graph in graphs:
        graph.__exit__()


@pytest.mark.parametrize('how', ['done', 'cancelled', 'preempted'])
def test_its_timer_is_gone_with_it(station, how):
    times = 3 if how == 'done' else 1000
    at = station(
        {
            'led': {**LED, 'subscriber_timeout': None, 'rate': 50.0, 'times': times},
            'cancel': {'kind': 'cancel'},
        }
    )
    before = len(list(at.graph.node.timers))
    run = at.send('led')
    assert run.state is CommandState.RUNNING
    assert len(list(at.graph.node.timers)) == before + 1
    if how == 'done':
        assert at.end(run).result == {'times': 3}
    elif how == 'cancelled':
        at.send('cancel')
        assert at.end(run).error['code'] == 'canceled'
    else:
        newer = at.send('led')
        assert at.end(run).error['code'] == 'preempted'
        at.router.cancel(newer)
    at.until(lambda: not at.router.open_runs)
    assert len(list(at.graph.node.timers)) == before


def test_a_pause_holds_its_messages_and_it_goes_on_where_it_was(station):
    at = station(
        {
            'led': {**LED, 'subscriber_timeout': None, 'rate': 100.0, 'times': 20},
            'pause': {'kind': 'pause'},
            'resume': {'kind': 'resume'},
        }
    )
    said = at.graph.listen(String, '/led')
    at.until(lambda: at.graph.node.count_subscribers('/led'))
    run = at.send('led')
    at.until(lambda: run.work.left < 15)
    at.end(at.send('pause'))
    assert run.state is CommandState.PAUSED
    left = run.work.left
    assert run.work.timer.is_canceled()
    at.end(at.send('resume'))
    assert run.work.left == left
    assert at.end(run).result == {'times': 20}
    at.until(lambda: len(said) == 20)
