# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Find the known names that are like a wrong one, to ask whether they were meant.

difflib is imported when somebody has mistyped something: 2 ms then, instead of its memory always.
"""

from __future__ import annotations

from collections.abc import Iterable


def alike(wrong: str, known: Iterable[str], most: int = 1, least: float = 0.6) -> list[str]:
    """
    Return the known names most like a wrong one, `least` of 1 or more, the best first.

    Names that differ in case alone are the same here: "LED" is like "led".
    """
    names: dict[str, list[str]] = {}
    for name in known:
        # A name that is so much longer cannot be that like: to look at 500 kB takes 50 ms.
        if len(wrong) * least <= len(name) * (2 - least):
            names.setdefault(name.casefold(), []).append(name)
    if not names:
        return []
    from difflib import get_close_matches

    near = get_close_matches(wrong.casefold(), names, most, least)
    return [name for folded in near for name in names[folded]][:most]


def likeness(one: str, other: str) -> float:
    """How like two names are: 1 for the same."""
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other).ratio()
