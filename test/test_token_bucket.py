# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The token bucket: a burst, then its rate."""

from __future__ import annotations

import pytest

from xparo_bridge.token_bucket import TokenBucket


def test_a_burst_passes_and_then_so_much_a_second():
    now = 100.0
    bucket = TokenBucket(2.0, 3, clock=lambda: now)
    assert [bucket.acquire() for _ in range(4)] == [True, True, True, False]
    assert bucket.wait() == pytest.approx(0.5)
    now += 0.5
    assert [bucket.acquire(), bucket.acquire()] == [True, False]
    now += 1000.0
    assert [bucket.acquire() for _ in range(4)] == [True, True, True, False]


def test_a_refused_one_costs_nothing():
    now = 0.0
    bucket = TokenBucket(1.0, 1, clock=lambda: now)
    bucket.acquire()
    for _ in range(1000):
        assert not bucket.acquire()
    now = 1.0
    assert bucket.acquire()


def test_no_rate_is_no_bound_and_a_rate_of_zero_is_no_more():
    free = TokenBucket(None, 1)
    assert all(free.acquire() for _ in range(1000))
    shut = TokenBucket(0.0, 1)
    assert [shut.acquire(), shut.acquire()] == [True, False]
    assert shut.wait() == float('inf')
