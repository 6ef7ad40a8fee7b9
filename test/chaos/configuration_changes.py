# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Apply good and bad configurations, kill -9 in the middle, a full disk: is the bridge back?

While commands and chat flow, `config apply` gives the bridge one configuration after the other:
one that holds, one that needs no restart, one with a wrong URL, one with a wrong CA, one in the
middle of which the bridge or `config apply` is killed, one while the disk of the store is full.
After each the bridge runs one of the two configurations and is linked; at the end nothing that was
in its outbox has been lost, and each command has one end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
import contextlib
import json
import os
from pathlib import Path
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import time

from fixtures.certificates import Authority
from fixtures.processes import Process
from fixtures.system import CREDENTIALS, LINK

from chaos import environment
from chaos.accounting import Verdict
from xparo_bridge.fleet.render import bundles_of
from xparo_bridge.rollout.bundle import Bundle
from xparo_bridge.rollout.folder import FleetFolder
from xparo_bridge.rollout.store import APPLIED, ROLLED_BACK, Store, version_of

TIMES = 200
KINDS = ('good', 'live', 'wrong URL', 'wrong CA', 'bridge killed', 'apply killed', 'disk full')
# How long a trial takes at least, s, and how many starts of a bridge on this machine, which may be
# busy: a trial begins with a start.
_WITHIN, _STARTS = 6.0, 4.0
# Trial and going back, in trials.
_SETTLED = 20.0
_NOBODY = 9  # A port on which nobody listens.


