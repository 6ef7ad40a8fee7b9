# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What users write into configuration files by mistake, and what they are told."""

from __future__ import annotations

import os
from pathlib import Path
import re
import subprocess
import sys

from fixtures.system import CREDENTIALS
import pytest

from xparo_bridge.configuration import Configuration, ConfigurationError, load

LINK = 'links:\n  - {name: platform, protocol: xparo, url: "wss://example.org/ws"}\n'


@pytest.fixture
def write(tmp_path: Path):
    """Write files and load them in that order."""

    def load_texts(*texts: str) -> Configuration:
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f'{number}.yaml')
            files[-1].write_text(text)
        return load(files)

    return load_texts


@pytest.fixture
def problems(write):
    """Problems of a text below the link of these tests, each with its line."""

    def found(text: str, *others: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            write(LINK + text, *others)
        return caught.value.problems

    return found


@pytest.mark.parametrize('key', ['4', '007', '1.5', '0x10', '1_000', '.inf', '+1'])
def test_a_key_that_YAML_reads_as_a_number_is_refused(problems, key):
    (problem,) = problems(f'places:\n  {key}: {{x: 1.0, y: 2.0}}\n')
    assert f'0.yaml:4: places.{key}: ' in problem
    assert f'put it in quotes: "{key}"' in problem


@pytest.mark.parametrize('key', ['on', 'off', 'yes', 'no', 'Yes', 'TRUE', 'false', 'null', '~'])
@pytest.mark.parametrize(
    'where', ['commands:\n  {}: {{kind: status}}\n', 'places: {{\n {}: {{x: 1, y: 2}}}}\n']
)
def test_a_key_that_YAML_reads_as_true_false_or_nothing_is_refused(problems, key, where):
    (problem,) = problems(where.format(key))
    assert '0.yaml:4: ' in problem
    assert f'put it in quotes: "{key}"' in problem


@pytest.mark.parametrize('key', ['4', 'on', '2026-02-03', '12:30', '~'])
def test_the_same_key_in_quotes_is_text(write, key):
    places = write(LINK + f'places:\n  "{key}": {{x: 1.0, y: 2.0}}\n')['places']
    assert places[key]['x'] == 1.0


@pytest.mark.parametrize('date', ['2026-02-03', '2026-02-30', '2026-02-03 10:00:00', '9999-99-99'])
def test_a_date_is_text_like_any_other(write, date):
    assert write(LINK + f'robot_id: {date}\n')['robot_id'] == date


@pytest.mark.parametrize(
    ('written', 'right'),
    [
        ('1e-3', '1.0e-3'),
        ('1e1', '1.0e+1'),
        ('-2E5', '-2.0e+5'),
        ('1.5e3', '1.5e+3'),
        ('.5e3', '.5e+3'),
        ('1:30', '"1:30"'),
        ('12:30:00', '"12:30:00"'),
        ('010', '"010"'),
        ('-007', '-7 for the number'),
    ],
)
def test_a_number_that_YAML_reads_otherwise_is_reported_with_what_to_write(
    problems, written, right
):
    (problem,) = problems(f'places:\n  dock:\n    x: {written}\n    y: 1\n')
    assert '0.yaml:5: places.dock.x: ' in problem
    assert right in problem


@pytest.mark.parametrize('written', ['1.0e-3', '1.5E+3', '0.5', '-7', '0', '1_000', '0x10'])
def test_a_number_that_YAML_reads_right_is_taken(write, written):
    assert isinstance(
        write(LINK + f'places: {{dock: {{x: {written}, y: 1}}}}\n')['places']['dock']['x'],
        int | float,
    )


@pytest.mark.parametrize('written', ['7', '1.5', 'on', 'no', 'true'])
def test_a_text_that_YAML_reads_otherwise_is_to_be_put_in_quotes(problems, written):
    (problem,) = problems(f'robot_id: {written}\n')
    assert '0.yaml:3: robot_id: ' in problem
    assert f'put it in quotes, "{written}"' in problem


@pytest.mark.parametrize(
    ('written', 'number'), [('10s', '10'), ('"10"', '10'), ('1,5', '1.5'), ('5 Hz', '5')]
)
def test_a_number_with_more_behind_it_is_reported_as_the_number(problems, written, number):
    (problem,) = problems(f'chat:\n  timeout: {written}\n')
    assert '0.yaml:4: chat.timeout: ' in problem
    if not written.startswith('"'):
        assert f'such as {number}' in problem


@pytest.mark.parametrize('section', ['telemetry', 'commands', 'places', 'trees', 'chat', 'routes'])
def test_a_section_with_nothing_below_has_its_defaults(write, section):
    assert write(LINK + f'{section}:\n')[section] == write(LINK)[section]
    below = write(LINK)
    assert write(LINK + f'{section}:\n  # all commented out\n').data == below.data


def test_a_section_with_nothing_below_changes_nothing_of_an_earlier_file(write):
    first = LINK + 'telemetry: {period: 3.0, groups: {battery: {}}}\nplaces: {a: {x: 1, y: 2}}\n'
    data = write(first, 'telemetry:\nplaces:\n').data
    assert data['telemetry']['period'] == 3.0
    assert 'a' in data['places']


def test_null_takes_away_what_an_earlier_file_has(write):
    first = LINK + (
        'telemetry: {period: 3.0, groups: {battery: {}, pose: {}}}\n'
        'commands: {go: {kind: status, timeout: 3.0}, stop: {kind: stop}}\n'
    )
    data = write(
        first, 'telemetry: {groups: {battery: null}}\ncommands: {go: null, stop: {timeout: ~}}\n'
    ).data
    assert list(data['telemetry']['groups']) == ['pose']
    assert list(data['commands']) == ['stop']
    assert write(first, 'telemetry: null\n')['telemetry'] == write(LINK)['telemetry']


def test_a_group_is_switched_on_by_its_name_alone(write):
    assert (
        'battery' in write(LINK + 'telemetry:\n  groups:\n    battery:\n')['telemetry']['groups']
    )


def test_null_where_it_is_a_value_stays_one(write):
    text = LINK.replace('}', ', proxy: null, rest: null}')
    link = write(text)['links'][0]
    assert link['proxy'] is None
    assert link['rest'] is None


BAD_NAMES = {
    '/scan-front': '/scan_front',
    'scan scan': 'scan_scan',
    '/2d/scan': '/_2d/scan',
    'odom/': 'odom',
    '//odom': '/odom',
    'a__b': 'a_b',
    '/ümlaut': '/_mlaut',
    '~odom': '',
    'x' * 300: '',
}
WHERE = {
    'telemetry.topics[0].topic': 'telemetry:\n  topics:\n    - {topic: "%s"}\n',
    'telemetry.groups.battery.topic': 'telemetry:\n  groups:\n    battery: {topic: "%s"}\n',
    'telemetry.groups.navigation.action': (
        'telemetry:\n  groups:\n    navigation: {action: "%s"}\n'
    ),
    'telemetry.groups.nodes.lifecycle[0]': (
        'telemetry:\n  groups:\n    nodes: {lifecycle: ["%s"]}\n'
    ),
    'commands.beep.service': (
        'commands:\n  beep:\n    {kind: service, type: std_srvs/srv/Trigger, service: "%s"}\n'
    ),
    'commands.go.action': 'commands:\n  go:\n    {kind: navigate, action: "%s"}\n',
    'commands.say.topic': (
        'commands:\n  say:\n    {kind: publish, type: std_msgs/msg/String, topic: "%s"}\n'
    ),
    'trees.odom_topic': 'trees:\n  # the odometry\n  odom_topic: "%s"\n',
}


@pytest.mark.parametrize('where', WHERE)
@pytest.mark.parametrize('name', BAD_NAMES, ids=lambda name: name[:12])
def test_a_name_that_ROS_does_not_allow_is_reported_with_its_place(problems, where, name):
    (problem,) = problems(WHERE[where] % name)
    assert f'0.yaml:5: {where}: ROS does not allow the name "{name[:100]}' in problem
    if BAD_NAMES[name]:
        assert f'did you mean "{BAD_NAMES[name]}"' in problem


@pytest.mark.parametrize('name', ['odom', '/odom', '/a/b_c/D9', '~/odom', '_hidden', '{node}/x'])
@pytest.mark.parametrize('where', WHERE)
def test_a_name_that_ROS_allows_is_taken(write, where, name):
    write(LINK + WHERE[where] % name)


@pytest.mark.parametrize('topic', ['/robot_*/odom', '**/battery_state'])
def test_a_pattern_of_the_telemetry_is_no_name(write, topic):
    write(LINK + f'telemetry: {{topics: [{{topic: "{topic}"}}]}}\n')


@pytest.mark.parametrize(
    'topics',
    [
        '[{topic: /a}, {topic: a}]',
        '[{topic: /a, name: x}, {topic: /b, name: x}]',
        '[{topic: /a, fields: {x: data}}, {topic: /b, fields: {x: data}}]',
        '[{topic: /a, fields: data}, {topic: /b, fields: [data]}]',
        '[{topic: /a, name: b}, {topic: /b}]',
    ],
)
def test_telemetry_that_would_overwrite_other_telemetry_is_refused(problems, topics):
    (problem,) = problems(f'telemetry:\n  topics: {topics}\n')
    assert 'telemetry.topics[1]: topic /a before it sends the key' in problem


def test_two_links_of_one_name_are_refused(problems):
    other = '  - {name: platform, protocol: xparo, url: "wss://other.org/ws"}\n'
    (problem,) = problems(other)
    assert problem.endswith('links[1].name: a link before it has the name "platform" too')
    assert '0.yaml:3: ' in problem


@pytest.mark.parametrize('key', ['secret_key', 'project_id', 'password', 'token', 'api_key'])
@pytest.mark.parametrize('where', ['{}: s3cr3t\n', 'chat: {{{}: s3cr3t}}\n'])
def test_a_secret_is_sent_where_secrets_are_and_not_repeated(problems, key, where):
    (problem,) = problems(where.format(key))
    assert 'XPARO_SECRET_KEY' in problem
    assert 'credentials_file' in problem
    assert 's3cr3t' not in problem


@pytest.mark.parametrize(
    'link',
    [
        'url: "wss://${HOST}/ws"',
        'url: "wss://a.org/ws", failover_urls: ["wss://$(env HOST)/ws"]',
        'url: "wss://a.org/ws", rest: {url: "https://${HOST}"}',
    ],
)
def test_an_unknown_variable_in_an_address_is_reported(write, link):
    with pytest.raises(ConfigurationError, match=r'no variable HOST|not known in these'):
        write(f'links:\n  - {{name: platform, protocol: xparo, {link}}}\n')


WRONG_ADDRESSES = [
    ('wss://u:p4ss@a.org/ws', 'write wss://a.org here'),
    ('wss://p4ss@a.org:443', 'write wss://a.org:443 here'),
    ('wss://a b.org/ws', 'an address has no spaces'),
    ('wss://a.org/my robot', 'write %20'),
    ('wss://a.org:99999/ws', 'Port out of range'),
    ('wss://a.org:0/ws', 'no port is named'),
    ('wss://a.org:https/ws', 'no address'),
    ('wss://:443/ws', 'no host is named'),
    ('ws://::1:80/ws', 'ws://[::1]'),
    ('wss://[::1/ws', 'no address'),
    ('wss://a.org/ws#robot', 'nothing behind # is sent'),
]
ADDRESSES = {
    'url': 'url: "{}"',
    'failover_urls[0]': 'url: "wss://a.org/ws", failover_urls: ["{}"]',
    'rest.url': 'url: "wss://a.org/ws", rest: {{url: "{}"}}',
}


@pytest.mark.parametrize(('url', 'words'), WRONG_ADDRESSES)
@pytest.mark.parametrize('where', ADDRESSES)
def test_an_address_at_which_nothing_can_be_is_reported(write, where, url, words):
    if where == 'rest.url':
        url, words = (re.sub('ws(s?)://', r'http\1://', text) for text in (url, words))
    with pytest.raises(ConfigurationError) as caught:
        write(f'links:\n  - {{name: platform, protocol: xparo, {ADDRESSES[where].format(url)}}}\n')
    (problem,) = caught.value.problems
    assert f'0.yaml:2: links[0].{where}: ' in problem
    assert words in problem
    assert 'p4ss' not in problem


@pytest.mark.parametrize(
    'url',
    ['ws://[::1]:80/ws', 'wss://a.org', 'wss://a.org:8443/a%20b?c=d', 'wss://xn--bcher-kva.de/'],
)
def test_an_address_is_taken(write, url):
    write(f'links:\n  - {{name: platform, protocol: xparo, url: "{url}"}}\n')


@pytest.mark.parametrize('zone', ['Europe/Belin', 'CEST', 'europe/berlin ', '../etc/passwd'])
def test_a_time_zone_that_nobody_knows_is_reported_before_it_is_needed(problems, zone):
    (problem,) = problems(f'schedule: {{time_zone: "{zone}"}}\n')
    assert f'0.yaml:3: schedule.time_zone: time zone "{zone}" is not known here' in problem


@pytest.mark.parametrize('zone', ['Asia/Calcutta', 'US/Pacific', 'Europe/Berlin', 'UTC'])
def test_a_time_zone_is_known_by_its_older_name_too(write, zone):
    assert write(LINK + f'schedule: {{time_zone: {zone}}}\n')['schedule']['time_zone'] == zone


def test_a_tilde_is_the_home_of_the_user_in_every_path(write, monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'trees').mkdir()
    names = ('ca_file', 'client_certificate', 'client_key', 'credentials_file')
    paths = ', '.join(f'{name}: ~/{name}' for name in names)
    data = write(
        LINK.replace('}', f', {paths}}}')
        + 'state_dir: ~/state\nfiles: {folder: ~/files}\nbags: {folder: ~/bags}\n'
        'trees: {folder: ~/trees}\n'
    ).data
    for name in names:
        assert data['links'][0][name] == str(tmp_path / name)
    assert data['state_dir'] == str(tmp_path / 'state')
    for section in ('files', 'bags', 'trees'):
        assert data[section]['folder'] == str(tmp_path / section)


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        (
            'credentials_file: /etc/xparo/credentials.yaml\n',
            'credentials_file: no such key here; there is links[].credentials_file',
        ),
        (
            'chat: {robot_id: r7}\n',
            'chat.robot_id: no such key here; there is robot_id at the top',
        ),
        ('base: {max_rate: 3}\n', 'and telemetry.topics[].max_rate'),
        ('base: {qqq: 3}\n', 'base.qqq: no such key; known: '),
    ],
)
def test_a_key_that_belongs_elsewhere_is_sent_there(problems, text, says):
    (problem,) = problems(text)
    assert says in problem


