# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Run a folder's tests: a whole bridge of a robot's configuration, without a robot or a network.

Frames go through the robot's own protocols, commands through the router, topics through the
telemetry's reader. What would be sockets is this object; what would be a robot is `StandIn`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
import json
import math
import os
import tempfile
import threading
import time
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from .. import messages as msg
from ..bridge import Bridge
from ..configuration import Configuration
from ..json_reader import read_json
from ..link.protocols.base import ProtocolError
from ..own_node import declare_parameters
from ..rollout.folder import Member
from ..ros.executor import WalledExecutor
from .robot_stand_in import StandIn, StandInError
from .test_cases import Case, CaseFile

# What the telemetry waits to gather values while tests run, s.
_PERIOD = 0.05
_TOLERANCE = 1e-6
# Ends of a command, after which it does nothing any more.
_ENDS = ('succeeded', 'failed', 'rejected', 'canceled', 'timed_out')


@dataclass
class Outcome:
    """How a test ended: what is missing in words, empty if nothing is, and how long it took."""

    robot: str
    case: Case
    missing: list[str] = field(default_factory=list)
    milliseconds: float = 0.0


def run_file(member: Member, file: CaseFile) -> Iterator[Outcome]:
    """Run the tests of a file in order, with one bridge of one robot."""
    with _bridge_of(member, file) as bench:
        for case in file.cases:
            begun = time.perf_counter()
            outcome = Outcome(member.name, case)
            try:
                outcome.missing = bench.run(case)
            except (StandInError, ProtocolError) as error:
                outcome.missing = [str(error)]
            outcome.milliseconds = (time.perf_counter() - begun) * 1000
            yield outcome


class _Bench:
    """A bridge that runs, its robot's stand-in, and all that came for the platform."""

    def __init__(self, bridge: Bridge, stand_in: StandIn, on_ros: Callable[..., Any]) -> None:
        self._bridge = bridge
        self._stand_in = stand_in
        self._on_ros = on_ros
        self._links = {name: link.protocol for name, link in bridge.link_thread.links.items()}
        self.sent: list[tuple[str, Any]] = []
        self._ids = 0

    def run(self, case: Case) -> list[str]:
        """Run a test; what is missing."""
        self._on_ros(self._stand_in.rest)
        self.sent.clear()
        ids: list[str] = []
        for step in case.given:
            self._give(step, ids)
        expected = [step for step in case.expect if not _negative(step)]
        self._stand_in.wait_until(lambda: all(self._seen(step) for step in expected), case.within)
        missing = [self._missing(step) for step in expected if not self._seen(step)]
        # What must not come could come until the commands have ended.
        self._stand_in.wait_until(lambda: self._ended(ids), case.within)
        for step in case.expect:
            if _negative(step) and self._seen(step):
                kind = 'no_goal' if 'no_goal' in step else 'no_call'
                missing.append(f'{step[kind]} got a {kind.removeprefix("no_")}')
        return missing

    def _give(self, step: Mapping[str, Any], ids: list[str]) -> None:
        if 'topic' in step:
            self._on_ros(
                lambda: self._stand_in.give(step['topic'], step['type'], step.get('value', {}))
            )
            return
        link = step.get('link') or next(iter(self._links))
        if link not in self._links:
            raise StandInError(f'no link {link}; there is {", ".join(self._links)}')
        if 'command' in step:
            self._ids += 1
            ids.append(f'test-{self._ids}')
            frame: Any = {
                'type': 'remote_command',
                'data': {
                    'command': step['command'],
                    'parameters': step.get('parameters', {}),
                    'command_id': ids[-1],
                },
            }
        else:
            frame = step['frame']
        protocol = self._links[link]
        text = frame if isinstance(frame, str) else json.dumps(frame)
        for message in protocol.decode(text):
            answers = protocol.answer(message)
            self.sent += [(link, answer) for answer in answers]
            if isinstance(message, msg.RemoteCommand):
                ids.append(message.command_id)
            self._bridge.crossing.deliver(link, message)

    def on_sent(self, link: str, message: Any) -> None:
        """Take a message for the platform, and the frames that carry it."""
        self.sent.append((link, message))
        try:
            self.sent += [(link, frame) for frame in self._links[link].encode(message)]
        except (ProtocolError, TypeError, ValueError):
            pass  # As on a robot: this link does not carry it.

    def _ended(self, ids: list[str]) -> bool:
        ended = {
            message.command_id
            for _, message in list(self.sent)
            if isinstance(message, msg.CommandStatus) and message.state.value in _ENDS
        }
        return set(filter(None, ids)) <= ended

    # --- what is expected ---

    def _seen(self, step: Mapping[str, Any]) -> bool:
        return any(True for _ in self._matches(step))

    def _matches(self, step: Mapping[str, Any]) -> Iterator[Any]:
        for kind, note in (('goal', 'goal'), ('call', 'call'), ('message', 'message')):
            for key in (kind, f'no_{kind}'):
                if key in step:
                    name = self._stand_in.full(step[key])
                    for what, at, content in list(self._stand_in.noted):
                        if (what, at) == (note, name) and _has(content, step.get('fields', {})):
                            yield content
                    return
        for link, sent in list(self.sent):
            if step.get('link', link) == link and _fits(step, sent):
                yield sent

    def _missing(self, step: Mapping[str, Any]) -> str:
        """Say what did not come, and what came instead."""
        for kind in ('goal', 'call', 'message'):
            if kind in step:
                name = self._stand_in.full(step[kind])
                came = [c for what, at, c in self._stand_in.noted if (what, at) == (kind, name)]
                if not came:
                    others = sorted({at for what, at, _ in self._stand_in.noted if what == kind})
                    return f'no {kind} came to {name}; to others: {", ".join(others) or "none"}'
                seen = {key: _field(came[-1], key) for key in step.get('fields', {})}
                return f'the {kind} to {name} has {_json(seen)}, expected {_json(step["fields"])}'
        kind = next(key for key in ('frame', 'status', 'rejected', 'telemetry') if key in step)
        came = [_shown(sent) for _, sent in self.sent if _of_kind(kind, sent)]
        expected = {key: value for key, value in step.items() if key != 'link'}
        return f'expected {_json(expected)}; came: {"; ".join(came[-5:]) or "nothing"}'


