# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What does the set-up say of a machine that lacks something, and what does it do again."""

import importlib.util
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the set-up reads, without an environment."""
    for name in ('tools', 'interfaces', 'resource'):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ('package.xml', 'pyproject.toml', 'setup.cfg', 'setup.py'):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def environment(checkout, monkeypatch):
    """The set-up's module, as it is in the copy."""
    monkeypatch.delenv('DISTRO', raising=False)
    return load_environment(checkout, monkeypatch)


def load_environment(checkout, monkeypatch):
    monkeypatch.syspath_prepend(str(checkout / 'tools'))
    spec = importlib.util.spec_from_file_location('environment', checkout / 'tools/environment.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def set_up(checkout, *arguments, **variables):
    return subprocess.run(
        [sys.executable, checkout / 'tools' / 'environment.py', *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )


def test_all_that_a_machine_lacks_is_reported_at_once_with_the_apt_command(
    checkout, tmp_path_factory
):
    result = set_up(
        checkout,
        '--lint',
        PATH=str(tmp_path_factory.mktemp('empty')),
        CXX='',
        CC='',
        MAKE='',
        PIP_INDEX_URL='https://127.0.0.1:9/simple',
        https_proxy='',
        PIP_PROXY='',
        PIP_NO_INDEX='',
    )
    assert result.returncode == 1
    for lacking in ('C++ compiler', 'C compiler', 'make', 'xmllint', 'connection to 127.0.0.1:9'):
        assert lacking in result.stderr
    assert 'sudo apt-get install g++ gcc make libxml2-utils\n' in result.stderr


def test_nothing_is_written_on_a_machine_that_lacks_something(checkout, tmp_path_factory):
    set_up(checkout, PATH=str(tmp_path_factory.mktemp('empty')), CXX='', CC='', MAKE='')
    assert not (checkout / '.venv').exists()


def test_a_pip_index_on_the_disk_needs_no_connection(environment, monkeypatch):
    monkeypatch.setenv('PIP_INDEX_URL', 'file:///srv/index')
    assert environment.find_missing.__globals__['index_address']() is None


def test_an_interface_that_changed_is_the_only_thing_made_again(environment, checkout):
    before = environment.keys()
    with (checkout / 'interfaces/xparo_interfaces/srv/Chat.srv').open('a') as file:
        file.write('# More.\n')
    assert environment.outdated(before, environment.keys()) == ['xparo_interfaces']


def test_each_distribution_has_the_packages_of_the_one_list():
    command = [sys.executable, ROOT / 'tools' / 'pin_requirements.py', '--check']
    assert subprocess.run(command).returncode == 0


def test_another_distribution_has_an_environment_beside_it(checkout, monkeypatch):
    monkeypatch.setenv('DISTRO', 'kilted')
    module = load_environment(checkout, monkeypatch)
    assert module.PREFIX == checkout / '.venv-kilted'
    assert 'ros-rclpy==9.' in module.requirements().read_text()
    assert [path.relative_to(checkout).parts for path in module.sources('nav2_msgs')] == [
        ('interfaces', 'nav2_msgs'),
        ('interfaces', 'kilted', 'nav2_msgs'),
    ]


def test_a_distribution_that_there_is_none_of_is_refused(checkout):
    result = set_up(checkout, DISTRO='bouncy')
    assert result.returncode == 2
    assert 'jazzy, kilted' in result.stderr


def test_other_ros_wheels_make_the_interfaces_anew(environment, checkout):
    before = environment.keys()
    with (checkout / 'tools/requirements-ros.txt').open('a') as file:
        file.write('ros-tf2-msgs==0.36.4\n')
    assert environment.outdated(before, environment.keys()) == ['ros', *environment.INTERFACES]


def test_a_set_up_that_was_killed_while_pip_ran_begins_from_nothing(environment):
    steps = environment.keys()
    assert environment.outdated(steps | {'unfinished': 'dev'}, steps) == list(steps)


def test_an_environment_is_made_again_where_its_folder_was_moved(environment, checkout):
    before = environment.keys()
    environment.ROOT = checkout / 'elsewhere'
    shutil.copytree(checkout, environment.ROOT)
    environment.TOOLS = environment.ROOT / 'tools'
    assert 'venv' in environment.outdated(before, environment.keys())
