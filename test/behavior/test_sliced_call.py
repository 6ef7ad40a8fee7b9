# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A call that runs piece by piece, as the tick of a large tree does."""

from __future__ import annotations

from collections.abc import Iterator
import threading

import pytest

from xparo_bridge.behavior.sliced_call import SlicedCall


@pytest.fixture
def sliced() -> Iterator[SlicedCall]:
    call = SlicedCall('sliced')
    yield call
    call.close()


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == 'sliced']


@pytest.mark.timeout(20)
def test_it_goes_on_where_it_stood_and_never_beside_its_owner(sliced):
    steps: list[int] = []

    def work() -> None:
        for number in range(3):
            steps.append(number)
            sliced.checkpoint()

    assert not sliced.run(work, 0.0)
    assert (steps, sliced.is_open) == ([0], True)
    assert not sliced.run(work, 0.0)
    assert steps == [0, 1]
    assert sliced.run(work, 60.0)
    assert (steps, sliced.is_open) == ([0, 1, 2], False)
    assert sliced.run(work, 60.0), 'the next call begins at its beginning'
    assert steps == [0, 1, 2, 0, 1, 2]


@pytest.mark.timeout(20)
def test_what_it_raises_reaches_its_owner_once_and_the_next_call_runs(sliced):
    def fail() -> None:
        sliced.checkpoint()
        raise ValueError('no')

    assert not sliced.run(fail, 0.0)
    with pytest.raises(ValueError, match='no'):
        sliced.run(fail, 0.0)
    assert not sliced.is_open
    assert sliced.run(lambda: None, 60.0)


@pytest.mark.timeout(20)
def test_one_that_is_ended_goes_through_its_clean_up_and_no_farther(sliced):
    steps: list[str] = []

    def work() -> None:
        try:
            sliced.checkpoint()
            steps.append('after')
        finally:
            steps.append('clean-up')

    assert not sliced.run(work, 0.0)
    sliced.abort()
    assert (steps, sliced.is_open) == (['clean-up'], False)
    sliced.abort()  # Nothing is open: nothing happens.
    assert sliced.run(lambda: steps.append('next'), 60.0)
    assert steps == ['clean-up', 'next']


@pytest.mark.timeout(20)
def test_a_checkpoint_outside_of_a_call_never_stands_still(sliced):
    sliced.checkpoint()
    assert not sliced.run(sliced.checkpoint, 0.0)
    assert sliced.run(sliced.checkpoint, 60.0)
    sliced.checkpoint()


@pytest.mark.timeout(20)
def test_its_thread_ends_with_it_also_in_the_middle_of_a_call():
    call = SlicedCall('sliced')
    assert threads() == []
    assert not call.run(call.checkpoint, 0.0)
    assert threads() == ['sliced']
    call.close()
    assert threads() == []
    call.close()
