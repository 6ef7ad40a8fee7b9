# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Know angles that were meant in degrees, by their size."""

from __future__ import annotations

import math


def degrees_problem(angle: float) -> str:
    """Say that an angle, rad, is more than a turn, and what it is in degrees; else empty."""
    # A turn rounded to four digits is one.
    if not abs(angle) > math.tau + 5e-5:
        return ''
    if math.isinf(angle):
        return 'expected radians, at most a turn'
    return (
        f'expected radians, at most a turn; {angle:g} degrees are '
        f'{math.radians(math.remainder(angle, 360.0)):.4f}'
    )
