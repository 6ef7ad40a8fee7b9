# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Frames in other frames."""

import math
import time

import pytest

from xparo_bridge.ros.transforms import Transform, TransformTree

NAN, INF = math.nan, math.inf
HERE = (0.0, 0.0, 0.0)

LEFT = Transform((1.0, 0.0, 0.0), (0.0, 0.0, math.sin(math.pi / 4), math.cos(math.pi / 4)))


@pytest.fixture
def tree():
    made = TransformTree()
    made.add('map', 'odom', LEFT)
    made.add('/odom', 'base', Transform((2.0, 0.0, 0.0)))
    made.add('base', 'laser', Transform((0.0, 0.0, 0.3)))
    made.add('odom', 'other', Transform((0.0, 1.0, 0.0)))
    return made


@pytest.mark.parametrize(
    ('target', 'source', 'place', 'yaw'),
    [
        ('map', 'base', (1, 2, 0), math.pi / 2),
        ('map', 'laser', (1, 2, 0.3), math.pi / 2),
        ('base', 'map', (-2, 1, 0), -math.pi / 2),
        ('other', 'laser', (2, -1, 0.3), 0),
        ('base', 'base', (0, 0, 0), 0),
    ],
)
def test_a_place_is_found_up_and_down_the_tree(tree, target, source, place, yaw):
    found = tree.lookup(target, source)
    assert found.translation == pytest.approx(place)
    assert found.yaw == pytest.approx(yaw)


def test_frames_that_are_not_connected_have_no_place(tree):
    tree.add('moon', 'crater', Transform())
    assert tree.lookup('map', 'crater') is None
    assert tree.lookup('map', 'nowhere') is None


def test_a_loop_of_parents_ends(tree):
    tree.add('laser', 'map', Transform())
    assert tree.lookup('moon', 'laser') is None


def test_long_chains_are_followed():
    tree = TransformTree()
    for number in range(200):
        tree.add(f'link_{number}', f'link_{number + 1}', Transform((1.0, 0.0, 0.0)))
    assert tree.lookup('link_0', 'link_200').translation[0] == 200.0


@pytest.mark.parametrize(
    ('parent', 'child', 'translation', 'rotation', 'problem'),
    [
        ('map', 'base', (NAN, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), 'NaN'),
        ('map', 'base', (0.0, 0.0, INF), (0.0, 0.0, 0.0, 1.0), 'infinity'),
        ('map', 'base', HERE, (0.0, 0.0, NAN, 1.0), 'NaN'),
        ('map', 'base', HERE, (0.0, 0.0, 0.0, 0.0), 'length 0'),
        ('map', 'base', HERE, (0.0, 0.0, 0.0, 1.1), 'length 1.1'),
        ('map', 'base', HERE, (0.0, 0.0, 0.0, 2.0), 'length 2'),
        ('map', 'base', HERE, (0.0, 0.0, 0.0, 0.9), 'length 0.9'),
        ('map', 'map', HERE, (0.0, 0.0, 0.0, 1.0), 'one frame'),
        ('/map', 'map', HERE, (0.0, 0.0, 0.0, 1.0), 'one frame'),
        ('', 'base', HERE, (0.0, 0.0, 0.0, 1.0), 'no frame_id'),
        ('map', '/', HERE, (0.0, 0.0, 0.0, 1.0), 'no child_frame_id'),
        ('map', 'x' * 1000, HERE, (0.0, 0.0, 0.0, 1.0), 'more than 256 characters'),
    ],
)
def test_what_tf2_refuses_is_refused_and_what_was_known_stands(
    parent, child, translation, rotation, problem
):
    tree = TransformTree()
    tree.add('map', 'base', Transform((1.0, 0.0, 0.0)))
    with pytest.raises(ValueError, match=problem):
        tree.add(parent, child, Transform(translation, rotation))
    assert tree.lookup('map', 'base').translation == (1.0, 0.0, 0.0)


def test_a_rotation_that_is_nearly_of_length_1_scales_nothing():
    tree = TransformTree()
    tree.add('map', 'odom', Transform(rotation=(0.0, 0.0, 0.0, 1.004)))
    tree.add('odom', 'base', Transform((100.0, 0.0, 0.0)))
    assert tree.lookup('map', 'base').translation == pytest.approx((100.0, 0.0, 0.0))


