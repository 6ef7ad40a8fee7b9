# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios: what a robot and its bridge are put through, and what must come of it."""
