# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The life of the process: start, restart of the platform, stop; and what it never tells."""

from __future__ import annotations

import asyncio
import signal
import time

from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import (
    CREDENTIALS,
    PROJECT_ID,
    SECRET_KEY,
    start_bridge,
    start_failing_server,
    start_platform,
    system,
)
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from xparo_interfaces.msg import BridgeStatus, LinkStatus

from xparo_bridge.local.platform_client import OperatorClient

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_a_wrong_configuration_ends_it_with_file_line_and_key(tmp_path):
    with start_bridge(tmp_path, 1, {'chat': {'timout': 3}}) as bridge:
        assert bridge.wait() == 78
        bridge.wait_for_line(r'robot\.yaml:1: chat\.timout: no such key; did you mean "timeout"')


@pytest.mark.parametrize(
    ('configuration', 'problem'),
    [
        (
            {'commands': {'go': {'kind': 'fly'}}},
            'commands.go.kind: no such kind; known: .*navigate',
        ),
        ({'commands': {'go': {'kind': 'navigate', 'acton': 'x'}}}, 'did you mean "action"'),
        (
            {'telemetry': {'groups': {'sytem': {}}}},
            'telemetry.groups.sytem: no such key; did you mean "system"',
        ),
        (
            {'links': [{'name': 'p', 'protocol': 'xparo', 'url': 'ws://example.org/ws'}]},
            'would leave this machine unencrypted',
        ),
        (
            {'links': [{'name': 'p', 'protocol': 'smoke', 'url': 'wss://example.org/ws'}]},
            'no protocol "smoke"; installed: .*xparo',
        ),
        (
            {
                'links': [
                    {
                        'name': 'p',
                        'protocol': 'xparo',
                        'url': 'wss://example.org/ws',
                        'ca_file': '/nonexistent.pem',
                    }
                ]
            },
            'nonexistent.pem',
        ),
        (
            {
                'links': [
                    {
                        'name': 'p',
                        'protocol': 'xparo',
                        'url': 'wss://example.org/ws',
                        'rest': {'url': 'http://example.org'},
                    }
                ]
            },
            'link p: rest: http://example.org would show the token to the network',
        ),
    ],
)
def test_what_cannot_work_is_said_at_the_start(tmp_path, configuration, problem):
    with start_bridge(tmp_path, 1, configuration) as bridge:
        assert bridge.wait() == 78
        bridge.wait_for_line(problem)


def test_missing_credentials_are_named(tmp_path):
    with start_bridge(tmp_path, 1, None, XPARO_SECRET_KEY='') as bridge:
        assert bridge.wait() == 78
        bridge.wait_for_line('XPARO_SECRET_KEY not set')


def test_refused_credentials_are_said_and_tried_again(tmp_path):
    platform, port = start_platform()
    with platform, start_bridge(tmp_path, port, None, XPARO_SECRET_KEY='wrong') as bridge:
        bridge.wait_for_line(r'refused the credentials \(HTTP 403\).*check the secret key')
        with RosGraph() as graph:
            statuses = graph.listen(BridgeStatus, '/xparo_bridge/status', LATCHED)
            graph.until(
                lambda: [s for s in statuses if s.links and s.links[0].state == LinkStatus.REFUSED]
            )


def test_it_comes_back_when_the_platform_does_and_the_goal_went_on(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            parts.add(start_failing_server('succeed', '--delay', '3'))
            command_id = await parts.send('start_navigation', goal='table_4')
            await parts.reached(command_id, 'running')
            parts.platform.kill()
            await asyncio.to_thread(parts.bridge.wait_for_line, 'next try in')
            platform, port = start_platform(parts.port)
            parts.add(platform)
            async with await OperatorClient.connect(
                port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
            ) as operator:
                end = await operator.wait_for_status(command_id)
                assert end['state'] == 'succeeded'

    asyncio.run(scenario())


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_stopping_cancels_the_goal_and_the_platform_learns_it(tmp_path, number):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            server = parts.add(start_failing_server('hang'))
            command_id = await parts.send('start_navigation', goal='table_4')
            await parts.reached(command_id, 'running')
            parts.bridge.send_signal(number)
            assert (await parts.ended(command_id))['state'] == 'canceled'
            assert await asyncio.to_thread(parts.bridge.wait) == 0
            await asyncio.to_thread(server.wait_for_line, 'cancel')

    asyncio.run(scenario())


SERVERS = ('frozen', 'ignore_cancel', 'lose_cancel', 'slow_cancel', 'never_accept', 'lose_answer')


@pytest.mark.parametrize('mode', SERVERS)
def test_stopping_takes_5_s_whatever_the_action_server_does_not_answer(tmp_path, mode):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            arguments = ('hang',) if mode == 'frozen' else (mode, '--delay', '60')
            server = parts.add(start_failing_server(*arguments))
            command_id = await parts.send('start_navigation', goal='table_4')
            await asyncio.to_thread(server.wait_for_line, 'goal')
            if mode == 'frozen':
                await parts.reached(command_id, 'running')
                server.send_signal(signal.SIGSTOP)
            try:
                began = time.monotonic()
                parts.bridge.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(parts.bridge.wait, 15.0) == 0
                assert time.monotonic() - began < 5.5
            finally:
                server.send_signal(signal.SIGCONT)

    asyncio.run(scenario())


def test_the_secret_is_in_no_output_whatever_happens(tmp_path):
    """Connected, cut, refused, at debug level, with ROS asked for everything it knows."""
    platform, port = start_platform()
    arguments = ('--log-level', 'debug')
    with start_bridge(tmp_path, port, None, *arguments) as bridge:
        with platform:
            bridge.wait_for_line('platform: connected')
            with Process.module(
                'xparo_bridge',
                'local_platform',
                'send',
                'start_navigation',
                '--goal',
                'nowhere',
                '--port',
                str(port),
                '--wait',
                env=CREDENTIALS,
            ) as order:
                assert order.wait() == 1
        bridge.wait_for_line('next try in')
        other, _ = start_platform(port, '--secret-key', 'another')
        with other:
            bridge.wait_for_line('refused the credentials')
        assert bridge.stop() == 0
        output = '\n'.join(bridge.lines)
    assert len(output) > 1000
    assert SECRET_KEY not in output
    assert PROJECT_ID not in output
