# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Frames in other frames."""

import math

import pytest

from xparo_bridge.ros.transforms import Transform, TransformTree

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
