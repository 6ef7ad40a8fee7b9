# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does every stream end once, and is what waits for an end bounded?"""

import pytest

from xparo_bridge.link import streams
from xparo_bridge.link.streams import StreamJoiner
from xparo_bridge.messages import ChatDelta, ChatReply


class Clock:
    time = 0.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def joiner(clock):
    return StreamJoiner(clock)


def ends(messages):
    return [(m.message_id, m.error) for m in messages if isinstance(m, ChatDelta) and m.final]


def test_the_pieces_make_the_reply(joiner):
    joiner.start('m')
    assert joiner.add('m', 'a') == [ChatDelta('a', 'm')]
    joiner.add('m', 'b')
    assert joiner.end('m') == [ChatDelta('', 'm', final=True), ChatReply('ab')]


def test_streams_at_the_same_time_do_not_mix(joiner):
    joiner.add('m', 'a')
    joiner.add('n', 'x')
    joiner.add('m', 'b')
    assert joiner.end('n')[1] == ChatReply('x')
    assert joiner.end('m')[1] == ChatReply('ab')


def test_the_peers_word_for_the_whole_wins(joiner):
    joiner.add('m', 'a')
    assert joiner.end('m', 'A')[1] == ChatReply('A')


def test_a_stream_is_not_ended_twice(joiner):
    joiner.add('m', 'a')
    joiner.end('m')
    assert joiner.end('m') == []
    assert joiner.end('m', 'whole') == []
    assert joiner.abandon('gone') == []


def test_the_oldest_stream_makes_room_for_a_new_one(joiner):
    for number in range(streams.MAX_STREAMS):
        joiner.start(str(number))
    assert ends(joiner.start('one more')) == [('0', 'over 16 streams')]


def test_a_stream_started_anew_forgets_its_pieces_and_ends_once(joiner):
    joiner.start('m')
    joiner.add('m', 'old')
    assert joiner.start('m') == []
    joiner.add('m', 'new')
    assert joiner.end('m') == [ChatDelta('', 'm', final=True), ChatReply('new')]


def test_a_piece_before_the_start_belongs_to_the_stream(joiner):
    joiner.add('m', 'a')
    assert joiner.start('m') == []
    joiner.add('m', 'b')
    assert joiner.end('m')[1] == ChatReply('ab')


@pytest.mark.parametrize('end', [lambda j: j.end('m'), lambda j: j.abandon('gone')])
def test_a_piece_after_the_end_opens_no_stream(joiner, end):
    joiner.add('m', 'a')
    end(joiner)
    assert joiner.add('m', 'late') == []
    assert joiner.deadline() is None


def test_the_whole_of_a_stream_that_was_given_up_answers_nothing_any_more(joiner):
    joiner.add('m', 'a')
    joiner.abandon('gone')
    assert joiner.end('m', 'whole') == [ChatReply('whole', unasked=True)]


def test_what_comes_of_an_unasked_stream_is_unasked(joiner):
    joiner.start('m', unasked=True)
    assert joiner.add('m', 'a') == [ChatDelta('a', 'm', unasked=True)]
    assert joiner.end('m') == [
        ChatDelta('', 'm', final=True, unasked=True),
        ChatReply('a', unasked=True),
    ]


def test_a_stream_without_end_is_given_up(joiner):
    joiner.add('m', 'x' * streams.MAX_CHARACTERS)
    assert ends(joiner.add('m', 'y')) == [('m', 'over 1048576 characters')]


def test_only_silent_streams_expire(joiner, clock):
    joiner.start('silent')
    joiner.start('lively')
    clock.time = 30.0
    joiner.add('lively', 'x')
    assert joiner.deadline() == 60.0
    clock.time = 60.0
    assert ends(joiner.expire()) == [('silent', 'nothing came for 60 s')]
    assert joiner.deadline() == 90.0
    joiner.end('lively')
    assert joiner.deadline() is None
