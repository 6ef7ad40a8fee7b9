# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a scenario in a real browser: what it shows, light and dark, without errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xparo_bridge.local.sim.world import restaurant
from xparo_bridge.scenarios.report.page import write_list, write_page
from xparo_bridge.scenarios.scenario import load_scenario
from xparo_bridge.scenarios.timeline import Timeline
from xparo_bridge.scenarios.verdict import FAILED, PASSED, Problem, Verdict

TEXT = """\
description: It comes to the table.
steps:
  - send: {command: start_navigation, goal: table_4}
  - expect: {status: succeeded, within: 15 s}
"""
SAID = 'start_navigation is running after 15 s, 7.1 m to go, not succeeded'
CAUSE = '"block: {x: 3.0, y: 4.0}" since 1.4 s'


def _timeline() -> Timeline:
    timeline = Timeline()
    timeline.add('named', 'robot', connection=1)
    timeline.add('step', 'robot', number=0, text='send: {command: start_navigation}')
    status = {'command_id': 'c1', 'command': 'start_navigation', 'state': 'running'}
    timeline.add('received', 'robot', type='command_status', data=status)
    timeline.add('step', 'robot', number=1, text='expect: {status: succeeded}')
    timeline.add('obstacle', x=3.0, y=4.0, radius=0.4, seconds=None)
    timeline.add('fault', '', text='cut_link: 3 s', seconds=3.0)
    for number in range(300):
        timeline.go_on(number * 0.05)
        at = {'x': 1.0 + number * 0.005, 'y': 4.0, 'yaw': 0.0}
        more = {'speed': 0.3, 'clearance': 0.5, 'battery': 0.8}
        timeline.add('truth', 'robot', **at, **more)
        if number % 50 == 0:
            said = {'battery_percentage': 80.0 - number / 50}
            timeline.add('received', 'robot', type='telemetry', data=said)
    return timeline


@pytest.fixture(scope='module')
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of a run that failed and of one that passed."""
    folder = tmp_path_factory.mktemp('report')
    file = folder / 'go.yaml'
    file.write_text(TEXT)
    problem = Problem('go.yaml:4', 'expect: {status: succeeded, within: 15 s}', SAID, 15.0)
    verdict = Verdict('go', FAILED, 7, [problem], cause=CAUSE, seconds=15.0, wall=4.0)
    verdict.steps, verdict.timeline, verdict.folder = 1, _timeline(), folder / 'go'
    verdict.folder.mkdir()
    write_page(verdict.folder, load_scenario(file), verdict, 'simulated', restaurant())
    write_list(folder, [verdict, Verdict('stay', PASSED, 1)], 'simulated')
    return folder


@pytest.fixture(params=['light', 'dark'])
def page(browser: Any, report: Path, request: pytest.FixtureRequest) -> Any:
    """Open the page of the run that failed; nothing may go wrong in the browser."""
    context = browser.new_context(color_scheme=request.param)
    page = context.new_page()
    wrong: list[str] = []
    page.on('console', lambda message: wrong.append(f'{message.type}: {message.text}'))
    page.on('pageerror', lambda error: wrong.append(str(error)))
    page.on('requestfailed', lambda asked: wrong.append(asked.url))
    page.goto((report / 'go' / 'report.html').as_uri())
    yield page
    context.close()
    assert not wrong


def test_the_way_is_over_the_map(page):
    drawing = page.locator('svg', has=page.locator('image')).first
    picture, way = (drawing.locator(each).first.bounding_box() for each in ('image', '.path'))
    assert picture['width'] > 300
    assert picture['x'] < way['x'] < way['x'] + way['width'] < picture['x'] + picture['width']
    assert picture['y'] < way['y'] < picture['y'] + picture['height']
    assert drawing.locator('.obstacle').count() == 1


def test_time_line_and_charts_can_be_seen(page):
    for heading in ('Steps', 'The way', 'What happened when', 'Charts', 'Evidence'):
        assert page.get_by_role('heading', name=heading, exact=True).is_visible()
    assert page.locator('svg').count() >= 6
    words = ' '.join(page.locator('svg text').all_text_contents())
    for shown in (
        'speed, m/s',
        'clearance, m',
        'battery, 0 to 1',
        'telemetry: battery_percentage',
    ):
        assert shown in words
    for drawing in page.locator('svg').all():
        assert drawing.bounding_box()['height'] > 20


def test_what_failed_has_its_line_and_its_cause_in_one_line(page):
    assert page.get_by_text(SAID).first.is_visible()
    cause = page.get_by_text(f'In its way: {CAUSE}')
    assert cause.is_visible()
    assert cause.bounding_box()['height'] < 60
    assert page.locator('tr.bad').inner_text().endswith('failed')


_COLORS = """element => {
  let box = element;
  const colors = node => getComputedStyle(node).backgroundColor;
  while (box.parentElement && colors(box) === 'rgba(0, 0, 0, 0)') box = box.parentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const canvas = dark ? 'rgb(0,0,0)' : 'rgb(255,255,255)';
  const ground = colors(box) === 'rgba(0, 0, 0, 0)' ? canvas : colors(box);
  const style = getComputedStyle(element);
  return [element instanceof SVGElement ? style.fill : style.color, ground]
    .map(color => color.match(/[\\d.]+/g).slice(0, 3).map(Number));
}"""


def _luminance(color: list[float]) -> float:
    parts = [each / 255 for each in color]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_all_words_can_be_read_light_and_dark(page):
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    ground = page.locator('body').evaluate(_COLORS)[1]
    assert (_luminance(ground) < 0.2) is dark
    for words in page.locator('h1, h2, p, td, code, b, .state, a, svg text').all():
        bright, low = sorted(map(_luminance, words.evaluate(_COLORS)), reverse=True)
        # What WCAG asks of text, 4.5 to 1.
        assert (bright + 0.05) / (low + 0.05) >= 4.5, words.text_content()


def test_the_list_leads_to_the_page(browser, report):
    page = browser.new_page()
    page.goto((report / 'report.html').as_uri())
    assert page.get_by_role('heading').inner_text() == '1 of 2 passed in the world simulated'
    page.get_by_role('link', name='go (seed 7)').click()
    assert page.get_by_text(f'In its way: {CAUSE}').is_visible()
    page.close()
