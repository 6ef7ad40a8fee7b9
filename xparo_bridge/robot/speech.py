# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Speech's face in ROS, whatever link has the voice: action `~/speech/say`.

One text at a time is with the speaker and the others wait here, so that a goal can be cancelled
without silencing the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future
from xparo_interfaces.action import Say

from .. import messages as msg
from .hri import installed

# More texts waiting than this is a runaway client.
_MAX_WAITING = 50


@dataclass
class _Speech:
    text: str
    link: str
    audio_url: str
    feedback: Callable[[Say.Feedback], None]
    say_id: str = field(default_factory=lambda: str(uuid4()))
    ended: Future = field(default_factory=Future)


class Speech:
    """What is being said; on the ROS thread."""

    def __init__(self, node: Node, send: Callable[[Any, str], str]) -> None:
        """Take what sends a message to a link, or to the one that speaks if it is ''."""
        self._send = send
        self._waiting: deque[_Speech] = deque()
        self._speaking: _Speech | None = None
        self._goals: dict[bytes, _Speech] = {}
        self._server = ActionServer(
            node, Say, '~/speech/say', execute_callback=self._execute,
            goal_callback=self._on_goal, cancel_callback=self._on_cancel)
        self._skill = installed('communication_skills.action', 'Say')
        if self._skill is not None:
            self._skill_server = ActionServer(
                node, self._skill, '/skill/say', execute_callback=self._execute_skill,
                goal_callback=lambda goal: (
                    GoalResponse.ACCEPT if goal.input.strip() else GoalResponse.REJECT),
                cancel_callback=self._on_cancel)

    def say(self, text: str, link: str = '', interrupt: bool = False) -> Future:
        """Say a text when its turn comes; the future gets the SpeechEnded."""
        return self._add(_Speech(text, link, '', lambda told: None), interrupt).ended

    def started(self, link: str, start: msg.SpeechStarted) -> None:
        """Take that the voice began."""
        self._tell(start.say_id, Say.Feedback(started=True))

    def word(self, link: str, word: msg.SpeechWord) -> None:
        """Take a word that is being said."""
        self._tell(word.say_id, Say.Feedback(started=True, word=word.word, index=word.index))

    def ended(self, link: str, end: msg.SpeechEnded) -> None:
        """Take that the voice ended."""
        if self._speaking is not None and self._speaking.say_id == end.say_id:
            speech, self._speaking = self._speaking, None
            speech.ended.set_result(end)
            self._speak_next()

    def _add(self, speech: _Speech, interrupt: bool) -> _Speech:
        if interrupt:
            self._silence()
        self._waiting.append(speech)
        self._speak_next()
        return speech

    def _tell(self, say_id: str, feedback: Say.Feedback) -> None:
        if self._speaking is not None and self._speaking.say_id == say_id:
            self._speaking.feedback(feedback)

    def _speak_next(self) -> None:
        while self._speaking is None and self._waiting:
            speech = self._waiting.popleft()
            message = (msg.PlayUrl(speech.audio_url, speech.text or 'AUDIO', speech.say_id)
                       if speech.audio_url else
                       msg.Say(speech.text, speech.say_id, words=True))
            problem = self._send(message, speech.link)
            if problem:
                speech.ended.set_result(msg.SpeechEnded('', failed=True, error=problem))
            else:
                self._speaking = speech

    def _silence(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for speech in waiting:
            speech.ended.set_result(msg.SpeechEnded('', aborted=True, error='interrupted'))
        if self._speaking is not None:
            self._send(msg.StopSpeech(), self._speaking.link)

    def _on_goal(self, goal: Say.Goal) -> GoalResponse:
        full = len(self._waiting) >= _MAX_WAITING and not goal.interrupt
        empty = not goal.text.strip() and not goal.audio_url
        return GoalResponse.REJECT if full or empty else GoalResponse.ACCEPT

    def _on_cancel(self, handle: Any) -> CancelResponse:
        speech = self._goals.get(bytes(handle.goal_id.uuid))
        if speech is not None and speech in self._waiting:
            self._waiting.remove(speech)
            speech.ended.set_result(msg.SpeechEnded('', aborted=True, error='cancelled'))
        elif speech is not None and speech is self._speaking:
            self._send(msg.StopSpeech(), speech.link)
        return CancelResponse.ACCEPT

    async def _execute(self, handle: Any) -> Say.Result:
        goal = handle.request
        end, error = await self._speak(handle, _Speech(
            goal.text, goal.link, goal.audio_url, handle.publish_feedback), goal.interrupt)
        return Say.Result(success=not error, spoken=end.text, error=error)

    async def _execute_skill(self, handle: Any) -> Any:
        """As ROS4HRI has it; its result says what was wrong by a number and in words."""
        _, error = await self._speak(handle, _Speech(
            handle.request.input, '', '', lambda told: None), interrupt=False)
        result = self._skill.Result()
        outcome = result.result
        outcome.error_msg = error
        outcome.error_code = (outcome.ROS_ENOERR if not error else outcome.ROS_ECANCELED
                              if handle.is_cancel_requested else outcome.ROS_EOTHER)
        return result

    async def _speak(self, handle: Any, speech: _Speech,
                     interrupt: bool) -> tuple[msg.SpeechEnded, str]:
        """Say what a goal wants, to its end; why not all of it was said."""
        key = bytes(handle.goal_id.uuid)
        self._goals[key] = self._add(speech, interrupt)
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
