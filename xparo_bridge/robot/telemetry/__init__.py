# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Telemetry of any topic, at the cost of what is sent rather than of what is published."""