def _negative(step: Mapping[str, Any]) -> bool:
    return 'no_goal' in step or 'no_call' in step


def _fits(step: Mapping[str, Any], sent: Any) -> bool:
    if 'frame' in step:
        return isinstance(sent, str) and _within(step['frame'], read_json(sent))
    if 'telemetry' in step:
        return isinstance(sent, msg.Telemetry) and _within(step['telemetry'], sent.values)
    if not isinstance(sent, msg.CommandStatus):
        return False
    if 'command' in step and sent.command != step['command']:
        return False
    value = _plain(sent)
    if 'rejected' in step:
        code = (value['error'] or {}).get('code')
        return bool(value['state'] == 'rejected' and code == step['rejected'])
    return _within(step['status'], value)


def _of_kind(kind: str, sent: Any) -> bool:
    if kind == 'frame':
        return isinstance(sent, str)
    return isinstance(sent, msg.Telemetry if kind == 'telemetry' else msg.CommandStatus)


def _within(expected: Any, value: Any) -> bool:
    """Whether all that is expected stands in a value; more may stand in its maps."""
    if isinstance(expected, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and _within(part, value[key]) for key, part in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(value, list | tuple)
            and len(expected) == len(value)
            and all(map(_within, expected, value))
        )
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isclose(expected, value, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
        )
    return bool(expected == value)


def _has(message: Any, fields: Mapping[str, Any]) -> bool:
    return all(_within(value, _field(message, key)) for key, value in fields.items())


def _field(message: Any, path: str) -> Any:
    for step in path.split('.'):
        try:
            message = message[int(step)] if step.isdigit() else getattr(message, step)
        except (AttributeError, IndexError, TypeError):
            return f'no field {step}'
    return message


def _plain(message: Any) -> dict[str, Any]:
    return {**asdict(message), 'state': message.state.value}


