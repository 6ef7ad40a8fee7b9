# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Telemetry is changed while it runs; log sessions and bags reach the platform's REST API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fixtures.ros_graph import RosGraph
from fixtures.system import LINK, System, system
from link.rest_platform import Platform, platform
import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from xparo_interfaces.action import UploadRosbag
from xparo_interfaces.srv import SetTelemetry

TOKEN = 't0ken-0f-the-tests'
TELEMETRY = {
    'period': 0.2,
    'topics': [{'topic': '/odom', 'every_sample': True, 'max_rate': 10}],
    'log': {'period': 0.2},
}


def enable(graph: RosGraph, name: str, enabled: bool, rate: float = 0.0) -> Any:
    return graph.call(
        SetTelemetry,
        '/xparo_bridge/telemetry/enable',
        SetTelemetry.Request(name=name, enabled=enabled, rate=rate),
    )


def set_rate(graph: RosGraph, name: str, rate: float) -> Any:
    message: ParameterMessage = Parameter(f'telemetry.rate.{name}', value=rate).to_parameter_msg()
    return graph.call(
        SetParameters, '/xparo_bridge/set_parameters', SetParameters.Request(parameters=[message])
    ).results[0]


def get_rate(graph: RosGraph, name: str) -> float:
    return (
        graph.call(
            GetParameters,
            '/xparo_bridge/get_parameters',
            GetParameters.Request(names=[f'telemetry.rate.{name}']),
        )
        .values[0]
        .double_value
    )


async def telemetry_with(parts: System, key: str, present: bool = True) -> None:
    """Wait for a telemetry message of now with, or without, a key."""
    await parts.operator.wait_for(
        lambda event: event.get('type') == 'telemetry' and (key in event['data']) == present,
        since=parts.operator.seq,
    )


def test_a_group_is_switched_off_and_on_again_by_a_service(tmp_path):
    async def scenario() -> None:
        async with system(
            tmp_path, telemetry={**TELEMETRY, 'groups': {'system': {}, 'nodes': {'period': 0.2}}}
        ) as parts:
            with RosGraph() as graph:
                await telemetry_with(parts, 'cpu_usage')
                answer = await asyncio.to_thread(enable, graph, 'system', False)
                assert (answer.success, answer.error) == (True, '')
                await telemetry_with(parts, 'cpu_usage', present=False)
                assert (await asyncio.to_thread(enable, graph, 'system', True, 20.0)).success
                await telemetry_with(parts, 'cpu_usage')
                assert await asyncio.to_thread(get_rate, graph, 'system') == 20.0
                answer = await asyncio.to_thread(enable, graph, 'sytem', True)
                assert not answer.success
                assert 'there are system' in answer.error

    asyncio.run(scenario())


def test_rates_are_parameters_within_limits(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, telemetry=TELEMETRY):
            with RosGraph() as graph:

                def steps() -> None:
                    assert get_rate(graph, 'system') == 5.0
                    assert get_rate(graph, '/odom') == 10.0
                    assert set_rate(graph, 'system', 2.5).successful
                    assert get_rate(graph, 'system') == 2.5
                    refused = set_rate(graph, 'system', 0.0)
                    assert not refused.successful
                    assert 'a rate of 0 is each sample, for a topic' in refused.reason
                    graph.set_parameter('/xparo_bridge', 'telemetry.rate.system', 5)
                    assert set_rate(graph, 'system', 2.5).successful
                    assert not set_rate(graph, 'system', 5000.0).successful
                    assert set_rate(graph, '/odom', 0.0).successful
                    assert get_rate(graph, 'system') == 2.5

                await asyncio.to_thread(steps)

    asyncio.run(scenario())


@asynccontextmanager
async def system_with_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[System, Platform]]:
    """Run a bridge whose link has a REST API, which has not given its token yet."""
    monkeypatch.setenv('XDG_STATE_HOME', str(folder / 'state'))
    async with platform() as rest:
        rest.token = TOKEN
        monkeypatch.setitem(LINK, 'rest', {'url': rest.url})
        async with system(
            folder, telemetry=TELEMETRY, bags={'folder': str(folder / 'bags')}
        ) as parts:
            yield parts, rest


def of_path(rest: Platform, path: str) -> list[Any]:
    return [body for taken, body in rest.took if taken == path]


async def until(condition: Any) -> None:
    """Wait for what a server of this loop takes."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


def test_a_log_session_gets_the_robots_log_until_the_bridge_stops(tmp_path, monkeypatch):
    async def scenario() -> None:
        async with system_with_rest(tmp_path, monkeypatch) as (parts, rest):
            await parts.operator.request('log_session', session_id='s1')
            with RosGraph('driver') as graph:

                def said() -> list[str]:
                    graph.node.get_logger().warning('wheel slips')
                    graph.becomes(lambda: False, 0.05)
                    return [
                        line
                        for body in of_path(rest, '/api/update-logs/')
                        for line in body['logs']
                        if 'wheel slips' in line
                    ]

                # What comes before the token waits for it.
                await parts.operator.request('token', token=TOKEN)
                async with asyncio.timeout(20):
                    while not (lines := await asyncio.to_thread(said)):
                        pass
            assert '[WARN] [driver]: wheel slips' in lines[0]
            bodies = of_path(rest, '/api/update-logs/')
            assert {body['session_id'] for body in bodies} == {'s1'}
            assert any('cpu_usage' in body for body in bodies)
            assert of_path(rest, '/api/robot-info/')[0]['robot_id'] == 'r1'
            # With the session the platform gave a token of its own, which this server refuses.
            assert rest.authorizations[-1] == f'Bearer {TOKEN}'
            assert await asyncio.to_thread(parts.bridge.stop) == 0
            lines = [line for body in of_path(rest, '/api/update-logs/') for line in body['logs']]
            assert any('stopping' in line for line in lines)
        assert TOKEN not in '\n'.join(parts.bridge.lines)

    asyncio.run(scenario())


def make_bag(folder: Path) -> None:
    bag = folder / 'bags' / 'run_1'
    bag.mkdir(parents=True)
    (bag / 'metadata.yaml').write_text('rosbag2_bagfile_information: {}')
    (bag / 'run_1_0.mcap').write_bytes(bytes(3_000_000))


def test_a_bag_is_uploaded_with_progress_over_a_refused_token(tmp_path, monkeypatch):
    async def scenario() -> None:
        async with system_with_rest(tmp_path, monkeypatch) as (parts, rest):
            make_bag(tmp_path)
            await parts.operator.request('token', token='old')
            with RosGraph() as graph:
                goal = await asyncio.to_thread(
                    graph.send_goal,
                    UploadRosbag,
                    '/xparo_bridge/upload_rosbag',
                    UploadRosbag.Goal(bag='run_1', max_rate=2e6),
                )
                await until(lambda: rest.authorizations)
                await parts.operator.request('token', token=TOKEN)
                end = await asyncio.to_thread(goal.end)
            assert (end.result.success, end.result.error) == (True, '')
            assert [body['bag_file'][0] for body in of_path(rest, '/api/upload_rosbag/')] == [
                'run_1_0.mcap',
                'metadata.yaml',
            ]
            assert goal.feedback[-1].total > 3_000_000
            assert 0 < goal.feedback[-1].sent <= goal.feedback[-1].total

    asyncio.run(scenario())


def test_the_platform_has_a_bag_uploaded_by_a_command(tmp_path, monkeypatch):
    async def scenario() -> None:
        async with system_with_rest(tmp_path, monkeypatch) as (parts, rest):
            make_bag(tmp_path)
            await parts.operator.request('token', token=TOKEN)
            ended = await parts.ended(await parts.send('upload_rosbag', bag='run_1'))
            assert (ended['state'], ended['result']['success']) == ('succeeded', True)
            assert len(of_path(rest, '/api/upload_rosbag/')) == 2
            wrong = await parts.ended(await parts.send('upload_rosbag', bag='run_2'))
            assert (wrong['state'], wrong['error']['code']) == ('failed', 'aborted')

    asyncio.run(scenario())


def test_an_upload_is_cancelled_and_a_wrong_one_says_why(tmp_path, monkeypatch):
    async def scenario() -> None:
        async with system_with_rest(tmp_path, monkeypatch):
            make_bag(tmp_path)
            (tmp_path / 'secret').mkdir()
            with RosGraph() as graph:

                def upload(**goal: Any) -> Any:
                    return graph.send_goal(
                        UploadRosbag, '/xparo_bridge/upload_rosbag', UploadRosbag.Goal(**goal)
                    )

                def steps() -> None:
                    goal = upload(bag='run_1')  # Which waits for a token.
                    assert goal.accepted
                    assert goal.cancel()
                    assert goal.end().result.error == 'cancelled'
                    for bag in ('../secret', '..', 'run_2', str(tmp_path / 'secret')):
                        assert 'there is no bag' in upload(bag=bag).end().result.error
                    assert (
                        'no link other takes bags'
                        in upload(bag='run_1', link='other').end().result.error
                    )

                await asyncio.to_thread(steps)

    asyncio.run(scenario())
