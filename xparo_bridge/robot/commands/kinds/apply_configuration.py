# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Kind `apply_configuration`: a bundle that comes by the link, where there is this command.

It is checked and asked for by `config apply` in a process of its own, as any bundle is; this waits
for that, and the change-over follows once the robot stands.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
import functools
import os
import subprocess
import sys
import threading
from typing import Any

from ....messages import ErrorCode
from ..kind import Kind, Schema, settings
from ..run import Rejection, Run

# Largest bundle as text; the frames of links have bounds too.
_MOST = 512 * 1024
_WORDS = 2000


@dataclass
class _Work:
    """One `config apply`, in a thread of its own."""

    bundle: bytes
    said: str = ''
    ok: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False
    process: subprocess.Popen[bytes] | None = None

    def do(self, store: str) -> None:
        """Run it, and note what it said."""
        try:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, '-m', 'xparo_bridge', 'config', 'apply', '-', '--signed'),
                    *('--store', store, '--no-wait'),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            if self.cancelled:
                self.process.kill()
            said, _ = self.process.communicate(self.bundle)
            self.said = said.decode(errors='replace').strip()[:_WORDS]
            self.ok = self.process.returncode == 0
        except OSError as error:
            self.said = f'config apply cannot be started: {error.strerror}'
        finally:
            self.ended.set()

    def cancel(self) -> None:
        """End it."""
        self.cancelled = True
        if self.process is not None:
            self.process.kill()


class ApplyConfiguration(Kind[_Work]):
    """
    Succeeds when the bundle is right and the bridge is about to change over to it.

    Parameters: `bundle`, the tar file of `config render` (or a tar.gz) as base64. It must be
    signed by a key that this robot trusts. Result: `said`, what `config apply` printed.
    """

    settings_schema = settings(timeout=300.0, concurrency='reject')

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        bundle = {
            'type': 'string',
            'maxLength': _MOST,
            'description': 'the tar file of config render, as base64',
        }
        return {
            'type': 'object',
            'additionalProperties': False,
            'required': ['bundle'],
            'properties': {'bundle': bundle},
        }

    def prepare(self, run: Run[_Work]) -> Rejection | None:
        try:
            run.work = _Work(base64.b64decode(run.parameters['bundle'], validate=True))
        except (ValueError, binascii.Error):
            return Rejection(ErrorCode.BAD_PARAMETERS, 'bundle: expected base64')
        return None

    def start(self, run: Run[_Work]) -> None:
        store = os.environ.get('XPARO_STORE')
        if not store:
            run.fail(ErrorCode.NO_STORE, 'this bridge does not run from a store of configurations')
            return
        # A start of a process waits until it is there.
        do = functools.partial(run.work.do, store)
        threading.Thread(target=do, name='apply_configuration', daemon=True).start()

    def poll(self, run: Run[_Work]) -> None:
        work = run.work
        if not work.ended.is_set():
            return
        if work.ok:
            run.succeed({'said': work.said})
        else:
            run.fail(ErrorCode.REFUSED, work.said or 'config apply ended without a word')

    def cancel(self, run: Run[_Work]) -> None:
        run.work.cancel()
        run.canceled()
