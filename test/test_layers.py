# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The rules by which configuration files are laid over one another, one test each."""

from __future__ import annotations

from pathlib import Path

import pytest

from xparo_bridge.configuration import Configuration, ConfigurationError, load
from xparo_bridge.layers import Layers
from xparo_bridge.yaml_layers import Layer

LINK = 'links:\n- {name: platform, protocol: xparo, url: "wss://a.org/ws"}\n'


@pytest.fixture
def files(tmp_path: Path):
    """Write texts into files 0.yaml, 1.yaml …; their paths."""

    def write(*texts: str) -> list[Path]:
        paths = [tmp_path / f'{number}.yaml' for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return paths

    return write


@pytest.fixture
def laid(files):
    """The configuration of texts laid over one another."""

    def load_texts(*texts: str, robot_id: str = 'r7') -> Configuration:
        return load(files(*texts), robot_id=robot_id)

    return load_texts


def problem_of(load_texts, *texts: str) -> str:
    """The one problem of texts."""
    with pytest.raises(ConfigurationError) as caught:
        load_texts(*texts)
    (problem,) = caught.value.problems
    return problem


def names(configuration: Configuration) -> list[str]:
    return [link['name'] for link in configuration['links']]


def test_maps_merge_key_by_key_and_the_later_file_wins(laid):
    places = laid(
        LINK + 'places: {a: {x: 1, y: 1}, b: {x: 2, y: 2}}\n',
        'places: {b: {x: 3}, c: {x: 4, y: 4}}\n',
    )['places']
    assert [(name, place['x'], place['y']) for name, place in places.items()] == [
        ('a', 1, 1),
        ('b', 3, 2),
        ('c', 4, 4),
    ]


def test_values_replace(laid):
    assert laid(LINK + 'robot_id: a\n', 'robot_id: b\n', robot_id='')['robot_id'] == 'b'


def test_lists_replace(laid):
    below, above = 'speech: {languages: [en-US, de-DE]}\n', 'speech: {languages: [fr-FR]}\n'
    assert laid(LINK + below, above)['speech']['languages'] == ['fr-FR']


def test_links_merge_by_name(laid):
    link = laid(LINK, 'links: [{name: platform, open_timeout: 3.0}]\n')['links'][0]
    assert (link['url'], link['open_timeout']) == ('wss://a.org/ws', 3.0)


def test_a_link_of_a_new_name_comes_last(laid):
    other = 'links: [{name: other, protocol: xparo, url: "wss://b.org/ws"}]\n'
    assert names(laid(LINK, other)) == ['platform', 'other']


@pytest.mark.parametrize('key', ['topic', 'name'])
def test_topics_of_the_telemetry_merge_by_their_name_or_else_their_topic(laid, key):
    name = ', name: where' if key == 'name' else ''
    below = f'telemetry: {{topics: [{{topic: odom, max_rate: 1.0{name}}}, {{topic: scan}}]}}\n'
    above = f'telemetry: {{topics: [{{{key}: {"where" if name else "odom"}, min_rate: 0.5}}]}}\n'
    first, second = laid(LINK + below, above)['telemetry']['topics']
    assert (first['topic'], first['max_rate'], first['min_rate']) == ('odom', 1.0, 0.5)
    assert second['topic'] == 'scan'


@pytest.mark.parametrize(
    ('below', 'above', 'kept'),
    [
        ('commands: {a: {kind: stop}, b: {kind: status}}\n', 'commands: {a: !remove}\n', ['b']),
        ('commands: {a: {kind: stop}}\n', 'commands: !remove\n', []),
        ('commands: {a: {kind: stop}}\n', 'commands: {a: null}\n', []),
    ],
)
def test_remove_takes_away_what_is_below(laid, below, above, kept):
    assert list(laid(LINK + below, above)['commands']) == kept


def test_remove_with_a_name_takes_a_thing_out_of_a_list_of_named_things(laid):
    two = LINK + '- {name: other, protocol: xparo, url: "wss://b.org/ws"}\n'
    assert names(laid(two, 'links: [!remove platform]\n')) == ['other']


def test_what_is_removed_can_be_given_anew(laid):
    below = LINK + 'commands: {a: {kind: stop, timeout: 3.0}}\n'
    again = laid(below, 'commands: {a: !remove}\n', 'commands: {a: {kind: status}}\n')
    assert again['commands'] == {'a': {'kind': 'status'}}


@pytest.mark.parametrize(
    ('above', 'expected'),
    [
        ('commands: {drvie: !remove}\n', 'commands.drvie: nothing to remove: no layer below'),
        ('commands: {drvie: !remove}\n', 'did you mean "drive"?'),
        ('links: [!remove paltform]\n', 'nothing to remove: the layers below have platform'),
        ('links:\n- !remove\n', 'expected the name of what to remove'),
        ('speech: {languages: [!remove en-US]}\n', 'only things of a list of named things'),
        ('commands: {drive: !remove it}\n', 'in a list of named things, not here'),
        ('commands: !remove {drive: 1}\n', '!remove stands before a name'),
    ],
)
def test_a_removal_that_removes_nothing_is_reported_with_its_place(laid, above, expected):
    below = LINK + 'commands: {drive: {kind: stop}}\nspeech: {languages: [en-US]}\n'
    problem = problem_of(laid, below, above)
    assert expected in problem
    assert '1.yaml:' in problem


@pytest.mark.parametrize(
    ('variable', 'written', 'read'),
    [
        ('hall', '"${hall}"', 'hall'),
        ('hall', '"${hall}_${robot_id}"', 'hall_r7'),
        ('"${robot_id}-x"', '"${hall}"', 'r7-x'),
        ('7', '"${hall}b"', '7b'),
        ('true', '"${hall}b"', 'trueb'),
        ('a', '"$${hall}"', '${hall}'),
    ],
)
def test_a_variable_stands_in_a_text(laid, variable, written, read):
    text = f'vars: {{hall: {variable}}}\nhead: {{frame: {written}}}\n'
    assert laid(LINK + text)['head']['frame'] == read


def test_a_variable_that_is_the_whole_text_keeps_its_type(laid):
    text = 'vars: {pace: 0.5}\nchat: {timeout: "${pace}"}\n'
    assert laid(LINK + text)['chat']['timeout'] == 0.5


def test_variables_of_a_later_file_win(laid):
    below = LINK + 'vars: {a: one, b: two}\nhead: {frame: "${a}_${b}"}\n'
    assert laid(below, 'vars: {b: three}\n')['head']['frame'] == 'one_three'


def test_the_robot_id_is_that_of_the_caller_or_else_of_the_configuration(laid):
    text = LINK + 'robot_id: r8\nhead: {frame: "${robot_id}_head"}\n'
    assert laid(text)['head']['frame'] == 'r7_head'
    assert laid(text, robot_id='')['head']['frame'] == 'r8_head'


def test_parameters_of_a_command_go_before_variables(laid):
    command = (
        '{kind: publish, topic: t, type: std_msgs/msg/String, '
        'message: {data: "${text} in ${hall}, $${hall}, ${later}"}, '
        'parameters: {text: {type: string}}}'
    )
    text = f'vars: {{hall: A, text: no}}\ncommands: {{tell: {command}}}\n'
    data = laid(LINK + text)['commands']['tell']['message']['data']
    assert data == '${text} in A, $${hall}, ${later}'


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('head: {frame: "${hal}"}\n', 'did you mean "hall"?'),
        ('head: {frame: "${HOME}"}\n', 'those of the environment are not read'),
        ('vars: {a: "${b}", b: "${a}"}\nhead: {frame: "${a}"}\n', 'stands for itself'),
        ('vars: {secret_key: x}\n', 'secrets do not stand in configuration files'),
        ('vars: {api-key: x}\n', 'expected a name of letters'),
        ('vars: {robot_id: x}\n', 'expected a name of letters'),
        ('vars: {a: [1]}\n', 'vars.a: expected a text, a number, true or false'),
        ('vars: 3\n', 'vars: expected a map of names to values'),
    ],
)
def test_a_variable_that_cannot_be_is_reported_with_its_place(laid, text, expected):
    problem = problem_of(laid, LINK + 'vars: {hall: A}\n', text)
    assert expected in problem
    assert '1.yaml:' in problem


