# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does no message, however large its sender may make it, keep the ROS thread for 50 ms."""

from __future__ import annotations

import array
from collections.abc import Iterator
import dataclasses
from enum import Enum
import gc
import inspect
import json
import os
from typing import Any, get_args, get_origin, get_type_hints

from fixtures.cpu import cpu_time
from fixtures.robot_side import INBOUND_LIMITS
from fixtures.ros_graph import destroy
from fixtures.system import CREDENTIALS
import pytest
import rclpy

from xparo_bridge import messages as msg
from xparo_bridge.behavior.ros.tree_library import MAX_KEPT, StoredTree
from xparo_bridge.bridge import Bridge
from xparo_bridge.configuration import load
from xparo_bridge.link.inbound_limits import InboundLimits
from xparo_bridge.own_node import declare_parameters
from xparo_bridge.share import share

STALL = 0.05
PROTOCOLS = ('xparo', 'xparo_dispatch', 'xparo_chatbot', 'furhat', 'general_bots', 'xrx')
SHAPES = ('a long text', 'many entries', 'a few long entries', 'deep', 'long keys')
TREE = '<root BTCPP_format="4"><BehaviorTree ID="x"><Sequence>{}</Sequence></BehaviorTree></root>'


def limit_of(kind: type) -> Any:
    """Limits of a message of a type, as a link has them."""
    limits = {name.title().replace('_', ''): limit for name, limit in INBOUND_LIMITS.items()}
    return limits.get(kind.__name__, limits['Other'])


