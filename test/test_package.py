# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the descriptions of the package agree with each other and with the rules for them."""

from importlib.metadata import distribution
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from catkin_pkg.package import parse_package
from catkin_pkg.packages import find_package_paths
import pytest

from tools import check_dependencies
import xparo_bridge

ROOT = Path(__file__).parent.parent
MANIFESTS = [ROOT / 'package.xml', *sorted(ROOT.glob('interfaces/*/package.xml'))]


@pytest.mark.parametrize('path', MANIFESTS, ids=lambda path: path.parent.name)
def test_the_manifest_is_valid(path):
    warnings = []
    package = parse_package(path, warnings=warnings)
    package.validate(warnings=warnings)
    assert not warnings


def test_a_workspace_gets_the_two_packages_and_none_of_those_that_come_with_ros():
    # Not only is nav2_msgs built for nothing: rosdep would not install it, and what was built from
    # the copy here would lie over the robot's.
    found = {*find_package_paths(ROOT / 'interfaces'), *find_package_paths(ROOT)}
    assert found == {'.', 'xparo_interfaces'}


def test_the_versions_are_the_same():
    assert parse_package(ROOT).version == xparo_bridge.__version__
    assert distribution('xparo_bridge').version == xparo_bridge.__version__


def test_the_package_is_found_in_the_ament_index():
    share = Path(get_package_share_directory('xparo_bridge'))
    assert (share / 'package.xml').read_text() == (ROOT / 'package.xml').read_text()


def test_the_dependencies_are_what_is_imported_and_resolve_on_noble():
    assert check_dependencies.mistakes() + check_dependencies.unresolved() == []


@pytest.mark.sampled(2)  # Each reads all files of the tree: 2.4 s of CPU.
@pytest.mark.parametrize(
    ('now', 'then', 'mistake'),
    [
        ('<exec_depend>nav_msgs</exec_depend>', '', 'exec_depend nav_msgs is missing'),
        ('<exec_depend>python3-pil</exec_depend>', '', 'exec_depend python3-pil is missing'),
        (
            '<test_depend>python3-hypothesis</test_depend>',
            '',
            'test_depend python3-hypothesis is missing',
        ),
        ('<test_depend>', '<exec_depend>rviz2</exec_depend><test_depend>', 'nothing imports it'),
        ('<test_depend>', '<test_depend>nav_msgs</test_depend><test_depend>', 'already'),
        ('<test_depend>', '<exec_depend>python3-no</exec_depend><test_depend>', 'not known to'),
    ],
)
def test_what_is_wrong_with_the_dependencies_is_found(tmp_path, monkeypatch, now, then, mistake):
    for name in ('xparo_bridge', 'launch', 'test', 'tools'):
        (tmp_path / name).symlink_to(ROOT / name)
    text = (ROOT / 'package.xml').read_text()
    (tmp_path / 'package.xml').write_text(text.replace(now, then, 1))
    monkeypatch.setattr(check_dependencies, 'ROOT', tmp_path)
    found = check_dependencies.mistakes() + check_dependencies.unresolved()
    assert len([line for line in found if mistake in line]) == 1, found


def test_keys_are_resolved_by_the_files_of_rosdistro(tmp_path):
    for name, text in {
        'rosdep/base.yaml': """
            python3-numpy: {ubuntu: [python3-numpy]}
            python3-pil: {ubuntu: {'*': [python3-pil], focal: [python-pil]}}
            python3-psutil: {ubuntu: {noble: {apt: {packages: [a, b]}}}}
            python3-yaml: {ubuntu: {jammy: [python3-yaml]}}
            """,
        'rosdep/python.yaml': 'python3-aiohttp: {ubuntu: {pip: {packages: [aiohttp]}}}',
        'jazzy/distribution.yaml': """
            repositories:
              common: {release: {packages: [nav_msgs], version: 1.0.0-1}}
              rclpy: {release: {version: 1.0.0-1}}
              launch: {source: {type: git}}
            """,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert check_dependencies.resolve(tmp_path) == {
        'nav_msgs': 'ros-jazzy-nav-msgs',
        'python3-numpy': 'python3-numpy',
        'python3-pil': 'python3-pil',
        'python3-psutil': 'a b',
        'rclpy': 'ros-jazzy-rclpy',
    }
