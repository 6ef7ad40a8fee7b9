# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The rules of docs/fleet.md by which files are merged: each sentence of the page has its examples.

A sentence that is added to the page, or says something else, has none here and fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any

import pytest

from xparo_bridge.configuration import Configuration, ConfigurationError, load
from xparo_bridge.rollout.folder import FleetFolder, Launch, Member

PAGE = (Path(__file__).parents[2] / 'docs' / 'fleet.md').read_text()
LINK = 'links:\n- {name: platform, protocol: xparo, url: "wss://a.org/ws"}\n'
TOPICS = 'telemetry: {topics: [{topic: odom, max_rate: 1.0}, {name: where, topic: pose}]}\n'
COMMAND = (
    'commands: {tell: {kind: publish, topic: t, type: std_msgs/msg/String, '
    'message: {data: "${text} ${hall}"}, parameters: {text: {type: string}}}}\n'
)


@dataclass(frozen=True)
class Example:
    """
    What lies below, what lies above, and what comes of it.

    `becomes` has values by path (names of things in lists too); `absent` are paths that are not
    there, and `wrong` is what the one problem says. `files` are further ones of the folder.
    """

    below: str = ''
    above: str = ''
    becomes: Mapping[str, Any] = ()  # type: ignore[assignment]
    absent: tuple[str, ...] = ()
    wrong: str = ''
    files: Mapping[str, str] = ()  # type: ignore[assignment]
    launch: Launch | None = None
    # Whether it is about the folder, and has no meaning for files that are given one by one.
    of_folder: bool = False


