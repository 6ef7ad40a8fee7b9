# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Can a robot be seen and driven from a browser: real platform, bridge, robot and Chromium."""

from __future__ import annotations

import re
import time

from fixtures.system import PROJECT_ID, SECRET_KEY
import pytest

from console.conftest import ask, run, until
from xparo_bridge.console.robot_view import ASKING
from xparo_bridge.local.platform_client import OperatorClient


def on_map(page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the map is on the page."""
    return tuple(
        page.evaluate(
            """([x, y]) => { const c = document.querySelector(".xparo-map canvas");
            const box = c.getBoundingClientRect(); const [px, py] = c.xparoMap.at(x, y);
            return [box.left + px, box.top + py]; }""",
            [x, y],
        )
    )


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from a point of the page to another."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def open_robot(page, house) -> None:
    page.goto(f'{house.url}/robot/r1')
    page.wait_for_function(
        '() => { const c = document.querySelector(".xparo-map canvas"); '
        'return c && c.xparoMap && c.xparoMap.pose && c.xparoMap.map; }'
    )
    # Its menu has come.
    page.get_by_role('button', name='Start navigation: send').wait_for()


def test_a_drag_on_the_map_is_a_goal_and_the_robot_arrives(house, page):
    open_robot(page, house)
    page.get_by_role('button', name='Drive to…').click()
    start = on_map(page, 4.0, 4.0)
    drag(page, start, (start[0], start[1] - 60))  # Heading north.
    life = page.get_by_role('region', name='Map').get_by_role('status')
    life.get_by_text(re.compile(r'running, .*m to go')).wait_for()
    life.get_by_text('start_navigation: succeeded').wait_for()
    pose = page.evaluate('document.querySelector(".xparo-map canvas").xparoMap.pose')
    assert abs(pose['x'] - 4.0) < 0.3 and abs(pose['y'] - 4.0) < 0.3
    assert abs(pose['yaw'] - 1.57) < 0.4
    # One press, one goal: the next drag only moves the map.
    drag(page, start, (start[0] + 60, start[1]))
    assert page.get_by_role('region', name='Commands').get_by_text('start_navigation').count() == 1


def test_a_goal_by_name_is_cancelled_on_the_map(house, page):
    open_robot(page, house)
    commands = page.get_by_role('region', name='Commands')
    on = page.get_by_role('region', name='Map')
    for place in ('kitchen', 'table_4', 'kitchen', 'table_4'):
        commands.get_by_label('goal', exact=True).fill(place)
        commands.get_by_role('button', name='Start navigation: send').click()
        on.get_by_text(re.compile(r'running, .*to go|succeeded')).wait_for()
        # A robot may have arrived before a busy machine's browser has clicked.
        cancel = on.get_by_role('button', name='Cancel this goal')
        if cancel.is_visible():
            cancel.click(timeout=5000, force=True)
        end = on.get_by_text(re.compile('start_navigation: (cancelled|succeeded)'))
        end.wait_for()
        if 'cancelled' in end.inner_text():
            return
    raise AssertionError('it arrived each time before it could be cancelled')


def test_stop_by_key_holds_the_robot_and_resume_asks(house, page):
    open_robot(page, house)
    page.keyboard.press('F9')
    page.get_by_label('State of the robot').get_by_text('stopped').wait_for()
    commands = page.get_by_role('region', name='Commands')
    commands.get_by_label('goal', exact=True).fill('table_4')
    commands.get_by_role('button', name='Start navigation: send').click()
    commands.get_by_text('Press Resume when nobody is in the way').first.wait_for()
    page.get_by_role('button', name='Resume…').click()
    page.get_by_role('button', name='No', exact=True).click()
    page.get_by_label('State of the robot').get_by_text('stopped').wait_for()
    page.get_by_role('button', name='Resume…').click()
    page.get_by_role('button', name='Yes, resume').click()
    page.get_by_label('State of the robot').get_by_text('ready').wait_for()


def test_a_recording_of_the_black_box_is_listed_when_it_is_made(house, page):
    page.goto(f'{house.url}/robot/r1')

    async def freeze() -> None:
        async with await OperatorClient.connect(
            port=house.port, secret_key=SECRET_KEY, project_id=PROJECT_ID
        ) as operator:
            await operator.send_command('freeze_recording', {'reason': 'to see'}, robot='r1')

    run(freeze())
    recordings = page.get_by_role('region', name='Recordings')
    recordings.get_by_text('asked: to see').wait_for()
    recordings.get_by_role('button', name=re.compile(r'Fetch \d+T\d+Z_asked')).wait_for()


@pytest.mark.parametrize('path', ['', '/trees', '/chat', '/wire'])
def test_the_keys_stop_it_wherever_the_focus_is_and_do_nothing_else(house, page, path):
    page.goto(f'{house.url}/robot/r1{path}')
    page.get_by_role('button', name='Stop r1 now').wait_for()
    if not path:
        page.get_by_role('button', name='Start navigation: send').wait_for()

    def orders() -> list[str]:
        records = ask(house.port, 'history', kind='order', robot='r1', since=began)
        asked = [record['data']['command'] for record in records]
        return [name for name in asked if name not in ASKING]

    began = time.time()
    focused = set()
    for count in range(1, 25):
        page.keyboard.press('Tab')
        focused.add(page.evaluate('document.activeElement.tagName'))
        page.keyboard.press('Control+Space' if count % 4 else 'F9')
    until(lambda: len(orders()) >= 24)
    assert set(orders()) == {'stop'} and len(orders()) == 24
    assert {'A', 'BUTTON'} < focused
    assert page.get_by_role('dialog').count() == 0
    ask(house.port, 'send', robot='r1', command='resume')
