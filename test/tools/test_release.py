# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A release has one version everywhere, a changelog that ROS's tools read, and a whole wheel."""

from datetime import date
from pathlib import Path
import subprocess
import sys

from catkin_pkg.changelog import get_changelog_from_path
import pytest

from tools.release import (
    check_version,
    current_version,
    NotReady,
    PACKAGES,
    released,
    ROOT,
    with_version,
)


@pytest.mark.parametrize('package', PACKAGES, ids=lambda package: package.name)
def test_the_changelog_is_one_that_the_release_tools_of_ros_read(package, tmp_path):
    changelog = get_changelog_from_path(str(package / 'CHANGELOG.rst'))
    assert changelog is not None
    made = tmp_path / 'CHANGELOG.rst'
    text = (package / 'CHANGELOG.rst').read_text()
    made.write_text(released(text, '7.8.9', date(2027, 1, 2)))
    version, day, entries = next(iter(get_changelog_from_path(str(made)).foreach_version()))
    assert (version, day.date()) == ('7.8.9', date(2027, 1, 2))
    assert entries


def test_all_packages_of_ours_have_one_version():
    assert {current_version(package) for package in PACKAGES} == {current_version()}


def test_a_release_changes_the_version_and_nothing_else_of_a_manifest():
    text = (ROOT / 'package.xml').read_text()
    changed = with_version(text, '7.8.9')
    assert changed.replace('7.8.9', current_version()) == text
    assert '<version>7.8.9</version>' in changed


@pytest.mark.parametrize('version', ['1.2', 'v1.2.3', '1.2.3rc1', '', '0.0.1'])
def test_what_is_no_later_version_is_refused(version):
    with pytest.raises(NotReady):
        check_version(version)


def test_a_changelog_without_news_is_no_release():
    with pytest.raises(NotReady):
        released('Forthcoming\n-----------\n\n0.1.0 (2026-01-01)\n', '0.2.0', date.today())


def test_sdist_and_wheel_are_built_and_whole():
    pytest.importorskip('build', reason='the package build is not installed')
    result = subprocess.run(
        [sys.executable, 'tools/release.py', '--dry-run'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert '.whl' in result.stdout and '.tar.gz' in result.stdout


def test_the_hooks_before_a_commit_have_the_versions_that_lint_has():
    hooks = (ROOT / '.pre-commit-config.yaml').read_text()
    pinned = (ROOT / 'tools' / 'requirements-dev.txt').read_text()
    ruff = next(line for line in pinned.splitlines() if line.startswith('ruff=='))
    assert f'rev: v{ruff.removeprefix("ruff==")}' in hooks
    assert Path(ROOT / 'SECURITY.md').exists()
