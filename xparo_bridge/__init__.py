# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The one ROS 2 node that links a robot to its platform."""

from importlib.metadata import version

# Written in package.xml alone; setup.py reads it there.
__version__ = version('xparo_bridge')
