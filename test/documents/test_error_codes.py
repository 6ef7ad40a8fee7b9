# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is every code with which a command can end in the table of the documentation, and no other."""

from __future__ import annotations

import ast
from pathlib import Path
import re

import pytest

from xparo_bridge.messages import ErrorCode
from xparo_bridge.robot.commands.motion_lock import LockState
from xparo_bridge.ros.action_goal import Ending

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / 'xparo_bridge'
# Where commands are taken, run and ended; `link` refuses what is too large or too often.
ROOMS = ('robot', 'link', 'bridge.py')
# What gives a command its code, by the name that is called: the code is the first argument.
MAKERS = ('Rejection', 'Refusal', 'Busy', 'fail')
# A code of the room of ROS, which knows nothing of ours: values, each of which has to be one.
SETTING = PACKAGE / 'ros' / 'parameter_setting.py'


def trees():
    for room in ROOMS:
        place = PACKAGE / room
        for file in [place] if place.is_file() else sorted(place.rglob('*.py')):
            yield file.relative_to(ROOT), ast.parse(file.read_text())


def given(tree: ast.AST):
    """Each expression that becomes the code of a command."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
            if name in MAKERS and len(node.args) > 1:
                yield node.args[0]
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == 'code':
                    yield value


def codes_of_ros() -> set[str]:
    """Return what the room of ROS says why a parameter is not set."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(SETTING.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, 'attr', '') == '_end'
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def documented() -> list[str]:
    """Return the codes of the table in the page, in its order."""
    page = (ROOT / 'docs' / 'commands.md').read_text()
    table = page.split('| code | why |\n|---|---|\n')[1].split('\n\n')[0]
    return [
        code for row in table.splitlines() for code in re.findall('`(.*?)`', row.split('|')[1])
    ]


def test_the_table_has_every_code_once_and_no_other():
    found = documented()
    assert len(found) == len(set(found))
    assert set(found) == set(ErrorCode), 'the table of codes in docs/commands.md needs each'


def test_no_code_is_written_as_a_text():
    texts = [
        f'{file}:{code.lineno}: {code.value}'
        for file, tree in trees()
        for code in given(tree)
        if isinstance(code, ast.Constant) and 'protocols' not in file.parts
    ]
    assert texts == [], 'take it from ErrorCode, and give a new one a row in docs/commands.md'


def test_every_code_is_given_somewhere():
    named = {
        code.attr.lower()
        for _, tree in trees()
        for code in given(tree)
        if isinstance(code, ast.Attribute) and isinstance(code.value, ast.Name)
    }
    assert named >= {'expired', 'not_stopped', 'preempted'}  # It looks at the right places.
    endings = {str(ending) for ending in Ending} - {Ending.SUCCEEDED}
    locks = {str(state) for state in LockState} - {LockState.NONE}
    assert named & set(ErrorCode) | endings | locks | codes_of_ros() == set(ErrorCode)


@pytest.mark.parametrize('codes', [set(Ending) - {Ending.SUCCEEDED}, codes_of_ros()])
def test_what_the_room_of_ros_says_is_a_code(codes):
    assert codes
    assert {str(code) for code in codes} <= set(ErrorCode)
