# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the chat and the wire show what passed, who said it, and no secret."""

from __future__ import annotations

from fixtures.ros_graph import RosGraph
from fixtures.system import PROJECT_ID, SECRET_KEY
from xparo_interfaces.srv import Chat

from console.conftest import run
from xparo_bridge.local.platform_client import OperatorClient


def test_a_question_of_the_robot_and_words_to_it_are_in_the_chat(house, page):
    page.goto(f'{house.url}/robot/r1/chat')
    log = page.get_by_role('log', name='What was said')
    with RosGraph(domain=house.domain) as graph:
        reply = graph.call(Chat, '/xparo_bridge/chat', Chat.Request(message='Where are you?'))
    assert 'You are at' in str(reply)
    log.get_by_text('Where are you?').first.wait_for()
    log.get_by_text('You are at x').first.wait_for()
    page.get_by_label('Say to r1').fill('Please come to the kitchen')
    page.keyboard.press('Enter')
    log.get_by_text('Please come to the kitchen').first.wait_for()
    page.reload()
    log.get_by_text('Please come to the kitchen').first.wait_for()


def test_frames_are_seen_in_both_directions_and_no_token_is(house, page):
    page.goto(f'{house.url}/robot/r1/wire')
    frames = page.get_by_role('region', name='Frames')
    frames.get_by_text('← telemetry').first.wait_for()

    async def token() -> None:
        async with await OperatorClient.connect(
            port=house.port, secret_key=SECRET_KEY, project_id=PROJECT_ID
        ) as owner:
            await owner.request('token', robot='r1', token='s3cr3t-t0ken')

    run(token())
    frames.get_by_text('→ REST_API_TOKEN').first.wait_for()
    assert 's3cr3t-t0ken' not in page.content()
    play = page.get_by_role('region', name='Playground')
    play.get_by_label('Frame').fill('{"type": "remote_command", "data": {"command": ')
    play.get_by_role('button', name='Send this frame').click()
    page.get_by_text('This is not JSON, and is not sent').wait_for()
    play.get_by_label('Frame').fill(
        '{"type": "remote_command", "data": {"command": "fly", "command_id": "by-hand"}}'
    )
    play.get_by_role('button', name='Send this frame').click()
    frames.get_by_text('unknown_command').first.wait_for()


def test_of_each_value_one_learns_why_it_is_not_sent(house, page):
    page.goto(f'{house.url}/robot/r1/wire')
    page.get_by_role('button', name='Why is a value not sent?').click()
    values = page.get_by_role('region', name='Values and their age')
    values.get_by_text('image: off: set_telemetry').wait_for()
    values.get_by_text('velocity: sent, at most once in 0.5 s').wait_for()
