# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The camera, charts over an outage, places and exports, as one has them in the browser."""

from __future__ import annotations

from collections.abc import Iterator
import csv
import io
import json
import re
import threading

from fixtures.ros_graph import RosGraph
from PIL import Image
import pytest
from sensor_msgs.msg import CompressedImage

from console.conftest import ask, CAMERA, until
from console.test_robot_page import drag, on_map, open_robot
from console.test_stories import take_the_stick


class Camera:
    """A camera of the robot, whose picture changes its colour ten times a second."""

    def __init__(self, graph: RosGraph) -> None:
        self._graph = graph
        self._publisher = graph.node.create_publisher(CompressedImage, f'/{CAMERA}', 5)
        self._count = 0
        self._picture = CompressedImage()
        self.is_silent = False  # whether it says nothing
        self.hangs = False  # whether it says its last picture again and again
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._publish)
        self._thread.start()

    def _publish(self) -> None:
        while not self._ending.wait(0.1):
            if not self.hangs:
                self._count += 1
                data = io.BytesIO()
                Image.new('RGB', (64, 48), 'red' if self._count % 2 else 'blue').save(data, 'jpeg')
                self._picture = CompressedImage(format='jpeg', data=data.getvalue())
                self._picture.header.stamp = self._graph.node.get_clock().now().to_msg()
            if not self.is_silent:
                self._publisher.publish(self._picture)

    def close(self) -> None:
        self._ending.set()
        self._thread.join(5.0)


@pytest.fixture
def camera(house) -> Iterator[Camera]:
    with RosGraph(domain=house.domain) as graph:
        camera = Camera(graph)
        yield camera
        camera.close()


def pictures(house) -> int:
    """How many pictures the robot has sent."""
    return len(
        [
            record
            for record in ask(house.port, 'history', kind='telemetry', newest=True, limit=2000)
            if 'image' in record['data']
        ]
    )


def test_the_camera_is_sent_while_it_is_watched_and_no_longer(house, page, camera):
    open_robot(page, house)
    panel = page.get_by_role('region', name='Camera')
    assert pictures(house) == 0
    panel.get_by_role('switch', name='Watch').click()
    picture = panel.locator('img')
    picture.wait_for()
    first = picture.get_attribute('src')
    assert first.startswith('data:image/jpeg;base64,')
    until(lambda: picture.get_attribute('src') != first)
    panel.get_by_text('old').wait_for()
    panel.get_by_role('switch', name='Watch').click()
    picture.wait_for(state='hidden')
    until(
        lambda: any(
            record['data']['command'] == 'set_telemetry'
            and record['data']['parameters'] == {'group': 'image', 'enabled': False}
            for record in ask(house.port, 'history', kind='order', newest=True)
        )
    )
    before = [pictures(house)]

    def no_more() -> bool:
        before.append(pictures(house))
        return len(before) > 4 and before[-1] == before[-4]

    until(no_more)


def is_whole(panel, words: re.Pattern[str]) -> bool:
    """Whether a text is within its panel, on a screen however narrow."""
    panel.page.set_viewport_size({'width': 390, 'height': 844})
    try:
        return panel.get_by_text(words).evaluate(
            """e => e.getBoundingClientRect().right
            <= e.closest('.xc-panel').getBoundingClientRect().right"""
        )
    finally:
        panel.page.set_viewport_size({'width': 1280, 'height': 900})


@pytest.mark.parametrize('fault', ['is_silent', 'hangs'])
def test_one_does_not_drive_by_an_old_picture(house, page, camera, motion, fault):
    open_robot(page, house)
    watch = page.get_by_role('region', name='Camera').get_by_role('switch', name='Watch')
    watch.click()
    page.get_by_role('region', name='Camera').locator('img').wait_for()
    panel = take_the_stick(page)
    panel.get_by_text(re.compile(r'picture \d\.\d s old')).wait_for()
    page.keyboard.down('ArrowLeft')
    until(motion.turns)
    setattr(camera, fault, True)
    panel.get_by_text(re.compile(r'Locked: the picture came \d+ s ago; end watching')).wait_for()
    until(motion.stands, 5.0)
    page.keyboard.up('ArrowLeft')
    assert is_whole(panel, re.compile('^Locked: the picture'))
    setattr(camera, fault, False)  # With the next picture one may drive again.
    panel.get_by_text(re.compile('^Locked: ')).wait_for(state='hidden')
    setattr(camera, fault, True)
    panel.get_by_text(re.compile('Locked: the picture')).wait_for()
    watch.click()  # Without looking at it too.
    panel.get_by_text(re.compile('^Locked: ')).wait_for(state='hidden')
    panel.get_by_role('application').focus()
    page.keyboard.down('ArrowLeft')
    until(motion.turns)
    page.keyboard.up('ArrowLeft')
    until(motion.stands)


def test_a_page_that_shows_all_late_locks_the_stick(house, page, motion):
    open_robot(page, house)
    panel = take_the_stick(page)
    page.keyboard.down('ArrowLeft')
    until(motion.turns)
    # As behind pictures on a slow line: word comes all the time, and each is old.
    page.evaluate("""() => { const hear = window.socket.onevent.bind(window.socket);
        window.socket.onevent = (packet) => setTimeout(() => hear(packet), 4000); }""")
    panel.get_by_text(re.compile('Locked: this page shows all 4 s late')).wait_for()
    until(motion.stands, 5.0)
    page.keyboard.up('ArrowLeft')


