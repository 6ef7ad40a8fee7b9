# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The robot side: ROS 2, no WebSockets and no protocol."""
