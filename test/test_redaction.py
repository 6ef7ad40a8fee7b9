# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Secrets that peers say are taken out of texts, within bounds."""

from __future__ import annotations

import time

from fixtures.cpu import cpu_time
from fixtures.robot_side import adapter, Robot
import pytest

from xparo_bridge import redaction
from xparo_bridge.messages import ApiToken, LinkCredential
from xparo_bridge.redaction import (
    HIDDEN,
    hide,
    hide_learnt,
    LONGEST,
    masked,
    MOST_LEARNT,
    redacted,
    redacted_value,
)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    for name, empty in (
        ('_secrets', {}),
        ('_learnt', {}),
        ('_learnt_forms', []),
        ('_pattern', None),
        ('_in_bytes', []),
    ):
        monkeypatch.setattr(redaction, name, empty)


@pytest.mark.parametrize('secret', ['t0ken-of-14-chars', 'a' * 24, 'ü"\\/ 1234', '12345678'])
def test_a_secret_of_a_peer_is_taken_out_everywhere(secret):
    hide_learnt('a', secret)
    assert redacted(f'<{secret}>') == f'<{HIDDEN}>'
    assert redacted_value({secret: [secret]}) == {HIDDEN: [HIDDEN]}
    size = len(secret.encode())
    assert masked(f'<{secret}>'.encode()) == b'<' + b'*' * size + b'>'


def test_of_ever_new_ones_the_latest_of_each_link_are_known_and_the_robots_own_for_ever():
    hide('0wn-secret')
    hide_learnt('b', 'other-l1nk')
    for number in range(5000):
        hide_learnt('a', f'token-{number:08}')
    assert redacted('0wn-secret other-l1nk') == f'{HIDDEN} {HIDDEN}'
    assert [redacted(f'token-{number:08}') == HIDDEN for number in range(4980, 5000)] == [
        number >= 5000 - MOST_LEARNT for number in range(4980, 5000)
    ]
    assert len(redaction._learnt['a']) == MOST_LEARNT
    assert len(redaction._learnt_forms) <= 6 * (MOST_LEARNT + 1)


@pytest.mark.parametrize('word', ['succeeded', 'start_navigation', 'audit', 'rejected', '', '{'])
def test_a_peer_cannot_take_words_out_of_the_log(word):
    hide_learnt('a', word)
    text = f'the command is {word} and ended'
    assert redacted(text) == text


def test_a_secret_that_is_known_again_stays_among_the_latest():
    hide_learnt('a', 'first-t0ken')
    for number in range(3 * MOST_LEARNT):
        hide_learnt('a', f'token-{number:08}')
        hide_learnt('a', 'first-t0ken')
    assert redacted('first-t0ken') == HIDDEN


def test_to_learn_the_longest_secrets_takes_no_time():
    """The links' loop learns them."""
    for link in 'abcdefgh':
        for number in range(MOST_LEARNT):
            hide_learnt(link, f'{number}\\"ü' * (LONGEST // 4))
    assert cpu_time(lambda: hide_learnt('a', f'{time.time()}' * 100), 0.01) < 0.02


@pytest.mark.parametrize('kind', [ApiToken, LinkCredential])
def test_one_that_is_too_long_is_refused(kind):
    robot = Robot(1)
    taken: list[object] = []
    inbound = robot.connection.inbound
    inbound.deliver = lambda message, size=0: taken.append(message)  # type: ignore[method-assign]
    for length in (LONGEST, LONGEST + 1):
        inbound.accept(adapter('ws://127.0.0.1/'), kind('7' * length), 100, time.monotonic())
    assert taken == [kind('7' * LONGEST)]
    assert inbound.limits.refused == {kind.__name__: 1}
