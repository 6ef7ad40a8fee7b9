# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Is each block of code in the documentation what it says it is.

A block is checked by its language. What is neither checked here nor named with the test that
does fails: nothing stands in a page that nobody looks at.
"""

from __future__ import annotations

import ast
from functools import cache
import json
import os
from pathlib import Path
import re
import subprocess
import sys

from fixtures.pages import Block, BLOCKS, ROOT, words
from fixtures.system import CREDENTIALS
import pytest

from xparo_bridge.behavior import linter
from xparo_bridge.behavior.ros.robot_registry import robot_registry
from xparo_bridge.credentials import Credentials
from xparo_bridge.link.protocols.base import load_protocol
from xparo_bridge.robot.platform_data.schedule_entries import Policy, read_schedule
from xparo_bridge.scenarios.scenario import load_scenario

# Blocks that a test of their own looks at: the beginning of their first line, by their page.
ELSEWHERE = {
    ('CONTRIBUTING.md', 'python'): 'test/test_contributing_document.py',
    ('CONTRIBUTING.md', 'yaml'): 'test/test_contributing_document.py',
    ('CONTRIBUTING.md', 'json'): 'test/test_contributing_document.py',
    ('docs/new-protocol.md', 'python'): 'test/test_new_protocol_document.py',
    ('docs/new-protocol.md', 'yaml'): 'test/test_new_protocol_document.py',
    ('docs/new-protocol.md', 'json'): 'test/test_new_protocol_document.py',
    ('docs/fleet.md', 'yaml'): 'test/fleet/test_fleet_document.py',
    ('docs/first-hour.md', 'console'): 'test/documents/test_sessions.py',
    ('docs/first-hour.md', 'yaml'): 'test/documents/test_sessions.py',
    ('docs/first-hour.md', 'xml'): 'test/documents/test_sessions.py',
}
# What is drawn, or is printed on a machine that is none of ours, and so is only looked at.
DRAWN = {
    ('README.md', 'the platform'),
    ('docs/architecture.md', 'the platform'),
    ('docs/fleet.md', 'fleet/'),
    ('docs/state.md', 'ROS thread'),
    ('docs/doctor.md', 'ok '),
    ('docs/testing.md', 'passed deliver'),
    ('docs/testing.md', 'FAILED deliver'),
    ('docs/fleet.md', 'commands.teleop.max_linear'),
}
# Printed words that a test compares with what is printed.
PRINTED = {
    ('docs/behavior-trees.md', 'delivery.xml'): 'test/behavior/test_tree_guide.py',
    ('docs/behavior-trees.md', 'check_tree ['): 'test/documents/test_blocks.py',
    ('docs/configuration.md', '/etc/xparo/robot_7.yaml'): 'test/documents/test_blocks.py',
}
# Packages that are somebody else's, in recipes for their robots.
NOT_INSTALLED = re.compile(r'package (elevator_msgs|my_robot_msgs) is not installed')


def of(language: str) -> list[Block]:
    """Blocks of a language that no other test has."""
    found = [block for block in BLOCKS if block.language == language]
    return [block for block in found if (block.page, language) not in ELSEWHERE]


def each(blocks: list[Block]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize('block', blocks, ids=[block.place for block in blocks])


def test_each_block_has_a_language_that_is_checked():
    known = {'yaml', 'json', 'xml', 'python', 'sh', 'text', 'console'}
    assert [block.place for block in BLOCKS if block.language not in known] == []
    named = {(block.page, block.language) for block in BLOCKS}
    assert set(ELSEWHERE) - named == set()


@pytest.mark.parametrize('test', sorted({*ELSEWHERE.values(), *PRINTED.values()}))
def test_the_test_that_looks_at_a_block_reads_its_page(test):
    text = (ROOT / test).read_text('utf-8')
    pages = [page for (page, _), name in {**ELSEWHERE, **PRINTED}.items() if name == test]
    assert pages
    assert all(Path(page).name in text for page in pages)


@each(of('text'))
def test_a_drawing_or_what_is_printed_is_known(block):
    marks = [first for page, first in {*DRAWN, *PRINTED} if page == block.page]
    assert any(block.first.startswith(first.strip()) for first in marks), 'who looks at it?'


# --- yaml ---

LINKS = """\
links:
  - {name: platform, protocol: xparo, url: "ws://127.0.0.1:9/"}
  - {name: head, protocol: furhat, url: "ws://127.0.0.1:9/"}
  - {name: agent, protocol: xrx, url: "ws://127.0.0.1:9/"}
  - {name: meeting, protocol: general_bots_meet, url: "ws://127.0.0.1:9/"}
