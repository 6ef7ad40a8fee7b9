# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Speaks by whatever link can: action `~/speech/say`.

One utterance at a time is with the speaker and the others wait here, so that a goal can be
cancelled without silencing the others. One that a lost link was speaking has failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from rclpy.action import CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future
from xparo_interfaces.action import Say

from ... import messages as msg
from ...ros.entities import action_server
from .ros4hri import installed

# More texts waiting than this is a runaway client.
_MAX_WAITING = 50

Utterance = msg.Say | msg.PlayUrl | msg.SpeakAudio


def _nothing(report: Any = None) -> None:
    """Ignore what nobody wants to know."""


@dataclass(eq=False)
class Speech:
    """
    Something to be said, by the link of a name or with '' the one that speaks.

    `begun` is called when its turn has come; `ended` gets the SpeechEnded, `silenced` is whether
    the speaker was told to end it.
    """

    message: Utterance
    link: str = ''
    feedback: Callable[[Say.Feedback], None] = _nothing
    begun: Callable[[], None] = _nothing
    ended: Future = field(default_factory=Future)
    silenced: bool = False

    def __post_init__(self) -> None:
        self.message = replace(self.message, say_id=str(uuid4()))


class Voice:
    """What is being said; on the ROS thread."""

    def __init__(self, node: Node, send: Callable[[Any, str], str]) -> None:
        """Take what sends a message to a link, or to the one that speaks if it is ''."""
        self._send = send
        self._waiting: deque[Speech] = deque()
        self._speaking: Speech | None = None
        self._goals: dict[bytes, Speech] = {}
        self._server = action_server(
            node,
            Say,
            '~/speech/say',
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )
        self._skill = installed('communication_skills.action', 'Say')
        if self._skill is not None:
            self._skill_server = action_server(
                node,
                self._skill,
                '/skill/say',
                execute_callback=self._execute_skill,
                goal_callback=lambda goal: (
                    GoalResponse.ACCEPT if goal.input.strip() else GoalResponse.REJECT
                ),
                cancel_callback=self._on_cancel,
            )

    def say(self, speech: Speech, interrupt: bool = False) -> None:
        """Say something when its turn comes; with `interrupt` at once, and drop all else."""
        if interrupt:
            self._stop_all()
        self._waiting.append(speech)
        self._speak_next()

    def stop(self, speech: Speech) -> None:
        """Begin to end what is said or waits; nothing else is touched."""
        if speech in self._waiting:
            self._waiting.remove(speech)
            speech.ended.set_result(msg.SpeechEnded('', aborted=True, error='cancelled'))
        elif speech is self._speaking:
            self._stop_current(speech)

    def started(self, link: str, start: msg.SpeechStarted) -> None:
        """Take that the voice began."""
        self._report(start.say_id, Say.Feedback(started=True))

    def word(self, link: str, word: msg.SpeechWord) -> None:
        """Take a word that is being said."""
        self._report(word.say_id, Say.Feedback(started=True, word=word.word, index=word.index))

    def ended(self, link: str, end: msg.SpeechEnded) -> None:
        """Take that the voice ended."""
        if self._speaking is not None and self._speaking.message.say_id == end.say_id:
            speech, self._speaking = self._speaking, None
            speech.ended.set_result(end)
            self._speak_next()

    def lost(self, link: str, *, speaks: bool) -> None:
        """Take that a link is gone; `speaks` is whether it is the one of speech without a link."""
        speech = self._speaking
        if speech is not None and (speech.link == link or (speaks and not speech.link)):
            error = 'the connection to the speaker was lost'
            self.ended(link, msg.SpeechEnded('', speech.message.say_id, failed=True, error=error))

    def _report(self, say_id: str, feedback: Say.Feedback) -> None:
        if self._speaking is not None and self._speaking.message.say_id == say_id:
            self._speaking.feedback(feedback)

    def _speak_next(self) -> None:
        while self._speaking is None and self._waiting:
            speech = self._waiting.popleft()
            problem = self._send(speech.message, speech.link)
            if problem:
                speech.ended.set_result(msg.SpeechEnded('', failed=True, error=problem))
            else:
                self._speaking = speech
                speech.begun()

    def _stop_all(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for speech in waiting:
            speech.ended.set_result(msg.SpeechEnded('', aborted=True, error='interrupted'))
        if self._speaking is not None:
            self._stop_current(self._speaking)

    def _stop_current(self, speech: Speech) -> None:
        speech.silenced = True
        self._send(msg.StopSpeech(), speech.link)

    def _on_goal(self, goal: Say.Goal) -> GoalResponse:
        full = len(self._waiting) >= _MAX_WAITING and not goal.interrupt
        empty = not goal.text.strip() and not goal.audio_url
        return GoalResponse.REJECT if full or empty else GoalResponse.ACCEPT

    def _on_cancel(self, handle: Any) -> CancelResponse:
        speech = self._goals.get(bytes(handle.goal_id.uuid))
        if speech is not None:
            self.stop(speech)
        return CancelResponse.ACCEPT

    async def _execute(self, handle: Any) -> Say.Result:
        goal = handle.request
        utterance = (
            msg.PlayUrl(goal.audio_url, goal.text or 'AUDIO')
            if goal.audio_url
            else msg.Say(goal.text, words=True)
        )
        end, error = await self._speak(
            handle, Speech(utterance, goal.link, handle.publish_feedback), goal.interrupt
        )
        return Say.Result(success=not error, spoken=end.text, error=error)

    async def _execute_skill(self, handle: Any) -> Any:
        """As ROS4HRI has it; its result says what was wrong by a number and in words."""
        _, error = await self._speak(handle, Speech(msg.Say(handle.request.input, words=True)))
        result = self._skill.Result()
        outcome = result.result
        outcome.error_msg = error
        outcome.error_code = (
            outcome.ROS_ENOERR
            if not error
            else outcome.ROS_ECANCELED
            if handle.is_cancel_requested
            else outcome.ROS_EOTHER
        )
        return result

    async def _speak(
        self, handle: Any, speech: Speech, interrupt: bool = False
    ) -> tuple[msg.SpeechEnded, str]:
        """Say what a goal wants, to its end; why not all of it was said."""
        key = bytes(handle.goal_id.uuid)
        self._goals[key] = speech
        self.say(speech, interrupt)
        end: msg.SpeechEnded = await speech.ended
        del self._goals[key]
        if not (end.aborted or end.failed):
            handle.succeed()
            return end, ''
        if handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return end, end.error or ('interrupted' if end.aborted else 'the speaker failed')
