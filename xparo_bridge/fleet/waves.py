# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Divide the robots of a rollout into waves, and each wave into rounds.

Waves are those of Ansible's `serial`: numbers of robots or percentages, the last one repeated. In
a round no site has more robots than it may miss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
import re

from .subject import UsageError

DEFAULT = '1,10%,100%'


def sizes(text: str, count: int) -> list[int]:
    """
    Return how many robots each wave has, of so many.

    :raises UsageError: for anything but numbers and percentages.
    """
    each = []
    for word in text.split(','):
        match = re.fullmatch(r'\s*(\d+)(%?)\s*', word)
        if not match or not 0 < int(match[1]) <= (100 if match[2] else 10**6):
            raise UsageError(
                f'--waves {text}: expected numbers and percentages, such as {DEFAULT}'
            )
        # As Ansible does it: whole robots, at least one.
        number = int(match[1])
        each.append(max(1, number * count // 100) if match[2] else number)
    found: list[int] = []
    left = count
    while left > 0:
        size = min(left, each[min(len(found), len(each) - 1)])
        found.append(size)
        left -= size
    return found


def waves(robots: Sequence[str], text: str) -> list[list[str]]:
    """Return the robots of each wave, in their order."""
    found, at = [], 0
    for size in sizes(text, len(robots)):
        found.append(list(robots[at : at + size]))
        at += size
    return found


def rounds(wave: Sequence[str], sites: Mapping[str, str], most: int) -> dict[str, int]:
    """Return the round of each robot of a wave: `most` of a site in each; 0 is any number."""
    before: Counter[str] = Counter()
    found = {}
    for robot in wave:
        site = sites.get(robot, '')
        # Robots of no site are in nobody's way.
        found[robot] = before[site] // most if most and site else 0
        before[site] += 1
    return found
