# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the fleet page show every robot live, and command several only after it named them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
import json
import queue
import threading
from typing import Any

from fixtures.system import CREDENTIALS, PROJECT_ID, SECRET_KEY, start_platform
import pytest
from websockets.exceptions import ConnectionClosed

from console.conftest import console

try:
    from websockets.asyncio.client import connect
except ImportError:  # websockets before 13
    from websockets.client import connect


class Robots:
    """Robots of sockets alone, in a thread of their own; `heard` has what each was sent."""

    def __init__(self, port: int) -> None:
        self._url = f'ws://127.0.0.1:{port}/ws/chatbot/{SECRET_KEY}/{PROJECT_ID}/'
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._sockets: dict[str, Any] = {}
        self.heard: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()

    def _run(self, doing: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(20)

    def say(self, name: str, kind: str, **data: Any) -> None:
        """Send a message as a robot, which connects with its first."""
        self._run(self._say(name, kind, data))

    def close(self) -> None:
        """End all."""
        for name in list(self._sockets):
            self.leave(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)
        self._loop.close()

    def leave(self, name: str) -> None:
        self._run(self._sockets.pop(name).close())

    async def _say(self, name: str, kind: str, data: dict[str, Any]) -> None:
        if name not in self._sockets:
            socket = self._sockets[name] = await connect(self._url, ping_interval=None)
            await socket.send(json.dumps({'type': 'robot_info', 'data': {'robot_id': name}}))
            self._loop.create_task(self._listen(name, socket))
        await self._sockets[name].send(json.dumps({'type': kind, 'data': data}))

    async def _listen(self, name: str, socket: Any) -> None:
        try:
            while True:
                frame = json.loads(await socket.recv())
                if frame['type'] == 'remote_command':
                    self.heard.put((name, frame['data']))
        except ConnectionClosed:
            pass


@pytest.fixture(scope='module')
def port() -> Iterator[int]:
    platform, port = start_platform()
    with platform:
        yield port


@pytest.fixture(scope='module')
def url(browser, port) -> Iterator[str]:
    with console(port, keys=CREDENTIALS) as url:
        yield url


@pytest.fixture(scope='module')
def robots(port) -> Iterator[Robots]:
    robots = Robots(port)
    yield robots
    robots.close()


def test_robots_come_and_change_and_go_without_a_reload(url, page, robots):
    page.goto(url)
    page.get_by_text('No robot has connected yet').wait_for()
    robots.say('anton', 'telemetry', battery_percentage=71)
    card = page.get_by_role('region', name='anton')
    card.get_by_text('battery 71 %').wait_for()
    robots.say('anton', 'telemetry', battery_percentage=12)
    card.get_by_text('battery 12 %').wait_for()
    robots.say('anton', 'command_status', command_id='c', command='go', state='failed',
               error={'code': 'aborted', 'message': 'the way is blocked'})  # fmt: skip
    card.get_by_text('go: the way is blocked').wait_for()
    robots.leave('anton')
    card.get_by_text('offline').wait_for()
    robots.say('anton', 'telemetry', battery_percentage=80)
    card.get_by_text('ready').wait_for()


@pytest.mark.parametrize('shown', ['Cards', 'Table'])
def test_several_are_commanded_together_after_they_were_named(url, page, robots, shown):
    for name in ('one', 'two', 'three'):
        robots.say(name, 'telemetry', battery_percentage=50)
    page.goto(url)
    page.get_by_role('button', name=shown).click()
    for name in ('one', 'two'):
        if shown == 'Cards':
            page.get_by_role('checkbox', name=f'Select {name}', exact=True).click()
        else:
            page.locator(f'[row-id="{name}"] .ag-selection-checkbox input').first.click()
    page.get_by_text('2 selected of').wait_for()
    page.get_by_role('button', name='Pause selected…').click()
    dialog = page.get_by_role('dialog')
    dialog.get_by_text('one, two').wait_for()
    assert robots.heard.empty()
    dialog.get_by_role('button', name='Pause these 2').click()
    heard = dict(robots.heard.get(timeout=10) for _ in range(2))
    assert {name: data['command'] for name, data in heard.items()} == {
        'one': 'pause',
        'two': 'pause',
    }
    assert robots.heard.empty()


def test_the_table_is_live_and_leads_to_a_robot(url, page, robots):
    robots.say('zora', 'telemetry', battery_percentage=33)
    page.goto(url)
    page.get_by_role('button', name='Table').click()
    page.get_by_label('Filter by name or state').fill('zora')
    battery = page.locator('.ag-center-cols-container [row-id="zora"] [col-id="battery"]')
    battery.get_by_text('33').wait_for()
    robots.say('zora', 'telemetry', battery_percentage=34)
    battery.get_by_text('34').wait_for()
    page.locator('[row-id="zora"] [col-id="robot"]').first.click()
    page.get_by_role('heading', name='zora').wait_for()


def test_a_robot_that_never_came_has_a_page_that_says_so(url, page, robots):
    page.goto(f'{url}/robot/nobody')
    page.get_by_text('No robot of this name has been seen').wait_for()
    robots.say('nobody', 'telemetry', battery_percentage=1)
    page.get_by_role('region', name='Map').wait_for()


# What a robot says of itself comes from outside.
NAMES = [
    '<b>bold</b>',
    '</script><script>window.owned = 1</script>',
    'a" innerHTML="<img src=x onerror=window.owned=1>',
    "it's \\ {{ 6 * 7 }}",
    'yard/7',
    'what?#100%',
    '..',
    'fünf 五',
]


@pytest.mark.parametrize('name', NAMES)
def test_a_robot_may_have_any_name(url, page, robots, name):
    robots.say(name, 'telemetry', battery_percentage=61)
    page.goto(url)
    card = page.get_by_role('region', name=name, exact=True)
    card.get_by_text('battery 61 %').wait_for()
    card.get_by_role('link', name=name, exact=True).click()
    for there, heading in (
        ('Drive', name),
        ('Trees', f'{name}: behaviour trees'),
        ('Chat', f'{name}: chat'),
        ('Wire', f'{name}: wire'),
        ('Drive', name),
    ):
        page.get_by_role('navigation').get_by_role('link', name=there).click()
        page.get_by_role('heading', name=heading, exact=True).wait_for()
    assert page.title().startswith(name)
    page.keyboard.press('F9')
    while (said := robots.heard.get(timeout=10))[1]['command'] != 'stop':
        pass  # Its page asks what it can do.
    assert said[0] == name
    page.get_by_role('button', name='Export…').click()
    with page.expect_download() as downloading:
        page.get_by_role('button', name='Download').click()
    assert '61' in downloading.value.path().read_text()
    assert page.evaluate('window.owned') is None
    robots.leave(name)


def test_what_a_robot_says_is_shown_and_never_run(url, page, robots):
    bad = 'x" innerHTML="<img src=x onerror=window.owned=1>'
    schema = {
        'properties': {
            bad: {'type': 'string', 'description': bad},
            'choice': {'enum': [bad], 'description': bad},
        }
    }
    robots.say('mallory', 'telemetry', battery_percentage=1, **{bad: bad})
    page.goto(f'{url}/robot/mallory')
    page.get_by_role('region', name='Map').wait_for()
    robots.say(
        'mallory', 'command_status', command_id='l', command='list_commands', state='succeeded',
        result={
            'commands': {bad: {'kind': 'publish', 'description': bad, 'parameters': schema}},
            'places': [bad], 'place_poses': {bad: {'x': 1.0, 'y': 1.0, 'yaw': 0.0}},
        },
    )  # fmt: skip
    robots.say('mallory', 'command_status', command_id=bad, command=bad, state='running',
               progress={'distance_remaining': 3.0, bad: bad})  # fmt: skip
    commands = page.get_by_role('region', name='Commands')
    commands.get_by_role('progressbar', name=f'Progress of {bad}').wait_for()
    commands.get_by_label(bad, exact=True).first.wait_for()
    robots.say('mallory', 'command_status', command_id=bad, command=bad, state='failed',
               error={'code': bad, 'message': bad, 'known': [bad]})  # fmt: skip
    commands.get_by_text('failed').wait_for()
    robots.say('mallory', 'behavior_status', tree_name=bad, run_id='1', state='running', nodes=[],
               structure=[{'uid': 1, 'parent': None, 'path': bad, 'name': bad, 'type': bad,
                           'kind': 'Action', 'status': 'RUNNING'}])  # fmt: skip
    robots.say('mallory', 'chat', message=bad)
    for path in ('trees', 'chat', 'wire'):
        page.goto(f'{url}/robot/mallory/{path}')
        page.get_by_text(bad[:12]).first.wait_for()
    assert page.evaluate('window.owned') is None
    robots.leave('mallory')
