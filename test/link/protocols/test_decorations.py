# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What decorates a reply and cannot be read costs itself: the words count."""

from __future__ import annotations

from collections.abc import Sequence
import json
from typing import Any

import pytest

from xparo_bridge.link.protocols.furhat import Furhat
from xparo_bridge.link.protocols.general_bots import GeneralBots
from xparo_bridge.link.protocols.general_bots_source import GeneralBotsSource, plain_text
from xparo_bridge.link.protocols.xrx import Xrx
from xparo_bridge.messages import (
    ChatReply,
    ChatRequest,
    LinkProblem,
    PeerError,
    PeerErrorCode,
    Suggestions,
    Users,
)


def of(kind: type, messages: Sequence[Any]) -> list[Any]:
    return [message for message in messages if isinstance(message, kind)]


def source() -> GeneralBotsSource:
    return GeneralBotsSource(url='ws://h/ws', new_id=lambda: 'id')


REPLY = '{"content": "hi", "message_type": 2, "is_complete": true, %s}'


@pytest.mark.parametrize(
    ('member', 'offers'),
    [
        ('"suggestions": ["yes", "no"]', ('yes', 'no')),
        ('"suggestions": [{"text": "yes"}, "no", 5, null, {}, {"text": 7}]', ('yes', 'no')),
        ('"suggestions": [{"text": "yes", "x": 1e999}, NaN]', ('yes',)),
        ('"suggestions": "yes"', None),
        ('"suggestions": {"text": "yes"}', None),
        ('"thinking": "yes"', None),
        ('"stream_token": 5', None),
        ('"session_id": {}', None),
        ('"x": NaN', None),
        ('"x": "\\ud800"', None),
        ('"x": 1, "x": 2', None),
    ],
)
def test_a_reply_counts_whatever_decorates_it(member, offers):
    messages = source().decode(REPLY % member)
    assert of(ChatReply, messages) == [ChatReply('hi')]
    assert of(Suggestions, messages) == ([Suggestions(offers)] if offers else [])
    assert of(LinkProblem, messages) or offers == ('yes', 'no')


@pytest.mark.parametrize('value', ['NaN', '1e999', '"\\ud800"', '[' * 70 + ']' * 70])
@pytest.mark.parametrize(
    ('adapter', 'frame'),
    [
        (
            lambda: GeneralBots(url='ws://h/ws'),
            '{"type": "message", "content": "hi", "session_id": "s", "x": [%s]}',
        ),
        (
            lambda: Xrx(url='ws://h/ws'),
            '{"type": "text", "user": "agent", "content": "hi", "x": %s}',
        ),
        (source, REPLY.replace('%s', '"x": {"y": %s}')),
    ],
)
def test_a_reply_counts_beside_what_no_json_has(adapter, frame, value):
    messages = adapter().decode(frame.replace('%s', value))
    assert [reply.text for reply in of(ChatReply, messages)] == ['hi']
    assert of(LinkProblem, messages)


def test_a_pair_that_is_split_between_two_pieces_costs_no_more_than_itself():
    adapter = GeneralBots(url='ws://h/ws')
    frames = [
        '{"type":"stream_start","message_id":"m","session_id":"s"}',
        '{"type":"stream_chunk","message_id":"m","content":"smile \\ud83d"}',
        '{"type":"stream_chunk","message_id":"m","content":"\\ude00!"}',
        '{"type":"stream_end","message_id":"m"}',
    ]
    messages = [message for frame in frames for message in adapter.decode(frame)]
    assert [reply.text for reply in of(ChatReply, messages)] == ['smile \ufffd\ufffd!']


def test_an_empty_text_after_the_answer_is_no_later_answer():
    bot = GeneralBots(url='ws://h/ws')
    bot.encode(ChatRequest('hello', 'r'))
    said = [bot.decode(f'{{"type":"message","content":"{text}"}}') for text in ('hi', '', ' ')]
    assert said == [[ChatReply('hi')], [], []]

    agent = Xrx(url='ws://h/ws')
    agent.encode(ChatRequest('hello', 'r'))
    text = '{"type":"text","user":"agent","content":"%s"}'
    assert [agent.decode(text % word) for word in ('hi', '')] == [[ChatReply('hi')], []]
    action = '{"type":"action","user":"agent","content":"agent_%s_thinking"}'
    frames = [action % 'started', text % 'hi', text % '', action % 'ended']
    messages = [message for frame in frames for message in agent.decode(frame)]
    assert [reply.text for reply in of(ChatReply, messages)] == ['hi']


def test_an_empty_whole_does_not_take_the_pieces_of_a_reply():
    adapter = GeneralBots(url='ws://h/ws')
    adapter.decode('{"type":"stream_chunk","message_id":"m","content":"hi"}')
    messages = adapter.decode('{"type":"stream_end","message_id":"m","content":""}')
    assert [reply.text for reply in of(ChatReply, messages)] == ['hi']


@pytest.mark.parametrize(
    ('members', 'code', 'text'),
    [
        ('"code": 429, "message": "slow"', PeerErrorCode.OTHER, '429: slow'),
        ('"code": "rate_limited"', PeerErrorCode.RATE_LIMITED, 'rate_limited'),
        ('"code": null, "message": "slow"', PeerErrorCode.OTHER, 'slow'),
        ('"message": ["slow"]', PeerErrorCode.OTHER, 'no reason given'),
        (
            '"code": "RATE_LIMITED", "retry_after": "soon", "message": 5',
            PeerErrorCode.RATE_LIMITED,
            'RATE_LIMITED',
        ),
    ],
)
def test_an_error_is_one_whatever_form_its_code_has(members, code, text):
    messages = GeneralBots(url='ws://h/ws').decode(f'{{"type": "error", {members}}}')
    assert of(PeerError, messages) == [PeerError(code, text)]


@pytest.mark.parametrize(
    'bad', ['null', '5', '"u"', '{}', '{"id": "b", "x": NaN, "y": 0, "z": 0}', '{"id": 5}', 'NaN']
)
def test_a_user_who_cannot_be_read_costs_only_itself(bad):
    good = {'id': 'a', 'x': 1, 'y': 2, 'z': 3}
    messages = Furhat(url='ws://h').decode(
        f'{{"type": "response.users.data", "users": [{bad}, {json.dumps(good)}]}}'
    )
    [users] = of(Users, messages)
    assert [user.user_id for user in users.users] == ['a']
    assert of(LinkProblem, messages)


@pytest.mark.parametrize(
    ('html', 'text'),
    [
        ('<blockquote>a</blockquote>b', 'a\nb'),
        (
            '<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr>'
            '</tbody></table>',
            'A B\n1 2',
        ),
        ('<del>a</del> <s>b</s><sub>2</sub><sup>3</sup><small>c</small>', 'a b23c'),
        ('a<script>alert("<p>x</p>")</script><style>p {}</style><!-- no -->b', 'ab'),
        ('a<br/><section><mark>b</mark></section>', 'a\nb'),
        ('<script>never closed', ''),
        ('1 < 2 and 3 > 2', '1 < 2 and 3 > 2'),
        ('if a<b then x', 'if a<b then x'),
        ('the <robot> &amp; you', 'the <robot> &amp; you'),
    ],
)
def test_of_html_the_text_is_kept(html, text):
    assert plain_text(html) == text


def test_a_byte_order_mark_is_taken():
    adapter = GeneralBots(url='ws://h/ws')
    assert adapter.decode('\ufeff{"type":"message","content":"hi"}') == [ChatReply('hi')]
