# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What is said to rclpy and nothing of ours: entities, goals of actions, messages, transforms."""
