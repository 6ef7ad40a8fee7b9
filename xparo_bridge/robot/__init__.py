# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The robot side: rclpy, no WebSockets and no protocol."""
