# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The bridge in a network of its own: none yet, another address, no IPv4."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
import os
import re
import shutil
import subprocess

from fixtures.processes import Process
from fixtures.system import PROJECT_ID, SECRET_KEY, start_bridge, start_platform
import pytest

from xparo_bridge.local.platform_client import OperatorClient


class Cable:
    """A cable from this machine to a robot's network, in which nothing else is."""

    def __init__(self) -> None:
        """Lay it, without addresses at the robot's end."""
        number = os.getpid() % 250
        self.robot, self._here = f'net{os.getpid()}', f'vp{os.getpid()}'
        self.v4, self.v6 = f'10.232.{number}', f'fd32:{number}:'
        ip('netns', 'add', self.robot)
        self.inside('link', 'set', 'lo', 'up')
        ip('link', 'add', self._here, 'type', 'veth', 'peer', 'cable', 'netns', self.robot)
        ip('address', 'add', f'{self.v4}.1/24', 'dev', self._here)
        ip('address', 'add', f'{self.v6}:1/64', 'dev', self._here, 'nodad')
        ip('link', 'set', self._here, 'up')

    def inside(self, *arguments: str) -> None:
        ip('-n', self.robot, *arguments)

    def address(self, add: str = '', remove: str = '') -> None:
        """Give the robot an address, or take one away."""
        self.inside('link', 'set', 'cable', 'up')
        if remove:
            self.inside('address', 'del', remove, 'dev', 'cable')
        if add:
            self.inside('address', 'add', add, 'dev', 'cable', *(['nodad'] if ':' in add else []))

    def remove(self) -> None:
        subprocess.run(['ip', 'netns', 'delete', self.robot], capture_output=True)
        subprocess.run(['ip', 'link', 'delete', self._here], capture_output=True)


def ip(*arguments: str) -> None:
    subprocess.run(['ip', *arguments], capture_output=True, text=True, check=True)


@pytest.fixture
def cable() -> Iterator[Cable]:
    if shutil.which('ip') is None:
        pytest.skip('ip is not installed')
    made = None
    try:
        made = Cable()
        yield made
    except subprocess.CalledProcessError as error:
        if made is not None:
            raise
        pytest.skip(f'this machine lets nobody lay a cable: {error.stderr.strip()}')
    finally:
        if made is not None:
            made.remove()


def start(cable: Cable, folder, host: str) -> tuple[Process, int, Process]:
    platform, port = start_platform(0, '--host', '::' if ':' in host else '0.0.0.0')
    url = f'ws://{host}:{port}/ws/chatbot'
    link = {'url': url, 'allow_insecure': True}
    wrap = ('ip', 'netns', 'exec', cable.robot)
    return platform, port, start_bridge(folder, port, {'link': link}, wrap=wrap)


def addresses(host: str, port: int, until: str) -> list[str]:
    """What the platform was told of the robot's address, until it was this one."""

    async def listen() -> list[str]:
        heard: list[str] = []
        async with (
            asyncio.timeout(30.0),
            await OperatorClient.connect(
                host, port, secret_key=SECRET_KEY, project_id=PROJECT_ID, since=0
            ) as operator,
        ):
            async for event in operator.events():
                if event.get('type') == 'robot_info':
                    heard.append(event['data']['ip_address'])
                    if heard[-1] == until:
                        break
        return heard

    return asyncio.run(listen())


def test_a_bridge_that_was_started_before_the_network_is_linked_when_it_comes(cable, tmp_path):
    platform, port, bridge = start(cable, tmp_path, f'{cable.v4}.1')
    with platform, bridge:
        bridge.wait_for_line('there is no network|is unreachable')
        cable.address(f'{cable.v4}.2/24')
        bridge.wait_for_line('platform: connected')
        assert addresses('127.0.0.1', port, f'{cable.v4}.2') == [f'{cable.v4}.2']
        bridge.wait_for_line(
            rf'network: the address is {re.escape(cable.v4)}\.2, it was \S+ when the bridge '
            'started.*restart the bridge'
        )


def test_a_robot_whose_address_changes_is_linked_again_and_says_the_new_one(cable, tmp_path):
    cable.address(f'{cable.v4}.2/24')
    platform, port, bridge = start(cable, tmp_path, f'{cable.v4}.1')
    with platform, bridge:
        bridge.wait_for_line('platform: connected')
        cable.address(f'{cable.v4}.3/24', remove=f'{cable.v4}.2/24')
        assert addresses('127.0.0.1', port, f'{cable.v4}.3')[0] == f'{cable.v4}.2'
        bridge.wait_for_line(rf'the address is {re.escape(cable.v4)}\.3, it was \S+\.2 when')


@pytest.mark.parametrize('when', ['before', 'after'])
def test_a_network_without_IPv4_is_enough(cable, tmp_path, when):
    if when == 'before':
        cable.address(f'{cable.v6}:2/64')
    platform, port, bridge = start(cable, tmp_path, f'[{cable.v6}:1]')
    with platform, bridge:
        if when == 'after':
            bridge.wait_for_line('there is no network|is unreachable')
            cable.address(f'{cable.v6}:2/64')
        bridge.wait_for_line('platform: connected')
        assert addresses('::1', port, f'{cable.v6}:2') == [f'{cable.v6}:2']
