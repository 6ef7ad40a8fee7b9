# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Every page for people: axe-core's rules, no sideways scrolling, a picture in light and in dark.

With CONSOLE_PICTURES=docs/images/console the pictures go there.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
import shutil
import subprocess
import tarfile

from PIL import Image
import pytest

from console.conftest import ask, PATIENCE, until

CACHE = Path(__file__).parents[2] / '.cache'
PAGES = {
    'fleet': ('', 'battery'),
    'drive': ('/robot/r1', 'Start navigation: send'),
    'trees': ('/robot/r1/trees', 'Push and run'),
    'chat': ('/robot/r1/chat', 'What the robot asks'),
    'wire': ('/robot/r1/wire', 'Send this frame'),
}
# What there is to see: a tree that runs, with a blackboard, a command and words.
TREE = """\
<root BTCPP_format="4" main_tree_to_execute="round">
  <BehaviorTree ID="round">
    <Sequence>
      <Script code="table := 'table_1'; guests := 3"/>
      <RemoteCommand name="to_table" command="start_navigation" goal="{table}"/>
      <Fallback>
        <RemoteCommand name="dock" command="dock" dock="none"/>
        <Sleep name="hand_over" msec="3600000"/>
      </Fallback>
    </Sequence>
  </BehaviorTree>
</root>
"""
SIZES = {'wide': (1280, 900), 'phone': (390, 844)}


@pytest.fixture(scope='session')
def axe(tmp_path_factory) -> str:
    """axe-core's script, from npm; it is fetched once."""
    CACHE.mkdir(exist_ok=True)
    if not list(CACHE.glob('axe-core-*.tgz')):
        if shutil.which('npm') is None:
            pytest.skip('npm is not installed, which brings axe-core')
        folder = tmp_path_factory.mktemp('axe')
        try:
            packed = subprocess.run(
                ['npm', 'pack', '--silent', 'axe-core@4'],
                cwd=folder, capture_output=True, text=True, timeout=100, check=True,
            )  # fmt: skip
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f'axe-core cannot be had here: {error}')
        shutil.move(folder / packed.stdout.split()[-1], CACHE)
    with tarfile.open(next(CACHE.glob('axe-core-*.tgz'))) as archive:
        found = archive.extractfile('package/axe.min.js')
        assert found is not None
        return found.read().decode()


@pytest.fixture(scope='module', autouse=True)
def mission(house) -> None:
    """Let the robot do something."""
    until(lambda: [robot for robot in ask(house.port, 'robots') if robot['robot_id'] == 'r1'])
    ask(house.port, 'chat', robot='r1', text='Three guests wait at table 1')
    ask(house.port, 'push_tree', robot='r1', name='round', xml=TREE)

    def waits() -> bool:
        reports = ask(house.port, 'state', robot='r1')['behavior_status']
        running = [node['uid'] for report in reports for node in report.get('nodes', ())
                   if node['status'] == 'RUNNING']  # fmt: skip
        return 6 in running  # hand_over

    until(waits)


@pytest.fixture(params=['light', 'dark'])
def colours(request) -> str:
    return request.param


@pytest.fixture(params=SIZES)
def opened(request, browser, colours):
    """Open pages of one size in light or dark."""
    width, height = SIZES[request.param]
    context = browser.new_context(
        viewport={'width': width, 'height': height}, color_scheme=colours, reduced_motion='reduce'
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.size = request.param
    yield page
    context.close()


@pytest.mark.sampled(6)
@pytest.mark.parametrize('name', PAGES)
def test_a_page_is_for_everybody(house, opened, axe, name, colours):
    path, said = PAGES[name]
    opened.goto(house.url + path)
    opened.get_by_text(said).first.wait_for()
    if name == 'drive':
        opened.wait_for_function(
            '() => document.querySelector(".xparo-map canvas")?.xparoMap?.map'
        )
    assert opened.evaluate('document.body.classList.contains("body--dark")') == (colours == 'dark')
    if name == 'trees':  # The editor brings colours of its own.
        ground = 'getComputedStyle(document.querySelector(".cm-editor")).backgroundColor'
        light = f'Math.min(...{ground}.match(/\\d+/g).slice(0, 3)) > 127'
        opened.wait_for_function(
            f'() => ({light}) === {"true" if colours == "light" else "false"}'
        )
    folder = os.environ.get('CONSOLE_PICTURES')
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        picture = Image.open(io.BytesIO(opened.screenshot()))
        # As few colours as a page has: a third of the bytes.
        picture.convert('RGB').quantize(128, dither=Image.Dither.NONE).save(
            f'{folder}/{name}-{opened.size}-{colours}.png', optimize=True
        )
    wide = opened.evaluate('[document.documentElement.scrollWidth, window.innerWidth]')
    assert wide[0] <= wide[1], 'the page scrolls sideways'
    opened.evaluate(axe)
    result = opened.evaluate('axe.run(document, {resultTypes: ["violations"]})')
    serious = [
        (
            violation['id'],
            violation['help'],
            [node['html'][:160] for node in violation['nodes'][:3]],
        )
        for violation in result['violations']
        if violation['impact'] in ('serious', 'critical')
    ]
    assert serious == []


def test_all_can_be_reached_by_the_keyboard_and_stop_is_always_in_sight(house, opened, colours):
    if colours == 'dark':
        pytest.skip('the same as in light')
    opened.goto(f'{house.url}/robot/r1')
    opened.get_by_role('button', name='Start navigation: send').wait_for()
    stop = opened.get_by_role('button', name='Stop r1 now')
    names = set()
    for _ in range(60):
        opened.keyboard.press('Tab')
        names.add(
            opened.evaluate(
                '(document.activeElement.getAttribute("aria-label") '
                '|| document.activeElement.innerText)'
            )
        )
    assert {'Stop r1 now', 'Drive to…', 'Fleet', 'Start navigation: send'} <= {
        name.strip().removeprefix('navigation\n') for name in names if name
    }
    opened.mouse.wheel(0, 5000)
    box = stop.bounding_box()
    assert box['y'] >= 0 and box['x'] + box['width'] <= opened.viewport_size['width']
    assert box['height'] >= 44