@pytest.mark.parametrize('target', ['map', '/map'])
@pytest.mark.parametrize('source', ['base', '/base'])
def test_a_leading_slash_is_no_part_of_a_frame_s_name(tree, target, source):
    assert tree.lookup(target, source).translation == pytest.approx((1, 2, 0))


def test_the_age_of_a_place_is_that_of_its_oldest_moving_part():
    tree = TransformTree()
    now = time.monotonic()
    tree.add('map', 'odom', Transform(), stamp=1.0, heard=now - 20.0)
    tree.add('odom', 'base', Transform(), stamp=21.0, heard=now)
    tree.add('base', 'laser', Transform(), stamp=1.0, heard=now - 1000.0, static=True)
    place = tree.place('map', 'laser')
    assert place.age == pytest.approx(20.0, abs=0.5)
    assert place.oldest == 'odom'
    assert tree.lookup('map', 'laser', 5.0) is None
    assert tree.lookup('odom', 'laser', 5.0) is not None
    assert tree.place('base', 'laser').age == 0.0


def test_a_transform_that_repeats_its_stamp_is_no_sign_of_life():
    tree = TransformTree()
    now = time.monotonic()
    tree.add('map', 'base', Transform(), stamp=5.0, heard=now - 20.0)
    tree.add('map', 'base', Transform(), stamp=5.0, heard=now)
    assert tree.place('map', 'base').age > 19.0


def test_what_was_overtaken_on_its_way_is_not_newest_but_a_clock_may_be_set_back():
    tree = TransformTree()
    now = time.monotonic()
    tree.add('map', 'base', Transform((2.0, 0.0, 0.0)), stamp=100.0, heard=now - 3.0)
    tree.add('map', 'base', Transform((1.0, 0.0, 0.0)), stamp=99.9, heard=now - 2.99)
    assert tree.lookup('map', 'base').translation[0] == 2.0
    tree.add('map', 'base', Transform((3.0, 0.0, 0.0)), stamp=0.5, heard=now)
    assert tree.lookup('map', 'base').translation[0] == 3.0


def test_frames_of_ever_new_names_are_bounded():
    tree = TransformTree()
    for number in range(5000):
        tree.add('map', f'frame_{number}', Transform())
    assert tree.lookup('map', 'frame_0') is None
    assert tree.lookup('map', 'frame_4999') is not None
    assert len(tree._edges) == 2000


def fed(tree, child, xs, parents=('odom',)):
    """Tell the tree that a frame is at these places, one after the other."""
    for number, x in enumerate(xs):
        parent = parents[number % len(parents)]
        tree.add(parent, child, Transform((float(x), 0.0, 0.0)), stamp=1.0 + number)


@pytest.mark.parametrize(
    ('xs', 'parents'),
    [
        ((1, 9) * 10, ('odom',)),
        ((1, 1, 1, 1, 1, 9) * 6, ('odom',)),
        ([part for at in range(20) for part in (1 + at / 50, 9 - at / 50)], ('odom',)),
        ((1, 1) * 10, ('odom', 'other')),
    ],
)
def test_of_a_frame_that_two_robots_publish_no_place_is_known(tree, xs, parents):
    tree.add('odom', 'other', Transform())
    fed(tree, 'robot', xs, parents)
    assert tree.place('map', 'robot').disputed == 'robot'
    assert tree.place('robot', 'map').disputed == 'robot'
    assert tree.lookup('map', 'robot') is None
    assert tree.lookup('map', 'base') is not None
    tree.add('robot', 'camera', Transform())
    assert tree.lookup('robot', 'camera') is not None


@pytest.mark.parametrize(
    'xs',
    [
        [at / 10 for at in range(100)],  # 5 m/s at 50 Hz.
        [1, 9, 9.1, 9.2, 1, 1.1, 1.2, 9],  # Localized anew, twice.
        [1, 1.3] * 20,  # Noise.
        [1, 9, 1],
    ],
)
def test_what_moves_leaps_or_trembles_is_one_robot(tree, xs):
    fed(tree, 'robot', xs)
    assert tree.place('map', 'robot').disputed == ''


def test_a_dispute_is_over_when_one_of_the_two_is_silent(tree):
    now = time.monotonic()
    for number, x in enumerate((1.0, 9.0) * 5):
        tree.add('odom', 'robot', Transform((x, 0.0, 0.0)), stamp=number + 1, heard=now - 10.0)
    tree.add('odom', 'robot', Transform((9.0, 0.0, 0.0)), stamp=99.0)
    assert tree.lookup('odom', 'robot').translation[0] == 9.0
