# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the examples of CONTRIBUTING.md work, put where the page says?"""

from __future__ import annotations

import asyncio
from importlib.metadata import distribution
import json
import math
from pathlib import Path
import re
import shutil
import subprocess
import sys
import time

from fixtures.processes import python_path
from fixtures.ros_graph import RosGraph
from fixtures.system import system
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import LaserScan, Range
from std_msgs.msg import UInt32

from xparo_bridge.errors import BadInput
from xparo_bridge.robot.telemetry.groups import make_group
from xparo_bridge.ros.conventions import make_true_reader

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')


def blocks(language: str) -> dict[str, str]:
    """Code blocks of the page by what their first line names."""
    found = {}
    for text in re.findall(rf'```{language}\n(.*?)```', PAGE, re.DOTALL):
        head, _, body = text.partition('\n')
        found[head.removeprefix('# ')] = body
    return found


def insert(path: Path, after: str, line: str) -> None:
    """Put a line into a file, behind the line that has a text."""
    lines = path.read_text().splitlines()
    at = next(number for number, text in enumerate(lines) if after in text)
    path.write_text('\n'.join([*lines[: at + 1], line, *lines[at + 1 :]]) + '\n')


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a copy of the package with all examples in it, found before the installed one."""
    root = tmp_path / 'tree'
    for folder in ('xparo_bridge', 'config', 'test'):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns('__pycache__'))
    for file in ('package.xml', 'pyproject.toml'):
        shutil.copy(ROOT / file, root)
    python = blocks('python')
    for name, body in python.items():
        if name.startswith(('xparo_bridge/', 'test/')) and ', in ' not in name:
            (root / name).write_text(body)
    groups = root / 'xparo_bridge/robot/telemetry/groups/__init__.py'
    insert(
        groups,
        'GROUPS: dict',
        python['xparo_bridge/robot/telemetry/groups/__init__.py, in GROUPS'],
    )
    insert(
        root / 'xparo_bridge/robot/features.py',
        '_FEATURES: dict',
        python['xparo_bridge/robot/features.py, in _FEATURES'],
    )
    schema = json.loads((root / 'config/schema.json').read_text())
    added = json.loads(re.findall(r'```json\n(.*?)```', PAGE, re.DOTALL)[0])
    schema['$defs']['telemetry']['properties']['groups']['properties'].update(added)
    (root / 'config/schema.json').write_text(json.dumps(schema))
    installed = distribution('xparo_bridge')
    info = root / f'xparo_bridge-{installed.version}.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(str(installed.metadata))  # Also of an egg, as colcon's.
    (info / 'entry_points.txt').write_text(installed.read_text('entry_points.txt') or '')
    points = re.findall(r"^'(.*?)'", python["setup.py, in 'xparo_bridge.commands'"], re.MULTILINE)
    insert(info / 'entry_points.txt', '[xparo_bridge.commands]', '\n'.join(points))
    monkeypatch.setenv('PYTHONPATH', python_path(root))
    monkeypatch.chdir(root)  # `python -m` looks there first.
    return root


def test_the_examples_work_where_the_page_puts_them(tree: Path, tmp_path: Path):
    commands = blocks('yaml')['robot.yaml']
    assert 'wait_for_scan: {kind: wait_for_topic, defaults: {topic: /scan}}' in commands

    async def scenario() -> None:
        configuration = {
            'commands': {
                'wait_for_scan': {'kind': 'wait_for_topic', 'defaults': {'topic': '/scan'}}
            },
            'telemetry': {'period': 0.1, 'groups': {'range': {'topic': '/range'}}},
        }
        async with system(tmp_path, **configuration) as it:
            with RosGraph() as graph:
                waiting = await it.send('wait_for_scan')
                await it.reached(waiting, 'accepted')
                graph.node.create_publisher(LaserScan, '/scan', 1)
                assert (await it.ended(waiting))['result'] == {'publishers': 1}

                counted = graph.listen(UInt32, '/xparo_bridge/chat/replies')
                ranges = graph.node.create_publisher(Range, '/range', 1)

                async def seen() -> float:
                    while True:
                        ranges.publish(Range(range=1.5, min_range=0.1, max_range=4.0))
                        try:
                            event = await it.operator.wait_for(
                                lambda event: 'distance_ahead' in str(event), timeout=0.3
                            )
                        except TimeoutError:
                            continue
                        return float(event['data']['distance_ahead'])

                assert await asyncio.wait_for(seen(), 20.0) == 1.5
                while not counted:
                    await it.operator.request('chat', text='hello')
                    await asyncio.to_thread(graph.becomes, lambda: counted, 0.5)

    asyncio.run(scenario())


def test_the_tests_of_the_examples_pass_where_the_page_puts_them(tree: Path):
    files = [name for name in blocks('python') if name.startswith('test/')]
    assert len(files) == 2
    result = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *files],
        capture_output=True,
        text=True,
        cwd=tree,
        timeout=120.0,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert '4 passed' in result.stdout


def test_the_examples_pass_what_is_asked_of_every_kind(tree: Path):
    rule = 'test/documents/test_error_codes.py::test_no_code_is_written_as_a_text'
    result = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', rule],
        capture_output=True,
        text=True,
        cwd=tree,
        timeout=120.0,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_settings_of_the_examples_are_described():
    """Their descriptions are what the generated table says of them."""
    for name, text in blocks('python').items():
        if '/kinds/' in name:
            for setting in re.findall(r"\{\s*'(\w+)': \{\s*'(\w+)'", text):
                if setting[0] not in ('type', 'properties'):
                    assert setting[1] == 'description', (name, setting)


@pytest.mark.parametrize(
    ('path', 'kept_in'),
    [
        ('test/robot/commands/test_turns.py', 'KINDS'),
        ('test/doctor/test_expectations.py', 'READ'),
        ('xparo_bridge/fleet/estimate.py', 'SIZES'),
        ('xparo_bridge/robot/telemetry/group_keys.py', 'keys_of'),
        ('tools/command_kinds.py', 'command_kinds.json'),
        ('tools/document_configuration.py', 'docs/commands.md'),
    ],
)
def test_what_tests_ask_of_a_new_kind_or_group_is_on_the_page(path, kept_in):
    """A newcomer reads of it before a test of another room fails."""
    assert re.search(rf'\b{kept_in}\b', (ROOT / path).read_text() + path)
    assert re.search(rf'`?{re.escape(Path(path).name)}', PAGE)
    assert kept_in in PAGE


def test_a_group_that_only_the_schema_has_is_named():
    with pytest.raises(BadInput, match=r'telemetry\.groups\.sonar: .* GROUPS of'):
        make_group('sonar', None, {})


@pytest.mark.parametrize(
    ('distance', 'least', 'most'),
    [(9.0, 0.1, 4.0), (0.05, 0.1, 4.0), (math.inf, 0.1, 4.0), (-math.inf, 1.0, 1.0)],
)
def test_the_example_of_a_group_sends_nothing_of_what_its_sensor_cannot_see(distance, least, most):
    names = {'__package__': 'xparo_bridge.robot.telemetry.groups'}
    exec(blocks('python')['xparo_bridge/robot/telemetry/groups/range_finder.py'], names)
    names['TopicSource'] = lambda node, settings, transform: (settings, transform)
    settings, values = names['make'](None, {'topic': '/range'})
    read = make_true_reader(Range, dict(settings.fields))
    message = Range(range=distance, min_range=least, max_range=most)
    assert values(read(serialize_message(message), time.time)) == {}


def test_every_room_of_the_package_is_on_the_map():
    rooms = {path.name for path in (ROOT / 'xparo_bridge').iterdir() if path.is_dir()}
    rooms -= {'__pycache__'}
    text = PAGE[PAGE.index('## The map') : PAGE.index('## Add a kind')]
    assert {room for room in rooms if f'xparo_bridge/{room}/' not in text} == set()


@pytest.mark.parametrize('name', [name for name in blocks('python') if ', in ' not in name])
def test_an_example_keeps_the_house_style(name: str, tmp_path: Path):
    ruff = Path(sys.executable).with_name('ruff')
    if not ruff.exists():
        pytest.skip('ruff is not installed here')
    path = tmp_path / 'example.py'
    path.write_text(blocks('python')[name])
    result = subprocess.run(
        [ruff, 'check', '--config', ROOT / 'pyproject.toml', path], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout
