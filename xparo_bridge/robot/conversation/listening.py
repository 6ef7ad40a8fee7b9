# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Publishes what people say to the robot on `~/speech/heard`, and has it answered.

With `listen` the robot listens all the time, which the service `~/speech/listen` changes; with
`converse` what it hears goes to the chat and the answer is spoken. Either works alone; commands
that the platform gives run beside it. An agent that hears the microphone answers by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from std_srvs.srv import SetBool
from xparo_interfaces.msg import ChatMessage

from ... import messages as msg
from ...ros.entities import publisher, service
from ...ros.walls import when_done
from .chat import Chat
from .ros4hri import LiveSpeech


class Listener:
    """Listening by a link; on the ROS thread."""

    def __init__(
        self,
        node: Node,
        chat: Chat,
        speak: Callable[[str], object],
        microphone: str,
        send: Callable[[Any], str],
        *,
        listen: bool,
        converse: bool,
        languages: Sequence[str],
    ) -> None:
        """
        Take what speaks a text, the link that listens, and `speech` of the configuration.

        `send` sends a message to that link, and returns why it could not.
        """
        self._node = node
        self._chat = chat
        self._speak = speak
        self._microphone = microphone
        self._send = send
        self._listen = listen
        self._converse = converse
        self._languages = languages
        self._heard = publisher(node, ChatMessage, '~/speech/heard')
        self._live_speech = LiveSpeech(node)
        service(node, SetBool, '~/speech/listen', self._on_listen)

    def start_messages(self) -> Sequence[Any]:
        """Return the messages that start listening, none while it is switched off."""
        if not self._listen:
            return ()
        config = [msg.ListenConfig(self._languages)] if self._languages else []
        # One listening that only its end by us or a lost connection ends.
        return (
            *config,
            msg.Listen(
                partial=True,
                stop_no_speech=False,
                stop_robot_start=False,
                stop_user_end=False,
                resume_robot_end=True,
            ),
        )

    def _on_listen(self, request: Any, response: Any) -> Any:
        self._listen = request.data
        problems = [
            self._send(message) for message in self.start_messages() or [msg.StopListening()]
        ]
        response.message = problems[-1]
        response.success = not response.message
        return response

    def heard(self, link: str, heard: msg.Heard) -> None:
        """Take what a person said."""
        self._heard.publish(
            ChatMessage(
                stamp=self._node.get_clock().now().to_msg(),
                link=link,
                text=heard.text,
                final=heard.final,
            )
        )
        self._live_speech.heard(link, heard)
        if self._converse and link == self._microphone and heard.final and heard.text.strip():
            when_done(self._chat.ask(heard.text), self._answer)

    def _answer(self, asked: Any) -> None:
        reply, error = asked.result()
        if not error and reply.strip():
            self._speak(reply)