"""


def is_scenario(block: Block) -> bool:
    return bool(re.search(r'^steps:', block.text, re.MULTILINE))


CONFIGURATIONS = [block for block in of('yaml') if not is_scenario(block)]


def as_file(block: Block, folder: Path) -> Path:
    """Write a block as it stands, in a folder with what it names."""
    tree = folder / 'trees'
    tree.mkdir(exist_ok=True)
    (tree / 'patrol.xml').write_text('<root BTCPP_format="4"/>')
    file = folder / f'{block.page.replace("/", "_")}_{block.line}.yaml'
    file.write_text(block.text.replace('/etc/xparo/trees', str(tree)))
    return file


def check(folder: Path, *files: Path) -> list[str]:
    """What a check of the bridge says of files over the package's own."""
    links = folder / 'links.yaml'
    links.write_text(LINKS)
    own = ['bridge.yaml', 'commands.yaml', 'places.yaml', str(links)]
    done = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'bridge', '--check', *own, *map(str, files)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, **CREDENTIALS},
    )
    return done.stderr.splitlines()


@pytest.mark.parametrize('page', sorted({block.page for block in CONFIGURATIONS}))
def test_the_configurations_of_a_page_are_right(page, tmp_path):
    # Over one another, as a reader who takes all of them has them; one check takes 2 s.
    files = [as_file(block, tmp_path) for block in CONFIGURATIONS if block.page == page]
    problems = [line for line in check(tmp_path, *files) if line.strip()]
    assert [line for line in problems if not NOT_INSTALLED.search(line)] == []


@each([block for block in of('yaml') if is_scenario(block)])
def test_a_scenario_is_right(block, tmp_path):
    for other in of('yaml'):  # What it names: configurations of its page, and a map.
        if other.page == block.page and other.file:
            (tmp_path / other.file).write_text(other.text)
    for name in re.findall(r'^  map: (\S+)', block.text, re.MULTILINE):
        (tmp_path / name).write_text('image: map.pgm\n')
    file = tmp_path / 'scenario.yaml'
    file.write_text(block.text)
    assert load_scenario(file).steps


def test_the_mistakes_shown_are_reported_with_these_words(tmp_path):
    (shown,) = [
        block.text
        for block in BLOCKS
        if block.page == 'docs/configuration.md' and block.language == 'text'
    ]
    file = tmp_path / 'robot_7.yaml'
    file.write_text(
        'links:\n  - name: platform\n    url: "ws://127.0.0.1:9/"\n    protocl: xparo\n'
        'commands:\n  status: {kind: status}\n  go:\n    description: drive\n    kind: drive\n'
    )
    done = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'bridge', '--check', str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, **CREDENTIALS},
    )
    for line in shown.splitlines():
        pattern = re.escape(line.replace('/etc/xparo', str(tmp_path))).replace('…', '.*')
        assert re.search(f'^{pattern}$', done.stderr, re.MULTILINE), done.stderr


# --- json ---

FROM_PLATFORM = ('remote_command', 'behavior_update', 'chat_response', 'ping')


def sent() -> dict[str, set[str]]:
    """Keys of the data that the bridge sends in each type of frame, by the golden vectors."""
    keys: dict[str, set[str]] = {}
    for path in (ROOT / 'test' / 'vectors' / 'xparo').glob('*.json'):
        for step in json.loads(path.read_text('utf-8'))['steps']:
            for frame in map(json.loads, step.get('frames', ())):
                keys.setdefault(frame['type'], set()).update(frame.get('data') or {})
    return keys


SENT = sent()


