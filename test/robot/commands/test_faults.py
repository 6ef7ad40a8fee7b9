# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a fault in any callback of a run end that run at once, once, and nothing else."""

from __future__ import annotations

import time

from fixtures.system import start_failing_server
import pytest
from std_msgs.msg import String
from std_srvs.srv import Trigger

from xparo_bridge.faults import FAULTS as FAULT_COUNTS
from xparo_bridge.messages import CommandState
from xparo_bridge.robot.commands.action_kind import ActionKind
from xparo_bridge.robot.commands.kinds.navigate import Navigate
from xparo_bridge.robot.commands.kinds.publish import Publish
from xparo_bridge.robot.commands.kinds.service import Service
from xparo_bridge.robot.commands.kinds.set_parameter import SetParameter
from xparo_bridge.robot.commands.router import Router
from xparo_bridge.ros.action_goal import ActionGoal


class Unspeakable(Exception):
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError('no text')


FAULTS = (SystemExit, Unspeakable)
COMMANDS = {
    'go': {'kind': 'navigate', 'server_timeout': 10.0, 'timeout': None},
    'call': {'kind': 'service', 'service': '/job', 'type': 'std_srvs/srv/Trigger'},
    'set': {
        'kind': 'set_parameter',
        'allowed': {
            'speed': {
                'node': '/xparo_bridge',
                'parameter': 'speed',
                'value': {'type': 'number'},
            }
        },
    },
    'publish': {
        'kind': 'publish',
        'topic': '/said',
        'type': 'std_msgs/msg/String',
        'times': 1000,
        'rate': 50.0,
    },
    'other': {
        'kind': 'service',
        'service': '/nobody',
        'type': 'std_srvs/srv/Trigger',
        'server_timeout': 60.0,
        'timeout': None,
    },
}
PARAMETERS = {'go': {'goal': 'home'}, 'set': {'name': 'speed', 'value': 0.4}}
# Which method of ours is called by which callback of rclpy, and for which command.
CALLBACKS = {
    'the goal is sent': ('go', Router, 'record_goal'),
    'the goal is accepted': ('go', ActionKind, '_accepted'),
    'feedback comes': ('go', ActionKind, '_on_feedback'),
    'feedback is read': ('go', Navigate, 'progress'),
    'the goal has ended': ('go', ActionKind, '_ended'),
    'the answer to the goal is read': ('go', ActionGoal, '_answered'),
    'the result is read': ('go', ActionGoal, '_result'),
    'the goal is polled': ('go', ActionGoal, 'poll'),
    'the service answers': ('call', Service, '_answered'),
    'the node answers': ('set', SetParameter, '_answered'),
    'the time for a message has come': ('publish', Publish, '_publish'),
}


ENDING = ('the goal has ended', 'the result is read')
# The first message is sent by no timer, and the goal's maker is the first to poll it.
FROM_THE_SECOND_CALL = ('_publish', 'poll')


@pytest.fixture
def raising(monkeypatch):
    """Have a method raise; the times at which it did."""

    def make(owner, name, fault):
        raised = []
        real = getattr(owner, name)
        left = [1 if name in FROM_THE_SECOND_CALL else 0]

        def method(self, *args, **options):
            if left[0]:
                left[0] -= 1
                return real(self, *args, **options)
            raised.append(time.monotonic())
            raise fault('a bug')

        monkeypatch.setattr(owner, name, method)
        return raised

    return make


@pytest.mark.parametrize('fault', FAULTS)
@pytest.mark.parametrize('callback', CALLBACKS)
def test_a_fault_in_a_callback_ends_its_run_at_once_and_no_other(
    station, raising, callback, fault
):
    command, owner, name = CALLBACKS[callback]
    at = station(COMMANDS)
    node = at.graph.node
    node.declare_parameter('speed', 0.3)
    service = node.create_service(Trigger, '/job', lambda request, response: response)
    heard = node.create_subscription(String, '/said', lambda message: None, 10)
    other = at.send('other')
    with start_failing_server('flood', '--delay', '0.3' if callback in ENDING else '60') as server:
        raised = raising(owner, name, fault)
        run = at.send(command, **PARAMETERS.get(command, {}))
        end = at.end(run)
        assert time.monotonic() - raised[0] < 1.0
        assert (end.state, end.error['code']) == (CommandState.FAILED, 'internal_error')
        assert at.states(run).count('failed') == 1
        if command == 'go' and callback not in (*ENDING, 'the goal is sent', 'the goal is polled'):
            at.until(lambda: 'canceled' in server.lines)  # The robot does not drive on for it.
        assert other.open
        assert at.states(run).count('failed') == 1
    assert node.destroy_service(service)
    assert node.destroy_subscription(heard)


@pytest.mark.parametrize('method', ['start', 'poll', 'pause', 'idle', 'cancel'])
@pytest.mark.parametrize('fault', FAULTS)
def test_a_fault_in_a_kind_ends_its_run_and_not_the_command_that_asked(
    station, monkeypatch, fault, method
):
    at = station(
        {
            **COMMANDS,
            'pause': {'kind': 'pause'},
            'cancel': {'kind': 'cancel'},
        }
    )

    def broken(self, *args):
        raise fault('a bug')

    with start_failing_server('hang') as server:
        monkeypatch.setattr(Navigate, method, broken)
        run = at.send('go', goal='home')
        if method not in ('start', 'poll'):
            at.until(lambda: 'accepted' in server.lines and run.state is CommandState.RUNNING)
            asked = at.send('cancel' if method == 'cancel' else 'pause')
            assert at.end(asked).state is CommandState.SUCCEEDED, asked.status
        end = at.end(run)
        assert (end.state, end.error['code']) == (CommandState.FAILED, 'internal_error')
        if method not in ('start', 'poll'):  # Before the goal is sent.
            at.until(lambda: 'canceled' in server.lines)
    assert not at.router.open_runs


def test_a_fault_of_who_looks_on_costs_no_command_its_end(station):
    def broken(status):
        raise Unspeakable

    at = station(COMMANDS)
    at.router._observers.ended = broken
    before = FAULT_COUNTS.total
    run = at.send('publish')
    at.until(lambda: not run.open)
    assert [status.error['code'] for status in at.reported if status.state.terminal] == [
        'no_subscriber'
    ], 'its end was not reported'
    assert at.router.open_runs == []
    assert FAULT_COUNTS.total > before
