# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
How does a machine without ROS 2 get all that this project runs, is tested and linted with.

Makes the virtual environment .venv with ROS 2 Jazzy from PyPI, builds the interface packages
into it and installs the project so that edits take effect at once. With DISTRO=kilted in the
environment it makes .venv-kilted beside it. What is there already, by the content of what it was
made from, is not made again. What the machine lacks is found before anything is written.

It is read by whatever `python3` is, so it keeps to the syntax of Python 3.6.
"""

import argparse
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
import configparser
import fcntl
import hashlib
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from machine import clean_environment, describe, find_missing

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / 'tools'
DISTROS = ('jazzy', 'kilted')
DISTRO = os.environ.get('DISTRO') or DISTROS[0]
PREFIX = ROOT / ('.venv' if DISTRO == DISTROS[0] else '.venv-' + DISTRO)
STATE = PREFIX / 'environment.json'
LOCK = ROOT / '.cache' / 'environment.lock'

# Raised when what this file makes of the same inputs changes: everything is made again.
FORMAT = 1

INTERFACES = ('nav2_msgs', 'tf2_msgs', 'xparo_interfaces', 'xparo_test_msgs')

# Packages in a version beside the environment's own, each in <prefix>/compat/<name>-<version>
# for a test to put first on PYTHONPATH: the oldest release the bridge has to work with.
COMPAT = ('websockets==10.4',)

# The requirements are complete; and Python compiles what is imported, a small part, by itself.
PIP_OPTIONS = ('--no-deps', '--no-compile')


class Failed(Exception):
    """A command of a step failed; its log says why."""

    def __init__(self, command, log):
        self.command = [str(word) for word in command]
        self.log = log
        super().__init__(f'{self.command[0]} failed')


def environment():
    """Return the variables a command of a step runs with."""
    env = clean_environment()
    env.update(
        AMENT_PREFIX_PATH=str(PREFIX),
        CMAKE_PREFIX_PATH=str(PREFIX),
        PATH=os.pathsep.join([str(PREFIX / 'bin'), env.get('PATH', os.defpath)]),
        PIP_DISABLE_PIP_VERSION_CHECK='1',
        PIP_NO_INPUT='1',
    )
    return env


def requirements():
    """Return the file that pins the distribution's packages."""
    own = '' if DISTRO == DISTROS[0] else '-' + DISTRO
    return TOOLS / ('requirements-ros' + own + '.txt')


def digest(*inputs):
    """Return a hash of strings and of files, these by name and content."""
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, Path):
            total.update(str(item.relative_to(ROOT)).encode() + b'\0')
            item = item.read_bytes()
        else:
            item = item.encode()
        total.update(str(len(item)).encode() + b'\0' + item)
    return total.hexdigest()


def keys():
    """Return a dict of each step, in their order, to a hash of all it is made from."""
    ros = digest(requirements())
    steps = {
        'venv': digest(str(FORMAT), str(ROOT)),
        'ros': ros,
        'dev': digest(TOOLS / 'requirements-dev.txt', *COMPAT),
    }
    for name in INTERFACES:
        files = (path for folder in sources(name) for path in folder.rglob('*') if path.is_file())
        steps[name] = digest(ros, TOOLS / 'interfaces.cmake', *sorted(files))
    steps['project'] = digest(
        *(ROOT / name for name in ('pyproject.toml', 'setup.cfg', 'setup.py')),
        *(str(path) for path in shared_files()),
    )
    return steps


def sources(name):
    """
    Return the folders of an interface package: those of all, and the distribution's own.

    The second holds the files that differ, its CMakeLists.txt among them.
    """
    folders = (ROOT / 'interfaces' / name, ROOT / 'interfaces' / DISTRO / name)
    return [folder for folder in folders if folder.is_dir()]


def shared_files():
    """Return what ROS finds in the package's share folder, relative to the checkout."""
    return [
        Path('package.xml'),
        *sorted(
            path.relative_to(ROOT)
            for folder in ('launch', 'config')
            for path in (ROOT / folder).rglob('*')
            if path.is_file() and '__pycache__' not in path.parts
        ),
    ]


