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


@pytest.mark.parametrize(('command', 'code'), [('start_navigation', 0), ('fly', 1)])
def test_a_name_without_a_folder_is_the_packages_own_file(tmp_path, command, code, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        check(tmp_path, f'<RemoteCommand command="{command}"/>', '--config', 'commands.yaml')
        == code
    )


def test_without_the_configuration_they_are_unknown(tmp_path, capsys):
    tree = tmp_path / 'tree.xml'
    tree.write_text(document('<Beep loud="1"/>'))
    assert main([str(tree)]) == 1
    assert 'unknown nodes: Beep' in capsys.readouterr().out


def test_a_wrong_configuration_is_told_with_its_line(tmp_path, capsys):
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
