# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Conversation's face: chat, and a voice, ears and sound where a link has them."""

from __future__ import annotations

from typing import Any

from std_msgs.msg import Bool

from ... import messages as msg
from ...ros.entities import subscription, timer
from ..features import Feature, FeatureContext
from .audio_speech import VoiceStream
from .audio_topics import Audio
from .chat import Chat
from .listening import Listener
from .speaking import Speech, Voice

# How long a head that stopped listening by itself is left in peace, s.
_RELISTEN_DELAY = 1.0


class Conversation(Feature):
    """Joins what is said and heard to the links of the routes."""

    def __init__(self, context: FeatureContext) -> None:
        """Make what the links need."""
        node, configuration, links = context.node, context.configuration, context.links
        self._links = links
        self._roles = context.roles
        self._hearing: Listener | None = None
        self._voice: Voice | None = None
        self._audio: Audio | None = None
        self._voice_stream: VoiceStream | None = None
        self._open_again = timer(node, _RELISTEN_DELAY, self._start_listening)
        self._open_again.cancel()
        self._chat = Chat(
            node,
            configuration['chat']['timeout'],
            lambda text: self._send(
                msg.ChatRequest(text, context.robot_id), self._roles.chat, 'no link carries chat'
            ),
        )
        self.handlers = {
            msg.ChatReply: self._on_chat_reply,
            msg.ChatDelta: lambda link, delta: self._chat.delta(link, delta.text, delta.final),
            msg.PeerError: lambda link, error: self._on_failure(link, error.text),
            msg.LinkProblem: lambda link, problem: (
                isinstance(problem.message, msg.ChatRequest)
                and self._on_failure(link, problem.problem)
            ),
            msg.PeerActivity: lambda link, activity: self._chat.peer_state(activity.state.value),
            msg.Suggestions: lambda link, suggestions: self._chat.suggest(suggestions.texts),
        }
        if links.that_carry(msg.Typing):
            subscription(node, Bool, '~/chat/typing', self._on_typing)
        if links.that_carry(msg.Say):
            self._voice = Voice(
                node,
                lambda message, link: self._send(
                    message, link or self._roles.speech, 'no link speaks'
                ),
            )
            self.handlers |= {
                msg.SpeechStarted: self._voice.started,
                msg.SpeechWord: self._voice.word,
                msg.SpeechEnded: self._voice.ended,
            }
        if links.that_carry(msg.Listen, msg.AudioFrame):
            self._hearing = Listener(
                node,
                self._chat,
                self._speak,
                self._roles.speech,
                lambda message: self._send(message, self._roles.speech, 'no link listens'),
                **configuration['speech'],
            )
            self.handlers |= {msg.Heard: self._hearing.heard, msg.Listening: self._on_listening}
        if links.that_carry(msg.AudioFrame):
            self._audio = Audio(
                node,
                configuration['audio']['rate'],
                lambda frame: self._send(
                    frame, self._roles.microphone, 'no link hears the microphone'
                ),
                self._capture,
            )
            self.handlers |= {msg.AudioFrame: self._audio.frame, msg.ClearAudio: self._on_clear}
        speaker = self._roles.speech
        if self._voice is not None and speaker in links.that_carry(msg.SpeakAudio):
            self._voice_stream = VoiceStream(
                node,
                configuration['audio']['rate'],
                self._voice,
                lambda message: links.send_now(message, speaker),
            )

    def connected(self, link: str) -> None:
        if link == self._roles.speech:
            self._start_listening()
        if link == self._roles.head:
            self._capture()

    def _start_listening(self) -> None:
        self._open_again.cancel()
        link = self._roles.speech
        if self._hearing is not None and self._links.up(link):
            for message in self._hearing.opening():
                self._links.send(message, link)

    def _on_listening(self, link: str, listening: msg.Listening) -> None:
        if link == self._roles.speech and not listening.active:
            self._open_again.reset()

    def _send(self, message: Any, link: str, without: str) -> str:
        return self._links.send_now(message, link) if link else without

    def _capture(self) -> None:
        if self._audio is not None and self._links.up(self._roles.head):
            self._links.send(self._audio.capture(), self._roles.head)

    def _speak(self, text: str) -> None:
        if self._voice is not None:
            self._voice.say(Speech(msg.Say(text, words=True)))

    def _on_clear(self, link: str, clear: msg.ClearAudio) -> None:
        if self._audio is not None:
            self._audio.clear(link, clear)
        if self._voice_stream is not None:
            self._voice_stream.clear()

    def _on_typing(self, typing: Bool) -> None:
        self._links.send(msg.Typing(typing.data), self._roles.chat)

    def _on_failure(self, link: str, why: str) -> None:
        if link == self._roles.chat:
            self._chat.failed(why)

    def _on_chat_reply(self, link: str, reply: msg.ChatReply) -> None:
        if link == self._roles.chat:
            self._chat.reply(link, reply.text)
        else:
            self._chat.unasked(link, reply.text)
