# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Make a release: `make release VERSION=1.2.0`.

The version stands in package.xml; the other packages of interfaces/ that are ours follow it. The
changelogs have the form of catkin_pkg, which bloom and catkin_prepare_release read: their section
"Forthcoming" becomes the release. Then sdist and wheel are built, and checked by installing the
wheel into an empty folder; last come the commit and the tag. Nothing is pushed.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = Path(__file__).resolve().parents[1]
# The packages released together; nav2_msgs and tf2_msgs are copies of others' interfaces.
PACKAGES = (ROOT, ROOT / 'interfaces' / 'xparo_interfaces')
FORTHCOMING = 'Forthcoming\n-----------\n'


class NotReady(Exception):
    """The checkout cannot be released as it is; the text says why."""


def current_version(package: Path = ROOT) -> str:
    """Return the version that a package.xml has."""
    found = re.search(r'<version>(.+?)</version>', (package / 'package.xml').read_text())
    assert found is not None
    return found[1]


def check_version(version: str) -> None:
    """
    Check that a version is a release after the current one.

    :raises NotReady: if it is not.
    """
    if not re.fullmatch(r'\d+\.\d+\.\d+', version):
        raise NotReady(f'"{version}" is not a version; expected MAJOR.MINOR.PATCH, such as 0.2.0')
    new, old = (tuple(map(int, text.split('.'))) for text in (version, current_version()))
    if new < old:
        raise NotReady(f'{version} is before {current_version()}')


def released(changelog: str, version: str, day: date) -> str:
    """
    Return a changelog whose forthcoming section is a release.

    :raises NotReady: if nothing is forthcoming.
    """
    if FORTHCOMING + '*' not in changelog:
        raise NotReady('the changelog has nothing under "Forthcoming"')
    title = f'{version} ({day.isoformat()})'
    return changelog.replace(FORTHCOMING, f'{title}\n{"-" * len(title)}\n', 1)


def with_version(manifest: str, version: str) -> str:
    """Return a package.xml with another version."""
    return re.sub(r'<version>.+?</version>', f'<version>{version}</version>', manifest, count=1)


def check_wheel(wheel: Path, version: str) -> None:
    """
    Check that a wheel has what a robot needs beside the code.

    :raises NotReady: naming what is missing.
    """
    names = zipfile.ZipFile(wheel).namelist()
    share = f'xparo_bridge-{version}.data/data/share/xparo_bridge/'
    for wanted in (
        'xparo_bridge/bridge.py',
        'xparo_bridge/py.typed',
        f'{share}package.xml',
        f'{share}config/schema.json',
        f'{share}launch/bridge.launch.py',
        f'xparo_bridge-{version}.dist-info/entry_points.txt',
    ):
        if wanted not in names:
            raise NotReady(f'{wheel.name} lacks {wanted}')


def run(*command: str | Path) -> str:
    """Run a command in the checkout and return what it prints."""
    print('+', *command, flush=True)
    return subprocess.run(
        [str(word) for word in command], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def build(version: str, folder: Path) -> list[Path]:
    """Build sdist and wheel into a folder, and check them."""
    with tempfile.TemporaryDirectory() as scratch:
        # From a copy of what is committed: what lies about in the checkout stays out.
        archive = run('git', 'stash', 'create').strip() or 'HEAD'
        tar = Path(scratch, 'tree.tar')
        run('git', 'archive', '-o', tar, archive)
        run('tar', '-xf', tar, '-C', scratch)
        run(sys.executable, '-m', 'build', '--no-isolation', '--outdir', folder, scratch)
    made = sorted(folder.glob(f'xparo_bridge-{version}*'))
    check_wheel(next(path for path in made if path.suffix == '.whl'), version)
    return made


def main() -> int:
    """Make a release, or say why it cannot be made."""
    parser = argparse.ArgumentParser(description='Make a release of all packages of ours.')
    parser.add_argument('version', nargs='?', default='', help='such as 0.2.0')
    parser.add_argument(
        '--dry-run', action='store_true', help='build and check what is there; change nothing'
    )
    options = parser.parse_args()
    try:
        if options.dry_run:
            version = current_version()
            with tempfile.TemporaryDirectory() as folder:
                for path in build(version, Path(folder)):
                    print(f'{path.name}: {path.stat().st_size / 1e3:.0f} kB')
            return 0
        check_version(options.version)
        if run('git', 'status', '--porcelain'):
            raise NotReady('the checkout has changes that are not committed')
        if options.version in run('git', 'tag', '--list').split():
            raise NotReady(f'the tag {options.version} is there already')
        for package in PACKAGES:
            for name, change in (
                ('CHANGELOG.rst', lambda text: released(text, options.version, date.today())),
                ('package.xml', lambda text: with_version(text, options.version)),
            ):
                path = package / name
                path.write_text(change(path.read_text()))
        for path in build(options.version, ROOT / 'dist'):
            print(path.relative_to(ROOT))
        run('git', 'commit', '-qam', f'{options.version}')
        run('git', 'tag', '-a', options.version, '-m', f'xparo_bridge {options.version}')
    except NotReady as error:
        print(f'no release: {error}', file=sys.stderr)
        return 1
    print(f'{options.version} is tagged; what is left: git push --follow-tags, and dist/')
    return 0


if __name__ == '__main__':
    sys.exit(main())
