# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How a person talks with the platform through the robot: what is heard is asked, the answer spoken.

Either half works alone: with `listen` the robot keeps its ears open, with `converse` what it hears
goes to the chat. Commands that the platform gives meanwhile run beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import messages as msg
from .chat import Chat
from .speech import Speech


class Conversation:
    """Joins ears, chat and voice; on the ROS thread."""

    def __init__(self, chat: Chat, speech: Speech, send: Callable[[Any, str], str], *,
                 listen: bool, converse: bool, languages: list[str]) -> None:
        """Take the parts, what sends a message to a link, and `speech` of the configuration."""
        self._chat = chat
        self._speech = speech
        self._send = send
        self._listen = listen
        self._converse = converse
        self._languages = languages

    def connected(self, link: str) -> None:
        """Take that the link with the ears is up: open them."""
        if not self._listen:
            return
        if self._languages:
            self._send(msg.ListenConfig(self._languages), link)
        # One listening that only its end by us or a lost connection ends.
        self._send(msg.Listen(partial=True, stop_no_speech=False, stop_robot_start=False,
                              stop_user_end=False, resume_robot_end=True), link)

    def heard(self, link: str, heard: msg.Heard) -> None:
        """Take what a person said."""
        self._speech.heard(link, heard)
        if self._converse and heard.final and heard.text.strip():
            self._chat.ask(heard.text).add_done_callback(self._answer)

    def _answer(self, asked: Any) -> None:
        reply, error = asked.result()
        if not error and reply.strip():
            self._speech.say(reply)
