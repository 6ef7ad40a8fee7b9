# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The control lane: nothing lost, order kept per subject, what may be a repetition marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from xparo_bridge.link.control_entries import Cause
from xparo_bridge.link.control_lane import ControlLane, WINDOW
from xparo_bridge.messages import BehaviorStatus, ChatRequest, CommandState, CommandStatus


def status(command_id, state='succeeded', **content):
    """Status of a command."""
    return CommandStatus(command_id, 'go', CommandState(state), **content)


def filled(*ids, max_bytes=1 << 20):
    """Lane with a status for each id."""
    lane = ControlLane(max_bytes)
    for command_id in ids:
        lane.add(status(command_id))
    return lane


def taken(lane):
    """Hand out everything the lane gives."""
    out = []
    while (message := lane.next()) is not None:
        out.append(message)
    return out


def ids(messages):
    """Ids of the commands."""
    return [message.command_id for message in messages]


def test_what_was_not_confirmed_is_handed_out_again_in_order_and_marked():
    lane = filled('a', 'b', 'c', 'd')
    lane.next(), lane.next(), lane.next()
    lane.confirm(1)
    lane.rewind()
    again = taken(lane)
    assert ids(again) == ['b', 'c', 'd']
    assert [message.resent for message in again] == [True, True, False]


def test_a_message_keeps_its_id_when_it_is_sent_again():
    lane = filled('a', 'b')
    first = taken(lane)
    lane.rewind()
    assert [m.message_id for m in taken(lane)] == [m.message_id for m in first]
    assert len({m.message_id for m in first}) == 2


def test_what_was_confirmed_is_gone():
    lane = filled('a', 'b')
    taken(lane)
    lane.confirm(lane.sent)
    lane.rewind()
    assert len(lane) == 0
    assert lane.next() is None


def test_a_confirmation_after_a_drop_does_not_confirm_too_much():
    lane = filled('a', 'b', 'c', max_bytes=1100)
    lane.next(), lane.next()
    sent = lane.sent
    lane.add(status('d'))
    assert lane.dropped == 1
    lane.confirm(sent)
    lane.rewind()
    assert ids(taken(lane)) == ['c', 'd']


def test_it_is_bounded_and_the_oldest_goes():
    lane = filled(*'0123456789', max_bytes=1000)
    assert lane.dropped + len(lane) == 10
    assert 0 < len(lane) < 5
    assert ids(taken(lane)) == list('0123456789')[-len(lane) :]


def test_progress_that_waits_is_replaced_also_when_other_messages_came_between():
    lane = ControlLane(1 << 20)
    for distance in range(1000):
        lane.add(status('a', 'running', progress={'left': distance}))
        lane.add(status('b', 'running', progress={'left': distance}))
    assert [message.progress['left'] for message in taken(lane)] == [999, 999]


@pytest.mark.parametrize('states', [['running', 'paused', 'running'], ['running', 'paused']])
def test_of_a_command_that_was_paused_meanwhile_the_last_counts(states):
    lane = ControlLane(1 << 20)
    for number, state in enumerate(states):
        lane.add(CommandStatus('c', 'go', CommandState(state), progress={'number': number}))
    (left,) = taken(lane)
    assert (left.state, left.progress) == (states[-1], {'number': len(states) - 1})


def test_progress_that_was_sent_is_not_replaced():
    lane = ControlLane(1 << 20)
    lane.add(status('a', 'running', progress={'left': 2}))
    lane.next()
    lane.rewind()
    lane.add(status('a', 'running', progress={'left': 1}))
    assert [message.progress['left'] for message in taken(lane)] == [2, 1]


def test_what_is_new_goes_before_the_backlog_but_not_before_its_own_subject():
    lane = filled('a', 'b')
    lane.rewind()
    lane.add(status('b', 'failed'))
    lane.add(status('c'))
    lane.add(ChatRequest('hello', 'r1'))
    lane.add(BehaviorStatus('patrol', 'running'))
    kinds = [getattr(m, 'command_id', type(m).__name__) for m in taken(lane)]
    assert kinds == ['c', 'ChatRequest', 'BehaviorStatus', 'a', 'b', 'b']


def test_a_backlog_fills_no_more_than_its_window_and_what_is_new_still_goes():
    lane = filled(*map(str, range(1000)))
    lane.rewind()
    sent = len(taken(lane))
    assert 0 < sent * 200 <= WINDOW + 1000
    assert len(lane) == 1000
    lane.add(status('live'))
    assert lane.next().command_id == 'live'
    lane.confirm(lane.sent)
    assert lane.next() is not None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just('add'), st.sampled_from('abc')),
            st.just(('next', '')),
            st.just(('confirm', '')),
            st.just(('rewind', '')),
        ),
        max_size=60,
    )
)
def test_whatever_happens_nothing_is_lost_and_each_command_keeps_its_order(steps):
    lane = ControlLane(1 << 20)
    added = {subject: [] for subject in 'abc'}
    arrived = {subject: [] for subject in 'abc'}

    def hand_out(message):
        number = message.result['number']
        if number in arrived[message.command_id]:
            assert message.resent
        else:
            arrived[message.command_id].append(number)

    for number, (step, subject) in enumerate(steps):
        if step == 'add':
            lane.add(status(subject, result={'number': number}))
            added[subject].append(number)
        elif step == 'next' and (message := lane.next()) is not None:
            hand_out(message)
        elif step == 'confirm':
            lane.confirm(lane.sent)
        elif step == 'rewind':
            lane.rewind()
    while len(lane):
        for message in taken(lane):
            hand_out(message)
        lane.confirm(lane.sent)
    assert arrived == added
    assert lane._main.size == lane._bytes == 0, 'the window has all of its room again'


def test_a_question_nobody_waits_for_any_more_is_withdrawn():
    lane = ControlLane(1 << 20)
    lane.add(ChatRequest('late', 'r1', good_for=0.0))
    lane.add(ChatRequest('in time', 'r1', good_for=60.0))
    lane.add(ChatRequest('no question', 'r1'))
    assert [message.text for message in taken(lane)] == ['in time', 'no question']
    lane.rewind()
    assert [message.text for message in taken(lane)] == ['in time', 'no question']
    lane.confirm(lane.sent)
    assert len(lane) == 0


def test_of_several_messages_it_is_the_largest_that_a_peer_closes_for_as_too_big():
    lane = ControlLane(1 << 20)
    for command_id, size in (('1', 10), ('big', 200_000), ('2', 70_000)):
        lane.add(status(command_id, result={'map': 'x' * size}))
    taken(lane)
    lane.rewind(cause=Cause.TOO_BIG)
    omitted = {}
    while (message := lane.next()) is not None:
        omitted[message.command_id] = bool(message.omitted)
        lane.confirm(lane.sent)
    assert omitted == {'1': False, 'big': True, '2': False}
    assert (lane.given_up, len(lane)) == (0, 0)
