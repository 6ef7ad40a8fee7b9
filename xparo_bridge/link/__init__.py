# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The platform side: WebSockets and JSON, no rclpy."""
