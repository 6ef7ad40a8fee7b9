# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Chat through the bridge: asked, unasked, without waiting, and when nobody answers."""

from __future__ import annotations

import asyncio
from typing import Any

from fixtures.ros_graph import RosGraph
from fixtures.system import start_bridge, system
from xparo_interfaces.msg import ChatMessage
from xparo_interfaces.srv import Chat

CHAT = '/xparo_bridge/chat'


def ask(graph: RosGraph, text: str) -> Any:
    """Call the chat service."""
    return graph.call(Chat, CHAT, Chat.Request(message=text))


def test_a_question_is_answered(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path):
            with RosGraph() as graph:
                answer = await asyncio.to_thread(ask, graph, 'hello')
        assert answer.success
        assert answer.reply
        assert not answer.error

    asyncio.run(scenario())


def test_questions_of_several_callers_get_their_own_answers(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path):
            with RosGraph() as graph:
                client = graph.node.create_client(Chat, CHAT)
                graph.until(client.service_is_ready)
                calls = {
                    word: client.call_async(Chat.Request(message=f'parrot {word}'))
                    for word in ('one', 'two', 'three')
                }
                for word, call in calls.items():
                    assert word in graph.result(call).reply

    asyncio.run(scenario())


def test_what_the_platform_says_unasked_is_published(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            with RosGraph() as graph:
                heard = graph.listen(ChatMessage, '/xparo_bridge/chat/incoming')
                # Whether the bridge has found the subscription yet cannot be seen from here.
                while not graph.becomes(lambda: heard, 0.5):
                    await parts.operator.request('chat', text='Lunch is ready')
                assert (heard[0].text, heard[0].link, heard[0].final) == (
                    'Lunch is ready',
                    'platform',
                    True,
                )

    asyncio.run(scenario())


def test_the_robot_can_talk_without_waiting(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            with RosGraph() as graph:
                publisher = graph.node.create_publisher(
                    ChatMessage, '/xparo_bridge/chat/outgoing', 10
                )
                graph.until(publisher.get_subscription_count)
                # The platform may know of the connection before the robot's side does.
                with_answer = asyncio.ensure_future(
                    parts.operator.wait_for(lambda e: e.get('type') == 'chat')
                )
                while not with_answer.done():
                    publisher.publish(ChatMessage(text='I am here'))
                    await asyncio.sleep(0.2)
                event = with_answer.result()
                assert event['data'] == {'message': 'I am here', 'robot_id': 'r1'}

    asyncio.run(scenario())


def test_no_answer_in_time_is_said_and_holds_nothing_up(tmp_path):
    async def scenario() -> None:
        # A link that is given up would be dialled again, and answered.
        patient = {'heartbeat': {'interval': 30.0}}
        async with system(tmp_path, link=patient) as parts:
            await parts.operator.request('stall')
            with RosGraph() as graph:
                answer = await asyncio.to_thread(
                    graph.call, Chat, CHAT, Chat.Request(message='hello', timeout=0.5), again=2.0
                )
                assert (answer.success, answer.reply) == (False, '')
                assert 'did not answer in time' in answer.error

    asyncio.run(scenario())


def test_without_a_link_the_answer_is_why(tmp_path):
    with start_bridge(tmp_path, 9) as bridge, RosGraph() as graph:
        bridge.wait_for_line('nothing listens')
        answer = ask(graph, 'hello')
        assert not answer.success
        assert 'not connected' in answer.error
