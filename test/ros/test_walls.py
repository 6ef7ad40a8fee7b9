# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever a callback raises: it is noted, whoever waits is answered, and all else goes on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import threading
import time
from typing import Any

from action_msgs.msg import GoalStatus
from fixtures.ros_graph import RosGraph
import pytest
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.parameter import Parameter
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger
from xparo_interfaces.action import RunTree
from xparo_interfaces.srv import LoadTree

from xparo_bridge.faults import FAULTS, Faults
from xparo_bridge.redaction import hide
from xparo_bridge.ros import entities, walls
from xparo_bridge.ros.executor import WalledExecutor

TIMEOUT = 20.0
ROOM = Path(__file__).parents[2] / 'xparo_bridge'


class Unspeakable(Exception):
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError('no text')


def overflow() -> None:
    """Run out of stack."""
    overflow()


def surrogate() -> None:
    """Encode what is no text."""
    '\ud800'.encode()


def throw(error: BaseException) -> None:
    """Raise it."""
    raise error


RAISING = {
    'ValueError': lambda: int('x'),
    'KeyError': lambda: {}['x'],
    'TypeError': lambda: sorted([1, 'x']),
    'AttributeError': lambda: None.x,
    'IndexError': lambda: [][0],
    'RecursionError': overflow,
    'UnicodeEncodeError': surrogate,
    'MemoryError': lambda: throw(MemoryError()),
    'AssertionError': lambda: throw(AssertionError('x')),
    'StopIteration': lambda: throw(StopIteration(1)),
    'TimeoutError': lambda: throw(TimeoutError()),
    'Unspeakable': lambda: throw(Unspeakable()),
}
raising = pytest.mark.parametrize('fault', RAISING.values(), ids=RAISING)


