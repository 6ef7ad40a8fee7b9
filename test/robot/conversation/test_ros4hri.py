# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The community's interfaces are used where they are installed, and missed by nobody."""

from __future__ import annotations

from fixtures.ros_graph import RosGraph
import pytest

from xparo_bridge.messages import Heard, Say, SpeechEnded
from xparo_bridge.robot.conversation.ros4hri import installed, LiveSpeech
from xparo_bridge.robot.conversation.speaking import Speech, Voice

absent = pytest.mark.skipif(
    installed('hri_msgs.msg', 'LiveSpeech') is not None
    or installed('communication_skills.action', 'Say') is not None,
    reason='they are installed here',
)


def test_what_is_installed_is_found_and_what_is_not_is_none():
    assert installed('std_msgs.msg', 'String').__name__ == 'String'
    assert installed('std_msgs.msg', 'Nothing') is None
    assert installed('no_such_msgs.msg', 'Nothing') is None


@absent
def test_without_them_speech_is_heard_and_said_as_ever():
    with RosGraph() as graph:
        LiveSpeech(graph.node).heard('head', Heard('hello'))
        said = []
        voice = Voice(graph.node, lambda message, link: said.append(message) or '')
        speech = Speech(Say('good morning'))
        voice.say(speech)
        voice.ended('head', SpeechEnded('good morning', said[0].say_id))
        assert speech.ended.result().text == 'good morning'
        names = {name for name, _ in graph.node.get_topic_names_and_types()}
        assert not any(name.startswith(('/humans', '/skill')) for name in names)