def documents(text: str) -> list[dict]:
    """Each JSON document of a block, one behind the other."""
    found, at = [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        document, length = json.JSONDecoder().raw_decode(text[at:])
        found.append(document)
        at += length
    return found


@each(of('json'))
def test_json_is_what_the_protocol_or_the_schedule_reads(block):
    found = documents(block.text)
    assert found
    for document in found:
        if 'type' not in document:
            entries = read_schedule('platform', document, Policy(None, 'skip', 60.0)).values()
            assert all(not entry.problem for entry in entries), entries
        elif document['type'] in FROM_PLATFORM:
            assert list(
                load_protocol('xparo')
                .configured({'url': 'ws://127.0.0.1:9/', 'robot_id': 'r1'}, Credentials('k', 'p'))
                .decode(json.dumps(document))
            )
        else:
            # The bridge's own: the vectors of its protocol have such a frame with these keys.
            assert document['data'].keys() <= SENT[document['type']]


# --- xml ---


def whole(text: str) -> str:
    """A tree around what is only a part of one."""
    if '<root' not in text:
        if '<BehaviorTree' not in text:
            text = f'<BehaviorTree ID="Shown"><Sequence>{text}</Sequence></BehaviorTree>'
        text = f'<root BTCPP_format="4">{text}</root>'
    return text


@each(of('xml'))
def test_a_tree_is_right(block, tmp_path, capsys):
    file = tmp_path / 'shown.xml'
    text = whole(block.text)
    used = dict.fromkeys(re.findall(r'<SubTree ID="(\w+)"', text))
    for tree in used:
        if f'<BehaviorTree ID="{tree}"' not in text:
            text = text.replace(
                '</root>', f'<BehaviorTree ID="{tree}"><AlwaysSuccess/></BehaviorTree></root>'
            )
    file.write_text(text)
    registry, problems = robot_registry('/xparo_bridge', {}, commands=None, stubs=True)
    assert not problems
    # Node types that the page makes itself.
    own = [] if 'CountDown' not in text else ['--assume-nodes']
    parser = linter.parser(())
    options = parser.parse_args([*own, str(file)])
    assert linter.check(options, registry) == 0, capsys.readouterr().out


# --- python ---


@each(of('python'))
def test_python_can_be_read(block):
    ast.parse(block.text)


# --- sh ---

PROGRAM = re.compile(
    r'(?:[A-Z_]+=\S+ )*(?:ros2 run|(?:\.venv/bin/)?python3? -m) xparo_bridge ([a-z_]+)(.*)'
)
# What belongs to the machine or to ROS itself, and cannot be run by a test.
SYSTEM = re.compile(
    r'(export|cd|cp|mkdir|source|git clone|git init|rosdep install|colcon build|pip install'
    r'|openssl genpkey|git -C|ansible-playbook|launch_test|ros2 (?!run|launch)\w+|pre-commit'
    r'|sudo (?:apt|install|mkdir|nano|systemctl)'
    r'|\.venv/bin/python -m pytest|\.venv/bin/python tools/\w+\.py) '
)
LAUNCH = re.compile(r'ros2 launch xparo_bridge ([a-z_]+\.launch\.py)(.*)')
# What makes `ros2 run xparo_bridge` where ROS is not; a test of its own runs it.
WITHOUT_ROS = 'ros2() {'
COMMANDS = [
    (block, command)
    for block in of('sh')
    if WITHOUT_ROS not in block.text
    for command, _ in block.commands
]


def test_without_ros_the_commands_of_the_pages_are_typed_as_they_stand(tmp_path):
    (block,) = [block for block in of('sh') if WITHOUT_ROS in block.text]
    checkout = tmp_path / 'xparo_bridge' / '.venv' / 'bin'
    checkout.mkdir(parents=True)
    python = checkout / 'python'
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    run = f'{block.text}\nros2 run xparo_bridge config --help; ros2 topic list; echo "then $?"'
    done = subprocess.run(
        ['/bin/sh', '-c', run.replace('~/', f'{tmp_path}/')],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith('usage: config') and done.stdout.endswith('then 127\n'), done
    assert done.stderr == 'needs an installation of ROS: ros2 topic list\n'


@pytest.mark.parametrize(
    ('block', 'command'),
    COMMANDS,
    ids=[f'{block.place}:{command[:40]}' for block, command in COMMANDS],
)
def test_a_command_names_what_there_is(block, command):
    for part in re.split(r'\s+&&\s+', command):
        if made := re.match(r'make ([a-z]+)', part):
            assert f'\n{made[1]}:' in (ROOT / 'Makefile').read_text('utf-8')
        elif launch := LAUNCH.match(part):
            text = (ROOT / 'launch' / launch[1]).read_text('utf-8')
            for argument in re.findall(r'(\w+):=', launch[2]):
                assert f"'{argument}'" in text, argument
        elif program := PROGRAM.match(part):
            takes(program[1], words(program[2]))
        else:
            assert SYSTEM.match(part + ' '), 'what is this, and who runs it?'


@cache
def help_of(*program: str) -> str:
    """What a program says of itself, or of one of its verbs."""
    done = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', *program, '--help'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Programs whose first word is a verb.
WITH_VERBS = ('local_platform', 'config', 'state')


def takes(program: str, arguments: list[str]) -> None:
    """Assert that a program takes the options of a command line."""
    if '--ros-args' in arguments:
        arguments = arguments[: arguments.index('--ros-args')]
    verb = arguments[:1] if program in WITH_VERBS and arguments[:1] else []
    if verb and verb[0].startswith('-'):
        verb = ['serve']
    text = help_of(program, *verb)
    free = verb == ['send']  # Its parameters are options of any name.
    for argument in arguments:
        if argument.startswith('--') and not free:
            assert argument.partition('=')[0] in text, f'{program} {verb} takes no {argument}'


def test_the_usage_of_check_tree_that_is_shown_is_its_own():
    (shown,) = [
        block.text
        for block in BLOCKS
        if block.page == 'docs/behavior-trees.md' and block.first.startswith('check_tree [')
    ]
    options = re.findall(r'--[\w-]+', shown)
    text = help_of('check_tree')
    assert options
    assert all(option in text for option in options)
    own = set(re.findall(r'--[\w-]+', text)) - {'--help'}
    assert own == set(options)
