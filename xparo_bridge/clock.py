# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What times a clock may say; Unix times, s."""

from __future__ import annotations

# A clock before 2020 was never set, and judges nothing.
CLOCK_SET = 1_577_836_800.0
# Two clocks that are set are no more apart, nor is a moment that anybody means further ahead.
YEAR = 366 * 86400.0
