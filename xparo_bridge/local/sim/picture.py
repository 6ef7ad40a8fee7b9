# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of the simulated robot's camera: the floor from above, and the robot on it."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from .drive import Pose, RADIUS
from .world import Floor

_RESOLUTION = 0.05  # m of a pixel: the restaurant becomes 240 by 160
_FREE, _SOLID, _ROBOT, _FRONT = (240, 240, 235), (60, 60, 70), (30, 90, 200), (220, 60, 40)


class Camera:
    """Looks at a floor."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._background: Any = None  # Made for the first picture.

    def picture(self, pose: Pose) -> bytes | None:
        """Return a JPEG of the floor, north up; None without Pillow (python3-pil)."""
        try:
            import PIL.Image  # As late as this: only who looks at the picture needs it.
            import PIL.ImageDraw
        except ImportError:
            return None
        if self._background is None:
            solid = self._floor.clearance_grid(_RESOLUTION) <= 0.0
            colours = np.where(solid[..., None], np.array(_SOLID), np.array(_FREE))
            # The first row of a grid is its south.
            self._background = np.ascontiguousarray(colours[::-1].astype(np.uint8))
        image = PIL.Image.fromarray(self._background)
        draw = PIL.ImageDraw.Draw(image)
        west, south = self._floor.origin
        x, y = (pose.x - west) / _RESOLUTION, image.height - (pose.y - south) / _RESOLUTION
        size = max(2.0, RADIUS / _RESOLUTION)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=_ROBOT)
        front = (x + size * math.cos(pose.yaw), y - size * math.sin(pose.yaw))
        draw.line(((x, y), front), fill=_FRONT, width=2)
        file = io.BytesIO()
        image.save(file, 'JPEG', quality=75)
        return file.getvalue()
