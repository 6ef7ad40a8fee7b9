# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What must hold when people and connections do what they do, seen in the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import re
import time
from typing import Any

import pytest

from console.conftest import ask, console, PATIENCE, until
from console.test_robot_page import on_map, open_robot


def token(port: int, name: str, role: str) -> str:
    return str(ask(port, 'add_person', name=name, role=role)['token'])


@pytest.fixture(scope='module')
def far(house) -> Iterator[str]:
    """A console on which people sign in."""
    with console(house.port, '--host', '0.0.0.0') as url:
        yield url.replace('0.0.0.0', '127.0.0.1')


@pytest.fixture
def people(house, far, browser) -> Iterator[Callable[[str, str], Any]]:
    """Open a page for a person, who signs in; all are closed at the end."""
    contexts = []

    def sign_in(name: str, role: str) -> Any:
        context = browser.new_context(viewport={'width': 1280, 'height': 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(far)
        page.get_by_label('Your token').fill(token(house.port, name, role))
        page.get_by_role('button', name='Sign in').click()
        page.get_by_role('heading', name='Fleet').wait_for()
        page.goto(f'{far}/robot/r1')
        return page

    yield sign_in
    for context in contexts:
        context.close()


def drive_panel(page) -> Any:
    return page.get_by_role('region', name='Drive by hand')


def take_the_stick(page) -> Any:
    """Take it and give it the focus; the panel."""
    panel = drive_panel(page)
    panel.get_by_role('button', name='Take the stick').click()
    page.wait_for_function(
        '() => document.querySelector(".xparo-pad")?.getAttribute("aria-disabled") === "false"'
    )
    page.wait_for_function('() => document.activeElement.classList.contains("xparo-pad")')
    return panel


def test_teleop_drives_while_held_and_when_the_link_is_cut_it_stops_and_the_page_says_so(
    house, page, motion
):
    open_robot(page, house)
    panel = take_the_stick(page)
    page.keyboard.down('ArrowUp')
    until(motion.drives)
    panel.get_by_text(re.compile(r'commands answered in \d+ ms')).wait_for()
    page.keyboard.up('ArrowUp')
    until(motion.stands)
    page.keyboard.down('ArrowUp')
    until(motion.drives)
    house.network.vanish()  # As a cable that is pulled: nobody is told.
    until(motion.stands, 5.0)
    panel.get_by_text(re.compile('^Locked: ')).wait_for()
    page.get_by_text('r1 is offline').wait_for()
    house.network.heal()
    page.get_by_text('r1 is offline').wait_for(state='hidden')
    # The key is still down; it must be let go before it counts again.
    panel.get_by_text(re.compile('^Locked: ')).wait_for(state='hidden')
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert not motion.drives()
    page.keyboard.up('ArrowUp')


@pytest.mark.parametrize('how', ['mouse', 'finger'])
def test_the_stick_on_the_screen_drives_while_it_is_held(house, browser, motion, how):
    context = browser.new_context(
        has_touch=how == 'finger', viewport={'width': 390, 'height': 844}
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    open_robot(page, house)
    take_the_stick(page)
    stick = page.get_by_role('application')
    stick.scroll_into_view_if_needed()
    box = stick.bounding_box()
    middle = (box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    pointer = Finger(page) if how == 'finger' else page.mouse
    pointer.move(*middle)
    pointer.down()
    pointer.move(middle[0], middle[1] - 0.6 * box['height'] / 2)
    until(motion.drives)
    pointer.move(middle[0] - 3 * box['width'], middle[1])  # Far outside: it is held all the same.
    until(motion.turns)
    assert page.evaluate('window.scrollX') == 0
    pointer.up()
    until(motion.stands)
    # Whoever only passes over it drives nothing.
    pointer.move(middle[0], middle[1] - 50)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        assert motion.stands()
    context.close()


class Finger:
    """One finger on the screen, as the browser has it of the machine."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._at = (0.0, 0.0)
        self._is_down = False

    def _say(self, kind: str) -> None:
        points = [{'x': self._at[0], 'y': self._at[1]}] if kind != 'touchEnd' else []
        self._session.send('Input.dispatchTouchEvent', {'type': kind, 'touchPoints': points})

    def move(self, x: float, y: float) -> None:
        self._at = (max(x, 1.0), y)  # There is no glass beside the screen.
        if self._is_down:
            self._say('touchMove')

    def down(self) -> None:
        self._is_down = True
        self._say('touchStart')

    def up(self) -> None:
        self._is_down = False
        self._say('touchEnd')


def test_the_stick_says_what_is_held_ten_to_twenty_times_a_second(house, page, motion):
    open_robot(page, house)
    take_the_stick(page)
    page.evaluate("""() => { window.said = [];
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
            if (this.url.includes("/teleop/")) window.said.push(performance.now());
            return send.call(this, text); }; }""")
    page.keyboard.down('ArrowLeft')
    until(motion.turns)
    page.wait_for_function('() => window.said.length > 40')
    page.keyboard.up('ArrowLeft')
    said = page.evaluate('window.said')
    usual = sorted(later - before for before, later in zip(said, said[1:], strict=False))
    assert 50 <= usual[len(usual) // 2] <= 100
    until(motion.stands)


def test_a_stick_that_is_not_heard_of_any_more_stops_the_robot(house, browser, motion):
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    open_robot(page, house)
    take_the_stick(page)
    page.keyboard.down('ArrowLeft')
    until(motion.turns)
    context.close()  # As a browser does that crashes: nothing is said.
    until(motion.stands, 5.0)
    until(lambda: ask(house.port, 'state', robot='r1')['lease'] is None)


def test_a_page_that_shows_nothing_new_locks_the_stick(house, page, motion):
    open_robot(page, house)
    panel = take_the_stick(page)
    page.keyboard.down('ArrowUp')
    until(motion.drives)
    # The picture stands still, the stick's way is left: Socket.IO brings what the page shows.
    page.evaluate('window.socket.onevent = () => {}')
    panel.get_by_text(re.compile('Locked: this page has shown nothing new')).wait_for()
    until(motion.stands, 5.0)
    page.keyboard.up('ArrowUp')


GAMEPAD = """() => {
    window.pad = { connected: true, axes: [0, 0], buttons: [{ pressed: false }] };
    navigator.getGamepads = () => [window.pad]; }"""


def test_a_gamepad_drives_while_its_button_is_held(house, page, motion):
    open_robot(page, house)
    page.evaluate(GAMEPAD)  # This machine has none; what the browser says of one is its interface.
    take_the_stick(page)
    page.evaluate('window.pad.axes = [0, -0.9]')
    end = time.monotonic() + 1.0
    while time.monotonic() < end:  # A stick that leans drives nothing without the button.
        assert not motion.drives()
    page.evaluate('window.pad.buttons[0].pressed = true')
    until(motion.drives)
    page.evaluate('window.pad.buttons[0].pressed = false')
    until(motion.stands)
    page.evaluate('window.pad.buttons[0].pressed = true')
    until(motion.drives)
    page.evaluate('window.pad.connected = false')
    until(motion.stands)


def test_two_operators_and_the_lease(people):
    pages = {name: people(name, 'operator') for name in ('ann', 'bob')}
    drive_panel(pages['ann']).get_by_role('button', name='Take the stick').click()
    drive_panel(pages['ann']).get_by_text('You drive.').wait_for()
    second = drive_panel(pages['bob'])
    second.get_by_text(re.compile('ann drives since')).wait_for()
    second.get_by_role('button', name='Take over…').click()
    pages['bob'].get_by_role('button', name='Take over', exact=True).click()
    pages['bob'].get_by_text('Give a reason first').wait_for()
    pages['bob'].get_by_label('Reason, which they see').fill('a child is in the way')
    pages['bob'].get_by_role('button', name='Take over', exact=True).click()
    second.get_by_text('You drive.').wait_for()
    pages['ann'].get_by_text('bob took over: a child is in the way').wait_for()
    drive_panel(pages['ann']).get_by_text(re.compile('bob drives since')).wait_for()


def test_one_person_drives_by_one_page_at_a_time(house, browser):
    with browser.new_context() as context:
        pages = [context.new_page() for _ in range(2)]
        for page in pages:
            page.set_default_timeout(PATIENCE)
            open_robot(page, house)
        first, second = map(drive_panel, pages)
        first.get_by_role('button', name='Take the stick').click()
        first.get_by_text('You drive.').wait_for()
        second.get_by_role('button', name='Take over…').click()
        pages[1].get_by_label('Reason, which they see').fill('this screen is larger')
        pages[1].get_by_role('button', name='Take over', exact=True).click()
        second.get_by_text('You drive.').wait_for()
        pages[0].get_by_text(re.compile('on another page, took over: this screen is')).wait_for()
        first.get_by_role('button', name='Take over…').wait_for()
        pages[1].go_back()  # And away: nobody drives any more.
        first.get_by_text('Nobody drives.').wait_for()


def test_who_is_let_in_no_more_reads_so_and_stands(house, people):
    page = people('dora', 'operator')
    panel = take_the_stick(page)
    ask(house.port, 'remove_person', name='dora')
    page.get_by_text('The platform lets you in no more: sign in again').wait_for()
    panel.get_by_role('application').wait_for(state='hidden')
    page.keyboard.press('F9')
    page.get_by_text('STOP WAS NOT SENT').wait_for()
    page.get_by_role('link', name='Sign out').click()
    page.get_by_label('Your token').wait_for()


def test_a_viewer_sees_all_and_has_nothing_to_command_with(house, people):
    page = people('vera', 'viewer')
    page.get_by_text('You are a viewer').wait_for()
    page.get_by_text('vera, viewer').wait_for()
    for name in ('Stop r1 now', 'Pause', 'Drive to…'):
        assert page.get_by_role('button', name=name, exact=True).is_disabled()
    assert page.get_by_role('button', name='Take the stick').count() == 0
    before = len(ask(house.port, 'history', kind='order', robot='r1'))
    page.keyboard.press('F9')  # The key is there for a viewer too; the platform refuses.
    page.get_by_text('STOP WAS NOT SENT').wait_for()
    assert len(ask(house.port, 'history', kind='order', robot='r1')) == before


def test_a_reload_in_mid_mission_shows_the_mission(house, page):
    open_robot(page, house)
    pose = page.evaluate('document.querySelector(".xparo-map canvas").xparoMap.pose')
    page.get_by_role('button', name='Drive to…').click()
    page.mouse.click(*on_map(page, 8.0 if pose['x'] < 5 else 1.0, 4.0))
    on = page.get_by_role('region', name='Map')
    on.get_by_text(re.compile('to go')).wait_for()
    page.reload()
    on.get_by_text(re.compile('running, .*to go')).wait_for()
    on.get_by_role('button', name='Cancel this goal').click()
    on.get_by_text('start_navigation: cancelled').wait_for()


def test_the_robot_gone_and_back(house, page):
    open_robot(page, house)
    house.bridge.stop()
    page.get_by_text('r1 is offline').wait_for()
    page.get_by_label('State of the robot').get_by_text('offline').wait_for()
    house.bridge = house.start_bridge()
    page.get_by_text('r1 is offline').wait_for(state='hidden')
    page.get_by_label('State of the robot').get_by_text('ready').wait_for()


def test_the_platform_gone_and_back_loses_nothing_on_the_page(house, page):
    open_robot(page, house)
    commands = page.get_by_role('region', name='Commands')
    ask(house.port, 'send', robot='r1', command='wait', parameters={'seconds': 0})
    commands.get_by_text('wait seconds 0').first.wait_for()
    house.platform.stop()
    page.get_by_role('alert').get_by_text(re.compile('The (platform|connection)')).wait_for()
    house.restart_platform()
    page.get_by_text('What you see may be old').wait_for(state='hidden')
    page.get_by_label('State of the robot').get_by_text('ready').wait_for()
    commands.get_by_text('wait seconds 0').first.wait_for()
