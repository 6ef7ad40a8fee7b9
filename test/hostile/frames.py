# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Frames of a hostile peer, by protocol.

Most are golden frames with a few things put in wrong; the rest are frames of the grammar with many
or huge parts, and monsters that are no frames of anything.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
import functools
import json
from random import Random
import time
from typing import Any

from fuzzing import golden as read_golden
from fuzzing import MONSTERS

from hostile.trees import root, tree
from hostile.values import dumps, mutated, NAMES, RAW, value

Frame = str | bytes

golden = functools.cache(read_golden)

COMMANDS = (
    'start_navigation', 'teleop', 'status', 'list_commands', 'list_places', 'wait', 'spin', 'dock',
    'save_place', 'run_tree', 'list_trees', 'delete_tree', 'halt_tree', 'set_max_speed', 'say',
    'set_telemetry', 'patrol', 'nothing', 'publish_led', 'set_initial_pose', 'clear_costmap',
)  # fmt: skip


def _command(random: Random) -> dict[str, Any]:
    name = random.choice((*COMMANDS, 'pause', 'cancel', 'resume', 'stop'))
    parameters: dict[str, Any] = random.choice(
        (
            {},
            {'goal': random.choice(NAMES)},
            {'goal': {'x': value(random), 'y': 1.0}},
            {'linear': value(random), 'angular': value(random)},
            {'axes': [0.1] * random.choice((2, 12_000)), 'buttons': [value(random)]},
            {'buttons': ['a'] * 12_000},
            {random.choice(NAMES): value(random)},
        )
    )
    command: dict[str, Any] = {
        'command': name,
        'command_id': random.choice(('1', 'id-1', f'h{random.random()}')),
        'parameters': parameters,
    }
    if random.random() < 0.3:
        command['issued_at'] = random.choice((time.time(), time.time() * 1000, value(random)))
    if random.random() < 0.2:
        command['deadline'] = random.choice((time.time() + 5, time.time() - 9, value(random)))
    return command


def _xparo(random: Random) -> list[Any]:
    kind = random.random()
    if kind < 0.6:
        command = _command(random)
        if random.random() < 0.4:
            command = mutated(random, command)
        return [{'type': 'remote_command', 'data': command}]
    if kind < 0.65:
        teleop = {'command': 'teleop', 'parameters': {'linear': 0.2, 'angular': 0.0}}
        return [{'type': 'remote_command', 'data': teleop}] * 500
    if kind < 0.9:
        push = {'tree_name': random.choice(NAMES), 'xml': tree(random)}
        return [{'type': 'behavior_update', 'data': push}]
    name = random.choice(('chat_response', 'ping', 'rest_api_token'))
    return [{'type': name, 'data': value(random)}]


def _dispatch(random: Random) -> list[Any]:
    count = random.choice((1, 50, 5_000, 20_000))
    data = base64.b64encode(bytes(random.choice((0, 3, 70_000)))).decode()
    return [
        random.choice(
            (
                {'RUN_TASK': {'task_id': value(random), 'tree_xml': tree(random)}},
                {'RUN_TASK': {'task_id': 'a', 'tree_xml': root('<AlwaysSuccess/>'),
                              'blackboard': {'@@x': 1, 'k': value(random)}}},
                {'RUN_TASK': {'task_id': 'a', 'tree_xml': root('<AlwaysSuccess/>'),
                              'blackboard': {f'k{n}': n for n in range(count)}}},
                {'TELEOP': {'axes': [0.1] * count, 'buttons': [0] * count}},
                {'TELEOP': {'axes': [value(random)], 'buttons': [value(random)]}},
                {'custom_maps': {f'm{n}.yaml': '' for n in range(count)}},
                {'custom_aiml': {f'a{n}': '<AlwaysSuccess/>' for n in range(min(count, 5_000))}},
                {'change_config': {'k': random.choice((2**63, 10**30, [2**63], 1e300, 'x', None,
                                                      [1, 'a'], value(random)))}},
                {'LIST_FILES': value(random)},
                {'FILE_REQ': {'direction': random.choice(('upload', 'download')),
                              'filename': random.choice(NAMES), 'size': value(random)}},
                {'FILE_CHUNK': {'data': data}},
                {'FILE_COMPLETE': value(random)},
                {'DELETE_FILE': {'filename': random.choice(('../x', 'a', '/', value(random)))}},
                {'RUN_COMMAND': {'command': random.choice(COMMANDS), 'timeout': value(random),
                                 'request_id': value(random)}},
                {random.choice(NAMES): value(random)},
            )
        )
    ]  # fmt: skip


def _chatbot(random: Random) -> list[Any]:
    entry = {'date': '2026-11-26', 'time': '10:00', 'command': 'wait', 'repeat': value(random)}
    return [
        random.choice(
            (
                {'initialize_api': value(random)},
                {'ask_bot': {'message': value(random)}},
                {'schedule': [entry] * random.choice((1, 5_000))},
                {'get_schedule': value(random)},
                {random.choice(COMMANDS): value(random)},
                {'start_navigation': {'goal': value(random)}},
            )
        )
    ]


def _leaves(body: Any, key: str, found: dict[str, list[Any]]) -> None:
    """Collect what stands behind each key of a protocol."""
    if isinstance(body, dict):
        for name, part in body.items():
            _leaves(part, name, found)
    elif isinstance(body, list):
        for part in body:
            _leaves(part, key, found)
    else:
        found.setdefault(key, []).append(body)


def _like(random: Random, body: Any, key: str, words: dict[str, list[Any]]) -> Any:
    """Return a body of the same form with other words and longer lists."""
    if isinstance(body, dict):
        return {name: _like(random, part, name, words) for name, part in body.items()}
    if isinstance(body, list):
        parts = [_like(random, part, key, words) for part in body]
        size = len(json.dumps(parts, default=str))
        return parts * min(random.choice((1, 1, 1, 0, 40, 3_000)), 1_500_000 // size)
    choice = random.random()
    if choice < 0.6:
        return body
    return random.choice(words[key]) if choice < 0.85 else value(random)


def _golden_like(protocol: str, random: Random) -> list[Any]:
    words: dict[str, list[Any]] = {}
    good = golden(protocol)
    for body in good:
        _leaves(body, '', words)
    made = [_like(random, random.choice(good), '', words) for _ in range(random.choice((1, 1, 3)))]
    return made * random.choice((1, 1, 1, 30))


_GRAMMARS: dict[str, Callable[[Random], list[Any]]] = {
    'xparo': _xparo,
    'xparo_dispatch': _dispatch,
    'xparo_chatbot': _chatbot,
}


def frames(protocol: str, random: Random) -> Sequence[Frame]:
    """Return one or more frames a hostile peer sends one after the other."""
    choice = random.random()
    if choice < 0.05:
        return [random.choice(MONSTERS)]
    if choice < 0.08:
        return [random.randbytes(random.choice((0, 1, 2, 4_063, 70_000)))]
    if choice < 0.12:
        return [random.choice(RAW)]
    if choice < 0.45 and protocol in _GRAMMARS:
        return [dumps(body) for body in _GRAMMARS[protocol](random)]
    good = golden(protocol)
    if choice < 0.6 and good:
        return [dumps(body) for body in _golden_like(protocol, random)]
    if not good:
        return [dumps(value(random))]
    body = random.choice(good)
    if choice > 0.97:
        return [json.dumps(body)] * random.choice((20, 500))
    return [dumps(mutated(random, body))]