def chart(page) -> list[list]:
    """Points of the first value in the chart, as ECharts has them."""
    return page.evaluate(
        """() => { const e = document.querySelector('.nicegui-echart');
        return getElement(Number(e.id.slice(1))).chart.getOption().series[0]?.data ?? []; }"""
    )


def test_an_outage_is_a_gap_in_a_chart_that_fills_when_the_history_comes(house, page):
    open_robot(page, house)
    until(lambda: len(chart(page)) > 5)
    house.network.vanish()
    page.get_by_text('r1 is offline').wait_for()
    before = chart(page)
    assert None not in [value for _, value in before]
    page.wait_for_timeout(6000)  # The outage itself.
    house.network.heal()
    page.get_by_text('r1 is offline').wait_for(state='hidden')

    def largest_step() -> float:
        points = [moment for moment, value in chart(page) if value is not None]
        return max(later - now for now, later in zip(points, points[1:], strict=False))

    # What was measured meanwhile comes with the history, and no gap is left.
    until(lambda: chart(page)[-1][0] > before[-1][0] + 6000 and largest_step() < 3000)
    assert None not in [value for _, value in chart(page)]


def shown_part(page) -> tuple[float, float]:
    """From where to where of its time a chart shows, in percent."""
    return tuple(
        page.evaluate(
            """() => { const e = document.querySelector('.nicegui-echart');
            const zoom = getElement(Number(e.id.slice(1))).chart.getOption().dataZoom[0];
            return [zoom.start, zoom.end]; }"""
        )
    )


def test_a_chart_is_zoomed_by_the_wheel_stays_so_while_values_come_and_stands_while_paused(
    house, page
):
    open_robot(page, house)
    until(lambda: len(chart(page)) > 5)
    assert shown_part(page) == (0, 100)
    charts = page.get_by_role('region', name='Charts')
    place = charts.get_by_role('img')
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
    for _ in range(6):
        page.mouse.wheel(0, -100)
        page.wait_for_timeout(50)  # The chart takes one in 20 ms.
    until(lambda: shown_part(page)[1] - shown_part(page)[0] < 70)
    part, count = shown_part(page), len(chart(page))
    until(lambda: len(chart(page)) > count)
    assert shown_part(page) == part
    charts.get_by_role('switch', name='Pause').click()
    page.wait_for_timeout(1000)  # What was on its way when it was pressed.
    count = len(chart(page))
    page.wait_for_timeout(2500)  # Five values come meanwhile.
    assert len(chart(page)) == count
    charts.get_by_role('switch', name='Pause').click()
    until(lambda: len(chart(page)) > count)
    assert shown_part(page) == part


def test_a_place_is_added_and_moved_on_the_map(house, page):
    open_robot(page, house)
    page.get_by_role('button', name='Places…').click()
    start = on_map(page, 3.0, 2.0)
    drag(page, start, (start[0], start[1] - 60))
    page.get_by_label('Name').last.fill('window')
    page.get_by_role('button', name='Keep this place').click()
    page.get_by_role('dialog').wait_for(state='hidden')  # It covers the map while it fades.
    places = '() => document.querySelector(".xparo-map canvas").xparoMap.places.window'
    page.wait_for_function(places)
    kept = page.evaluate(places)
    assert abs(kept['x'] - 3.0) < 0.1 and abs(kept['y'] - 2.0) < 0.1
    assert abs(kept['yaw'] - 1.57) < 0.1
    drag(page, on_map(page, kept['x'], kept['y']), on_map(page, 4.0, 3.0))
    page.wait_for_function(f'() => Math.abs(({places})().x - 4.0) < 0.1')
    moved = page.evaluate(places)
    assert abs(moved['y'] - 3.0) < 0.1 and abs(moved['yaw'] - 1.57) < 0.1
    # It is the robot's own: it is there for who comes later, and a goal by its name.
    page.reload()
    page.wait_for_function(places)
    page.get_by_role('region', name='Commands').get_by_label('goal', exact=True).fill('window')
    page.locator('datalist option[value=window]').first.wait_for(state='attached')


@pytest.mark.parametrize('form', ['CSV', 'JSON lines'])
def test_what_was_kept_is_exported(house, page, form):
    open_robot(page, house)
    page.get_by_role('button', name='Export…').click()
    dialog = page.get_by_role('dialog')
    dialog.get_by_label('As', exact=True).click()
    page.get_by_role('option', name=form).click()
    with page.expect_download() as downloading:
        dialog.get_by_role('button', name='Download').click()
    name = downloading.value.suggested_filename
    text = downloading.value.path().read_text()
    if form == 'CSV':
        assert name.startswith('r1-telemetry-') and name.endswith('.csv')
        rows = list(csv.DictReader(io.StringIO(text)))
        assert any(row['battery_percentage'] for row in rows)
    else:
        rows = [json.loads(line) for line in text.splitlines()]
        assert any('battery_percentage' in row['data'] for row in rows)
    assert {row['robot'] for row in rows} == {'r1'}
