# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Backoff: full jitter, doubling, and a reset only after the link was stable."""

from xparo_bridge.link.backoff import Backoff


def make(**options):
    """Backoff that always takes the largest wait."""
    return Backoff(
        **{
            'initial': 1.0,
            'maximum': 8.0,
            'stable_after': 30.0,
            'refused': 300.0,
            'uniform': lambda low, high: high,
            **options,
        }
    )


def test_the_bound_doubles_up_to_the_maximum():
    backoff = make()
    assert [backoff.wait() for _ in range(6)] == [1, 2, 4, 8, 8, 8]


def test_the_wait_is_anything_down_to_zero():
    assert make(uniform=lambda low, high: low).wait() == 0.0


def test_waits_are_spread_over_the_whole_range():
    backoff = Backoff(initial=8.0, maximum=8.0, stable_after=30.0, refused=300.0)
    waits = [backoff.wait() for _ in range(2000)]
    quarters = [sum(low <= wait < low + 2 for wait in waits) for low in (0, 2, 4, 6)]
    assert all(400 < count < 600 for count in quarters)


def test_a_connection_that_stayed_up_resets_it():
    backoff = make()
    backoff.wait(), backoff.wait()
    backoff.after_connection(30.0)
    assert backoff.wait() == 1


def test_a_server_that_accepts_and_closes_does_not_reset_it():
    backoff = make()
    backoff.wait(), backoff.wait()
    backoff.after_connection(0.1)
    assert backoff.wait() == 4


def test_refused_credentials_are_retried_slowly():
    assert make().wait(refused=True) == 300
    assert make(uniform=lambda low, high: low).wait(refused=True) == 150
