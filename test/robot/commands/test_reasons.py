# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is what a kind says of the run it had to end passed on, whatever ended it."""

from __future__ import annotations

import pytest
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger

from xparo_bridge.messages import CommandState

SET = {
    'kind': 'set_parameter',
    'allowed': {'speed': {'node': '/odd', 'parameter': 'x', 'value': {'type': 'number'}}},
}
CALL = {'kind': 'service', 'service': '/slow', 'type': 'std_srvs/srv/Trigger'}
# The command, what it is sent with, and what is to be read of its end.
CASES = {
    'absent node': (SET, {'name': 'speed', 'value': 1.0}, 'node /odd is not there'),
    'call under way': (CALL, {}, 'the call itself goes on'),
}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize(
    ('ended_by', 'state', 'code', 'first_words'),
    [
        ('timeout', CommandState.TIMED_OUT, 'timed_out', 'not done within 1 s; '),
        ('preemption', CommandState.CANCELED, 'preempted', 'preempted by second; '),
        ('cancel', CommandState.CANCELED, 'canceled', ''),
    ],
)
def test_the_end_of_a_run_says_how_far_it_was(station, case, ended_by, state, code, first_words):
    settings, parameters, words = CASES[case]
    robot = station(
        {
            'it': {
                **settings,
                'timeout': 1.0 if ended_by == 'timeout' else None,
                'concurrency': 'preempt',
            },
            'cancel': {'kind': 'cancel'},
        }
    )
    called = []

    async def never(request, response):
        called.append(request)
        await Future()
        return response

    # Not in the group of the bridge's timers, which waits for its callbacks.
    group = ReentrantCallbackGroup()
    robot.graph.node.create_service(Trigger, '/slow', never, callback_group=group)
    run = robot.send('it', 'first', **parameters)
    robot.until(lambda: called if settings is CALL else run.started)
    if ended_by == 'preemption':
        robot.send('it', 'second', **parameters)
    elif ended_by == 'cancel':
        robot.send('cancel', command_id='first')
    end = robot.end(run)
    assert (end.state, end.error['code']) == (state, code)
    assert end.error['message'].startswith(first_words)
    assert end.error['message'].endswith(words)


def test_a_run_that_did_not_have_its_turn_says_so(station):
    robot = station(
        {
            'it': {**SET, 'concurrency': 'queue', 'timeout': None},
            'cancel': {'kind': 'cancel'},
        }
    )
    robot.send('it', 'first', name='speed', value=1.0)
    waiting = robot.send('it', 'second', name='speed', value=1.0)
    robot.send('cancel', command_id='second')
    assert robot.end(waiting).error['message'] == 'cancelled before it began'
