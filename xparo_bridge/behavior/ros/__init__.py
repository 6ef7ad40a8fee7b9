# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Run trees on a robot: their leaves, their life, and the reports of them."""
