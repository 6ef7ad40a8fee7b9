# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does every request end once: answered, too late or cut off?"""

from math import inf

import pytest

from xparo_bridge.link.pending import MAX_PENDING, Pending, TooManyPending


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def pending(clock):
    return Pending(lambda: clock[0])


def test_an_answered_request_does_not_fail(pending, clock):
    pending.add('a', 5.0, str)
    pending.done('a')
    clock[0] = 10.0
    assert pending.expire() == []
    assert pending.abandon('gone') == []


def test_a_request_that_is_too_late_fails_once(pending, clock):
    pending.add('a', 5.0, lambda reason: ('a', reason))
    assert pending.deadline() == 5.0
    clock[0] = 4.9
    assert pending.expire() == []
    clock[0] = 5.0
    assert pending.expire() == [('a', 'no answer within 5 s')]
    assert pending.expire() == []
    assert pending.deadline() is None


def test_time_can_be_given_again(pending, clock):
    pending.add('a', 5.0, str)
    clock[0] = 4.0
    pending.extend('a', 3.0)
    assert pending.deadline() == 7.0


def test_a_request_may_wait_for_ever_but_not_over_a_lost_connection(pending, clock):
    pending.add('a', inf, lambda reason: reason)
    assert pending.deadline() is None
    clock[0] = 1e9
    assert pending.expire() == []
    assert pending.abandon('gone') == ['gone']


def test_a_peer_that_answers_nothing_is_asked_no_more(pending):
    for number in range(MAX_PENDING):
        pending.add(str(number), inf, str)
    with pytest.raises(TooManyPending, match='256 requests are unanswered'):
        pending.add('one more', inf, str)


def test_an_answer_nobody_asked_for_does_no_harm(pending):
    pending.done('unknown')
    assert 'unknown' not in pending
