# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""From the platform to a moving robot and back, through every way it can go wrong."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server, start_robot, system
from nav_msgs.msg import Odometry
import pytest

IMPATIENT = {'start_navigation': {'server_timeout': 0.5}}
STRICT = {'start_navigation': {'cancel_timeout': 1.0}}


def states(events: list[dict[str, Any]], command_id: str) -> list[str]:
    """States of a command in the order told."""
    return [
        event['data']['state']
        for event in events
        if event.get('type') == 'command_status' and event['data']['command_id'] == command_id
    ]


async def everything(operator: Any) -> list[dict[str, Any]]:
    """All events so far."""
    last = operator.seq
    events: list[dict[str, Any]] = []
    async for event in operator.events():
        events.append(event)
        if event['seq'] >= last:
            return events
    return events


def test_the_robot_drives_to_a_named_place_and_to_a_pose(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            parts.add(start_robot())
            with RosGraph() as graph:
                odometry = graph.listen(Odometry, '/odom')
                command_id = await parts.send('start_navigation', goal='table_4')
                status = await parts.reached(command_id, 'running')
                end = await parts.ended(command_id)
                assert end['state'] == 'succeeded', end
                graph.until(lambda: odometry)
                driven = odometry[-1].pose.pose.position
                assert math.hypot(driven.x, driven.y) > 3.0
            reported = states(await everything(parts.operator), command_id)
            assert reported[0] == 'accepted'
            assert set(reported[1:-1]) == {'running'}
            assert status['command'] == 'start_navigation'

            command_id = await parts.send(
                'start_navigation', goal={'x': 7.0, 'y': 4.0, 'yaw': 0.5, 'frame': 'map'}
            )
            assert (await parts.ended(command_id))['state'] == 'succeeded'

    asyncio.run(scenario())


def test_a_newer_goal_preempts_and_a_cancel_stops_the_robot(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            parts.add(start_robot(1.0))
            first = await parts.send('start_navigation', goal='table_4')
            await parts.reached(first, 'running')
            second = await parts.send('start_navigation', goal='kitchen')
            end = await parts.ended(first)
            assert (end['state'], end['error']['code'], end['error']['by']) == (
                'canceled',
                'preempted',
                second,
            )
            await parts.reached(second, 'running')
            cancel = await parts.send('cancel', command_id=second)
            assert (await parts.ended(second))['state'] == 'canceled'
            result = (await parts.ended(cancel))['result']
            assert result['ended'] == [
                {'command_id': second, 'command': 'start_navigation', 'state': 'canceled'}
            ]
            with RosGraph() as graph:
                odometry = graph.listen(Odometry, '/odom')
                graph.until(lambda: odometry and odometry[-1].twist.twist.linear.x == 0.0)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ('command', 'parameters', 'code', 'hint'),
    [
        ('fly', {}, 'unknown_command', 'start_navigation'),
        ('start_navigation', {'goal': 'tabel_4'}, 'unknown_place', 'did you mean "table_4"'),
        ('start_navigation', {}, 'bad_parameters', 'goal'),
        ('start_navigation', {'goal': 4}, 'bad_parameters', 'expected a string or an object'),
        ('start_navigation', {'goal': {'x': 1}}, 'bad_parameters', '"y" is missing'),
        ('start_navigation', {'goal': 'table_4', 'speed': 9}, 'bad_parameters', 'speed'),
        ('cancel', {'command_id': 'none'}, 'nothing_to_cancel', 'no such command'),
    ],
)
def test_what_cannot_be_done_is_rejected_with_what_can(rejecting, command, parameters, code, hint):
    parts, loop = rejecting

    async def scenario() -> dict[str, Any]:
        return await parts.ended(await parts.send(command, **parameters))

    end = loop.run_until_complete(scenario())
    assert (end['state'], end['error']['code']) == ('rejected', code)
    assert hint in str(end['error'])


@pytest.fixture(scope='module')
def rejecting(tmp_path_factory):
    """Run one system for the commands that never reach a robot."""
    loop = asyncio.new_event_loop()
    running = system(tmp_path_factory.mktemp('rejecting'))
    yield loop.run_until_complete(running.__aenter__()), loop
    loop.run_until_complete(running.__aexit__(None, None, None))
    loop.close()


@pytest.mark.parametrize(
    ('mode', 'state', 'code'),
    [
        ('reject', 'rejected', 'goal_rejected'),
        ('abort', 'failed', 'aborted'),
        ('die', 'failed', 'action_server_lost'),
        ('flood', 'succeeded', None),
    ],
)
def test_however_the_action_server_ends_the_command_ends_once(tmp_path, mode, state, code):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            parts.add(start_failing_server(mode, '--delay', '0.3'))
            command_id = await parts.send('start_navigation', goal='table_4')
            end = await parts.ended(command_id)
            assert (end['state'], end.get('error', {}).get('code')) == (state, code), end
            reported = states(await everything(parts.operator), command_id)
            assert reported[-1] == state
            assert len([s for s in reported if s not in ('accepted', 'running')]) == 1

    asyncio.run(scenario())


def test_an_absent_action_server_fails_the_command_by_name(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, commands=IMPATIENT) as parts:
            end = await parts.ended(await parts.send('start_navigation', goal='table_4'))
            assert (end['state'], end['error']['code']) == ('failed', 'no_action_server')
            assert 'navigate_to_pose' in end['error']['message']

    asyncio.run(scenario())


def test_a_cancel_before_acceptance_is_sent_on_acceptance(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            server = parts.add(start_failing_server('accept_late', '--delay', '1.0'))
            command_id = await parts.send('start_navigation', goal='table_4')
            await asyncio.to_thread(server.wait_for_line, '^goal')
            await parts.send('cancel', command_id=command_id)
            assert (await parts.ended(command_id))['state'] == 'canceled'
            await asyncio.to_thread(server.wait_for_line, 'cancel')

    asyncio.run(scenario())


def test_a_server_that_was_restarted_forgot_the_goal(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            server = parts.add(start_failing_server('hang'))
            command_id = await parts.send('start_navigation', goal='table_4')
            await parts.reached(command_id, 'running')
            server.kill()
            parts.add(start_failing_server('hang'))
            async with asyncio.timeout(5.0):
                end = await parts.ended(command_id)
            assert (end['state'], end['error']['code']) == ('failed', 'action_server_lost')

    asyncio.run(scenario())


def test_a_cancel_that_is_ignored_ends_with_a_warning(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, commands=STRICT) as parts:
            parts.add(start_failing_server('ignore_cancel', '--delay', '30'))
            command_id = await parts.send('start_navigation', goal='table_4')
            await parts.reached(command_id, 'running')
            await parts.send('cancel')
            end = await parts.ended(command_id)
            assert (end['state'], end['error']['code']) == ('failed', 'cancel_ignored')
            assert 'may still be moving' in end['error']['message']

    asyncio.run(scenario())


def test_a_goal_that_takes_too_long_is_cancelled_and_timed_out(tmp_path):
    async def scenario() -> None:
        commands = {'start_navigation': {'timeout': 3.0}}
        async with system(tmp_path, commands=commands) as parts:
            server = parts.add(start_failing_server('hang'))
            end = await parts.ended(await parts.send('start_navigation', goal='table_4'))
            assert (end['state'], end['error']['message']) == ('timed_out', 'not done within 3 s')
            await asyncio.to_thread(server.wait_for_line, 'cancel')

    asyncio.run(scenario())
