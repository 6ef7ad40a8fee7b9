# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever becomes of what is spoken, its goal ends and the next is spoken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fixtures.ros_graph import RosGraph
import pytest
from xparo_interfaces.action import Say

from xparo_bridge import messages as msg
from xparo_bridge.robot.conversation.speaking import Speech, Voice


class Speaker:
    """A voice on a node, and what it sent to which link."""

    def __init__(self, graph: RosGraph) -> None:
        self.graph = graph
        self.sent: list[tuple[Any, str]] = []
        self.voice = Voice(graph.node, self._send)

    def _send(self, message: Any, link: str) -> str:
        self.sent.append((message, link))
        return ''

    @property
    def texts(self) -> list[str]:
        return [message.text for message, _ in self.sent if isinstance(message, msg.Say)]


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    with RosGraph() as graph:
        yield Speaker(graph)


def lose(voice: Voice, speech: Any) -> None:
    voice.lost('head', speaks=True)


def refuse(voice: Voice, speech: Any) -> None:
    voice.ended(
        'head', msg.SpeechEnded('', speech.say_id, failed=True, error='256 requests unanswered')
    )


@pytest.mark.parametrize('end', [lose, refuse])
def test_what_never_reached_the_speaker_fails_and_the_next_is_spoken(
    speaker: Speaker, end: Callable[[Voice, Any], None]
) -> None:
    name = f'/{speaker.graph.node.get_name()}/speech/say'
    first, second = (
        speaker.graph.send_goal(Say, name, Say.Goal(text=text)) for text in ('one', 'two')
    )
    assert first.accepted and second.accepted
    speaker.graph.until(lambda: speaker.texts)
    end(speaker.voice, speaker.sent[0][0])
    result = first.end().result
    assert not result.success and result.error
    speaker.graph.until(lambda: speaker.texts == ['one', 'two'])


@pytest.mark.parametrize(
    ('spoken_by', 'lost', 'speaks', 'ends'),
    [
        ('', 'head', True, True),
        ('', 'other', False, False),
        ('other', 'other', False, True),
        ('other', 'head', True, False),
    ],
)
def test_only_the_link_that_speaks_it_ends_a_speech(speaker, spoken_by, lost, speaks, ends):
    speech = Speech(msg.Say('one'), spoken_by)
    speaker.voice.say(speech)
    speaker.voice.lost(lost, speaks=speaks)
    assert speech.ended.done() is ends
