# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Let a bridge that was started from a fleet's folder take what the folder has become.

It keeps a store below its state directory: what it runs is the first release there, so that it can
go back to that, and what SIGHUP asks for is another one, on trial. A start takes the folder as it
is, unless a trial goes on, or the folder still says what the robot has gone back from.
"""

from __future__ import annotations

from datetime import datetime, UTC
from pathlib import Path
import socket
import time

from ..configuration import ConfigurationError
from ..state.state import state_path
from .bundle import Bundle
from .folder import FleetFolder, is_fleet, Member
from .making import content_of, make_bundle
from .manifest import BundleError, MANIFEST, Manifest
from .store import ROLLED_BACK, Store, StoreError

_STORE = 'configuration'


class FolderRun:
    """The folder of a fleet as one robot of it has read it, and the store for its changes."""

    def __init__(self, folder: Path, member: Member) -> None:
        self.folder = folder
        self.robot = member.name
        self._member = member
        # Whether what runs is what the folder said at the start, and not a release of the store.
        self.counts = False
        state = state_path(member.configuration['state_dir'], member.name)
        self.store = Store(state / _STORE)

    @classmethod
    def of(cls, files: list[Path], robot_id: str) -> FolderRun | None:
        """Return that of a bridge; None if it is given no folder, or one that cannot be read."""
        if len(files) != 1 or not is_fleet(files[0]):
            return None
        try:
            fleet = FleetFolder(files[0])
            member = None if fleet.problems else fleet.member(robot_id or socket.gethostname())
        except ConfigurationError:  # Is reported when the bridge is made of it.
            return None
        return cls(files[0], member) if member else None

    def release(self) -> str:
        """Return the release to start with instead of the folder; empty if the folder counts."""
        state = self.store.state
        if state.trial is not None:
            return state.current
        if state.state == ROLLED_BACK and state.current:
            failed = state.reason.partition(':')[0]
            try:
                manifest = Manifest.from_bytes((self.store.folder(failed) / MANIFEST).read_bytes())
            except (OSError, BundleError):
                return ''
            if manifest.content == content_of(self._member, self.folder):
                return state.current
        return ''

    def keep(self) -> None:
        """
        Keep what the folder said at the start, to go back to.

        :raises StoreError: if there is no room for it.
        """
        state = self.store.state
        bundle = self._bundle(self.next_version())
        if state.current:
            try:
                now = Bundle.read(self.store.folder(state.current)).manifest.content
            except BundleError:
                now = ''
            if now == bundle.manifest.content and state.state != ROLLED_BACK:
                return
        release = self.store.stage(bundle)
        self.store.begin_trial(release, 0.0, {})
        self.store.confirm()

    def next_version(self) -> int:
        """Return a version for what the folder says now: versions only go up."""
        return max(int(time.time()), self.store.state.highest + 1)

    def _bundle(self, version: int) -> Bundle:
        try:
            return make_bundle(
                self._member,
                self.folder,
                version=version,
                made_from=f'the folder {self.folder}',
                made_at=datetime.fromtimestamp(version, UTC),
            )
        except OSError as error:
            raise StoreError(f'{self.folder}: {error.strerror}') from error
