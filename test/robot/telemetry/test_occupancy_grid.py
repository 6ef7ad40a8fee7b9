# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a map of any form fit into the cells there may be, with no obstacle lost."""

from __future__ import annotations

import math

import numpy
import pytest

from xparo_bridge.robot.telemetry.groups.occupancy_grid import _thinned
from xparo_bridge.robot.telemetry.source import LeftOut


def grid(width, height, **changes):
    cells = numpy.zeros(width * height, numpy.int8)
    cells[-1:] = 100
    return {
        'frame': '/map',
        'width': width,
        'height': height,
        'resolution': 0.05,
        'x': -1.0,
        'y': 2.0,
        'yaw': 0.0,
        'cells': cells.tolist(),
        **changes,
    }


@pytest.mark.parametrize('most', [1, 6, 100])
@pytest.mark.parametrize(
    ('width', 'height'),
    [(1, 1), (2, 3), (5, 4), (10, 10), (11, 10), (1, 100), (100, 1), (2, 97), (97, 2), (3, 1000)],
)
def test_a_map_fits_and_its_last_cell_is_still_occupied(width, height, most):
    made = _thinned(grid(width, height), most)
    cells = numpy.frombuffer(made['cells'], numpy.int8)
    assert cells.size == made['width'] * made['height'] <= most
    assert cells.reshape(made['height'], made['width'])[-1, -1] == 100
    side = round(made['resolution'] / 0.05)
    assert (made['width'], made['height']) == (math.ceil(width / side), math.ceil(height / side))
    if width * height <= most:
        assert side == 1
    # Nor is it thinned more than it must be.
    if side > 1:
        assert math.ceil(width / (side - 1)) * math.ceil(height / (side - 1)) > most
    assert made['origin'] == {'x': -1.0, 'y': 2.0, 'yaw': 0.0}
    assert made['frame'] == 'map'


def test_of_a_square_of_cells_the_most_occupied_stands_for_all_and_the_unknown_for_none():
    cells = [[0, -1, -1], [50, 70, -1], [-1, -1, 0]]
    made = _thinned(grid(3, 3, cells=[cell for row in cells for cell in row]), 4)
    assert numpy.frombuffer(made['cells'], numpy.int8).tolist() == [70, -1, -1, 0]


def test_an_origin_that_nobody_filled_in_is_not_turned():
    assert _thinned(grid(1, 1, yaw=None), 10)['origin']['yaw'] == 0.0


@pytest.mark.parametrize(
    ('changes', 'problem'),
    [
        ({'cells': [0]}, 'a map of 3 x 2 with 1 cells'),
        ({'width': 0, 'cells': []}, 'a map without cells'),
        *(({name: math.nan}, 'has a NaN') for name in ('resolution', 'x', 'y', 'yaw')),
        *(({name: math.inf}, 'has a NaN or an inf') for name in ('resolution', 'x', 'y', 'yaw')),
    ],
)
def test_what_is_no_map_is_left_out_and_named(changes, problem):
    with pytest.raises(LeftOut, match=problem):
        _thinned({**grid(3, 2), **changes}, 10)