def test_a_file_stands_for_what_it_holds(laid, tmp_path):
    (tmp_path / 'places').mkdir()
    (tmp_path / 'places' / 'hall.yaml').write_text('# The hall.\ndock: {x: 1, y: 2}\n')
    configuration = laid(LINK + 'places: !file places/hall.yaml\n')
    assert configuration['places']['dock']['y'] == 2
    assert configuration.where(('places', 'dock')) == f'{tmp_path}/places/hall.yaml:2'


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        ('none.yaml', 'no file'),
        ('../0.yaml', 'expected the path of a file below'),
        ('/etc/hostname', 'expected the path of a file below'),
        ('0.yaml', 'is a file that holds itself'),
    ],
)
def test_a_file_that_cannot_be_taken_is_reported(laid, path, expected):
    assert expected in problem_of(laid, LINK + f'places: !file {path}\n')


def test_a_problem_in_a_file_that_another_names_has_its_own_place(laid, tmp_path):
    (tmp_path / 'places.yaml').write_text('dock: {x: 1, y: 2}\nhall:\n  x: 1e3\n  y: 2\n')
    problem = problem_of(laid, LINK + 'places: !file places.yaml\n')
    assert problem.startswith(f'{tmp_path}/places.yaml:3: places.hall.x: ')


def test_a_value_leads_to_the_file_the_line_and_the_column(laid):
    configuration = laid(LINK, 'links:\n  - {name: platform, open_timeout: 3.0}\n')
    place = configuration.where(('links', 0, 'open_timeout'))
    assert (Path(place.file).name, place.line, place.column) == ('1.yaml', 2, 22)
    assert configuration.where(('links', 0, 'url')).endswith('0.yaml:2')


