# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""docs/troubleshooting.md quotes what the bridge says: words of its code, and of a run of it."""

from __future__ import annotations

import ast
import json
from pathlib import Path
import re

from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import CREDENTIALS
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import BatteryState, LaserScan
from std_msgs.msg import String

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'docs' / 'troubleshooting.md').read_text('utf-8')
ROWS = [
    [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith('| ') and not line.startswith(('| the ', '| what '))
]
SAID = [
    (span, row[0]) for row in ROWS for span in re.findall(r'`([^`]+)`', row[0]) if row[0][0] == '`'
]
# What libraries say and the bridge passes on.
OPENSSL = {
    'certificate is not yet valid',
    'has expired',
    'unable to get local issuer certificate',
    'self-signed certificate',
    'in certificate chain',
    'Hostname mismatch',
    'IP address mismatch',
}
RCLPY = {
    'cannot be set because it was not declared',
    'Expected',
    'implementation identifier of',
    'implementation not installed',
}
SYSTEM = {'Network is unreachable', 'No route to host'}
# What stands for anything: names in capitals, numbers, names of the graph, what is left out.
_ANY = re.compile(r'[A-Z]{3,}(?:_[A-Z]+)*(?::[A-Z]+)?|…|(?<!\w)/[\w/-]+|\b\d[\d.e-]*\b|"[^"]*"')


_FILLED = '\0'  # Stands in a template for what is put into it.


def template(node: ast.AST) -> str:
    """A text with a mark for each part of it that is only known when it is said."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(map(template, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return template(node.left) + template(node.right)
    return _FILLED


def is_said(words: list[str], text: list[str]) -> bool:
    """Whether words stand somewhere in a template, one or more in the place of each mark."""

    def fits(at: int, word: int) -> bool:
        if word == len(words):
            return True
        if at == len(text):
            return False
        if _FILLED not in text[at]:
            return words[word] == text[at].strip(' :;,.()') and fits(at + 1, word + 1)
        return any(fits(at + 1, end) for end in range(word + 1, min(word + 5, len(words)) + 1))

    return any(text[at] and _FILLED not in text[at] and fits(at, 0) for at in range(len(text)))


TEMPLATES = [
    template(node)
    for path in (ROOT / 'xparo_bridge').rglob('*.py')
    for node in ast.walk(ast.parse(path.read_text('utf-8')))
    if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)
]
CODE = [text for text in TEMPLATES if text != _FILLED]
SAYINGS = [text.split() for text in CODE if ' ' in text.strip() or _FILLED not in text]
COMMANDS = (ROOT / 'config' / 'commands.yaml').read_text('utf-8')
SCHEMA = (ROOT / 'config' / 'schema.json').read_text('utf-8')


def test_the_page_has_enough_entries_each_with_a_cause_and_what_to_do():
    assert len(ROWS) >= 25
    assert all(len(row) == 3 and all(row) for row in ROWS)
    assert sum(row[0].startswith('`') for row in ROWS) >= 25


@pytest.mark.parametrize(('span', 'entry'), SAID, ids=[span[:60] for span, _ in SAID])
def test_what_is_quoted_is_said_by_the_code(span, entry):
    parts = [
        part.split()
        # A name goes before what is said of it, and some texts are made of several.
        for whole in _ANY.split(span)
        for part in re.split(r'[:;,.()]\s|[:;,.()]+$', whole)
        if re.search(r'\w{2}', part)
    ]
    assert parts, f'nothing of {span!r} is the words of the bridge'
    for part in parts:
        if ' '.join(part) in OPENSSL | RCLPY | SYSTEM | {'topic'}:
            continue
        part = [word.strip(' :;,.()') for word in part]
        assert any(is_said(part, text) for text in SAYINGS), f'{part} is in no text of the code'


def faults_of_a_link() -> list[str]:
    """What a link says of why it is not open: of each, the longest piece that is always said."""
    tree = ast.parse((ROOT / 'xparo_bridge' / 'link' / 'faults.py').read_text('utf-8'))
    said = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'Fault':
            said.append(template(node.args[0]))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_TLS_REASONS':
            said += [template(pair.elts[0]) for pair in node.value.values]
    pieces = [max(re.split(r'\0|[:(]', text), key=len).strip() for text in said]
    return [piece for piece in pieces if not piece.startswith('internal error')]


@pytest.mark.parametrize('words', sorted(set(faults_of_a_link())))
def test_whatever_a_link_says_has_a_row(words):
    assert re.search(r'\w', words) is None or any(words in row[0] for row in ROWS)


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row[0][:50])
def test_what_is_to_be_set_is_a_key_of_the_configuration_or_of_a_message(row):
    known = '\n'.join([SCHEMA, COMMANDS, *CODE])
    for span in re.findall(r'`([a-z_]+)(?::[^`]*)?`', row[2]):
        if '_' in span:
            assert span in known, f'{span} is no word of the configuration'


def pattern(span: str) -> str:
    """What finds a quoted text in what the bridge said."""
    return '.*?'.join(map(re.escape, _ANY.split(span)))


def quoted(start: str) -> str:
    """The pattern of what the page quotes with these words."""
    (found,) = {span for span, _ in SAID if start in span}
    return pattern(found)


@pytest.mark.parametrize(
    ('text', 'start'),
    [
        ('places: {4: {x: 1.0, y: 2.0}}\n', 'put it in quotes'),
        ('chat: {timeout: 1e-3}\n', 'YAML reads 1e-3'),
        ('links: null\n', 'no platform is named'),
    ],
)
def test_a_check_of_a_configuration_says_what_is_quoted(tmp_path, text, start):
    file = tmp_path / 'robot.yaml'
    link = 'links: [{name: a, protocol: xparo, url: "ws://127.0.0.1:9/"}]\n'
    file.write_text(text if 'links' in text else link + text)
    with Process.module(
        'xparo_bridge', 'bridge', '--check', str(file), env=CREDENTIALS
    ) as process:
        process.wait_for_line(quoted(start))
        assert process.wait() == 1


def test_a_running_bridge_says_what_is_quoted(tmp_path):
    file = tmp_path / 'robot.yaml'
    settings = {
        'state_dir': str(tmp_path / 'state'),
        'links': [
            {'name': 'away', 'protocol': 'xparo', 'url': 'ws://127.0.0.1:9/'},
            {'name': 'nowhere', 'protocol': 'xparo', 'url': 'wss://no-such-host.invalid/'},
        ],
        'base': {'topic': '/nobody/cmd_vel'},
        'commands': {'teleop': {'kind': 'teleop'}, 'start_navigation': {'kind': 'navigate'}},
        'telemetry': {
            'groups': {'battery': {'topic': '/battery'}, 'pose': {}},
            'topics': [
                {'topic': '/scan', 'type': 'sensor_msgs/msg/LaserScan', 'fields': 'range_min'},
                {'topic': '/voltage', 'type': 'sensor_msgs/msg/BatteryState', 'fields': 'voltage'},
            ],
        },
    }
    file.write_text(json.dumps(settings))
    argument = ['--ros-args', '-p', f'config:=[{file}]']
    with (
        RosGraph() as graph,
        Process.module('xparo_bridge', 'bridge', *argument, env=CREDENTIALS) as process,
    ):
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        graph.node.create_publisher(LaserScan, '/scan', best_effort)
        graph.node.create_publisher(String, '/voltage', 1)
        for start in (
            'nothing listens at',
            'has no address',
            'nobody publishes /battery',
            'expected …; nothing can arrive',
            'there is no transform from map',
            'there is no action server',
            'the base cannot be told to stand',
        ):
            process.wait_for_line(quoted(start))
        with Process.module('xparo_bridge', 'bridge', *argument, env=CREDENTIALS) as second:
            second.wait_for_line(quoted('is in use by another bridge'))
            assert second.wait() == 1
        battery = graph.node.create_publisher(BatteryState, '/battery', 1)
        graph.node.create_timer(0.1, lambda: battery.publish(BatteryState(percentage=87.0)))
        graph.until(
            lambda: any(re.search(quoted('the driver says 87'), line) for line in process.lines)
        )
