# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What hostile peers send: frames near the golden ones, frames far from them, and monsters."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import strategies as st
import vectors

from xparo_bridge.link.protocols.base import ProtocolError

TIME = 1.0  # s that no frame of up to 1 MiB may take

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(['', 'text', 'type', 'AAAA', '{}', '\ud800', 10**400, -1, 2**63])
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)

MONSTERS: list[str | bytes] = [
    '[' * 100_000,
    '{"a":' * 100_000,
    '{"type":' + '[' * 60_000 + ']' * 60_000 + '}',
    '{"type":"' + 'x' * 1_000_000 + '"}',
    '{"type":' + '9' * 1_000_000 + '}',
    '{' + ','.join(f'"k{n}":0' for n in range(60_000)) + '}',
    '{"type":"message","content":"' + '\\ud83d\\ude00' * 60_000 + '","role":"assistant"}',
    '{"a":' + '[' * 63 + ','.join(['[]'] * 200_000) + ']' * 63 + '}',
    '',
    ' ',
    '\x00',
    '\ufeff{}',
    'null',
    'NaN',
    '{"type":NaN}',
    '{"type":1e999}',
    b'',
    b'\x00',
    bytes(1_000_001),
    '{"a":1,"a":{"b":2}}',
    '"\\ud800"',
    '{"\\ud800":1}',
]


def golden(protocol: str) -> list[dict[str, Any]]:
    """Objects a peer of this protocol sends."""
    found = []
    for path in vectors.paths():
        if path.parent.name == protocol:
            for step in vectors.load(path)['steps']:
                if isinstance(step.get('receive'), str) and 'error' not in step:
                    found.append(json.loads(step['receive']))
    return found


@st.composite
def _mutated(draw: Any, protocol: str) -> dict[str, Any]:
    """Build a golden object of which a few things were put in wrong, anywhere in it."""
    body = json.loads(json.dumps(draw(st.sampled_from(golden(protocol)))))
    for _ in range(draw(st.integers(0, 3))):
        place = body
        while True:
            key = draw(st.sampled_from(sorted(place)) | st.text(max_size=8)) if place else 'x'
            below = place.get(key)
            if not isinstance(below, dict) or draw(st.booleans()):
                break
            place = below
        if draw(st.booleans()):
            place[key] = draw(values)
        else:
            place.pop(key, None)
    return body


def frames(protocol: str) -> st.SearchStrategy[str | bytes]:
    """Any frame: mutated golden ones most of all."""
    near: st.SearchStrategy[str | bytes] = _mutated(protocol).map(json.dumps)
    cut = st.tuples(near, st.integers(0, 60)).map(lambda pair: pair[0][: -pair[1] or None])
    far: st.SearchStrategy[str | bytes] = (
        values.map(json.dumps) | st.text(max_size=60) | st.binary(max_size=2000)
    )
    return st.one_of(near, near, near, cut, far)


def feed(adapter: Any, frame: str | bytes) -> list[Any]:
    """Let an adapter read a frame, and write what it made of it where it says it can."""
    began = time.process_time()  # Not the clock: the machine may be busy with something else.
    try:
        messages = list(adapter.decode(frame))
        for message in messages:
            list(adapter.answer(message))
            if type(message) in adapter.capabilities:
                list(adapter.encode(message))
    except ProtocolError as error:
        # It ends up in a log: never the whole frame again.
        assert len(str(error)) < 6000, 'the error repeats what came'
        messages = []
    taken = time.process_time() - began
    assert taken < TIME, f'{taken:.1f} s'
    return messages


def check(messages: list[Any]) -> None:
    """Whatever passed must be fit for ROS and for a file: text that is UTF-8."""
    json.dumps(vectors.show(messages), ensure_ascii=False, default=repr).encode()