def test_a_thing_after_one_that_was_removed_keeps_its_place(laid):
    two = LINK + '- {name: other, protocol: xparo, url: "wss://b.org/ws"}\n'
    configuration = laid(two, 'links: [!remove platform]\n')
    assert configuration.where(('links', 0, 'url')).endswith('0.yaml:3')


def test_a_list_that_was_replaced_is_not_blamed(laid):
    below = LINK + 'speech: {languages: [1, 2, 3]}\n'
    problem = problem_of(laid, below, '\nspeech: {languages: [de-DE, 4]}\n')
    assert '1.yaml:2: speech.languages[1]: ' in problem


def test_history_has_what_each_layer_says_of_a_value(files):
    paths = files(
        LINK + 'chat: {timeout: 1.0}\nhead: {frame: a}\n',
        'chat: {timeout: 2.0}\n',
        'head: !remove\nlinks: [{name: other, protocol: xparo, url: u}, {name: platform, url: v}]',
        'chat: {timeout: 3.0}\nlinks: [!remove other]\n',
    )
    layers = Layers([Layer(path) for path in paths])

    def history(*path):
        return [(Path(found.layer.path).stem, found.value) for found in layers.history(path)]

    assert history('chat', 'timeout') == [('3', 3.0), ('1', 2.0), ('0', 1.0)]
    assert history('links', 0, 'url') == [('2', 'v'), ('0', 'wss://a.org/ws')]
    assert history('head', 'frame') == []


def test_layers_that_were_merged_already_can_lie_below(files):
    lower, upper, alone = files(LINK + 'chat: {timeout: 1.0}\n', 'chat: {timeout: 2.0}\n', '')
    below = Layers([Layer(lower)])
    above = Layers([Layer(upper)], below)
    assert above.tree['chat'] == {'timeout': 2.0}
    assert above.tree['links'] is below.tree['links']
    assert Layers([Layer(alone)], below).tree['chat'] == {'timeout': 1.0}
