# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A fault in whatever handles a message stops nothing else, and its sender hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
import dataclasses
from enum import Enum
import threading
import time
from typing import Any, get_type_hints

from fixtures.in_process import bridge_in_process
from fixtures.ros_graph import RosGraph
from fixtures.system import CREDENTIALS
import pytest
from rclpy.action import ActionServer
from xparo_interfaces.srv import ExecuteCommand

from xparo_bridge import messages as msg
from xparo_bridge.faults import FAULTS
from xparo_bridge.robot.features import Feature
from xparo_bridge.ros.walls import walled
from xparo_bridge.share import share

TIMEOUT = 20.0
# One link of each protocol brings every feature there is.
PROTOCOLS = ('xparo', 'xparo_dispatch', 'xparo_chatbot', 'furhat', 'general_bots', 'xrx')
ERRORS = (
    ValueError('x'),
    KeyError('x'),
    TypeError('x'),
    RecursionError('x'),
    MemoryError(),
    OSError(5, 'x'),
    UnicodeEncodeError('utf-8', '\ud800', 0, 1, 'x'),
    StopIteration(),
)
# Who waits for an answer, and what it must be; all others wait for none.
ANSWERS = {
    msg.RemoteCommand: msg.CommandStatus,
    msg.BehaviorUpdate: msg.BehaviorStatus,
    msg.TreePush: msg.BehaviorStatus,
    msg.RunTask: msg.TaskResult,
    msg.Teleop: msg.TeleopResult,
    msg.DeleteFile: msg.DeleteResult,
    msg.FileRequest: msg.TransferError,
    msg.FileChunk: msg.TransferError,
    msg.FileComplete: msg.TransferError,
    msg.ListFiles: msg.TransferError,
}


def example(kind: type) -> Any:
    """A message of a type, of whatever its fields may hold."""
    values = {
        'str': 'x',
        'float': 1.0,
        'int': 1,
        'bool': False,
        'bytes': b'x',
        'Sequence': ['x'],
        'Mapping': {'x': {}},
    }

    def value(hint: Any) -> Any:
        if isinstance(hint, type) and issubclass(hint, Enum):
            return next(iter(hint))
        name = getattr(getattr(hint, '__origin__', hint), '__name__', '')
        return values.get(name)

    hints = get_type_hints(kind)
    return kind(
        **{
            field.name: value(hints[field.name])
            for field in dataclasses.fields(kind)
            if field.default is field.default_factory is dataclasses.MISSING
        }
    )


