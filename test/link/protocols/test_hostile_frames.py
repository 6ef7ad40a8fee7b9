# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever a peer of each protocol sends: what is said of it, and answered to it, is bounded."""

from __future__ import annotations

from random import Random
import time

from hostile.frames import frames
from hostile.house import PATHS
import pytest
import vectors

from xparo_bridge.link.protocols.base import ProtocolError
from xparo_bridge.messages import LinkProblem, PeerError

FRAMES = 150
LARGEST_FRAME = 1 << 20  # Bytes; the socket refuses larger ones.
LARGEST_ANSWER = 16_000  # Characters.
LARGEST_PROBLEM = 2_000
TIME = 0.1  # s of the thread; twice what is meant, for a busy machine


@pytest.mark.parametrize('protocol', PATHS)
def test_nothing_is_said_or_answered_at_length(protocol):
    random, adapter = Random(protocol), vectors.adapter(protocol)
    sent = 0
    while sent < FRAMES:
        for frame in dict.fromkeys(frames(protocol, random)):
            if len(frame) > LARGEST_FRAME:
                continue
            sent += 1
            messages = []
            times = []
            for _ in range(2):  # The collector of garbage has its turn in one of them.
                began = time.thread_time()
                try:
                    messages = list(adapter.decode(frame))
                except ProtocolError as error:
                    assert len(str(error)) <= LARGEST_PROBLEM
                times.append(time.thread_time() - began)
            assert min(times) < TIME, (times, frame[:300])
            for message in messages:
                check(adapter, message)


def check(adapter, message):
    """Check what is said and answered because of a message."""
    for text in (getattr(message, 'problem', ''), getattr(message, 'text', '')):
        if isinstance(message, (LinkProblem, PeerError)):
            assert len(text) <= LARGEST_PROBLEM, text[:300]
    answers = list(adapter.answer(message))
    about = message.message if isinstance(message, LinkProblem) else None
    if about is not None and type(about) in adapter.capabilities:
        answers += adapter.encode(about)
    assert all(len(answer) <= LARGEST_ANSWER for answer in answers), str(answers)[:300]