class Setup:
    """One run: does the steps that are due and keeps account of them."""

    def __init__(self, python, steps, lock):
        self.python = python
        self.steps = steps
        self.lock = lock
        self.done = read_state()
        self.start = time.monotonic()
        self.children = set()
        self.stopped = False
        self.guard = threading.Lock()

    def run(self):
        """Bring everything up to date; Failed if a command fails."""
        pool = ThreadPoolExecutor(2)
        try:
            # pip takes a package it was killed at for an installed one, so what it did not end
            # is not taken up in the middle, but begun from nothing.
            if 'unfinished' in self.done or not self.current('venv'):
                self.make_venv()
            if not self.current('ros'):
                self.install_ros()
            parts = [pool.submit(self.install_python), pool.submit(self.build_interfaces)]
            wait(parts, return_when=FIRST_EXCEPTION)
            failed = [part for part in parts if part.done() and part.exception()]
            for part in failed or parts:
                part.result()
        except BaseException:
            self.stop()
            raise
        finally:
            pool.shutdown()

    def current(self, step):
        return self.done.get(step) == self.steps[step]

    def begin(self, step, what, whole=False):
        """
        Say what is done now, and note that until it ends the step is not done.

        :param whole: whether everything is to be made again if it does not end
        """
        print(f'[{time.monotonic() - self.start:5.1f} s] {what}', flush=True)
        with self.guard:
            self.done.pop(step, None)
            if whole:
                self.done['unfinished'] = step
            self.save()

    def end(self, step):
        with self.guard:
            self.done[step] = self.steps[step]
            if self.done.get('unfinished') == step:
                del self.done['unfinished']
            self.save()

    def save(self):
        new = STATE.with_suffix('.new')
        new.write_text(json.dumps(self.done, indent=2))
        os.replace(str(new), str(STATE))

    def command(self, step, *command):
        """Run a command with its output in the step's log; Failed if it fails."""
        log = PREFIX / 'log' / (step + '.log')
        log.parent.mkdir(exist_ok=True)
        with log.open('ab') as output:
            with self.guard:
                if self.stopped:
                    raise Failed(command, log)
                # Its own session: Ctrl-C is ours to pass on. The lock is its too, so that what
                # outlives us when we are killed holds up the next run.
                child = subprocess.Popen(
                    [str(word) for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment(),
                    cwd=str(ROOT),
                    pass_fds=[self.lock],
                    start_new_session=True,
                )
                self.children.add(child)
            code = child.wait()
            with self.guard:
                self.children.discard(child)
        if code:
            raise Failed(command, log)

    def stop(self):
        """End every running command and let no other begin."""
        with self.guard:
            self.stopped = True
            for child in self.children:
                try:
                    os.killpg(child.pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass

    def pip(self, step, *arguments):
        self.command(step, PREFIX / 'bin' / 'python', '-m', 'pip', *arguments)

    def make_venv(self):
        print(f'[{0:5.1f} s] virtual environment with {self.python.executable}', flush=True)
        if PREFIX.exists():
            shutil.rmtree(str(PREFIX))
        PREFIX.mkdir()
        self.done = {'unfinished': 'venv'}
        self.save()
        self.command('venv', self.python.executable, '-m', 'venv', PREFIX)
        # So that ament_index finds the packages in the environment without a sourced set-up file.
        (site_packages() / 'ament_prefix.pth').write_text(
            "import os, sys; os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join(dict.fromkeys("
            "[sys.prefix] + list(filter(None, os.environ.get('AMENT_PREFIX_PATH', '')"
            '.split(os.pathsep)))))\n'
        )
        self.end('venv')

    def install_ros(self):
        what = 'ROS 2 ' + DISTRO.capitalize() + ' and Python packages from PyPI'
        self.begin('ros', what, whole=True)
        self.pip('ros', 'install', *PIP_OPTIONS, '-r', requirements())
        headers = (
            subprocess.check_output(
                [
                    str(PREFIX / 'bin' / 'python'),
                    '-I',
                    '-c',
                    "import sysconfig; print(sysconfig.get_paths()['include'])",
                ],
                env=environment(),
            )
            .decode()
            .strip()
        )
        # The wheels' CMake files name the folders of the machine that built them.
        built = r'/opt/python/cp\d+-cp\d+/'
        for path in (PREFIX / 'share').rglob('*.cmake'):
            text = path.read_text()
            if '/opt/python/' in text:
                text = re.sub(built + r'include/python3\.\d+', headers, text)
                path.write_text(
                    re.sub(built + r'lib/python3\.\d+/site-packages', str(site_packages()), text)
                )
        self.end('ros')

    def install_python(self):
        """Install what comes on top of ROS 2, and the project."""
        if not self.current('dev'):
            self.begin('dev', 'tools for tests and lint', whole=True)
            self.pip('dev', 'install', *PIP_OPTIONS, '-r', TOOLS / 'requirements-dev.txt')
            for requirement in COMPAT:
                folder = PREFIX / 'compat' / requirement.replace('==', '-')
                if folder.exists():
                    shutil.rmtree(str(folder))
                self.pip('dev', 'install', *PIP_OPTIONS, '--target', folder, requirement)
            self.end('dev')
        if not self.current('project'):
            self.begin('project', 'xparo_bridge itself')
            # Not left to pip, which cannot remove what it was killed at.
            for path in site_packages().glob('*xparo_bridge*'):
                shutil.rmtree(str(path)) if path.is_dir() else path.unlink()
            self.pip('project', 'install', '--no-deps', '--no-build-isolation', '-e', ROOT)
            self.link_share()
            self.end('project')

    def link_share(self):
        """Give the package its place in the ament index, as `colcon build --symlink-install`."""
        share = PREFIX / 'share' / 'xparo_bridge'
        scripts = PREFIX / 'lib' / 'xparo_bridge'
        index = PREFIX / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'xparo_bridge'
        for old in (share, scripts):
            if old.exists():
                shutil.rmtree(str(old))
        index.unlink(missing_ok=True)
        # File by file: ros2 launch does not look into folders that are links.
        links = {share / path: ROOT / path for path in shared_files()}
        links[index] = ROOT / 'resource' / 'xparo_bridge'
        entries = configparser.ConfigParser()
        entries.read(next(site_packages().glob('xparo_bridge-*.dist-info')) / 'entry_points.txt')
        for name in entries['console_scripts']:
            links[scripts / name] = PREFIX / 'bin' / name
        for link, target in links.items():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)

    def build_interfaces(self):
        for name in INTERFACES:
            if not self.current(name):
                self.begin(name, 'interfaces ' + name)
                self.build(name)
                self.end(name)

    def build(self, name):
        build = PREFIX / 'build' / name
        installed = build / 'install_manifest.txt'
        if installed.exists():
            for path in installed.read_text().splitlines():
                if os.path.exists(path):
                    os.unlink(path)
        if build.exists():
            shutil.rmtree(str(build))
        programs = PREFIX / 'bin'
        source, *own = sources(name)
        if own:
            merged = PREFIX / 'build' / (name + '.source')
            if merged.exists():
                shutil.rmtree(str(merged))
            shutil.copytree(str(source), str(merged))
            for path in own[0].rglob('*'):
                if path.is_file():
                    shutil.copy(str(path), str(merged / path.relative_to(own[0])))
            source = merged
        self.command(
            name,
            programs / 'cmake',
            '-G',
            'Ninja',
            '-S',
            source,
            '-B',
            build,
            '-DBUILD_TESTING=OFF',
            f'-DCMAKE_INSTALL_PREFIX={PREFIX}',
            '-DCMAKE_PROJECT_INCLUDE={}'.format(TOOLS / 'interfaces.cmake'),
            '-DPython3_EXECUTABLE={}'.format(programs / 'python'),
        )
        self.command(name, programs / 'cmake', '--build', build)
        self.command(name, programs / 'cmake', '--install', build)


def site_packages():
    return next((PREFIX / 'lib').glob('python3.*')) / 'site-packages'


def read_state():
    """Return what the steps done were made from; empty if there is no usable environment."""
    try:
        state = json.loads(STATE.read_text())
        return state if (PREFIX / 'bin' / 'python').exists() else {}
    except (OSError, ValueError):
        return {}


def outdated(state, steps):
    """Return the steps that have to be done, given what is done."""
    if 'unfinished' in state:
        return list(steps)
    return [step for step in steps if state.get(step) != steps[step]]


def main():
    parser = argparse.ArgumentParser(description='Make .venv or bring it up to date.')
    parser.add_argument('--lint', action='store_true', help='check for what make lint needs too')
    parser.add_argument(
        '--missing', action='store_true', help='only print the apt packages this machine lacks'
    )
    options = parser.parse_args()

    if DISTRO not in DISTROS:
        print('DISTRO is ' + DISTRO + ', not one of ' + ', '.join(DISTROS), file=sys.stderr)
        return 2
    if options.missing:
        _, missing = find_missing(PREFIX, download=False, lint=options.lint)
        print(' '.join(package for _, package in missing if package))
        return 0
    steps = keys()
    if not outdated(read_state(), steps) and not (options.lint and not shutil.which('xmllint')):
        return 0
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print('waiting for another set-up of this folder to end', flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return set_up(options, steps, lock.fileno())


def set_up(options, steps, lock):
    """Do what is due; return the exit code."""
    download = bool({'venv', 'ros', 'dev'}.intersection(outdated(read_state(), steps)))
    python, missing = find_missing(PREFIX, download, options.lint)
    if missing:
        print(describe(missing), file=sys.stderr)
        return 1
    run = Setup(python, steps, lock)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run.run()
    except Failed as failure:
        lines = failure.log.read_text(errors='replace').splitlines()[-25:]
        print(
            '\n'.join(
                [
                    '',
                    *lines,
                    '',
                    'Failed: ' + ' '.join(failure.command),
                    f'The whole log: {failure.log}',
                    'Run it again when the cause is gone.',
                ]
            ),
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130
    print(f'[{time.monotonic() - run.start:5.1f} s] ready', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
