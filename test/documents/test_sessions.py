# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Does a page that shows a session (docs/first-hour.md) go as it is shown, when a reader follows it.

Blocks whose first line names a file are written; of `console` blocks each line behind `$` is run
by a shell, and what it prints is compared with what the page shows, `…` for anything. What serves
goes on; the next of its kind takes its place, as a reader ends it with Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
import re
import signal
import socket
import sys

from fixtures.pages import Block, BLOCKS
from fixtures.processes import Process
from fixtures.system import CREDENTIALS
import pytest

SESSIONS = ['docs/first-hour.md']
PORT = '8765'
SHIM = f"""#!/bin/sh
# `ros2 run xparo_bridge`, where ROS is not installed.
test "$1 $2" = 'run xparo_bridge' || exit 9
shift 2
exec {sys.executable} -m xparo_bridge "$@"
"""
# What goes on until it is ended.
SERVES = re.compile(
    r'xparo_bridge (simulated_robot|local_platform(?: --port \d+)?$|bridge(?! --check)|.*\bwatch)'
)
PATIENCE = 60.0


class Session:
    """A folder, the commands that were given in it, and what still runs of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / 'first_hour'
        self._folder.mkdir()
        bin_ = folder / 'bin'
        bin_.mkdir()
        shim = bin_ / 'ros2'
        shim.write_text(SHIM)
        shim.chmod(0o755)
        with socket.create_server(('127.0.0.1', 0)) as free:
            self._port = str(free.getsockname()[1])
        self._env = {
            **CREDENTIALS,
            'PATH': f'{bin_}{os.pathsep}{os.environ["PATH"]}',
            'ROS_HOME': str(folder / 'ros'),
            'COLUMNS': '200',
        }
        self._running: dict[str, Process] = {}

    def close(self) -> None:
        """End all that still runs."""
        for process in reversed(list(self._running.values())):
            with process:
                pass

    def write(self, block: Block) -> None:
        """Write the file that a block is, or what is added to it."""
        with (self._folder / block.file).open('a' if block.continued else 'w') as file:
            # What is continued says its own sections again, which YAML would not have twice.
            file.write(block.text.replace(PORT, self._port))

    def run(self, command: str, shown: str) -> None:
        """Run a command, and compare what it prints with what the page shows."""
        line = re.sub(
            r'(local_platform)( [a-z-]+)?', rf'\1\2 --port {self._port}', command, count=1
        )
        expected = self._pattern(shown)
        serves = SERVES.search(line)
        name = re.split(r'\W', serves[1])[-1 if ' watch' in line else 0] if serves else command
        if name in self._running:
            old = self._running.pop(name)
            old.send_signal(signal.SIGINT)
            with old:
                old.wait()
        process = Process(['/bin/sh', '-c', f'cd {self._folder} && exec {line}'], self._env, name)
        with contextlib.ExitStack() as stack:
            stack.enter_context(process)
            if serves:
                process.wait_for_text(expected, PATIENCE)
                self._running[name] = process
                stack.pop_all()
            else:
                process.wait(PATIENCE)
                printed = ''.join(f'{line}\n' for line in process.lines)
                assert expected.fullmatch(printed), f'{command}\n{printed}\nis not\n{shown}'

    def _pattern(self, shown: str) -> re.Pattern[str]:
        """What is shown as a pattern; a line that is `…` alone is any lines, or none."""
        parts = []
        for line in shown.rstrip('\n').split('\n'):
            if line.strip() == '…':
                parts.append(r'(?:.*\n)*?')
                continue
            text = re.escape(line.replace(PORT, self._port)).replace('…', '.*')
            parts.append(rf'{text}[ \t]*\n')
        return re.compile(''.join(parts))


def steps(block: Block) -> list[tuple[str, str]]:
    """Each command of a console's block with what is printed."""
    found = []
    for part in re.split(r'^\$ ', block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition('\n')
        found.append((command, shown))
    return found


@pytest.mark.timeout(400)  # Programs start in turns, as a reader's do.
@pytest.mark.parametrize('page', SESSIONS)
def test_a_session_goes_as_it_is_shown(page, tmp_path):
    session = Session(tmp_path)
    with contextlib.closing(session):
        for block in BLOCKS:
            if block.page != page:
                continue
            if block.file:
                session.write(block)
            elif block.language == 'console':
                for command, shown in steps(block):
                    session.run(command, shown)
