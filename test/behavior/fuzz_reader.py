# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Can any text as a document raise anything but TreeErrors, or a tree of it but TickError."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from fuzz import BATCH, repeat
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import broken, conditions, leaves, scripts, trees
from trees import document, registry_with_leaves

from xparo_bridge.behavior import Limits, load, ManualClock, nav2, TickError, TreeErrors

odd_leaves = st.one_of(
    leaves('SFRKX'),
    scripts.map(lambda text: f'<Script code={quoteattr(text)}/>'),
    st.sampled_from(
        (
            '<SubTree ID="Main"/>',
            '<SubTree ID="T" a="{b}" c="1;2" _autoremap="true"/>',
            '<SetBlackboard value="{a}" output_key="{b}"/>',
            '<UnsetBlackboard key="a"/>',
            '<WasEntryUpdated entry="{=}"/>',
            '<Action ID="Act" out="{a}" in="{}"/>',
            '<Sleep msec="10"/>',
            '<Spin spin_dist="{a}" error_code_id="{b}"/>',
            '<Unknown x="1"/>',
            '<include path="a.xml"/>',
        )
    ),
)
bodies = trees(odd_leaves, conditions(scripts), most=8)
documents = st.one_of(bodies, bodies.map(lambda body: f'{body}</BehaviorTree>' + SECOND)).map(
    document
)
texts = st.one_of(documents, broken(documents), st.text(max_size=100))

SECOND = (
    '<BehaviorTree ID="T"><Note value="{a}"/></BehaviorTree>'
    '<TreeNodesModel><SubTree ID="T"><input_port name="c" default="2"/></SubTree></TreeNodesModel>'
)
REGISTRY = registry_with_leaves()
nav2.register(REGISTRY)
REGISTRY.add_enum('RED', 1)


@given(texts, st.booleans())
def check(text: str, migrate: bool) -> None:
    clock = ManualClock()
    try:
        tree = load(
            text,
            REGISTRY,
            Limits(size=20_000, nodes=500),
            blackboard={'a': 1, 'b': 0},
            clock=clock,
            services={'log': []},
            migrate=migrate,
            assume_nodes=True,
        )
    except TreeErrors as errors:
        assert errors.problems
        assert str(errors)
        return
    try:
        for _ in range(5):
            tree.tick_once()
            clock.advance(0.02)
        tree.halt()
    except TickError:
        try:
            tree.halt()
        except TickError:
            pass


def fuzz(seconds: float) -> None:
    """Read for a time."""
    repeat('documents of trees', settings(BATCH, deadline=5000)(check), seconds)
