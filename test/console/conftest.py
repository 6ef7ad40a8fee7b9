# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of the console stand on: a browser, and platform, robot, bridge and console."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, ExitStack
import importlib.util
import os
from pathlib import Path
import shutil
import tempfile
import threading
import time
from typing import Any

from fixtures.domains import own_domain
from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import (
    CREDENTIALS,
    PROJECT_ID,
    SECRET_KEY,
    start_bridge,
    start_platform,
    start_robot,
)
from nav_msgs.msg import Odometry
import pytest

from xparo_bridge.local.platform_client import OperatorClient
from xparo_bridge.scenarios.fault_proxy import fault_proxy

CHROMIUM = next(
    filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), ''
)
WITHOUT = (
    'NiceGUI is not installed'
    if importlib.util.find_spec('nicegui') is None
    else 'Playwright is not installed'
    if importlib.util.find_spec('playwright') is None
    else ''
    if CHROMIUM
    else 'there is no Chromium on this machine (apt-get install chromium)'
)
CAMERA = 'front/image_raw/compressed'  # of no camera but a test's
# What the robot tells, so that every part of the page has something to show.
TELEMETRY = {
    'period': 0.5,
    'groups': {
        'pose': {'topic': 'amcl_pose', 'type': 'geometry_msgs/msg/PoseWithCovarianceStamped'},
        'map': {},
        'plan': {},
        'navigation': {},
        'velocity': {},
        'diagnostics': {},
        'battery': {},
        'image': {'enabled': False, 'period': 0.5, 'topic': CAMERA},
    },
}
GROUPS = {'image': 10, 'pose': 20}
BLACK_BOX = {'enabled': True, 'after': 0.2, 'min_free': 0, 'topics': ['odom']}
PATIENCE = 45_000  # ms for what takes a robot, DDS and a browser on a busy machine


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    """Start the machine's Chromium; not for longer, as no other loop runs beside Playwright's."""
    if WITHOUT:
        pytest.skip(WITHOUT)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-dev-shm-usage']
        )
        yield running
        running.close()


def run(doing: Coroutine[Any, Any, Any]) -> Any:
    """Result of a coroutine, in a thread of its own: Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, doing).result()


def ask(port: int, verb: str, **keys: Any) -> Any:
    """Result of a verb, asked as the owner."""

    async def asking() -> Any:
        async with await OperatorClient.connect(
            port=port, secret_key=SECRET_KEY, project_id=PROJECT_ID
        ) as client:
            return await client.request(verb, **keys)

    return run(asking())


@contextmanager
def console(port: int, *arguments: str, keys: dict[str, str] | None = None) -> Iterator[str]:
    """Address of a console on the platform at a port."""
    with Process.module(
        'xparo_bridge', 'console', '--port', '0', '--platform', f'127.0.0.1:{port}', *arguments,
        env=CREDENTIALS if keys is None else keys, name='console',
    ) as process:  # fmt: skip
        yield process.wait_for_line(r'console on (\S+)')[1]


class Network:
    """The network before a port, in a thread of its own; `vanish` and `heal` are FaultProxy's."""

    def __init__(self, stack: ExitStack, target: int) -> None:
        self._loop = asyncio.new_event_loop()
        stack.callback(self._loop.close)
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        stack.callback(thread.join, 10.0)
        stack.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self._serving = fault_proxy(target)
        self._proxy = self._run(self._serving.__aenter__())
        stack.callback(lambda: self._run(self._serving.__aexit__(None, None, None)))
        self.port = int(self._proxy.port)

    def _run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(10.0)

    def vanish(self) -> None:
        """Pass nothing on, as a pulled cable does."""
        self._loop.call_soon_threadsafe(self._proxy.vanish)

    def heal(self) -> None:
        """Be a good network again."""
        self._loop.call_soon_threadsafe(self._proxy.heal)


class House:
    """Platform, robot, bridge and console, and what of them may be ended and begun again."""

    def __init__(self, stack: ExitStack, folder: Path, domain: int) -> None:
        self._stack, self._folder, self.domain = stack, folder, domain
        self.robot = stack.enter_context(start_robot(speed=1.0))
        self.platform, self.port = start_platform(
            0, '--data', str(folder / 'data'), '--ping-interval', '0.5'
        )
        stack.enter_context(self.platform)
        self.network = Network(stack, self.port)
        self.bridge = self.start_bridge()
        self.url = stack.enter_context(console(self.port))

    def start_bridge(self) -> Process:
        """Start the bridge, again after the first."""
        return self._stack.enter_context(
            start_bridge(
                self._folder,
                self.network.port,
                {
                    'telemetry': TELEMETRY,
                    'commands': {'set_telemetry': {'groups': GROUPS}},
                    'black_box': BLACK_BOX,
                },
            )
        )

    def restart_platform(self) -> None:
        """End the platform and start another in its place."""
        self.platform.stop()
        self.platform, _ = start_platform(
            self.port, '--data', str(self._folder / 'data'), '--ping-interval', '0.5'
        )
        self._stack.enter_context(self.platform)


@pytest.fixture(scope='module')
def house(browser: Any) -> Iterator[House]:
    """Run all of it for the tests of one file, in a ROS domain of its own."""
    with (
        own_domain() as domain,
        tempfile.TemporaryDirectory(prefix='xparo_console_') as folder,
        ExitStack() as stack,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv('ROS_DOMAIN_ID', str(domain))
        patch.setenv('ROS_HOME', folder)
        yield House(stack, Path(folder), domain)


@pytest.fixture
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a page; what its scripts complain of fails the test."""
    yield from _page(browser, request, {'width': 1280, 'height': 900})


@pytest.fixture
def phone(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a page as wide as a phone."""
    yield from _page(browser, request, {'width': 390, 'height': 844})


def _page(browser: Any, request: pytest.FixtureRequest, size: dict[str, int]) -> Iterator[Any]:
    context = browser.new_context(viewport=size, reduced_motion='reduce')
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on('pageerror', lambda error: problems.append(str(error)))
    asked: list[str] = []
    page.on('request', lambda asking: asked.append(asking.url))
    yield page
    folder = os.environ.get('CONSOLE_SCREENSHOTS')
    if folder:
        page.screenshot(path=str(Path(folder) / f'{request.node.name}.png'))
    context.close()
    assert problems == []
    # No other host is asked for anything.
    assert {url.split('/')[2].split(':')[0] for url in asked if url.startswith('http')} <= {
        '127.0.0.1',
        'localhost',
    }


def until(check: Callable[[], Any], timeout: float = PATIENCE / 1000) -> None:
    end = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < end
        time.sleep(0.05)


class Motion:
    """How the robot really moves, by its odometry, not by what the page says."""

    def __init__(self, graph: RosGraph) -> None:
        self._graph = graph
        self._heard = graph.listen(Odometry, '/odom')

    def _now(self) -> Odometry | None:
        self._heard.clear()
        self._graph.becomes(lambda: self._heard, 1.0)
        return self._heard[-1] if self._heard else None

    def drives(self) -> bool:
        now = self._now()
        return now is not None and now.twist.twist.linear.x > 0.1

    def turns(self) -> bool:
        now = self._now()
        return now is not None and now.twist.twist.angular.z > 0.1

    def stands(self) -> bool:
        now = self._now()
        if now is None:
            return False
        twist = now.twist.twist
        return abs(twist.linear.x) < 0.01 and abs(twist.angular.z) < 0.01


@pytest.fixture
def motion(house) -> Iterator[Motion]:
    with RosGraph(domain=house.domain) as graph:
        yield Motion(graph)
