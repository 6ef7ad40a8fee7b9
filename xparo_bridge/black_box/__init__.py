# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Files of the black box: MCAP, the ring of the last minutes, recordings; imports no ROS."""