# By the beginning of a sentence.
RULES: dict[str, list[Example]] = {
    'A robot is the package': [
        Example(
            'chat: {timeout: 1.0}\nhead: {frame: fleet}\naudio: {rate: 1000}\n',
            'groups: [a, b]\naudio: {rate: 4000}\n',
            {'chat.timeout': 1.0, 'head.frame': 'b', 'audio.rate': 4000, 'base.topic': 'cmd_vel'},
            files={
                'groups/a.yaml': 'head: {frame: a}\naudio: {rate: 2000}\n',
                'groups/b.yaml': 'head: {frame: b}\naudio: {rate: 3000}\n',
            },
            of_folder=True,
        ),
        # The package lies below: its commands are there, and a file changes one of them.
        Example(
            'defaults: [bridge.yaml, commands.yaml]\n',
            'commands: {teleop: {max_linear: 0.2}}\n',
            {'commands.stop.kind': 'stop', 'commands.teleop.max_linear': 0.2},
            of_folder=True,
        ),
    ],
    'These rules say how': [Example('chat: {timeout: 1.0}\n', '', {'chat.timeout': 1.0})],
    'Maps merge': [
        Example(
            'places: {a: {x: 1, y: 1}, b: {x: 2, y: 2}}\n',
            'places: {b: {x: 3}, c: {x: 4, y: 4}}\n',
            {'places.a.x': 1, 'places.b.x': 3, 'places.b.y': 2, 'places.c.x': 4},
        ),
        Example('link_loss: {after: 5.0}\n', 'link_loss: {command: pause}\n'
                'commands: {pause: {kind: pause}}\n',
                {'link_loss.after': 5.0, 'link_loss.command': 'pause'}),
    ],
    'Values and lists': [
        Example('chat: {timeout: 1.0}\n', 'chat: {timeout: 2.0}\n', {'chat.timeout': 2.0}),
        Example(
            'speech: {languages: [en-US, de-DE]}\n',
            'speech: {languages: [fr-FR]}\n',
            {'speech.languages': ['fr-FR']},
        ),
        # What stands in a list that has no names does not merge either.
        Example(
            'black_box: {leave_out: [/a, /b]}\n',
            'black_box: {leave_out: [/c]}\n',
            {'black_box.leave_out': ['/c']},
        ),
    ],
    'Lists of named things': [
        Example(LINK, 'links: [{name: platform, open_timeout: 3.0}]\n',
                {'links.platform.url': 'wss://a.org/ws', 'links.platform.open_timeout': 3.0}),
        Example(TOPICS, 'telemetry: {topics: [{topic: odom, min_rate: 0.5}]}\n',
                {'telemetry.topics.odom.max_rate': 1.0, 'telemetry.topics.odom.min_rate': 0.5}),
        Example(TOPICS, 'telemetry: {topics: [{name: where, topic: amcl_pose}]}\n',
                {'telemetry.topics.where.topic': 'amcl_pose'}),
    ],
    'New ones come last': [
        Example(LINK,
                'links: [{name: b, protocol: xparo, url: "wss://b.org"}, {name: platform}]\n',
                {'links': ['platform', 'b']}),
        Example(TOPICS, 'telemetry: {topics: [{topic: scan}, {topic: odom}]}\n',
                {'telemetry.topics': ['odom', 'where', 'scan']}),
    ],
    'key: !remove': [
        Example('commands: {a: {kind: stop}, b: {kind: stop}}\n', 'commands: {a: !remove}\n',
                {'commands.b.kind': 'stop'}, absent=('commands.a',)),
        Example('chat: {timeout: 1.0}\n', 'chat: !remove\n', {'chat.timeout': 20.0}),
        # What a group removes a robot can give anew, without what it had.
        Example('places: {a: {x: 1, y: 1, yaw: 1.0}}\n',
                'groups: [g]\nplaces: {a: {x: 2, y: 2}}\n',
                {'places.a.yaw': 0.0, 'places.a.x': 2},
                files={'groups/g.yaml': 'places: {a: !remove}\n'}, of_folder=True),
    ],
    'In a list of named things it is': [
        Example(LINK + '- {name: b, protocol: xparo, url: "wss://b.org"}\n',
                'links: [!remove platform]\n', {'links': ['b']}),
        Example(TOPICS, 'telemetry: {topics: [!remove odom]}\n', {'telemetry.topics': ['where']}),
        Example(TOPICS, 'telemetry: {topics: [!remove where]}\n', {'telemetry.topics': ['odom']}),
    ],
    'To remove what is not there': [
        Example('', 'places: {nowhere: !remove}\n', wrong='nothing to remove'),
        Example(LINK, 'links: [!remove plat]\n', wrong='the layers below have platform'),
        Example(TOPICS, 'telemetry: {topics: [!remove pose]}\n',
                wrong='the layers below have odom, where'),
    ],
    'key: null': [
        Example('chat: {timeout: 1.0}\n', 'chat: {timeout: null}\n', {'chat.timeout': 20.0}),
        Example('commands: {a: {kind: stop}}\n', 'commands: {a: null}\n', absent=('commands.a',)),
        Example('', 'places: {nowhere: null}\n', absent=('places.nowhere',)),
        # Where null is a value, it is one.
        Example('link_loss: {command: null}\n', '', {'link_loss.command': None}),
    ],
    '${robot_id} and ${NAME}': [
        Example('vars: {hall: A}\n', 'head: {frame: "${hall}/${robot_id}"}\n',
                {'head.frame': 'A/r7'}),
        Example('vars: {walking_pace: 0.5}\n', 'chat: {timeout: "${walking_pace}"}\n',
                {'chat.timeout': 0.5}),
        # With another text it is text.
        Example('vars: {pace: 0.5}\n', 'chat: {timeout: "${pace}0"}\n', wrong="'0.50' is not"),
    ],
    'vars: merges': [
        Example('vars: {a: one, b: two}\n', 'vars: {b: three}\nhead: {frame: "${a}_${b}"}\n',
                {'head.frame': 'one_three'}),
        Example('vars: {a: one}\nhead: {frame: "${a}"}\n', 'vars: {a: two}\n',
                {'head.frame': 'two'}),
        Example('vars: {a: one}\n', 'vars: {a: !remove}\nhead: {frame: "${a}"}\n',
                wrong='no variable a'),
    ],
    "In a command the command's own": [
        Example('vars: {hall: A, text: no}\n' + COMMAND, '',
                {'commands.tell.message.data': '${text} A'}),
    ],
    '$${ is a': [
        Example('vars: {hall: A}\n', 'head: {frame: "$${hall}"}\n', {'head.frame': '${hall}'}),
    ],
    'Variables of the environment': [
        Example('', 'head: {frame: "${HOME}"}\n', wrong='those of the environment are not read'),
    ],
    'key: !file': [
        Example('', 'places: !file places/hall.yaml\n', {'places.dock.y': 2},
                files={'places/hall.yaml': 'dock: {x: 1, y: 2}\n'}, of_folder=True),
        # What it holds merges as if it stood there.
        Example('places: {dock: {x: 1, y: 1}, door: {x: 3, y: 3}}\n',
                'places: !file places/hall.yaml\n',
                {'places.dock.y': 2, 'places.door.x': 3},
                files={'places/hall.yaml': 'dock: {y: 2}\n'}, of_folder=True),
        Example('', 'places: !file ../hall.yaml\n', wrong='expected the path of a file below'),
    ],
    'Secrets stand in none': [
        Example('', 'vars: {api_token: x}\n', wrong='secrets do not stand in configuration'),
        Example(LINK, 'links: [{name: platform, secret_key: x}]\n', wrong='secret_key'),
        Example(LINK, 'links: [{name: platform, credentials_file: key.yaml}]\n',
                wrong='secrets do not travel', files={'key.yaml': ''}, of_folder=True),
        Example(LINK, 'links: [{name: platform, credentials_file: /etc/xparo/key.yaml}]\n',
                {'links.platform.credentials_file': '/etc/xparo/key.yaml'}),
        Example(LINK, 'links: [{name: platform, credentials_file: keys/key.yaml}]\n',
                wrong='expected a path on the robot', of_folder=True),
    ],
    'A path that begins with neither': [
        Example('', 'trees: {folder: trees}\n', {'trees.folder': '{here}/trees'},
                files={'trees/a.xml': '<root/>'}, of_folder=True),
        Example(LINK, 'links: [{name: platform, ca_file: certificates/site.pem}]\n',
                {'links.platform.ca_file': '{here}/certificates/site.pem'},
                files={'certificates/site.pem': ''}, of_folder=True),
        Example('', 'trees: {folder: trees}\n', wrong='nothing of this name below',
                of_folder=True),
        Example('', 'trees: {folder: ../trees}\n', wrong='nothing of this name below',
                of_folder=True),
    ],
    'Keys that begin with x-': [
        Example('x-slow: &slow {timeout: 7.0}\nchat: {<<: *slow}\n', '', {'chat.timeout': 7.0},
                absent=('x-slow',)),
    ],
    'groups': [
        Example('', 'groups: [a, b]\n', {'head.frame': 'b'},
                files={f'groups/{name}.yaml': f'head: {{frame: {name}}}\n' for name in 'ab'},
                of_folder=True),
        Example('groups: [a]\n', '', wrong='groups: stands in files of robots/',
                files={'groups/a.yaml': ''}, of_folder=True),
    ],
    'vars': [
        Example('vars: {a: 1}\n', 'groups: [g]\nhead: {frame: "${a}${b}${c}"}\nvars: {c: 3}\n',
                {'head.frame': '123'}, files={'groups/g.yaml': 'vars: {b: 2}\n'}, of_folder=True),
    ],
    'defaults': [
        Example('defaults: [places.yaml]\n', '', {'places.kitchen.yaw': 0.0},
                absent=('commands.stop',), of_folder=True),
        Example('defaults: []\n', '', absent=('commands.stop', 'places.kitchen'), of_folder=True),
        Example('', '', {'commands.stop.kind': 'stop'}, of_folder=True),
        Example('', 'defaults: []\n', wrong='defaults: stands in fleet.yaml', of_folder=True),
    ],
    'launch': [
        Example('launch: {namespace: a, remappings: {/tf: tf7}}\n',
                'launch: {namespace: "${robot_id}", use_sim_time: true}\n',
                launch=Launch('r7', {'/tf': 'tf7'}, True), of_folder=True),
        Example('launch: {namespace: a}\n', 'launch: {namespace: !remove}\n', launch=Launch(),
                of_folder=True),
    ],
}  # fmt: skip


