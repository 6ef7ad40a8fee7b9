# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""REST beside a link: who the robot is, log lines and bags, whatever goes wrong."""

import asyncio
from contextlib import asynccontextmanager
import time

from link.rest_platform import platform

from xparo_bridge.link.rest import RestClient
from xparo_bridge.link.rest_service import RestService
from xparo_bridge.messages import (
    CancelUpload,
    LinkProblem,
    LogUpdate,
    RobotInfo,
    UploadBag,
    UploadEnded,
)
from xparo_bridge.state import Queue


@asynccontextmanager
async def serving(server, folder):
    reported = []
    service = RestService(
        RestClient(server.url),
        Queue(None, 'log_updates', 'platform', 100_000),
        RobotInfo({'robot_id': 'r1'}),
        reported.append,
    )
    task = asyncio.create_task(service.run())
    try:
        yield service, reported
    finally:
        service.stop()
        async with asyncio.timeout(10):
            await task


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_the_robot_is_registered_when_there_is_a_token_that_is_good(tmp_path):
    async def scenario():
        async with platform() as server, serving(server, tmp_path) as (service, reported):
            server.token = 'new'
            service.set_token('old')
            await until(lambda: reported)
            assert 'refused the token' in reported[0].problem
            service.set_token('new')
            await server.until(1)
            assert server.took[0][0] == '/api/robot-info/'
            assert server.took[0][1]['robot_id'] == 'r1'

    asyncio.run(scenario())


def test_lines_of_before_the_token_are_sent_with_it_and_the_last_ones_at_the_end(tmp_path):
    async def scenario():
        async with platform() as server:
            async with serving(server, tmp_path) as (service, reported):
                service.put(LogUpdate('s', ['early']))
                await until(lambda: any(isinstance(item, LinkProblem) for item in reported))
                service.set_token('secret')
                await server.until(2)
                service.put(LogUpdate('s', ['last']))
            lines = [
                line
                for path, body in server.took
                if path == '/api/update-logs/'
                for line in body['logs']
            ]
            # The stop may have cut the answer to the first one short, which then is sent twice.
            assert list(dict.fromkeys(lines)) == ['early', 'last']

    asyncio.run(scenario())


def test_an_upload_ends_exactly_once_however_early_it_is_cancelled(tmp_path):
    async def scenario():
        async with platform() as server, serving(server, tmp_path) as (service, reported):
            service.put(UploadBag('u1', str(tmp_path)))
            service.put(CancelUpload('u1'))
            await until(lambda: reported)
            service.put(CancelUpload('u1'))
            service.put(UploadBag('u2', str(tmp_path)))
            await until(lambda: len(reported) == 2)
            assert reported[0] == UploadEnded('u1', 'cancelled')
            assert 'has no metadata.yaml' in reported[1].error

    asyncio.run(scenario())


def test_how_far_an_upload_is_comes_now_and_then_and_its_end_once(tmp_path):
    (tmp_path / 'metadata.yaml').write_text('rosbag2_bagfile_information: {}')
    for number in range(20):
        (tmp_path / f'bag_{number:02}.mcap').write_bytes(b'x' * 1000)

    async def scenario():
        async with platform() as server, serving(server, tmp_path) as (service, reported):
            service.set_token('secret')
            began = time.monotonic()
            service.put(UploadBag('u1', str(tmp_path)))
            await until(lambda: any(isinstance(item, UploadEnded) for item in reported))
            return reported, time.monotonic() - began

    reported, took = asyncio.run(scenario())
    *reports, end = reported
    assert end == UploadEnded('u1', '')
    assert reports[0].upload_id == 'u1'
    assert (reports[0].file, reports[0].total) == ('bag_00.mcap', 20_000 + 31)
    assert [report.sent for report in reports] == sorted(report.sent for report in reports)
    assert len(reports) <= 1 + took / 0.5
