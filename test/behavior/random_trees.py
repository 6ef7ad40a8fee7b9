# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What do random trees, scripts and broken documents look like, for property tests and fuzzing."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st

KEYS = ('a', 'b', 'c', '@d', '_e')
CONSTANTS = ('0', '1', '2', '0.5', 'true', "'x'", "'1'", 'RED', '0x1F', "''")

names = st.sampled_from((*KEYS, *CONSTANTS))
binary = st.sampled_from(
    ('+', '-', '*', '/', '..', '&', '|', '^', '&&', '||', '==', '!=', '<', '<=', '>', '>=')
)
expressions = st.recursive(
    names,
    lambda inner: st.one_of(
        st.tuples(inner, binary, inner).map(' '.join),
        st.tuples(st.sampled_from('-~!'), inner).map(''.join),
        inner.map('({})'.format),
        st.tuples(inner, inner, inner).map('{0[0]} ? {0[1]} : {0[2]}'.format),
    ),
    max_leaves=8,
)
statements = st.one_of(
    expressions,
    st.tuples(
        st.sampled_from(KEYS), st.sampled_from((':=', '=', '+=', '-=', '*=', '/=')), expressions
    ).map(' '.join),
)
scripts = st.lists(statements, min_size=1, max_size=4).map('; '.join)


@st.composite
def broken(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """Draw a text with pieces cut out, doubled or replaced."""
    text = draw(texts)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        piece = draw(st.one_of(st.just(''), st.just(text[start:end] * 2), st.text(max_size=4)))
        text = text[:start] + piece + text[end:]
    return text


CONTROLS = (
    'Sequence',
    'AsyncSequence',
    'SequenceWithMemory',
    'ReactiveSequence',
    'Fallback',
    'AsyncFallback',
    'ReactiveFallback',
    'Parallel',
    'ParallelAll',
    'IfThenElse',
    'WhileDoElse',
    'TryCatch',
    'Switch2',
)
DECORATORS = (
    'Inverter',
    'ForceSuccess',
    'ForceFailure',
    'RetryUntilSuccessful num_attempts="2"',
    'Repeat num_cycles="2"',
    'KeepRunningUntilFailure',
    'RunOnce then_skip="false"',
    'Timeout msec="50"',
    'Delay delay_msec="20"',
    'Precondition if="a == 1" else="SKIPPED"',
    'LoopInt queue="1;2;3" value="{c}"',
    'SkipUnlessUpdated entry="{b}"',
    'WaitValueUpdate entry="{b}"',
)
ATTRIBUTES = (
    '_failureIf',
    '_successIf',
    '_skipIf',
    '_while',
    '_onHalted',
    '_onFailure',
    '_onSuccess',
    '_post',
)


def conditions(of: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.dictionaries(st.sampled_from(ATTRIBUTES), of, max_size=2)
    return pairs.map(lambda found: ''.join(f' {key}={quoteattr(of)}' for key, of in found.items()))


def leaves(letters: str = 'SFRK') -> st.SearchStrategy[str]:
    """Leaves named Act that follow random letters."""
    return st.text(letters, min_size=1, max_size=3).map('<Act does="{}"/>'.format)


def trees(
    leaf: st.SearchStrategy[str], attributes: st.SearchStrategy[str], most: int = 12
) -> st.SearchStrategy[str]:
    """Bodies of trees over all kinds of builtin nodes, each with the children it takes."""

    def control(parts: tuple[str, list[str], str]) -> str:
        tag, children, extra = parts
        if tag in ('IfThenElse', 'WhileDoElse', 'Switch2'):
            children = (children * 3)[:3]
        if tag == 'TryCatch':
            children = (children * 2)[: max(2, len(children))]
        if tag == 'Switch2':
            extra = f' variable="{{s}}" case_1="1" case_2="2"{extra}'
        if tag == 'ReactiveSequence':
            # It may have one AsyncSequence at most.
            children = [child for child in children if 'AsyncSequence' not in child[:15]] or [
                '<AlwaysSuccess/>'
            ]
        return f'<{tag}{extra}>{"".join(children)}</{tag}>'

    def decorator(parts: tuple[str, str, str]) -> str:
        opening, child, extra = parts
        return f'<{opening}{extra}>{child}</{opening.split()[0]}>'

    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(
                st.sampled_from(CONTROLS), st.lists(inner, min_size=2, max_size=4), attributes
            ).map(control),
            st.tuples(st.sampled_from(DECORATORS), inner, attributes).map(decorator),
        ),
        max_leaves=most,
    )