@pytest.mark.parametrize(
    ('link', 'says'),
    [
        ('protocol: tethered_tcp, url: "wss://a/"', 'no protocol "tethered_tcp"; installed: '),
        ('protocol: xparo_dispatch, url: "tcp://127.0.0.1:9/"', "does not match '^wss?://"),
        ('protocol: xparo_dispatch, url: "wss://a/", transport: tethered_tcp', 'no such key'),
    ],
)
def test_a_transport_that_the_bridge_does_not_speak_is_refused(tmp_path, link, says):
    (tmp_path / 'robot.yaml').write_text(f'links: [{{name: a, {link}}}]\n')
    arguments = ['xparo_bridge', 'bridge', '--check', str(tmp_path / 'robot.yaml')]
    done = subprocess.run(
        [sys.executable, '-m', *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **CREDENTIALS},
    )
    assert done.returncode == 1
    assert f'{tmp_path}/robot.yaml:1: ' in done.stderr and says in done.stderr


PATHS = {
    'state_dir': 'state_dir: {}\n',
    'files.folder': 'files: {{folder: {}}}\n',
    'bags.folder': 'bags: {{folder: {}}}\n',
    'black_box.folder': 'black_box: {{folder: {}}}\n',
}


@pytest.mark.parametrize('key', PATHS)
@pytest.mark.parametrize(
    ('path', 'says'),
    [
        ('~no-such-user/x', '~no-such-user is the home of no user here'),
        ('$HOME/x', '$HOME is not replaced here; write ~ for the home of the user'),
        ('/data/$(hostname)', '$(hostname) is not replaced here'),
        ('$USER', '$USER is not replaced here'),
    ],
)
def test_a_path_that_would_lead_elsewhere_is_reported(problems, key, path, says):
    (problem,) = problems(PATHS[key].format(f'"{path}"'))
    assert f'0.yaml:3: {key}: {says}' in problem


