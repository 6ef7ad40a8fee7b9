# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Speak to rclpy, and know nothing of ours: entities, goals of actions, messages, transforms."""
