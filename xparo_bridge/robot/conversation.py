# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
What of conversation this robot has: chat, and a voice, ears and sound where a link has them.

Each costs ROS entities, which the executor looks at on every turn; a robot without the links for
them does not pay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from .. import messages as msg
from ..configuration import Configuration
from .audio import Audio
from .chat import Chat
from .hearing import Hearing
from .peers import Peers
from .routes import Routes
from .speech import Speech

Handlers = dict[type, Callable[[str, Any], None]]


class Conversation:
    """The faces, and in `handlers` what each message from a link means to them."""

    def __init__(self, node: Node, configuration: Configuration, peers: Peers, routes: Routes,
                 robot_id: str) -> None:
        """Make what the links need."""
        self._peers = peers
        self._routes = routes
        self._chat = Chat(node, configuration['chat']['timeout'], lambda text: self._send(
            msg.ChatRequest(text, robot_id), routes.chat, 'no link carries chat'))
        self.handlers: Handlers = {
            msg.ChatReply: self._on_chat_reply,
            msg.ChatDelta: lambda link, delta: self._chat.delta(link, delta.text, delta.final),
            msg.PeerActivity: lambda link, activity: self._chat.peer_state(activity.state.value),
            msg.Widget: lambda link, widget: self._chat.widget(widget.content),
        }
        self._hearing: Hearing | None = None
        self._speech: Speech | None = None
        if peers.that_carry(msg.Say):
            self._speech = Speech(node, lambda message, link: self._send(
                message, link or routes.speech, 'no link speaks'))
            self.handlers |= {
                msg.SpeechStarted: self._speech.started, msg.SpeechWord: self._speech.word,
                msg.SpeechEnded: self._speech.ended}
        if peers.that_carry(msg.Listen, msg.AudioFrame):
            self._hearing = Hearing(node, self._chat, self._speak, **configuration['speech'])
            self.handlers[msg.Heard] = self._hearing.heard
        if peers.that_carry(msg.AudioFrame):
            audio = Audio(node, configuration['audio']['rate'], lambda frame: self._send(
                frame, routes.microphone, 'no link hears the microphone'))
            self.handlers |= {msg.AudioFrame: audio.frame, msg.ClearAudio: audio.clear}

    def connected(self, link: str) -> None:
        """Take that a link is up."""
        if self._hearing is not None and link == self._routes.speech:
            for message in self._hearing.opening():
                self._peers.send(message, link)

    def _send(self, message: Any, link: str, without: str) -> str:
        return self._peers.send_now(message, link) if link else without

    def _speak(self, text: str) -> None:
        if self._speech is not None:
            self._speech.say(text)

    def _on_chat_reply(self, link: str, reply: msg.ChatReply) -> None:
        if link == self._routes.chat:
            self._chat.reply(link, reply.text)
        else:
            self._chat.unasked(link, reply.text)