@pytest.mark.parametrize('path', ['/data/a$', '/data/5$', 'state', '/data/~old'])
def test_an_odd_path_that_can_be_meant_is_taken(write, path):
    assert write(LINK + f'state_dir: {path}\n')['state_dir'] == path


@pytest.mark.parametrize('name', [r'"r 1\n"', r'"a\0b"', r'"a\tb"', r'"\x7f"'])
def test_the_name_of_a_robot_has_no_control_characters(problems, name):
    (problem,) = problems(f'robot_id: {name}\n')
    assert '0.yaml:3: robot_id: a name has no line breaks' in problem


@pytest.mark.parametrize(
    ('yaw', 'radians'), [('90.0', '1.5708'), ('-90', '-1.5708'), ('270.0', '-1.5708')]
)
def test_an_angle_of_a_place_in_degrees_is_reported(problems, yaw, radians):
    (problem,) = problems(f'places: {{a: {{x: 1.0, y: 1.0, yaw: {yaw}}}}}\n')
    assert '0.yaml:3: places.a.yaw: expected radians' in problem
    assert problem.endswith(f'degrees are {radians}')


@pytest.mark.parametrize('yaw', ['3.1416', '-3.1416', '6.2831', '0'])
def test_an_angle_of_at_most_a_turn_is_taken(write, yaw):
    place = write(LINK + f'places: {{a: {{x: 1.0, y: 1.0, yaw: {yaw}}}}}\n')['places']['a']
    assert place['yaw'] == float(yaw)


