# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does check_tree know the nodes of a robot's configuration, also without the robot's packages."""

from __future__ import annotations

from fixtures.tree_robot import document
import pytest

from xparo_bridge.behavior.ros.check_tree import main

CONFIG = """
trees:
  nodes:
    Beep: {publish: std_msgs/msg/Float32, name: beep, ports: {loud: data}}
    Fold: {action: no_such_msgs/action/Fold, name: fold, ports: {cloth: cloth}}
"""


def check(tmp_path, body, *arguments):
    tree, config = tmp_path / 'tree.xml', tmp_path / 'robot.yaml'
    tree.write_text(document(body))
    config.write_text(CONFIG)
    return main([*arguments, '--config', str(config), str(tree)])


def test_nodes_of_the_configuration_are_known_with_their_ports(tmp_path, capsys):
    assert check(tmp_path, '<Sequence><Beep loud="0.5"/><Fold cloth="red"/></Sequence>') == 0
    assert check(tmp_path, '<Beep loud="very"/>') == 1
    assert "'very' is not a number" in capsys.readouterr().out


def test_the_nodes_of_the_bridge_take_any_port(tmp_path):
    assert check(tmp_path, '<RemoteCommand command="start_navigation" goal="kitchen"/>') == 0


@pytest.mark.parametrize(('command', 'code'), [('halt_tree', 0), ('fly', 1)])
def test_a_name_without_a_folder_is_the_packages_own_file(tmp_path, command, code, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        check(tmp_path, f'<RemoteCommand command="{command}"/>', '--config', 'commands.yaml')
        == code
    )


COMMANDS = """
places: {window: {x: 2.0, y: 4.0}}
commands:
  look_out: {kind: navigate, defaults: {goal: window}}
  go: {kind: navigate}
  dock: {kind: dock}
  beep:
    kind: publish
    topic: beep
    type: no_such_msgs/msg/Beep
    message: {data: $loud}
    parameters: {loud: {type: number, required: true, maximum: 1}}
  set: {kind: set_parameter, allowed: {speed: {node: /a, parameter: b, value: {type: number}}}}
  mine: {kind: of_another_package}
"""


def check_command(tmp_path, capsys, ports, *arguments):
    """Exit code and what is said of a RemoteCommand with these ports."""
    tree, config = tmp_path / 'tree.xml', tmp_path / 'robot.yaml'
    tree.write_text(document(f'<RemoteCommand {ports}/>'))
    config.write_text(COMMANDS)
    code = main([*arguments, '--config', str(config), str(tree)])
    lines = capsys.readouterr().out.splitlines()
    return code, [line.partition('::1: ')[2] for line in lines if '::1: ' in line]


@pytest.mark.parametrize(
    ('ports', 'said'),
    [
        ('command="lok_out"', 'there is no command "lok_out" in the configuration; did you mean'),
        ('command="go" goel="window"', 'go: there is no parameter "goel"; did you mean "goal"?'),
        ('command="go"', 'go: expected goal, goals, turn, distance or x and y'),
        ('command="go" turn="far"', 'go: turn: "far" is a string, expected a number'),
        ('command="go" parameters="{]"', 'the port [parameters]: '),
        ('command="beep"', 'beep: "loud" is missing'),
        ('command="beep" loud="2"', 'beep: loud: 2 is greater than the maximum of 1'),
        ('command="set" parameters=\'json:{"name": "sped", "value": 1}\'', 'set: name: "sped" is'),
        ('', 'the port [command] has no value'),
    ],
)
def test_a_command_that_could_never_run_is_an_error(tmp_path, capsys, ports, said):
    code, (first, *_) = check_command(tmp_path, capsys, ports, '--alone')
    assert code == 1
    assert first.startswith(said)


@pytest.mark.parametrize(
    'ports',
    [
        'command="look_out"',
        'command="go" goal="window"',
        'command="go" x="1" y="2.5"',
        'command="go" parameters=\'json:{"goals": ["window"], "loops": 2}\'',
        'command="go" goal="{table}"',
        'command="beep" loud="0.5"',
        'command="mine" any="thing"',
        'command="start_navigation" goal="table_4"',  # Of the package, and its place.
    ],
)
def test_what_may_run_is_right(tmp_path, capsys, ports):
    assert check_command(tmp_path, capsys, ports) == (0, [])


@pytest.mark.parametrize(
    'ports',
    [
        'command="go" goal="windw"',
        'command="go" parameters=\'json:{"goals": ["window", "windw"]}\'',
        'command="dock" place="windw"',
    ],
)
def test_a_place_that_only_the_robot_may_have_is_a_warning(tmp_path, capsys, ports):
    said = 'there is no place "windw" in the configuration; did you mean "window"?'
    assert check_command(tmp_path, capsys, ports) == (0, [said])


def test_files_lie_over_those_of_the_package_unless_they_are_alone(tmp_path, capsys):
    ports = 'command="start_navigation" goal="table_4"'
    assert check_command(tmp_path, capsys, ports)[0] == 0
    assert check_command(tmp_path, capsys, ports, '--alone')[0] == 1


def test_a_command_with_wrong_settings_is_reported_with_its_line(tmp_path, capsys):
    config = tmp_path / 'robot.yaml'
    config.write_text('commands:\n  go: {kind: navigate, speeed: 1}\n')
    assert main(['--config', str(config), 'tree.xml']) == 2
    assert 'robot.yaml:2: commands.go.speeed' in capsys.readouterr().err


def test_without_the_configuration_they_are_unknown(tmp_path, capsys):
    tree = tmp_path / 'tree.xml'
    tree.write_text(document('<Beep loud="1"/>'))
    assert main([str(tree)]) == 1
    assert 'unknown nodes: Beep' in capsys.readouterr().out


def test_a_wrong_configuration_is_reported_with_its_line(tmp_path, capsys):
    config = tmp_path / 'robot.yaml'
    config.write_text('trees:\n  nodes:\n    Beep: {publish: std_msgs/msg/Float32}\n')
    assert main(['--config', str(config), 'tree.xml']) == 2
    assert 'robot.yaml:3' in capsys.readouterr().err


def test_the_help_names_all_that_it_takes(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['--help'])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for word in ('--config FILE', '--assume-nodes', '--nav2', 'robot', '--tree-folder'):
        assert word in text


@pytest.mark.parametrize('argument', ['--nonsense', '--nav2=no_release', '--nav2'])
def test_what_is_not_understood_is_refused(argument, capsys):
    with pytest.raises(SystemExit) as ended:
        main(['tree.xml', argument])
    assert ended.value.code == 2
    assert 'usage: check_tree' in capsys.readouterr().err
