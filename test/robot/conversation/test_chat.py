# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Every question gets its own answer or an error, also when answers are late or do not come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fixtures.ros_graph import RosGraph
import pytest
from xparo_interfaces.msg import ChatMessage

from xparo_bridge.robot.conversation import chat as chat_module
from xparo_bridge.robot.conversation.chat import Chat

SHORT = 0.15  # s


class Talk:
    """A chat, what it said to the platform, and what it published as unasked."""

    def __init__(self, graph: RosGraph) -> None:
        self.graph = graph
        self.said: list[str] = []
        self.problem = ''
        self.chat = Chat(graph.node, 5.0, self._say)
        self.incoming: list[ChatMessage] = graph.listen(
            ChatMessage, f'/{graph.node.get_name()}/chat/incoming'
        )
        self.outgoing = graph.node.create_publisher(
            ChatMessage, f'/{graph.node.get_name()}/chat/outgoing', 1000
        )
        graph.until(self.outgoing.get_subscription_count)
        graph.until(lambda: graph.node.count_subscribers(self.incoming_topic))

    @property
    def incoming_topic(self) -> str:
        return f'/{self.graph.node.get_name()}/chat/incoming'

    def _say(self, text: str, good_for: float | None) -> str:
        if not self.problem:
            self.said.append(text)
        return self.problem

    def answer(self, text: str) -> None:
        self.chat.reply('platform', text)

    def result(self, future: Any) -> tuple[str, str]:
        self.graph.until(future.done)
        return future.result()

    def unasked(self, *texts: str) -> None:
        self.graph.until(lambda: [message.text for message in self.incoming] == list(texts))


@pytest.fixture
def talk() -> Iterator[Talk]:
    with RosGraph() as graph:
        yield Talk(graph)


def given_up(talk: Talk, text: str = 'late?') -> None:
    assert talk.result(talk.chat.ask(text, SHORT)) == (
        '',
        'the platform did not answer in time',
    )


def test_one_question_at_a_time_is_with_the_platform(talk):
    first, second = talk.chat.ask('one'), talk.chat.ask('two')
    assert talk.said == ['one']
    talk.answer('1')
    assert talk.result(first) == ('1', '') and talk.said == ['one', 'two']
    talk.answer('2')
    assert talk.result(second) == ('2', '')


def test_a_late_answer_does_not_go_to_the_next_question(talk):
    given_up(talk)
    question = talk.chat.ask('two')
    talk.answer('to late?')
    assert not question.done()
    talk.answer('to two')
    assert talk.result(question) == ('to two', '')
    talk.unasked('to late?')


def test_an_answer_that_came_before_the_next_question_was_asked_is_unasked(talk):
    given_up(talk)
    talk.answer('to late?')
    question = talk.chat.ask('two')
    talk.answer('to two')
    assert talk.result(question) == ('to two', '')


@pytest.mark.parametrize('first', ['outgoing', 'question'])
def test_what_is_said_without_waiting_has_its_answer_too(talk, first):
    def say() -> None:
        talk.outgoing.publish(ChatMessage(text='a remark'))
        talk.graph.until(lambda: 'a remark' in talk.said)

    if first == 'outgoing':
        say()
        question = talk.chat.ask('a question')
        answers = ['to the remark', 'to the question']
    else:
        question = talk.chat.ask('a question')
        say()
        answers = ['to the question', 'to the remark']
    for answer in answers:
        talk.answer(answer)
    assert talk.result(question) == ('to the question', '')
    talk.unasked('to the remark')


def test_a_platform_that_never_answered_once_does_not_shift_all_answers_for_ever(talk):
    given_up(talk)
    second = talk.chat.ask('two', SHORT)
    talk.answer('to two')  # Taken for the late one, as nobody can tell.
    assert talk.result(second)[1]
    third = talk.chat.ask('three')
    talk.answer('to three')
    assert talk.result(third) == ('to three', '')


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_a_while(talk, monkeypatch):
    monkeypatch.setattr(chat_module, 'LATEST', 0.0)
    given_up(talk)
    question = talk.chat.ask('two')
    talk.answer('to two')
    assert talk.result(question) == ('to two', '')


def test_what_was_not_sent_is_not_waited_for(talk):
    question = talk.chat.ask('one')
    talk.outgoing.publish(ChatMessage(text='a remark'))
    talk.graph.until(lambda: 'a remark' in talk.said)
    talk.chat.failed('too long', 'a remark')
    assert not question.done()
    talk.chat.failed('refused')
    assert talk.result(question) == ('', 'refused')


def test_a_question_that_cannot_be_sent_ends_at_once_and_leaves_nothing(talk):
    talk.problem = 'not connected'
    assert talk.result(talk.chat.ask('one')) == ('', 'not connected')
    talk.problem = ''
    question = talk.chat.ask('two')
    talk.answer('2')
    assert talk.result(question) == ('2', '')


def test_questions_are_bounded_in_number(talk):
    questions = [talk.chat.ask(str(number)) for number in range(100)]
    assert 'waiting already' in questions[-1].result()[1]
    assert sum(not question.done() for question in questions) == 51


def test_questions_that_come_all_the_time_do_not_put_off_that_of_others(talk):
    first = talk.chat.ask('one', SHORT)
    for _ in range(100):
        talk.chat.ask('more', 0.01)
        talk.graph.becomes(first.done, 0.01)
    assert first.done()


def test_an_answer_without_words_ends_the_question_and_is_published_nowhere(talk):
    question = talk.chat.ask('one')
    talk.answer('')
    assert talk.result(question) == ('', '')
    talk.answer('')
    talk.answer('unasked')
    talk.unasked('unasked')


@pytest.mark.parametrize('cut', [False, True], ids=['timeout', 'cut off'])
@pytest.mark.parametrize(
    ('pieces', 'words'),
    [
        (
            ['One moment please...', 'It is in the', ' kitchen.'],
            'One moment please... It is in the kitchen.',
        ),
        (['hel', 'lo', ' '], 'hello'),
    ],
    ids=['texts', 'tokens'],
)
def test_words_that_came_before_the_question_ended_are_not_lost(talk, cut, pieces, words):
    asked = talk.chat.ask('where?', 5.0 if cut else SHORT)
    for piece in pieces:
        talk.chat.delta('platform', piece, final=False)
    talk.chat.delta('platform', 'of somebody else', final=False, asked=False)
    why = 'the platform did not answer in time'
    if cut:
        why = 'the connection was lost'
        talk.chat.failed(why)
    assert talk.result(asked) == ('', f'{why}; until then it said: {words}')


def test_words_of_one_question_are_not_those_of_the_next(talk):
    first = talk.chat.ask('one')
    talk.chat.delta('platform', 'of one', final=False)
    talk.answer('1')
    assert talk.result(first) == ('1', '')
    given_up(talk)


def test_what_is_said_while_the_ros_thread_has_no_time_arrives_all_the_same(talk):
    """Five seconds at 20 Hz: what a bridge on a busy computer misses while it starts."""
    said = [f'said {number}' for number in range(100)]
    for text in said:
        talk.outgoing.publish(ChatMessage(text=text))
    talk.graph.until(lambda: len(talk.said) == 100)
    assert talk.said == said


def test_an_answer_without_end_is_reported_by_its_last_words(talk):
    asked = talk.chat.ask('go on', SHORT)
    for _ in range(100):
        talk.chat.delta('platform', 'x' * 1000, final=False)
    talk.chat.delta('platform', ' the end', final=False)
    error = talk.result(asked)[1]
    assert len(error) < 5000 and error.endswith('x the end')