@pytest.mark.parametrize('node', ['/**', 'xparo_bridge', '/robot/xparo_bridge'])
def test_a_file_of_ros_parameters_is_called_one(problems, node):
    (problem,) = problems(f'{node}:\n  ros__parameters:\n    robot_id: r1\n')
    assert '--params-file' in problem


def test_a_folder_of_trees_that_is_not_there_is_reported(problems):
    (problem,) = problems('trees:\n  folder: /no/such/folder\n')
    assert problem.endswith('0.yaml:4: trees.folder: no folder /no/such/folder')


def test_anchors_may_live_in_keys_that_begin_with_x(write):
    text = 'x-fast: &fast {max_rate: 10.0}\ntelemetry: {topics: [{<<: *fast, topic: /a}]}\n'
    assert write(LINK + text)['telemetry']['topics'][0]['max_rate'] == 10.0


@pytest.mark.parametrize('tag', ['!!binary aGVsbG8=', '!!set {a, b}', '!!timestamp 2026-02-30'])
def test_what_is_no_JSON_is_refused_with_its_line(problems, tag):
    (problem,) = problems(f'robot_id: {tag}\n')
    assert '0.yaml:3: robot_id: ' in problem


def test_the_rest_of_a_configuration_is_looked_through_all_the_same(problems):
    found = problems(
        'chat: {timeout: soon}\n'
        'nonsense: 1\n'
        'telemetry:\n'
        '  topics: [{topic: "/a b"}, {topc: /c}]\n'
        'places: {dock: {x: 1}}\n'
        '  \n',
    )
    keys = sorted(problem.split(': ')[1] for problem in found)
    assert keys == [
        'chat.timeout',
        'nonsense',
        'places.dock',
        'telemetry.topics[0].topic',
        'telemetry.topics[1]',
        'telemetry.topics[1].topc',
    ]


