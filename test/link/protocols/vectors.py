# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How golden vectors are read.

A vector is a JSON file in test/vectors/<protocol>/: `from` names the document, `covers` the rows
of docs/protocols.md it shows, `options` the adapter's, and `steps` a short conversation. A step is
one of:

    receive: frame      with messages: what it means, or error: words of the ProtocolError
    send: message       with frames: what carries it, or error
    answer: frames      due at once to the messages of the step before
    open, close, wait   a connection opened, was lost, seconds went by
    url, headers, hold, refused, rest      what the adapter says of itself

A message is {type: {field: value}}; bytes are {base64: …} or {zeros: count}.
"""

from __future__ import annotations

import base64
from dataclasses import fields, is_dataclass
from enum import Enum
import itertools
import json
from pathlib import Path
import re
from types import UnionType
from typing import Any, get_type_hints

import pytest

from xparo_bridge import messages
from xparo_bridge.link.protocols.base import Protocol, ProtocolError
from xparo_bridge.link.protocols.furhat import Furhat
from xparo_bridge.link.protocols.general_bots import GeneralBots
from xparo_bridge.link.protocols.general_bots_meet import GeneralBotsMeet
from xparo_bridge.link.protocols.general_bots_source import GeneralBotsSource
from xparo_bridge.link.protocols.xparo import Xparo
from xparo_bridge.link.protocols.xparo_chatbot import XparoChatbot
from xparo_bridge.link.protocols.xparo_dispatch import XparoDispatch
from xparo_bridge.link.protocols.xrx import Xrx

ROOT = Path(__file__).parents[2] / 'vectors'
PROJECT = {'secret_key': 'SECRET', 'project_id': 'PROJECT'}
NOW = 1700000000.0

ADAPTERS: dict[str, tuple[type[Protocol], dict[str, Any]]] = {
    'xparo': (Xparo, {'url': 'ws://127.0.0.1:8003/ws/chatbot', **PROJECT}),
    'xparo_chatbot': (XparoChatbot, {'url': 'ws://127.0.0.1:8003/chatbot_api', **PROJECT}),
    'xparo_dispatch': (
        XparoDispatch,
        {'url': 'ws://127.0.0.1:8003/ws/chatbot_api', **PROJECT, 'robot_id': 'robot_123'},
    ),
    'general_bots': (GeneralBots, {'url': 'ws://localhost:8080/ws'}),
    'general_bots_meet': (GeneralBotsMeet, {'url': 'ws://localhost:8080/ws/meet'}),
    'general_bots_source': (GeneralBotsSource, {'url': 'ws://localhost:8080/ws'}),
    'xrx': (Xrx, {'url': 'ws://localhost:8000/api/v1/ws'}),
    'furhat': (Furhat, {'url': 'ws://127.0.0.1:9000/v1/events'}),
}


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def adapter(protocol: str, clock: Clock | None = None, **options: Any) -> Protocol:
    """Make an adapter whose clock, time of day and ids are the test's."""
    cls, defaults = ADAPTERS[protocol]
    known = cls.__init__.__kwdefaults__ or {}
    ids = itertools.count(1)
    injected = {'clock': clock or Clock(), 'now': lambda: NOW, 'new_id': lambda: f'id-{next(ids)}'}
    return cls(
        **{**defaults, **{key: injected[key] for key in injected.keys() & known.keys()}, **options}
    )


def paths() -> list[Path]:
    """All vectors."""
    return sorted(ROOT.glob('*/*.json'))


def load(path: Path) -> dict[str, Any]:
    """One vector."""
    vector: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    return vector


def build(value: Any, kind: Any = None) -> Any:
    """Turn a vector's JSON into the message, enum, bytes or plain value it stands for."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, inner),) = value.items()
        if name == 'base64':
            return base64.b64decode(inner)
        if name == 'zeros':
            return bytes(inner)
        if name == 'repeat':
            return inner[0] * inner[1]
        cls = getattr(messages, name, None)
        if is_dataclass(cls) and isinstance(inner, dict):
            hints = get_type_hints(cls)
            return cls(**{key: build(item, hints[key]) for key, item in inner.items()})
    if isinstance(kind, type) and not isinstance(kind, UnionType) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(value, dict):
        return {key: build(item) for key, item in value.items()}
    return [build(item) for item in value] if isinstance(value, list) else value


def show(value: Any) -> Any:
    """Turn a message into something that equals that of the same message, lists or tuples."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            type(value).__name__: {
                field.name: show(getattr(value, field.name))
                for field in fields(value)
                if field.compare
            }
        }
    if isinstance(value, dict):
        return {key: show(item) for key, item in value.items()}
    return [show(item) for item in value] if isinstance(value, (list, tuple)) else value


def message_names(step: dict[str, Any]) -> set[str]:
    """Names of the messages in a step."""
    sent = [step['send']] if 'send' in step and 'error' not in step else []
    return {name for message in [*sent, *step.get('messages', [])] for name in message}


def play(adapter: Protocol, clock: Clock, step: dict[str, Any], last: list[Any]) -> list[Any]:
    """Play one step and check it; give the messages of it or of the step before."""
    match step:
        case {'receive': frame, 'error': words}:
            with pytest.raises(ProtocolError, match=re.escape(words)):
                adapter.decode(build(frame))
        case {'receive': frame, 'messages': messages}:
            last = list(adapter.decode(build(frame)))
            assert show(last) == show(build(messages))
            return last
        case {'send': message, 'error': words}:
            with pytest.raises(ProtocolError, match=re.escape(words)):
                adapter.encode(build(message))
        case {'send': message, 'frames': frames}:
            sent = list(adapter.encode(build(message)))
            assert sent == build(frames)
        case {'answer': frames}:
            answers = [frame for message in last for frame in adapter.answer(message)]
            assert answers == frames
        case {'open': True, 'frames': frames}:
            assert list(adapter.on_open()) == frames
        case {'close': True, 'messages': messages}:
            assert show(adapter.on_close()) == show(build(messages))
        case {'wait': seconds, 'messages': messages}:
            clock.time += seconds
            if messages:
                assert adapter.deadline() <= clock.time
            last = list(adapter.on_time())
            assert show(last) == show(build(messages))
            return last
        case {'url': url}:
            assert adapter.url() == url
        case {'headers': headers}:
            assert adapter.headers() == headers
        case {'hold': seconds}:
            assert adapter.send_not_before() == clock.time + seconds
        case {'refused': status, 'again': again}:
            assert adapter.refused(status) is again
        case {'rest': frame, 'request': request}:
            made = adapter.by_rest(frame)
            assert {key: getattr(made, key) for key in request} == request
        case _:
            pytest.fail(f'no such step: {step}')
    return last
