# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The mechanical part of the house's words: what a thing does comes first, in known terms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import tokenize

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'xparo_bridge'
# A module does something; its name asks the question already.
QUESTION = re.compile(
    r'(How|Where|When|Why) (do|does|is|are|can|may|much may|long (may|does)|large does)\b'
    r'|(What|Which|Who) (is|are|do|does|can|may)\b|Which \w+( \w+)? (do|does)\b'
    r'|(Is|Are|Does|Can) |Do two\b'
)
# Words of this project's early days, and the field's for them.
PRIVATE = {
    r'\bface of (a|the) (link|feature)|\bSurroundings\b': 'feature, FeatureContext',
    r'\b(object|text|number|string|array|list|name) is due\b': 'expected …',
    r'\bgoodbye\b|\bfarewell\b': 'close',
    r'\bears\b': 'microphone',
    r'\bdefiant\b|\bfate\b': 'outcome',
    r'\breckon': 'finite, count',
    r'\bturned down\b': 'rejected',
    r'\bput forward\b': 'daylight saving time',
    r'\b[Aa]genda\b': 'schedule entries',
    r'\buntold\b': 'unreported',
    r'\bhush\b|\b_?deaf\b': 'stop, not listening',
    # "told to stand" and "tell apart" are plain English; what happened is reported.
    r'\b[Tt]old\b(?! to\b| apart\b)': 'reported, notified of, called with',
    r'(?<!\.)\b[Tt]ell(s|ing)?\b(?! (apart|(the|it|them)\b.*\bto)\b)': 'report, return, say',
    r'\b(is|are|was|were|be) wanted\b|\b[Ww]anted (fields?|types?|ones?)\b': (
        'expected, requested, selected, needed'
    ),
}


def modules() -> list[Path]:
    """Files of the package."""
    return sorted(PACKAGE.rglob('*.py'))


def docstrings(path: Path) -> Iterator[tuple[ast.AST, str, str | None]]:
    """Node, name and docstring of the module, its classes and its functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node, getattr(node, 'name', ''), ast.get_docstring(node)


def first_sentence(text: str) -> str:
    """The first paragraph of a docstring, in one line."""
    return ' '.join(text.strip().split('\n\n')[0].split())


@pytest.mark.parametrize(
    'text, asks',
    [
        ('How does a leaf use a topic.', True),
        ('Which nodes do the trees of Nav2 use.', True),
        ('Is a command let in.', True),
        ('What do all nodes of one tree share.', True),
        ('What a protocol adapter is.', False),
        ('Use a topic in a leaf.', False),
        ('Decide which run may go.', False),
    ],
)
def test_a_question_is_known(text, asks):
    assert (QUESTION.match(text) is not None) is asks


def test_docstrings_begin_with_what_the_thing_does():
    wrong = []
    for path in modules():
        where = path.relative_to(ROOT)
        for node, name, text in docstrings(path):
            name = f'{where}: {name}'
            is_module = isinstance(node, ast.Module)
            if text is None:
                # A class inside a function is as private as the function's variables.
                is_class = isinstance(node, ast.ClassDef) and node.col_offset == 0
                if is_module and node.body or is_class and not node.name.startswith('_'):
                    wrong.append(f'{name}: no docstring')
                continue
            first = first_sentence(text)
            if first[-1] not in '.:':
                wrong.append(f'{name}: the first sentence has no end: {first}')
            if is_module and QUESTION.match(first):
                wrong.append(f'{name}: it asks instead of saying what it does: {first}')
    assert wrong == []


def test_no_private_words():
    wrong = []
    for path in [*modules(), *sorted((ROOT / 'docs').glob('*.md')), ROOT / 'README.md']:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for words, better in PRIVATE.items():
                if found := re.search(words, line):
                    where = f'{path.relative_to(ROOT)}:{number}'
                    wrong.append(f'{where}: {found[0]!r}; the field says {better}')
    assert wrong == []


# Names that the field has a better word for, and that word.
PRIVATE_NAMES = {
    'told': 'reported',
    'tell': 'report',
    'tells': 'reports',
    'latch': 'lock',
    'hush': 'stop',
    'ears': 'microphone',
    'want': 'selection, request',
    'wants': 'selections, requests',
    'wanted': 'expected, requested, target, selected',
    'still': 'standing, idle',
    'due': 'deadline, next, expected',
    'hold': 'pause, keep',
    'holds': 'is_met, keeps',
    'held': 'paused, kept',
    'holding': 'holders, pressed',
    'take': 'pop, acquire, accept, read_field, on_event',
}
# Parts of names, as in `wanted_port`, for which the same goes.
PRIVATE_PARTS = {'wanted', 'told', 'untold', 'defiant', 'hush', 'ears'}
# The files that may have one: a table of 0.1.0 is called so, a method of Python's files, a field
# of ScheduleEntry; and to take a message from the middleware is ROS's own word.
KEPT_NAMES = {
    ('state/legacy.py', 'latch'),
    ('robot/telemetry/pictures.py', 'tell'),
    ('robot/platform_data/schedule_entries.py', 'due'),
    ('robot/platform_data/schedules.py', 'due'),
    ('ros/base_motion.py', 'take'),
    ('ros/executor.py', 'take'),
    ('ros/sample_events.py', 'take'),
    ('ros/samples.py', 'take'),
    ('ros/subscription.py', 'take'),
    ('robot/telemetry/source.py', 'take'),
    ('robot/telemetry/groups/image.py', 'take'),
}


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Each name in a file's code, with its line; words in strings are for readers, not names."""
    with path.open('rb') as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.NAME:
                yield token.start[0], token.string


def private(name: str) -> str:
    """The field's word for a name, or for a part of it; empty if it has none."""
    bare = name.strip('_')
    parts = re.sub('([A-Z])', r'_\1', bare).lower().strip('_').split('_')
    of_parts = [PRIVATE_NAMES.get(part, 'another word') for part in parts if part in PRIVATE_PARTS]
    return PRIVATE_NAMES.get(bare, '') or ', '.join(of_parts)


@pytest.mark.parametrize('name', ['take', '_take', 'wanted', '_wanted_age', 'is_wanted', 'Wanted'])
def test_a_private_name_is_known(name):
    assert private(name)


@pytest.mark.parametrize('name', ['take_over', 'retake', 'household', 'overdue', 'stand_still'])
def test_a_word_of_the_language_is_none(name):
    assert not private(name)


def test_no_private_names():
    wrong = [
        f'{path.relative_to(PACKAGE)}:{line}: {name}; the field says {private(name)}'
        for path in modules()
        for line, name in names(path)
        if private(name)
        and (path.relative_to(PACKAGE).as_posix(), name.strip('_')) not in KEPT_NAMES
    ]
    assert wrong == []