@pytest.fixture
def running(tmp_path, monkeypatch) -> Iterator[tuple[Any, Any, list[tuple[str, Any]]]]:
    """Run a bridge with every feature, connected to nobody: it, its node, and what it sends."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    links = [
        {'name': protocol, 'protocol': protocol, 'url': 'ws://127.0.0.1:9/ws'}
        for protocol in PROTOCOLS
    ]
    folder = tmp_path / 'files'
    folder.mkdir()
    configuration = {'links': links, 'files': {'folder': str(folder)}}
    files = [share('config', name) for name in ('bridge.yaml', 'commands.yaml', 'places.yaml')]
    with bridge_in_process(tmp_path, configuration, *files) as (bridge, node):
        sent: list[tuple[str, Any]] = []
        bridge.links._put = lambda link, message: sent.append((link, message))
        yield bridge, node, sent


def wait_until(condition: Any, what: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def stops(graph: RosGraph) -> bool:
    """Whether the robot can be stopped."""
    answer = graph.call(
        ExecuteCommand, '/xparo_bridge/execute_command', ExecuteCommand.Request(command='stop')
    )
    return bool(answer.accepted)


def test_every_handler_may_raise_anything(running):
    bridge, _, sent = running
    kinds = [kind for kind, handlers in bridge._handlers.items() if handlers]
    assert len(kinds) > 40
    seen: list[Any] = []
    with RosGraph() as graph:
        for error in ERRORS:
            for kind in kinds:
                message = example(kind)

                def fail(link: str, message: Any, error: Exception = error) -> None:
                    raise copy(error)  # The one that is raised holds frames, and so the node.

                own = bridge._handlers[kind]
                bridge._handlers[kind] = [
                    fail,
                    lambda link, message: seen.append(message),
                    *([] if kind is msg.RemoteCommand else [fail]),
                ]
                before, reported = FAULTS.total, len(sent)
                link = next((n for n in PROTOCOLS if _carries(bridge, n, kind)), 'xparo')
                bridge.crossing.deliver(link, message)
                wait_until(lambda m=message: any(m is s for s in seen), f'{kind} for the others')
                assert FAULTS.total > before
                if kind in ANSWERS and _carries(bridge, link, kind):
                    wait_until(
                        lambda reported=reported, kind=kind: any(
                            isinstance(m, ANSWERS[kind]) for _, m in sent[reported:]
                        ),
                        f'an answer to {kind.__name__}',
                    )
                bridge._handlers[kind] = own
        # Telemetry goes on, and the robot can be stopped.
        reported = len(sent)
        wait_until(
            lambda: any(isinstance(m, msg.Telemetry) for _, m in sent[reported:]), 'telemetry'
        )
        assert stops(graph)


def _carries(bridge: Any, link: str, kind: type) -> bool:
    """Whether a link carries the answer to a kind of message."""
    return ANSWERS.get(kind) in bridge.links.carriers[link]


def test_a_command_that_fails_has_one_end(running):
    bridge, _, sent = running
    execute = bridge.router.execute

    def fail_after(command: Any, source: str) -> Any:
        run = execute(command, source)
        raise ValueError(run)

    bridge.router.execute = fail_after
    command = msg.RemoteCommand('list_commands', command_id='c1')
    bridge.crossing.deliver('xparo', command)
    bridge.crossing.deliver('xparo', msg.RemoteCommand('list_commands', command_id='c2'))
    wait_until(
        lambda: any(getattr(m, 'command_id', '') == 'c2' and m.state.terminal for _, m in sent),
        'the second end',
    )
    ends = [m for _, m in sent if getattr(m, 'command_id', '') == 'c1' and m.state.terminal]
    assert [end.state.value for end in ends] == ['succeeded']


def test_a_feature_that_fails_at_a_change_of_a_link_does_not_hide_it_from_the_others(running):
    bridge, _, _ = running
    seen: list[str] = []

    class Fails(Feature):
        def connected(self, link: str) -> None:
            raise ValueError

        lost = connected
        tell = connected

    class Sees(Feature):
        def lost(self, link: str) -> None:
            seen.append(link)

    bridge._parts.features[:0] = [Fails()]
    bridge._parts.features.append(Sees())
    bridge.crossing.deliver('xparo', msg.LinkStateChanged(msg.LinkState.CONNECTED))
    bridge.crossing.deliver('xparo', msg.LinkStateChanged(msg.LinkState.WAITING, 'gone'))
    wait_until(lambda: 'xparo' in seen, 'the change')


def test_everything_that_ROS_calls_is_behind_a_wall(running):
    _, node, _ = running
    for entity in (*node.subscriptions, *node.services, *node.timers, *node.guards):
        if type(entity.callback_group).__name__ == 'Unscheduled':
            continue  # In no executor: its messages are taken when they are wanted.
        name = getattr(entity, 'topic_name', None) or getattr(entity, 'srv_name', None)
        if name in ('/parameter_events', '/clock'):
            continue  # rclpy's own, which calls nothing of ours.
        assert walled(entity.callback), (entity, name, entity.callback)
    servers = [waitable for waitable in node.waitables if isinstance(waitable, ActionServer)]
    assert servers
    for server in servers:
        for callback in (server._execute_callback, server._goal_callback, server._cancel_callback):
            assert walled(callback), (server, callback)


def test_a_flood_of_messages_leaves_the_ROS_thread_its_turns(running):
    bridge, node, _ = running
    turns: list[float] = []
    node.create_timer(0.01, lambda: turns.append(time.monotonic()))
    wait_until(lambda: len(turns) > 3, 'a tick')
    handled = threading.Semaphore(0)

    def handle(link: str, message: Any) -> None:
        time.sleep(0.002)
        handled.release()

    bridge._handlers[msg.PeerError] = [handle]
    for _ in range(500):
        bridge.crossing.deliver('xparo', msg.PeerError(msg.PeerErrorCode.OTHER, 'x'))
    for _ in range(500):
        assert handled.acquire(timeout=TIMEOUT)
    longest = max(b - a for a, b in zip(turns, turns[1:], strict=False))
    assert longest < 0.5  # One go would take a second.
