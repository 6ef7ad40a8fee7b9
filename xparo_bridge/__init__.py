# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The one ROS 2 node that links a robot to its platform."""

__version__ = '0.1.0'
