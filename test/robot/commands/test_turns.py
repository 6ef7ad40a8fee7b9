# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a command that waits for its turn do nothing before it, of whichever kind it is."""

from __future__ import annotations

from importlib.metadata import entry_points
import time

from fixtures.system import start_failing_server
from geometry_msgs.msg import Twist
import pytest

from xparo_bridge.messages import CommandState

# One command of each kind that can wait, on one channel: its settings and parameters.
KINDS = {
    'action': ({'action': 'wait', 'type': 'nav2_msgs/action/Wait'}, {}),
    'delete_tree': ({}, {'tree_name': 'round'}),
    'dock': ({}, {}),
    'freeze_recording': ({}, {}),
    'halt_tree': ({}, {}),
    'list_commands': ({}, {}),
    'list_recordings': ({}, {}),
    'list_trees': ({}, {}),
    'navigate': ({}, {'goal': 'home'}),
    'apply_configuration': ({}, {'bundle': 'bm9uZQ=='}),
    'publish': (
        {'topic': '/beep', 'type': 'std_msgs/msg/Empty', 'subscriber_timeout': None},
        {},
    ),
    'run_tree': ({}, {'tree_name': 'round'}),
    'save_place': ({'transform_timeout': 0.3}, {'name': 'here'}),
    'say': ({}, {'text': 'hello'}),
    'service': (
        {'service': '/trigger', 'type': 'std_srvs/srv/Trigger', 'server_timeout': 0.3},
        {},
    ),
    'set_parameter': (
        {
            'allowed': {
                'speed': {'node': '/xparo_bridge', 'parameter': 'x', 'value': {'type': 'number'}}
            }
        },
        {'name': 'speed', 'value': 1.0},
    ),
    'set_telemetry': ({'groups': {'battery': 1.0}}, {'group': 'battery', 'enabled': False}),
    'status': ({}, {}),
    'teleop': ({}, {'linear': 0.1}),
    'undock': ({}, {}),
}
FIRST = {
    'kind': 'publish',
    'topic': '/first',
    'type': 'std_msgs/msg/Empty',
    'subscriber_timeout': None,
    # Until it is cancelled: if it ended by itself, it might do so before the second was sent.
    'times': 6000,
    'rate': 10.0,
    'channel': 'base',
    'concurrency': 'queue',
}
# What a kind may be asked about a run of its own before that has its turn.
ALLOWED = {'prepare', 'takes_over'}
TREE = (
    '<root BTCPP_format="4"><BehaviorTree ID="round"><Sleep msec="60000"/></BehaviorTree></root>'
)


def test_every_kind_that_can_wait_is_tried_here():
    installed = {point.name: point.load() for point in entry_points(group='xparo_bridge.commands')}
    waiting = {name for name, kind in installed.items() if not kind.urgent}
    assert waiting == set(KINDS), 'KINDS needs a line of each'


@pytest.mark.parametrize('concurrency', ['queue', 'preempt'])
@pytest.mark.parametrize('kind', KINDS)
def test_nothing_of_a_command_happens_before_its_turn(station, kind, concurrency):
    settings, parameters = KINDS[kind]
    second = {'kind': kind, 'channel': 'base', 'concurrency': concurrency, 'timeout': 3.0}
    slow = {
        'kind': 'navigate',
        'accept_timeout': 30.0,
        'cancel_timeout': 30.0,
        'server_timeout': 30.0,
    }
    with start_failing_server('slow_cancel', '--delay', '0.8'):
        at = station(
            {
                'first': FIRST if concurrency == 'queue' else slow,
                'second': {**second, **settings, 'server_timeout': 0.3}
                if kind in ('action', 'dock', 'navigate', 'undock')
                else {**second, **settings},
                'stop': {'kind': 'stop', 'stop_for': 0.0},
            }
        )
        checked = []
        at.trees.load('round', TREE, lambda *end: checked.append(end))
        at.until(lambda: checked)
        if kind == 'halt_tree':
            at.trees.run('round')
            at.until(lambda: at.trees.current is not None)
        first = at.send('first', **({} if concurrency == 'queue' else {'x': 1.0, 'y': 1.0}))
        at.until(lambda: first.state is CommandState.RUNNING and first.started, 60.0)
        asked = record(at.router.kinds['second'])
        run = at.send('second', **parameters)
        if not run.open or run.started:
            # A goal of the same action takes over without a stop in between.
            assert concurrency == 'preempt' and kind == 'navigate'
            return
        until = time.monotonic() + 0.5
        while first.open:
            if concurrency == 'queue' and time.monotonic() > until:
                at.router.cancel(first)
                break
            assert not run.started
            assert set(asked) <= ALLOWED, asked
            assert [s.state for s in at.reported if s.command_id == run.id] in (
                [CommandState.ACCEPTED],
                [],
            )
            now = time.monotonic()
            at.until(lambda now=now: time.monotonic() > now + 0.05)
        at.until(lambda: run.started, 30.0)
        at.until(lambda: not run.open or 'start' in asked)
        at.end(at.send('stop'), 40.0)
        at.until(lambda: not run.open)
        ends = [s for s in at.reported if s.command_id == run.id and s.state.terminal]
        assert len(ends) == 1
        assert (ends[0].error or {}).get('code') != 'internal_error', ends


def record(kind):
    """Names of the methods of a kind that are called with a run."""
    asked = []
    for name in (
        'prepare',
        'start',
        'cancel',
        'pause',
        'idle',
        'resume',
        'takes_over',
        'poll',
    ):
        method = getattr(kind, name)

        def call(*arguments, name=name, method=method):
            asked.append(name)
            return method(*arguments)

        setattr(kind, name, call)
    return asked


def test_what_cannot_be_paused_and_waits_when_a_pause_comes_never_begins(station):
    with start_failing_server('slow_cancel', '--delay', '1.0'):
        at = station(
            {
                'go': {'kind': 'navigate', 'server_timeout': 20.0},
                'teleop': {'kind': 'teleop'},
                'pause': {'kind': 'pause'},
            }
        )
        go = at.send('go', goal='home')
        at.until(lambda: go.state is CommandState.RUNNING)
        velocities = at.graph.listen(Twist, '/cmd_vel')
        at.until(lambda: at.graph.node.count_publishers('/cmd_vel'))
        teleop = at.send('teleop', linear=0.1)
        assert not teleop.started
        at.send('pause')
        end = at.end(teleop)
        assert end.state is CommandState.CANCELED
        assert 'paused' in end.error['message']
        assert all(velocity == Twist() for velocity in velocities)
