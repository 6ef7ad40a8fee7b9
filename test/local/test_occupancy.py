# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a map of map_server the floor that it shows."""

import math

import numpy as np
import pytest

from xparo_bridge.local.sim.drive import Pose, RADIUS
from xparo_bridge.local.sim.occupancy import load_map, MapError
from xparo_bridge.local.sim.planner import Planner, PlanningError
from xparo_bridge.local.sim.scene import Circle, Scene


def write_map(folder, rows, **keys):
    """Write a map whose picture is drawn with # and blanks, its first row in the north."""
    pixels = [[0 if cell == '#' else 127 if cell == '?' else 254 for cell in row] for row in rows]
    lines = '\n'.join(' '.join(map(str, row)) for row in pixels)
    size = f'{len(rows[0])} {len(rows)}'
    (folder / 'room.pgm').write_text(f'P2\n# drawn by hand\n{size}\n255\n{lines}\n')
    settings = {
        'image': 'room.pgm',
        'resolution': 0.1,
        'origin': [-1.0, -2.0, 0.0],
        'negate': 0,
        'occupied_thresh': 0.65,
        'free_thresh': 0.196,
    } | keys
    file = folder / 'room.yaml'
    file.write_text('\n'.join(f'{key}: {value}' for key, value in settings.items()))
    return file


ROOM = ['#' * 40, *['#' + ' ' * 38 + '#'] * 28, '#' * 40]


@pytest.fixture
def room(tmp_path):
    """Give 4 m by 3 m, whose south-west corner is at (-1, -2), with walls of one cell."""
    return load_map(write_map(tmp_path, ROOM))


def test_a_map_has_its_size_and_its_origin(room):
    assert room.origin == (-1.0, -2.0)
    assert room.size == pytest.approx((4.0, 3.0))
    assert room.clearance(-0.95, -1.95) == 0.0
    assert room.clearance(5.0, 0.0) == 0.0
    # In the middle the nearest walls are those in the north and the south.
    assert room.clearance(1.0, -0.5) == pytest.approx(1.4, abs=0.1)
    assert room.clearance(-0.5, -0.5) == pytest.approx(0.4, abs=0.1)


def test_rays_end_at_walls_where_geometry_says(room):
    angles = np.array([0.0, math.pi / 2, math.pi, -math.pi / 2])
    assert room.ranges(1.0, -0.5, angles, 12.0) == pytest.approx([1.9, 1.4, 1.9, 1.4], abs=0.1)
    assert np.isinf(room.ranges(1.0, -0.5, angles, 0.5)).all()


def test_the_north_of_the_picture_is_the_north_of_the_floor(tmp_path):
    rows = ['#' * 40, '#' * 40, '#' * 40, *['#' + ' ' * 38 + '#'] * 26, '#' * 40]
    floor = load_map(write_map(tmp_path, rows))
    assert floor.clearance(1.0, 0.75) == 0.0
    assert floor.clearance(1.0, -1.75) > 0.0


def test_what_is_unknown_is_no_place_for_a_robot(tmp_path):
    rows = ['#' * 40, *['#' + ' ' * 19 + '?' * 19 + '#'] * 28, '#' * 40]
    floor = load_map(write_map(tmp_path, rows))
    assert floor.clearance(2.0, -0.5) == 0.0
    assert floor.clearance(0.0, -0.5) > 0.3


def test_binary_images_and_png_are_read_alike(tmp_path, room):
    image = pytest.importorskip('PIL.Image')
    shades = np.where(room.solid[::-1], 0, 254).astype(np.uint8)
    (tmp_path / 'room.pgm').write_bytes(b'P5 40 30 255\n' + shades.tobytes())
    binary = load_map(tmp_path / 'room.yaml')
    image.fromarray(shades).save(tmp_path / 'room.png')
    png = load_map(write_map(tmp_path, ROOM, image='room.png'))
    assert (binary.solid == room.solid).all() and (png.solid == room.solid).all()


def test_negate_turns_the_picture_over(tmp_path):
    floor = load_map(write_map(tmp_path, ROOM, negate=1))
    assert floor.clearance(1.0, -0.5) == 0.0


@pytest.mark.parametrize(
    ('keys', 'words'),
    [
        ({'image': 'gone.pgm'}, 'gone.pgm: cannot be read'),
        ({'image': '3'}, 'expected the keys image, resolution and origin'),
        ({'resolution': 'fine'}, 'resolution: expected a number'),
        ({'resolution': 0.0}, 'resolution: expected more than 0 m'),
        ({'origin': '[0.0]'}, r'origin: expected \[x, y, yaw\]'),
        ({'origin': '[0.0, 0.0, 0.5]'}, 'yaw must be 0'),
        ({'mode': 'fancy'}, 'mode: expected trinary'),
    ],
)
def test_a_map_that_is_wrong_is_refused_with_what_would_be_right(tmp_path, keys, words):
    with pytest.raises(MapError, match=words):
        load_map(write_map(tmp_path, ROOM, **keys))


@pytest.mark.parametrize(
    'data', [b'P5 40 30 255\n123', b'P2 x', b'no image', b'P5 9 9 0\n' + bytes(81)]
)
def test_an_image_that_is_broken_is_refused(tmp_path, data):
    file = write_map(tmp_path, ROOM)
    (tmp_path / 'room.pgm').write_bytes(data)
    with pytest.raises(MapError, match='room.pgm'):
        load_map(file)


def test_paths_lead_around_what_stands_on_the_floor_now(room):
    planner = Planner(room, RADIUS)
    straight = planner.plan((-0.5, -0.5), (2.5, -0.5))
    assert abs(straight[:, 1] + 0.5).max() < 0.05
    around = planner.plan((-0.5, -0.5), (2.5, -0.5), [Circle(1.0, -0.5, 0.3)])
    assert np.hypot(around[:, 0] - 1.0, around[:, 1] + 0.5).min() >= 0.3 + RADIUS - 0.1
    with pytest.raises(PlanningError):
        planner.plan((-0.5, -0.5), (2.5, -0.5), [Circle(1.0, -0.5, 1.4)])
    assert abs(planner.plan((-0.5, -0.5), (2.5, -0.5))[:, 1] + 0.5).max() < 0.05


def test_robots_see_each_other_and_not_themselves(room):
    scene = Scene(room)
    scene.add('a', lambda: Pose(0.0, -0.5, 0.0), RADIUS)
    scene.add('b', lambda: Pose(1.0, -0.5, 0.0), RADIUS)
    scene.obstacles['box'] = Circle(0.0, 0.3, 0.1)
    seen = scene.seen_by('a')
    assert seen.clearance(0.0, -0.5) == pytest.approx(0.7)
    ranges = seen.ranges(0.0, -0.5, np.array([0.0, math.pi / 2, math.pi]), 12.0)
    assert ranges == pytest.approx([0.8, 0.7, 0.9], abs=0.1)
    assert scene.seen_by('b').clearance(1.0, -0.5) == pytest.approx(0.8)