@pytest.mark.parametrize(
    ('mistake', 'key'),
    [
        ('places: {4: {x: 1.0, y: 2.0}, dock: {x: 1}}', 'places.4'),
        ('places: {on: {x: 1.0, y: 2.0}, dock: {x: 1}}', 'places.on'),
        ('places: {[a]: {x: 1.0, y: 2.0}, dock: {x: 1}}', 'places'),
        ('places: {p: {x: 1.0, y: 2}, p: {x: 1, y: 2}, dock: {x: 1}}', 'places.p'),
        ('places: {p: {x: 1e3, y: 2}, dock: {x: 1}}', 'places.p.x'),
        ('places: {p: {x: 1:30, y: 2}, dock: {x: 1}}', 'places.p.x'),
        ('places: {p: {x: !number 7, y: 2}, dock: {x: 1}}', 'places.p.x'),
        ('places: {p: {x: !file hall.yaml, y: 2}, dock: {x: 1}}', 'places.p.x'),
    ],
)
def test_what_YAML_misreads_hides_nothing_else(problems, mistake, key):
    found = problems(mistake + '\nchat: {timeout: soon}\ntelemetry: {topics: [{topic: "/a b"}]}\n')
    keys = sorted(problem.split(': ')[1] for problem in found)
    assert keys == sorted([key, 'places.dock', 'chat.timeout', 'telemetry.topics[0].topic'])


