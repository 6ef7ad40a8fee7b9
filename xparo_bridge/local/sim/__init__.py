# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the simulated robot: world, planner and drive are pure, the rest is ROS."""
