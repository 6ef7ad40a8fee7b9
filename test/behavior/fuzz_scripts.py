# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Can any text given as a script raise anything but ScriptError, or take long, or grow."""

from __future__ import annotations

from fuzz import BATCH, repeat
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import broken, scripts

from xparo_bridge.behavior import Blackboard, ScriptError
from xparo_bridge.behavior.script import compile_script
from xparo_bridge.behavior.script.compile import MAX_TEXT

texts = st.one_of(
    scripts,
    broken(scripts),
    st.text(max_size=60),
    st.text('()+-*/=<>!&|^~?:;.\'"0123456789eExX@_a ', max_size=40),
    st.tuples(st.text("(-!~'1+a=", min_size=1, max_size=3), st.integers(1, 3000)).map(
        lambda parts: parts[0] * parts[1]
    ),
)


@given(st.lists(texts, min_size=1, max_size=5))
def check(programs: list[str]) -> None:
    blackboard = Blackboard()
    for key, value in (('a', 1), ('b', 0.5), ('c', 'text')):
        blackboard.set(key, value)
    for text in programs:
        try:
            script = compile_script(text, blackboard, {'RED': 1})
            for _ in range(20):
                script()
        except ScriptError:
            continue
    for value in blackboard.snapshot().values():
        assert value is None or isinstance(value, int | float | str)
        assert not isinstance(value, str) or len(value) <= MAX_TEXT


def fuzz(seconds: float) -> None:
    """Read for a time."""
    repeat('scripts of trees', settings(BATCH, deadline=5000)(check), seconds)
