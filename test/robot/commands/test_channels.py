# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What has a channel, what waits for it, and what comes next when one has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from xparo_bridge.behavior.ros.robot_commands import TREE
from xparo_bridge.messages import RemoteCommand
from xparo_bridge.robot.commands.channels import (
    BASE,
    Busy,
    Channels,
    Follow,
    Preempt,
    Start,
    Wait,
)
from xparo_bridge.robot.commands.run import Run


@dataclass
class Lane:
    """What the channels ask of a kind."""

    concurrency: str = 'queue'
    channel: str = BASE
    smooth: bool = False
    name: str = 'go'
    largest_answer: int = 1000
    motion: bool = True
    urgent: bool = False
    streams: bool = False
    queue: int = 10
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = {'concurrency': self.concurrency, 'queue': self.queue}

    def takes_over(self, run: Run, old: Run) -> bool:
        return self.smooth


def made(number: int, lane: Lane, source: str = 'platform') -> Run:
    return Run(RemoteCommand('go', {}, str(number)), source, lane, lambda run: None)


def ended(run: Run) -> Run:
    run.succeed()
    return run


def test_the_next_begins_when_the_one_before_has_ended_and_after_the_last_nothing_does():
    channels, lane = Channels(), Lane(queue=2)
    one, two, three, four = (made(number, lane) for number in range(4))
    assert channels.enter(one, '') == Start()
    assert (channels.enter(two, ''), channels.enter(three, '')) == (Wait(), Wait())
    busy = channels.enter(four, '')
    assert (type(busy), busy.code, busy.by) == (Busy, 'queue_full', '0')
    assert channels.leave(ended(one), '') == Follow(start=two)
    assert channels.leave(ended(two), '') == Follow(start=three)
    assert not channels.free(BASE)
    assert channels.leave(ended(three), '') == Follow()
    assert channels.free(BASE)


def test_one_that_waits_leaves_without_a_change_for_the_others():
    channels, lane = Channels(), Lane()
    one, two, three = (made(number, lane) for number in range(3))
    for run in (one, two, three):
        channels.enter(run, '')
    assert channels.withdraw(two)
    assert not channels.withdraw(two)
    assert channels.leave(ended(two), '') == Follow()
    assert channels.leave(ended(one), '') == Follow(start=three)


def test_what_preempts_waits_for_the_end_of_what_it_preempts():
    channels = Channels()
    one, two = made(1, Lane()), made(2, Lane())
    three = made(3, Lane('preempt'))
    channels.enter(one, '')
    channels.enter(two, '')
    assert channels.enter(three, '') == Preempt(one, (two,))
    assert channels.leave(ended(two), '') == Follow()
    assert channels.leave(ended(one), '') == Follow(start=three)


@pytest.mark.parametrize('canceling', [False, True])
def test_what_was_to_be_replaced_by_a_run_that_never_took_over_goes_on_as_before(canceling):
    channels, lane = Channels(), Lane('preempt', smooth=True)
    old, new = made(1, lane), made(2, lane)
    channels.enter(old, '')
    assert channels.enter(new, '') == Start()
    assert new.replaces is old
    old.preempted_by = new.id  # As the router notes it.
    old.canceling = canceling
    assert channels.leave(ended(new), '') == Follow()
    # One that is being cancelled for the new one still is.
    assert old.preempted_by == (new.id if canceling else '')
    assert not channels.free(BASE)
    assert channels.leave(ended(old), '') == Follow()
    assert channels.free(BASE)


def test_one_that_is_being_cancelled_is_not_taken_over_from():
    channels, lane = Channels(), Lane('preempt', smooth=True)
    old, new = made(1, lane), made(2, lane)
    channels.enter(old, '')
    old.canceling = True
    assert channels.enter(new, '') == Preempt(old)
    assert new.replaces is None


def test_what_waits_ends_the_old_one_that_the_new_one_did_not_replace():
    channels, lane = Channels(), Lane('preempt', smooth=True)
    old, new, waits = made(1, lane), made(2, lane), made(3, Lane())
    for run in (old, new, waits):
        channels.enter(run, '')
    assert channels.leave(ended(new), '') == Follow(cancel=old)
    assert channels.leave(ended(old), '') == Follow(start=waits)


def test_of_three_that_replace_each_other_the_one_in_the_middle_may_end_first():
    channels, lane = Channels(), Lane('preempt', smooth=True)
    one, two, three = (made(number, lane) for number in range(3))
    for run in (one, two, three):
        channels.enter(run, '')
    assert channels.leave(ended(two), '') == Follow()
    assert three.replaces is one
    assert channels.leave(ended(three), '') == Follow()
    assert not channels.free(BASE)
    assert channels.leave(ended(one), '') == Follow()


def test_a_tree_is_on_the_base_s_channel_alone_and_before_none_of_its_own_commands():
    channels, lane = Channels(), Lane()
    one = made(1, lane)
    assert channels.enter(one, 'round') == Wait()
    busy = Channels().enter(made(2, Lane('reject')), 'round')
    assert (busy.code, busy.by) == ('busy', 'tree round')
    assert channels.following(BASE, 'round') == Follow()
    assert channels.following(BASE, '') == Follow(start=one)
    assert Channels().enter(made(3, lane, TREE), 'round') == Start()
    assert Channels().enter(made(4, Lane(channel='arm')), 'round') == Start()
    assert Channels().enter(made(5, Lane('preempt')), 'round') == Preempt(None)
    assert Channels().enter(made(6, Lane('parallel')), 'round') == Start()