class House(environment.House):
    """The house whose bridge runs from a store."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.store = Store(folder / 'disk' / 'store')
        self.outcomes: Counter[str] = Counter()
        self.in_outbox = 0
        self._version = 0
        # The head's frame by version: another one needs a restart.
        self._frames: dict[int, int] = {}
        self.within = _WITHIN
        self._fleet = folder / 'fleet'
        self._tls_port = 0

    # --- parts ---

    @contextlib.asynccontextmanager
    async def tls(self) -> AsyncIterator[None]:
        """Serve TLS by an authority that no configuration knows."""
        theirs = Authority(self._folder / 'theirs').issue('platform')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(theirs)
        server = await asyncio.start_server(lambda *_: None, '127.0.0.1', 0, ssl=context)
        self._tls_port = server.sockets[0].getsockname()[1]
        ours = Authority(self._folder / 'ours').file
        (self._fleet / 'robots').mkdir(parents=True)
        (self._fleet / 'certificates').mkdir()
        (self._fleet / 'certificates' / 'site.pem').write_bytes(ours.read_bytes())
        async with server:
            yield

    async def start(self, bridge_port: int) -> None:
        began = time.monotonic()
        await super().start(bridge_port)
        self.within = max(_WITHIN, _STARTS * (time.monotonic() - began))

    async def start_bridge(self) -> None:
        if not self.store.path.exists():
            self.store.path.mkdir(parents=True)
            bundle = Bundle.read(self.render('good'))
            self.store.begin_trial(self.store.stage(bundle), self.within, {})
            self.store.confirm()
        self._bridge = await asyncio.to_thread(self._started)

    def _started(self) -> Process:
        return Process(
            [
                *(sys.executable, '-m', 'xparo_bridge', 'bridge', '--ros-args'),
                *('-p', f'config:={self.store.path}'),
            ],
            env=CREDENTIALS,
            name='bridge',
        )

    def kill_bridge(self) -> None:
        """Kill the bridge, and see what its outbox holds."""
        assert self._bridge is not None
        self._bridge.kill()
        self._bridge.stop()
        self._look_into_outbox()

    def _look_into_outbox(self) -> None:
        self._ledger.read()
        self.in_outbox += self._ledger.left_behind(self._folder / 'state' / 'state.sqlite')

    # --- changes ---

    def render(self, kind: str) -> Path:
        """Make the next version of a configuration; its tar file."""
        self._version += 1
        link = {
            **LINK,
            'url': f'ws://127.0.0.1:{self.bridge_port}/ws/chatbot',
            'open_timeout': 1.0,
            'heartbeat': {'interval': 0.3, 'timeout': 0.5},
        }
        if kind == 'wrong URL':
            link['url'] = f'ws://127.0.0.1:{_NOBODY}/ws/chatbot'
        elif kind == 'wrong CA':
            link['url'] = f'wss://localhost:{self._tls_port}/ws/chatbot'
            link['ca_file'] = 'certificates/site.pem'
        frame = self._version
        if kind == 'live':
            frame = self._frames[version_of(self.store.state.current)]
        self._frames[self._version] = frame
        configuration = {
            'defaults': ['bridge.yaml'],
            'links': [link],
            'state_dir': str(self._folder / 'state'),
            'commands': environment.COMMANDS,
            'head': {'frame': f'head_{frame}'},
            'places': {'spot': {'x': self._version, 'y': 0, 'yaw': 0}},
            'rollout': {'confirm_within': self.within, 'wait_idle': 5.0},
        }
        (self._fleet / 'fleet.yaml').write_text(json.dumps(configuration))
        (self._fleet / 'robots' / 'r1.yaml').write_text('')
        folder = FleetFolder(self._fleet, on_robot=False)
        bundle = bundles_of(folder, ['r1'], version=self._version)['r1']
        tar = self._folder / 'r1.tar'
        bundle.write(tar)
        return tar

    async def change(self, kind: str) -> None:
        """Apply a configuration of a kind; AssertionError unless it ends well."""
        before = self.store.state.current
        # In the middle of what holds, and of what does not.
        content = kind
        if kind in ('bridge killed', 'apply killed', 'disk full'):
            content = random.choice(('good', 'live', 'wrong URL'))
        tar = await asyncio.to_thread(self.render, content)
        apply = await asyncio.create_subprocess_exec(
            *(sys.executable, '-m', 'xparo_bridge', 'config', 'apply', str(tar)),
            *('--store', str(self.store.path), '--now'),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, 'PYTHONUNBUFFERED': '1'},
        )
        heard = b''
        with _filled(self.store.path.parent) if kind == 'disk full' else contextlib.nullcontext():
            if kind == 'bridge killed':
                for _ in range(random.choice((1, 1, 2))):
                    await asyncio.sleep(random.uniform(0.0, self.within))
                    self.kill_bridge()
                    await self.start_bridge()
            elif kind == 'apply killed':
                if random.random() < 0.5:  # Before it has asked the bridge, or after that.
                    assert apply.stdout is not None
                    heard = await apply.stdout.readline()
                await asyncio.sleep(random.uniform(0.0, self.within / 2))
                with contextlib.suppress(ProcessLookupError):
                    apply.kill()
            said, _ = await apply.communicate()
            said = heard + said
            await self._settled(kind)
        state = self.store.state
        text = f'{kind} ({content}): {state}\n{said.decode(errors="replace")}'
        assert self._bridge is not None and self._bridge.returncode is None, text
        assert Bundle.read(self.store.folder(state.current)), text
        new = state.current != before
        if content not in ('good', 'live'):
            assert not new, text
        elif kind in ('good', 'live'):
            assert new and state.state == APPLIED, text
            live = f'without starting anew, configuration {state.current}'
            assert (kind == 'live') == any(live in line for line in self._bridge.lines), text
        if kind in ('wrong URL', 'wrong CA'):
            assert state.state == ROLLED_BACK, text
            assert 'link platform is not connected' in state.reason, text
        self.outcomes[f'{kind}: {"new" if new else "before"}'] += 1
        await self.talks()

    async def _settled(self, kind: str) -> None:
        end = time.monotonic() + _SETTLED * self.within
        asked = False
        while (state := self.store.state).trial or state.pending:
            if state.pending and kind == 'apply killed' and not asked and self.store.bridge():
                # It died between its asking and its signal; the next one, or a start, gives it.
                os.kill(self.store.bridge() or 0, signal.SIGHUP)
                asked = True
            assert time.monotonic() < end, f'{kind}: still {state}'
            await asyncio.sleep(0.1)

    async def finish(self) -> Verdict:
        """End the bridge, start it once more, let the rest arrive, and judge."""
        self.kill_bridge()
        await self.start_bridge()
        await self.talks()
        await self.no_more_commands()
        with contextlib.suppress(AssertionError):  # The verdict says what is missing.
            await self._until(self._ledger.all_kept_arrived, 'not all arrived')
            await self._until(lambda: not self._ledger.unended, 'commands without an end')
            await self._answer_all()
        return self._ledger.verdict(set(self._commands))


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Fill the disk of a folder to the last byte, for as long as the context."""
    filler = folder / 'filler'
    with filler.open('wb', buffering=0) as file:
        for size in (64 * 1024, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """Mount a disk of 4 MiB, if this machine lets us; whether it does."""
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(['umount', '-l', str(folder)], check=False)


async def play(times: int) -> tuple[Verdict, House, list[str]]:
    """Play so many changes, each kind as often."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _small_disk(folder / 'disk') as full:
            kinds = [kind for kind in KINDS if full or kind != 'disk full']
            house = House(folder)
            try:
                await house.start_platform()
                async with house.tls():
                    await house.start(house.platform_port)
                    for number in range(times):
                        began = time.monotonic()
                        kind = kinds[number % len(kinds)]
                        await house.change(kind)
                        took = time.monotonic() - began
                        print(f'  {number + 1} of {times}: {kind}, {took:.1f} s', flush=True)
                    verdict = await house.finish()
            finally:
                await house.stop()
    return verdict, house, kinds


def run(times: int, seed: int) -> str:
    """Play it; AssertionError if a bridge did not come back or anything was lost."""
    random.seed(seed)
    verdict, house, kinds = asyncio.run(play(times))
    assert verdict.good, str(verdict)
    reported = ', '.join(f'{what} {count}' for what, count in sorted(house.outcomes.items()))
    without = '' if 'disk full' in kinds else '; no disk could be filled here'
    return f'{reported}; {house.in_outbox} in outboxes after kills; {verdict}{without}'