MISREAD = [
    ('chat:\n\ttimeout: 3\n', '4', 'there is a tab: YAML indents by spaces'),
    ('robot_id: %x\n', '3', 'put a text that begins with % in quotes'),
    ('robot_id: @x\n', '3', 'put a text that begins with @ in quotes'),
    ('robot_id: a: b\n', '3', 'put a text with a colon in quotes'),
    ('chat:\n timeout: 3\n  x: 1\n', '5', 'indent keys of one map alike'),
    ('---\nchat: {}\n', '3', 'remove the line ---'),
    ('robot_id: "a\0"\n', '3', 'control characters are not allowed'),
    ('chat:\n\u00a0 timeout: 3\n', '4', 'U+00A0, no-break space'),
    ('chat: {timeout:\u00a03}\n', '3', 'U+00A0, no-break space'),
    ('robot_id: r\u200b7\n', '3', 'U+200B, zero width space'),
    ('robot_id: “r7”\n', '3', 'write "r7"'),
    ('chat:{timeout: 3}\n', '3', 'write a space after the colon'),
    ('places: {p: {x: "1", y: 2}}\n', '3', 'write it without the quotes'),
    ('chat: {timeout: 0o10}\n', '3', 'write 8 for the number'),
    ('telemetry:\n  topics:\n    topic: /a\n', '4', 'begin each of its entries with "- "'),
    ('places:\n  - {x: 1, y: 2}\n', '3', 'and no "- "'),
    ('telemetry: {groups: {battery: yes}}\n', '3', 'write {} for its defaults'),
]


@pytest.mark.parametrize(('text', 'line', 'words'), MISREAD)
def test_what_looks_right_to_its_author_is_reported_with_what_to_write(
    problems, text, line, words
):
    (problem,) = problems(text)
    assert f'0.yaml:{line}: ' in problem
    assert words in problem


def test_links_by_name_are_expected_as_a_list(write):
    with pytest.raises(ConfigurationError, match='expected a list'):
        write('links:\n  platform: {protocol: xparo, url: "wss://e.org/ws"}\n')


@pytest.mark.parametrize('form', ['\ufeff{}', '---\n{}...\n', '{}\n\n# the end\n'])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_how_an_editor_saves_a_file_changes_nothing(tmp_path, form, end):
    file = tmp_path / 'robot.yaml'
    file.write_bytes(form.format(LINK + 'robot_id: größe\n').replace('\n', end).encode())
    assert load([file])['robot_id'] == 'größe'


@pytest.mark.parametrize('encoding', ['latin-1', 'utf-16'])
def test_another_encoding_is_reported_with_its_line(tmp_path, encoding):
    file = tmp_path / 'robot.yaml'
    file.write_bytes((LINK + 'robot_id: größe\n').encode(encoding))
    with pytest.raises(ConfigurationError, match=r'robot\.yaml:[13]: not UTF-8 text; save'):
        load([file])