def value(hint: Any, shape: str, size: int, items: int, name: str = '') -> Any:
    """A value of a type that takes about so many bytes and at most so many entries."""
    origin, arguments = get_origin(hint), get_args(hint)
    plain = getattr(origin or hint, '__name__', '')
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if plain == 'str' and name == 'xml':
        return TREE.format('<AlwaysSuccess/>' * (size // 20))
    if plain == 'str':
        return 'x' * (size if shape == 'a long text' else 1)
    if plain == 'bytes':
        return b'x' * size
    if plain == 'Mapping':
        inner = arguments[-1] if arguments else Any
        count = 3 if shape in ('a long text', 'a few long entries') else items
        key = '{}' if shape != 'long keys' else '{}' + 'k' * max(0, size // items - 20)
        each = 'a few long entries' if shape == 'a few long entries' else 'many entries'
        if get_origin(inner) is not None:
            made = value(inner, each, size // count, 3)
        else:
            made = json_value(shape, size // count)
        return {key.format(n): made for n in range(min(count, max(1, size // 12)))}
    if plain == 'Sequence':
        inner = arguments[0] if arguments else Any
        count = 3 if shape in ('a long text', 'a few long entries') else items
        return [value(inner, shape, size // count, 1)] * min(count, max(1, size // 6))
    if plain in ('int', 'float', 'bool'):
        return {'int': 1, 'float': 1.0, 'bool': True}[plain]
    return None if plain in ('Union', 'UnionType', 'NoneType') else json_value(shape, size)


def json_value(shape: str, size: int) -> Any:
    """Something of JSON."""
    if shape == 'deep':
        deep: Any = 0
        for _ in range(60):
            deep = [deep]
        return deep
    return 'x' * max(1, size - 10)


def largest(kind: type, shape: str) -> Any:
    """The largest message of a type and a shape that the limits of a link let in."""
    limit = limit_of(kind)
    hints = get_type_hints(kind)
    size, items = min(limit.size, 4 << 20), limit.items
    while True:
        message = kind(
            **{
                field.name: value(hints[field.name], shape, size, items, field.name)
                for field in dataclasses.fields(kind)
                if field.default is field.default_factory is dataclasses.MISSING
            }
        )
        if InboundLimits(INBOUND_LIMITS).refusal(message, 0) is None:
            return message
        items //= 2
        assert items


@pytest.fixture
def bridge(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    """A bridge with every feature that nobody spins, and with as much in its stores as may be."""
    for name, secret in CREDENTIALS.items():
        monkeypatch.setenv(name, secret)
    files = tmp_path / 'files'
    files.mkdir()
    for number in range(2000):
        (files / f'{number}').touch()
    links = [
        {'name': protocol, 'protocol': protocol, 'url': 'ws://127.0.0.1:9/ws'}
        for protocol in PROTOCOLS
    ]
    file = tmp_path / 'robot.yaml'
    file.write_text(
        json.dumps(
            {
                'state_dir': str(tmp_path / 'state'),
                'links': links,
                'files': {'folder': str(files)},
                'places': {f'place {n}': {'x': 1.0, 'y': float(n)} for n in range(900)},
            }
        )
    )
    below = [share('config', name) for name in ('bridge.yaml', 'commands.yaml')]
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=int(os.environ['ROS_DOMAIN_ID']))
    node = rclpy.create_node('xparo_bridge', context=context)
    declare_parameters(node)
    made = Bridge(node, load([*below, file]))
    library = made.trees._runner.library
    for number in range(MAX_KEPT):
        library.add(StoredTree(f't{number}', f'<!-- {number}' + 'x' * 150_000 + ' --><a/>'))
    made.links._put = lambda link, message: None
    gc.collect()
    gc.freeze()  # As the process of a bridge does.
    try:
        yield made
    finally:
        gc.unfreeze()
        made.stop()
        made.close(up_to_date=False)
        destroy(node)
        context.try_shutdown()


def test_each_kind_of_message(bridge):
    slow = {}
    kinds = [kind for kind, handlers in bridge._handlers.items() if handlers]
    assert len(kinds) > 40
    for kind in kinds:
        for shape in SHAPES:
            message = largest(kind, shape)
            spent = cpu_time(lambda m=message: bridge._dispatch('xparo', m), STALL)
            if spent > STALL:
                slow[kind.__name__, shape] = round(spent, 3)
    assert not slow


def test_each_command(bridge):
    slow = {}
    number = 0
    limit = limit_of(msg.RemoteCommand)
    for name in bridge.router.kinds:
        parameters = bridge.router.menu()[name]['parameters'].get('properties', {})
        for shape in SHAPES:
            wild = {
                key: json_value(shape, limit.size // (len(parameters) or 1)) for key in parameters
            }
            unknown = value(
                get_type_hints(msg.RemoteCommand)['parameters'], shape, limit.size, limit.items
            )
            for given in ({}, wild, unknown):

                def give(name: str = name, given: Any = given) -> None:
                    nonlocal number
                    number += 1
                    command = msg.RemoteCommand(name, given, command_id=f'{number}')
                    bridge._dispatch('xparo', command)

                spent = cpu_time(give, STALL)
                if spent > STALL:
                    slow[name, shape, tuple(given)[:3]] = round(spent, 3)
    assert not slow


TEXTS = {
    'a text': lambda: 'x' * (4 << 20),
    'an object': lambda: '{"text": "' + 'x' * (4 << 20) + '"}',
    'many members': lambda: '{' + ','.join(f'"{n}": {n}' for n in range(200_000)) + '}',
    'many values': lambda: '[' + '1,' * 1_000_000 + '1]',
    'deep': lambda: '[' * 1_000_000,
    'a tree': lambda: TREE.format('<AlwaysSuccess/>' * 200_000),
    'other letters': lambda: 'é€😀"\\' * 400_000,
}
# rclpy's own, which read and set parameters, and take what they are given in C.
RCLPYS = ('/clock', '/parameter_events')


def filled(message: Any, text: str) -> Any:
    """Fill a message of ROS: each text with one, each list with many entries."""
    for name, kind in message.get_fields_and_field_types().items():
        if kind in ('string', 'wstring'):
            setattr(message, name, text)
        elif kind == 'boolean':
            setattr(message, name, True)
        elif kind == 'sequence<string>':
            setattr(message, name, [text[:40]] * 100_000)
        elif kind.startswith('sequence<uint8') or kind.startswith('sequence<octet'):
            setattr(message, name, array.array('B', bytes(4 << 20)))
    return message


def call(callback: Any, *arguments: Any) -> None:
    """Call what ROS calls; of a coroutine, until it waits for something."""
    done = callback(*arguments)
    if inspect.iscoroutine(done):
        try:
            done.send(None)
        except StopIteration:
            pass
        done.close()


def test_each_door_in_ros(bridge):
    doors: dict[str, tuple[type, Any]] = {}
    for service in bridge._node.services:
        if not service.srv_type.__module__.startswith('rcl_interfaces'):
            response = service.srv_type.Response
            doors[service.srv_name] = (
                service.srv_type.Request,
                lambda request, s=service, r=response: call(s.callback, request, r()),
            )
    for subscription in bridge._node.subscriptions:
        taken = type(subscription.callback_group).__name__ == 'Unscheduled'
        if subscription.topic_name not in RCLPYS and not taken:
            doors[subscription.topic_name] = (
                subscription.msg_type,
                lambda message, s=subscription: call(s.callback, message),
            )
    assert len(doors) > 20
    slow = {}
    for which, make in TEXTS.items():
        text = make()
        for name, (kind, give) in doors.items():
            message = filled(kind(), text)
            spent = cpu_time(lambda g=give, m=message: g(m), STALL)
            if spent > STALL:
                slow[name, which] = round(spent, 3)
    assert not slow