def sentences_of_the_page() -> list[str]:
    """Return the sentences of the page's rules, and the first cells of its table."""
    section = PAGE.partition('## Which value counts\n')[2].partition('\n## ')[0]
    text = section.partition('| key |')[0].replace("Four keys are the folder's own:", '')
    plain = re.sub(r'[`*]', '', re.sub(r'\n(?=\S|   )', ' ', text))
    plain = re.sub(r'\s+', ' ', re.sub(r'(?:^| )\d\. ', ' ', plain))
    found = re.split(r'(?<=[.}])\s(?=[A-Z$]|key: |vars: )', plain.strip())
    cells = re.findall(r'^\| `(\w+)` \|', section, re.MULTILINE)
    return [each for each in found if each] + cells


def rule_of(sentence: str) -> str:
    """Return the beginning by which a sentence is known here; empty if it is not."""
    whole = sentence if ' ' in sentence else ''
    return next(
        (
            rule
            for rule in RULES
            if rule == sentence or (whole and ' ' in rule and whole.startswith(rule))
        ),
        '',
    )


def test_each_sentence_of_the_page_has_its_examples_and_each_example_its_sentence():
    sentences = sentences_of_the_page()
    assert [sentence for sentence in sentences if not rule_of(sentence)] == []
    assert RULES.keys() - {rule_of(sentence) for sentence in sentences} == set()
    assert len(PAGE.partition('## Which value counts\n')[2].partition('\n## ')[0]) < 2600, (
        'the rules fit on half a page'
    )