def _shown(sent: Any) -> str:
    if isinstance(sent, str):
        return sent
    if isinstance(sent, msg.Telemetry):
        return _json(sent.values)
    value = _plain(sent) if is_dataclass(sent) else {}
    return _json({key: part for key, part in value.items() if part})


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _configuration(member: Member, folder: str) -> Configuration:
    """Return a robot's configuration with state of its own, and no wait to gather telemetry."""
    data = dict(member.configuration.data)
    data['state_dir'] = folder
    data['links'] = [
        {
            **link,
            'credentials_file': None,
            'client_certificate': None,
            'client_key': None,
            'ca_file': None,
            'allow_insecure': True,
        }
        for link in data['links']
    ]
    telemetry = data['telemetry']
    groups = {
        name: {key: value for key, value in settings.items() if key != 'period'}
        for name, settings in telemetry['groups'].items()
    }
    data['telemetry'] = {**telemetry, 'period': _PERIOD, 'groups': groups}
    data['bags'] = {**data['bags'], 'folder': None}
    data['files'] = {**data['files'], 'folder': None}
    return Configuration(data, member.configuration.layers)


@contextmanager
def _bridge_of(member: Member, file: CaseFile) -> Iterator[_Bench]:
    """Run a bridge and the stand-in of its robot, as long as its tests take."""
    before = dict(os.environ)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
    # No protocol looks at what they are, and those of the robot are not here.
    os.environ['XPARO_SECRET_KEY'] = os.environ['XPARO_PROJECT_ID'] = 'of-no-robot'
    context = rclpy.Context()
    with tempfile.TemporaryDirectory(prefix='xparo_test_') as folder:
        try:
            rclpy.init(
                # What a bridge logs is no result of a test.
                args=['--ros-args', '--log-level', 'fatal'],
                context=context,
                signal_handler_options=SignalHandlerOptions.NO,
            )
            launch = member.launch
            words = ['--ros-args']
            for old, new in launch.remappings.items():
                words += ['-r', f'{old}:={new}']
            node = Node(
                'xparo_bridge',
                context=context,
                namespace=launch.namespace,
                cli_args=words,
            )
            declare_parameters(node)
            bridge = Bridge(node, _configuration(member, folder))
            robot = Node('robot', context=context)
            stand_in = StandIn(robot, node)
            for case in file.cases:
                for step in case.given:
                    if 'topic' in step:
                        stand_in.publisher_of(step['topic'], step['type'])
                for step in case.expect:
                    if 'message' in step:
                        stand_in.listen(step['message'])
            yield from _spun(context, bridge, stand_in, node, robot)
        finally:
            context.try_shutdown()
            os.environ.clear()
            os.environ.update(before)


def _spun(
    context: Any, bridge: Bridge, stand_in: StandIn, node: Node, robot: Node
) -> Iterator[_Bench]:
    executor = WalledExecutor(context=context)
    executor.add_node(node)
    executor.add_node(robot)
    loop = asyncio.new_event_loop()

    def on_ros(do: Callable[[], Any]) -> Any:
        task = executor.create_task(do)
        if not stand_in.wait_until(task.done, 10.0):
            raise StandInError('the bridge does not answer')
        return task.result()

    bench = _Bench(bridge, stand_in, on_ros)
    bridge_loop = threading.Thread(target=loop.run_forever, daemon=True)
    ros = threading.Thread(target=executor.spin, daemon=True)

    async def attach() -> None:
        bridge.crossing.attach(bench.on_sent)

    ros.start()
    bridge_loop.start()
    try:
        asyncio.run_coroutine_threadsafe(attach(), loop).result(10.0)
        on_ros(lambda: bridge.start(dial=False))
        for name in bridge.link_thread.links:
            bridge.crossing.deliver(name, msg.LinkStateChanged(msg.LinkState.CONNECTED))
        yield bench
    finally:
        loop.call_soon_threadsafe(loop.stop)
        executor.shutdown()
        ros.join(5.0)
        bridge.close(up_to_date=True)
        bridge_loop.join(5.0)
        if not bridge_loop.is_alive():
            loop.close()
