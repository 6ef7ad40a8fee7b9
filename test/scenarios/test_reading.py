# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a scenario that is wrong refused with the file, the line and what would be right."""

from pathlib import Path

import pytest

from xparo_bridge.scenarios.document import ScenarioError
from xparo_bridge.scenarios.quantities import (
    ANGLE,
    DURATION,
    LENGTH,
    PERCENT,
    RATE,
    SPEED,
    TIME_STEP,
    WrongQuantity,
)
from xparo_bridge.scenarios.scenario import load_scenario

GO = 'steps:\n  - send: {command: start_navigation, goal: table_4}\n'


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a scenario, without the folder."""
    file = folder / 's.yaml'
    file.write_text(text)
    with pytest.raises(ScenarioError) as refused:
        load_scenario(file)
    return [problem.replace(f'{folder}/', '') for problem in refused.value.problems]


def step(text: str) -> str:
    """A scenario whose step in line 3 is as given."""
    return f'{GO}  - {text}\n'


def test_all_problems_are_told_whichever_part_they_are_in(tmp_path):
    text = (
        'given:\n'
        '  mapp: hall.yaml\n'
        '  map: nowhere.yaml\n'
        '  robot: {place: dept}\n'
        "  programs: {arm: 'sh -c \"', 'a/b': [ls], leg: []}\n"
        'steps:\n'
        '  - wait: 1 parsec\n'
        'than: []\n'
    )
    reported = problems(tmp_path, text)
    assert [problem.partition(': ')[0] for problem in reported] == [
        's.yaml:8',
        *('s.yaml:2', 's.yaml:3', 's.yaml:5', 's.yaml:5', 's.yaml:5', 's.yaml:4'),
    ]
    assert 'did you mean "then"?' in reported[0] and 'No closing quotation' in reported[3]
    # What names robots and programs is read when these are known.
    reported = problems(
        tmp_path, 'steps:\n  - wait: 1 parsec\n  - kill_program: {program: x}\nthan: 1\n'
    )
    assert [problem.partition(': ')[0] for problem in reported] == [
        's.yaml:4',
        's.yaml:2',
        's.yaml:3',
    ]


@pytest.mark.parametrize(
    ('kind', 'text', 'value'),
    [
        (DURATION, '12 s', 12.0),
        (DURATION, '300ms', 0.3),
        (DURATION, '1.5 min', 90.0),
        (TIME_STEP, '-5 s', -5.0),
        (LENGTH, '15 cm', 0.15),
        (SPEED, '-0.5 m/s', -0.5),
        (ANGLE, '180 deg', 3.14159265),
        (PERCENT, 80, 80.0),
        (PERCENT, '80 %', 80.0),
        (RATE, '2 kB/s', 2000.0),
    ],
)
def test_quantities_are_read_in_their_first_unit(kind, text, value):
    assert kind.read(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ('kind', 'text', 'words'),
    [
        (DURATION, 12, '12 has no unit; write 12 s'),
        (DURATION, '12 m', 'no unit "m" for a duration; there are s, ms, min, h'),
        (DURATION, '-1 s', 'is negative'),
        (DURATION, 'soon', 'expected a duration, such as 12 s'),
        (DURATION, True, 'expected a duration'),
        (DURATION, [1], 'expected a duration'),
        (DURATION, '1e999 s', 'beyond any number'),
        (LENGTH, '3 s', 'no unit "s" for a length; there are m, cm, mm'),
        (SPEED, '3 km/h', 'no unit "km/h" for a speed; there are m/s, cm/s'),
        (RATE, '2 kb/s', 'no unit "kb/s"'),
    ],
)
def test_a_quantity_that_is_wrong_says_what_would_be_right(kind, text, words):
    with pytest.raises(WrongQuantity, match=words.replace('"', '.')):
        kind.read(text)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('stepz: []\n', 's.yaml:1: stepz: no key "stepz"; did you mean "steps"?'),
        ('given: {}\n', 's.yaml:1: (top level): "steps" is missing'),
        (
            step('cut_lnk: 3 s'),
            's.yaml:3: steps[1].cut_lnk: no key "cut_lnk"; did you mean "cut_link"?',
        ),
        (step('cut_link: 3 m'), 's.yaml:3: steps[1].cut_link: no unit "m" for a duration'),
        (step('cut_link: {for: 3}'), 's.yaml:3: steps[1].cut_link.for: 3 has no unit; write 3 s'),
        (
            step('cut_link: {fro: 3 s}'),
            's.yaml:3: steps[1].cut_link.fro: no key "fro"; did you mean "for"?',
        ),
        (step('{wait: 1 s, chat: x}'), 's.yaml:3: steps[1]: one step an entry'),
        (step('wait'), 's.yaml:3: steps[1]: expected a map of one step'),
        (step('send: {goal: table_4}'), 's.yaml:3: steps[1].send: "command" is missing'),
        (step('send: {command: start_navigatoin}'), 'did you mean "start_navigation"?'),
        (step('send: {command: stop, robot: r2}'), 's.yaml:3: steps[1].send.robot: no value "r2"'),
        (
            step('expect: {status: finished}'),
            's.yaml:3: steps[1].expect.status: no value "finished"',
        ),
        (step('expect: {status: running, within: 3}'), 'expect.within: 3 has no unit; write 3 s'),
        (step('expect: {status: running, near: 3 m}'), 'expect.near: no key "near"'),
        (step('expect: {within: 3 s}'), 's.yaml:3: steps[1].expect: expected one of status, tree'),
        (step('expect: {chat: "("}'), 'expect.chat: no regular expression'),
        (step('expect: {tree: t}'), '"state" is missing'),
        (
            step('expect: {topic: /x, type: std_msgs/msg/Strin}'),
            'package std_msgs has no msg Strin',
        ),
        (step('expect: {pose: {place: table_99}}'), 'no value "table_99"; did you mean "table_'),
        (
            step('block: {for: 3 s}'),
            's.yaml:3: steps[1].block: say where: place: NAME, or x: and y:',
        ),
        (step('silence: {sensor: scam}'), 'no sensor "scam"; there are odom'),
        (step('kill_server: {action: navigate}'), 'no value "navigate"'),
        (
            step('fail_next: explode'),
            's.yaml:3: steps[1].fail_next: "explode" is none of none, reject',
        ),
        (step('battery: 120 %'), 'expected at most 100 %'),
        (step('jump_clock: 5'), '5 has no unit; write 5 s'),
        (step('kill_bridge: {signal: SIGNAL}'), 'no value "SIGNAL"'),
        (step('publish: {topic: /x}'), '"type" is missing'),
        (step('call: {service: /x, type: nothing/srv/X}'), 'package nothing is not installed'),
        (step('teleop: {linear: 0.3 m/s}'), '"for" is missing'),
        (step('teleop: {linear: 0.3, for: 1 s}'), '0.3 has no unit; write 0.3 m/s'),
        (step('teleop: {recording: gone.yaml}'), 'there is no file'),
        (step('push_tree: {name: x}'), 'expected either file: or xml:'),
        (step('wrong_answer: nonsense'), 'no value "nonsense"; there are not_json'),
        (step('flap_link: {every: 0 s, for: 3 s}'), 'expected more than 0 s'),
        (
            f'{GO}then:\n  - nevr: {{moving: true}}\n',
            's.yaml:4: then[0].nevr: no key "nevr"; did you mean "never"?',
        ),
        (f'{GO}then:\n  - never: {{while: stopped}}\n', 'expected one or more of moving'),
        (
            f'{GO}then:\n  - min_clearance: 0.15\n',
            's.yaml:4: then[0].min_clearance: 0.15 has no unit; write 0.15 m',
        ),
        (f'{GO}then:\n  - telemetry: {{keys: [pose]}}\n', '"every" is missing'),
        (
            f'given: {{robot: {{place: nowhere}}}}\n{GO}',
            's.yaml:1: given.robot.place: no value "nowhere"',
        ),
        (f'given: {{robot: {{}}, robots: {{a: {{}}}}}}\n{GO}', 'either robot or robots'),
        (f'given: {{robots: {{}}}}\n{GO}', 'expected at least one robot'),
        (f'given: {{map: gone.yaml}}\n{GO}', 's.yaml:1: given.map: there is no file'),
        (f'given: {{config: [gone.yaml]}}\n{GO}', 's.yaml:1: given.config[0]: there is no file'),
        (f'given: {{real_time_factor: 50}}\n{GO}', 'expected a number from 0.1 to 10'),
        (
            f'given:\n  settings: {{chatt: {{}}}}\n{GO}',
            's.yaml:2: settings: chatt: no such key; did you mean "chat"?',
        ),
        ('steps: [', 'not YAML'),
        ('steps: 5\n', 's.yaml:1: steps: expected a list'),
        (GO + GO, 's.yaml:3: steps: the key stands twice, first in line 1; put what'),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_would_be_right(tmp_path, text, expected):
    found = problems(tmp_path, text)
    assert any(expected in problem for problem in found), found


def test_all_problems_are_said_at_once(tmp_path):
    text = f'given: {{battery: 3}}\n{GO}'
    assert len(problems(tmp_path, text)) == 1
    text = 'steps:\n  - wait: 3\n  - wiat: 3 s\nthen:\n  - pose: {place: nowhere}\n'
    assert [problem.split(':')[1] for problem in problems(tmp_path, text)] == ['2', '3', '5']


def test_with_several_robots_each_step_says_whose_it_is(tmp_path):
    text = (
        'given: {robots: {a: {}, b: {}}}\nsteps:\n  - send: {command: stop}\n  - cut_link: 3 s\n'
    )
    found = problems(tmp_path, text)
    assert [problem.split(': ', 2)[2] for problem in found] == [
        'say which robot: robot: a or b',
        'say which robot: cut_link: {for: …, robot: NAME}',
    ]


def test_the_configuration_of_the_user_is_laid_over_the_packages(tmp_path):
    (tmp_path / 'mine.yaml').write_text('places: {bar: {x: 5.0, y: 4.0}}\n')
    file = tmp_path / 's.yaml'
    file.write_text(
        'given:\n'
        '  config: [mine.yaml]\n'
        '  settings: {link_loss: {after: 5.0, command: pause}}\n'
        '  robot: {place: bar, battery: 30}\n' + GO
    )
    robot = load_scenario(file).given.robots['robot']
    assert (robot.pose.x, robot.battery) == (5.0, 30.0)
    assert robot.configuration.data['link_loss']['command'] == 'pause'


def test_a_robot_of_the_folder_of_a_fleet_is_itself(tmp_path):
    fleet = tmp_path / 'fleet'
    (fleet / 'robots').mkdir(parents=True)
    (fleet / 'fleet.yaml').write_text(
        'links:\n  - {name: platform, protocol: xparo, url: "wss://example.org/ws"}\n'
    )
    (fleet / 'robots' / 'robot_7.yaml').write_text('places: {home: {x: 2.0, y: 4.0}}\n')
    file = tmp_path / 's.yaml'
    file.write_text(f'given: {{config: [fleet/, robot_7], robot: {{place: home}}}}\n{GO}')
    assert load_scenario(file).given.robots['robot'].pose.x == 2.0
    found = problems(tmp_path, f'given: {{config: [fleet/, robot_8]}}\n{GO}')
    assert 'no robot "robot_8"; did you mean "robot_7"?' in found[0]


def test_the_scenarios_of_the_project_are_right():
    folder = Path(__file__).parents[2] / 'config' / 'scenarios'
    files = sorted(folder.glob('*.yaml'))
    assert files
    for file in files:
        assert load_scenario(file).description


def test_a_tree_in_another_encoding_is_to_be_saved_as_utf_8(tmp_path):
    (tmp_path / 'odd.xml').write_text('<a b="café"/>', encoding='latin-1')
    (problem,) = problems(tmp_path, step('push_tree: {file: odd.xml}'))
    assert problem.startswith('s.yaml:3: ')
    assert problem.endswith('odd.xml cannot be read: line 1 is not UTF-8; save it as UTF-8')
