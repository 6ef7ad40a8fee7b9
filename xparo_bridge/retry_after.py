# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Read how long a server wants to be left alone: Retry-After of RFC 9110, section 10.2.3."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
import math
import time

LONGEST = 3600.0  # s; a robot is not to be kept off for longer by one answer.


def seconds_to_wait(header: str | None, now: float | None = None) -> float:
    """Return the seconds of a Retry-After header, which may be a date; 0 without a good one."""
    if header is None:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp()
        except (TypeError, ValueError, OverflowError, IndexError):
            return 0.0
        seconds -= time.time() if now is None else now
    return min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else 0.0