CASES = [
    pytest.param(example, as_folder, id=f'{rule}-{number}-{"folder" if as_folder else "files"}')
    for rule, examples in RULES.items()
    for number, example in enumerate(examples)
    for as_folder in ((True,) if example.of_folder else (True, False))
]


@pytest.mark.parametrize(('example', 'as_folder'), CASES)
def test_a_rule_holds_in_a_folder_and_for_files_one_by_one(example, as_folder, tmp_path):
    if example.wrong:
        with pytest.raises(ConfigurationError) as caught:
            read(example, tmp_path, as_folder=as_folder)
        (problem,) = caught.value.problems
        assert example.wrong in problem
        return
    member = read(example, tmp_path, as_folder=as_folder)
    for path, expected in dict(example.becomes).items():
        if isinstance(expected, str):
            expected = expected.replace('{here}', str(tmp_path))
        assert value_at(member.configuration, path) == expected, path
    for path in example.absent:
        with pytest.raises(KeyError):
            value_at(member.configuration, path)
    if example.launch is not None:
        assert member.launch == example.launch


def read(example: Example, folder: Path, *, as_folder: bool) -> Member:
    """Read an example as the robot r7 of a folder, or of two files that are given one by one."""
    link = '' if example.below.startswith('links:') else LINK
    texts = {'fleet.yaml': link + example.below, 'robots/r7.yaml': example.above}
    for path, text in {**texts, **dict(example.files)}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    if as_folder:
        fleet = FleetFolder(folder, on_robot=False)
        if fleet.problems:
            raise ConfigurationError(fleet.problems)
        return fleet.member('r7')
    configuration = load([folder / path for path in texts], robot_id='r7')
    return Member('r7', (), configuration, Launch(), configuration.data)


def value_at(configuration: Configuration, path: str) -> Any:
    """Return a value; in a list of named things by the name, and of such a list its names."""
    value: Any = configuration.data
    for step in path.split('.'):
        value = named(value)[step] if isinstance(value, list) else value[step]
    return list(named(value)) if path in ('links', 'telemetry.topics') else value


def named(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry.get('name') or entry['topic']: entry for entry in entries}