@contextmanager
def spun() -> Iterator[Any]:
    """Spin a node in a thread of its own with the executor of the bridge."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=int(os.environ['ROS_DOMAIN_ID']))
    node = rclpy.create_node('walled', context=context)
    executor = WalledExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        yield node
        assert thread.is_alive(), 'a callback ended the ROS thread'
    finally:
        executor.shutdown()
        thread.join(TIMEOUT)
        node.destroy_node()
        context.try_shutdown()


def wait_until(condition: Any) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@raising
def test_whoever_waits_is_answered_and_the_rest_goes_on(fault):
    calls: list[str] = []
    group = MutuallyExclusiveCallbackGroup()

    def note_and_fail(name: str) -> Any:
        calls.append(name)
        fault()

    async def fail_later(request: Any, response: Any) -> Any:
        await done
        note_and_fail('coroutine')

    async def execute(goal: Any) -> Any:
        note_and_fail('execute')

    with spun() as node, RosGraph() as graph:
        done = Future()
        done.set_result(None)
        before = FAULTS.total
        entities.subscription(node, String, 'said', lambda message: note_and_fail(message.data))
        entities.timer(node, 0.02, lambda: note_and_fail('timer'))
        guard = entities.guard_condition(node, lambda: note_and_fail('guard'))
        for kind, name, callback in (
            (SetBool, 'set', lambda request, response: note_and_fail('set')),
            (Trigger, 'trigger', fail_later),
            (LoadTree, 'load', lambda request, response: note_and_fail('load')),
        ):
            entities.service(node, kind, name, callback, callback_group=group)
        entities.action_server(node, RunTree, 'run', execute)
        entities.action_server(
            node, RunTree, 'refuse', execute, goal_callback=lambda goal: note_and_fail('goal')
        )
        walls.when_done(done, lambda future: note_and_fail('done'))
        assert 'done' in calls

        for _ in range(2):  # What failed once is asked again: its entity is still served.
            guard.trigger()
            wait_until(lambda: 'guard' in calls)
            calls.remove('guard')
            for kind, name in ((SetBool, 'set'), (Trigger, 'trigger')):
                answer = graph.call(kind, f'/{name}', kind.Request())
                assert not answer.success
                assert answer.message
            answer = graph.call(LoadTree, '/load', LoadTree.Request())
            assert not answer.success
            assert answer.problems[0]
        assert not graph.send_goal(RunTree, '/refuse', RunTree.Goal()).accepted
        end = graph.send_goal(RunTree, '/run', RunTree.Goal()).end()
        assert end.status == GoalStatus.STATUS_ABORTED
        assert end.result.error
        publisher = graph.node.create_publisher(String, '/said', 10)
        graph.until(publisher.get_subscription_count)
        for text in ('one', 'two'):
            publisher.publish(String(data=text))
        graph.until(lambda: 'one' in calls and 'two' in calls)
        graph.until(lambda: calls.count('timer') > 2)
        assert FAULTS.total - before >= len(calls)


@raising
def test_a_callback_without_a_wall_ends_neither_the_thread_nor_its_group(fault):
    calls: list[str] = []
    group = MutuallyExclusiveCallbackGroup()

    def fail(name: str) -> None:
        calls.append(name)
        fault()

    with spun() as node:
        node.create_timer(0.02, lambda: fail('first'), callback_group=group)
        node.create_timer(0.02, lambda: fail('second'), callback_group=group)
        node.executor.create_task(lambda: fail('task'))
        wait_until(lambda: calls.count('first') > 2 and calls.count('second') > 2)
        assert calls.count('task') == 1


@pytest.mark.parametrize('error', [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_what_is_no_exception_does_not_end_the_thread_either(error):
    calls: list[str] = []
    with spun() as node:
        node.create_timer(0.02, lambda: (calls.append('x'), throw(error)))
        wait_until(lambda: len(calls) > 2)
        # Nothing of it is kept.
        wait_until(lambda: len(node.executor._tasks) < 3)


def test_an_entity_whose_message_cannot_be_taken_is_served_again():
    calls: list[str] = []
    group = MutuallyExclusiveCallbackGroup()
    with spun() as node, RosGraph() as graph:
        subscription = node.create_subscription(
            String, 'said', lambda message: calls.append(message.data), 10, callback_group=group
        )
        publisher = graph.node.create_publisher(String, '/said', 10)
        graph.until(publisher.get_subscription_count)
        before = FAULTS.total
        # A message of another type than the class that it is to be made.
        subscription.msg_type = object
        publisher.publish(String(data='lost'))
        wait_until(lambda: FAULTS.total > before)
        subscription.msg_type = String
        publisher.publish(String(data='taken'))
        graph.until(lambda: 'taken' in calls)


@pytest.mark.parametrize(
    'response', [None, SetBool.Request(), 'text'], ids=['none', 'other type', 'text']
)
def test_a_response_of_the_wrong_type_is_an_error_for_the_caller(response):
    with spun() as node, RosGraph() as graph:
        entities.service(node, SetBool, 'set', lambda request, empty: response)
        answer = graph.call(SetBool, '/set', SetBool.Request())
        assert not answer.success
        assert 'TypeError' in answer.message


def test_a_response_that_cannot_be_sent_is_an_error_for_the_caller():
    def answer(request: Any, response: Any) -> Any:
        response.message = '\ud800'
        return response

    with spun() as node, RosGraph() as graph:
        entities.service(node, SetBool, 'set', answer)
        reported = graph.call(SetBool, '/set', SetBool.Request())
        assert 'UnicodeEncodeError' in reported.message


@raising
def test_a_check_of_parameters_that_fails_refuses_each_of_them(fault):
    with spun() as node, RosGraph() as graph:
        node.declare_parameter('rate', 1.0)
        walls.on_set_parameters(node, lambda parameters: fault())
        request = SetParameters.Request(
            parameters=[Parameter('rate', value=2.0).to_parameter_msg()] * 2
        )
        answer = graph.call(SetParameters, '/walled/set_parameters', request)
        assert [result.successful for result in answer.results] == [False, False]
        assert all(result.reason for result in answer.results)
        assert node.get_parameter('rate').value == 1.0


def test_the_services_that_every_node_has_are_behind_a_wall():
    with spun() as node:
        walls.guard_services(node)
        assert all(walls.walled(service.callback) for service in node.services)
        broken = next(s for s in node.services if s.srv_name.endswith('/set_parameters'))
        broken.callback = walls.answering(
            lambda request, response: sorted([1, 'x']), broken.srv_type, 'service'
        )
        with RosGraph() as graph:
            request = SetParameters.Request(
                parameters=[Parameter('a', value=2.0).to_parameter_msg()] * 3
            )
            answer = graph.call(SetParameters, '/walled/set_parameters', request)
            assert ['TypeError' in result.reason for result in answer.results] == [True] * 3


def test_a_parameter_of_any_type_is_answered_without_a_fault():
    with spun() as node, RosGraph() as graph:
        node.declare_parameter('rate', 1.0)
        walls.guard_services(node)
        before = FAULTS.total
        good = Parameter('rate', value=3.0).to_parameter_msg()
        for kind in (*range(12), 100, 255):
            message = Parameter('rate', value=2.0).to_parameter_msg()
            message.value.type = kind
            answer = graph.call(
                SetParameters,
                '/walled/set_parameters',
                SetParameters.Request(parameters=[message, good]),
            )
            assert [result.successful for result in answer.results] == [kind == 3, True], kind
            answer = graph.call(
                SetParametersAtomically,
                '/walled/set_parameters_atomically',
                SetParametersAtomically.Request(parameters=[message, good]),
            )
            assert answer.result.successful == (kind == 3)
            assert answer.result.successful or answer.result.reason
        assert FAULTS.total == before


def test_a_kind_is_logged_once_a_minute_with_its_count_and_without_secrets(monkeypatch):
    hide('hunter2-hunter2')
    now = [100.0]
    monkeypatch.setattr('xparo_bridge.faults.time.monotonic', lambda: now[0])
    faults, lines = Faults(), []
    faults.log_to(lines.append)
    for _ in range(50):
        faults.note('timer tick', ValueError('hunter2-hunter2 is wrong'))
    faults.note('timer tick', KeyError('other'))
    assert [line.splitlines()[0] for line in lines] == [
        'fault in timer tick: ValueError: *** is wrong',
        "fault in timer tick: KeyError: 'other'",
    ]
    assert 'hunter2' not in ''.join(lines)
    now[0] += 60.0
    assert faults.note('timer tick', ValueError('again')) == 'ValueError: again'
    assert lines[2].startswith(
        'fault in timer tick (51 times, 50 since the last line): ValueError: again'
    )
    assert faults.counts == {'timer tick: ValueError': 51, 'timer tick: KeyError': 1}
    assert faults.total == 52


def test_what_is_counted_has_a_bound_whatever_is_raised():
    faults = Faults()
    faults.log_to(lambda line: None)
    for number in range(1000):
        faults.note(f'timer {number}', ValueError('x' * 100_000))
    assert len(faults.counts) <= 101
    assert sum(faults.counts.values()) == faults.total == 1000
    assert len(faults.note('timer', ValueError('x' * 100_000))) < 1000


def test_a_log_that_fails_stops_nothing():
    faults = Faults()
    faults.log_to(lambda line: throw(OSError('no space')))
    assert faults.note('timer', ValueError('x'))
    assert faults.total == 1


# Who may speak to rclpy without a wall: the helpers themselves.
_HELPERS = {'ros/entities.py', 'ros/walls.py'}
_UNWALLED = {
    'create_client',
    'create_guard_condition',
    'create_publisher',
    'create_service',
    'create_subscription',
    'create_timer',
    'add_done_callback',
    'add_on_set_parameters_callback',
    'add_post_set_parameters_callback',
    'add_pre_set_parameters_callback',
    'ActionClient',
    'ActionServer',
    'SingleThreadedExecutor',
    'MultiThreadedExecutor',
}


def robot_side() -> list[Path]:
    rooms = ('', 'robot/**/', 'behavior/**/', 'ros/**/')
    files = [file for room in rooms for file in ROOM.glob(f'{room}*.py')]
    return [file for file in files if str(file.relative_to(ROOM)) not in _HELPERS]


@pytest.mark.parametrize('file', robot_side(), ids=lambda file: str(file.relative_to(ROOM)))
def test_the_robot_side_speaks_to_rclpy_only_through_the_helpers(file):
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, 'id', '')
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    }
    assert not called & _UNWALLED, 'use xparo_bridge.ros.entities and xparo_bridge.ros.walls'
