# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The link thread: one asyncio loop with every link of the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import ssl
import threading
from typing import Any
from urllib.parse import urlsplit

from ..credentials import Credentials, CredentialsError, read_credentials
from ..crossing import Crossing
from ..messages import LinkProblem, RobotInfo
from .backoff import Backoff
from .connection import Connection, LinkOptions
from .lanes import Lanes
from .protocols.base import load_protocol, Protocol, ProtocolError
from .rest import RestClient
from .rest_service import RestService
from .spool import Spool


class LinkError(Exception):
    """A link of the configuration cannot be used; says which and why."""


@dataclass(frozen=True)
class Link:
    """One link, ready to run."""

    name: str
    protocol: Protocol
    lanes: Lanes
    connection: Connection
    rest: RestService | None = None

    @property
    def carries(self) -> frozenset[type]:
        """Types of the messages that it takes."""
        return self.protocol.capabilities | (self.rest.carries if self.rest else frozenset())

    def put(self, message: Any) -> None:
        """Take a message to the platform; ProtocolError if it cannot be carried."""
        if self.rest and type(message) in self.rest.carries - self.protocol.capabilities:
            self.rest.put(message)
        else:
            self.lanes.put(message)


def make_link(settings: Mapping[str, Any], crossing: Crossing, greeting: RobotInfo,
              state: Path) -> Link:
    """
    Build a link from its entry in `links:`, whose form the schema has checked.

    `greeting` is sent first on each connection, where the protocol has room for it. `state` is the
    folder for what must outlive the process.
    """
    name = settings['name']
    url = settings['url']
    encrypted = url.startswith('wss://')
    if not encrypted and not settings['allow_insecure'] and not is_loopback(url):
        raise LinkError(
            f'link {name}: {url} would leave this machine unencrypted; use wss://, or set '
            'allow_insecure: true where the network itself is trusted')
    try:
        adapter = load_protocol(settings['protocol'])
        credentials: Credentials = read_credentials(
            settings['credentials_file'], required=adapter.required_credentials)
        tls = ssl.create_default_context(cafile=settings['ca_file']) if encrypted else None
    except KeyError as error:
        raise LinkError(f'link {name}: {error.args[0]}') from None
    except CredentialsError as error:
        raise LinkError(f'link {name}: {error}') from None
    except OSError as error:  # ssl.SSLError is one too
        raise LinkError(f'link {name}: ca_file {settings["ca_file"]}: {error}') from None
    try:
        protocol = adapter.configured(
            {**settings, 'robot_id': greeting.values['robot_id']}, credentials)
    except (ProtocolError, ValueError) as error:
        raise LinkError(f'link {name}: {error}') from None
    lanes = Lanes(protocol, control_bytes=settings['control_bytes'],
                  telemetry_bytes=settings['telemetry_bytes'])
    options = LinkOptions(
        name=name, tls=tls, open_timeout=settings['open_timeout'],
        heartbeat_interval=settings['heartbeat']['interval'],
        heartbeat_timeout=settings['heartbeat']['timeout'],
        max_frame_bytes=settings['max_frame_bytes'], compression=settings['compression'],
        backoff=Backoff(**settings['backoff']))
    rest = _rest_service(settings, greeting, state, crossing)
    on_token = rest.set_token if rest else lambda token: None
    return Link(name, protocol, lanes, Connection(
        protocol, lanes, crossing, greeting, options, on_token=on_token), rest)


def _rest_service(settings: Mapping[str, Any], greeting: RobotInfo, state: Path,
                  crossing: Crossing) -> RestService | None:
    rest, name = settings['rest'], settings['name']
    if rest is None:
        return None
    try:
        tls = (ssl.create_default_context(cafile=settings['ca_file'])
               if settings['ca_file'] and rest['url'].startswith('https://') else None)
        client = RestClient(rest['url'], scheme=rest['scheme'], tls=tls,
                            allow_insecure=settings['allow_insecure'])
        spool = Spool(state / f'{name}.logs', rest['log_bytes'])
    except ValueError as error:
        raise LinkError(f'link {name}: rest: {error}') from None
    except OSError as error:  # ssl.SSLError is one too
        raise LinkError(f'link {name}: rest: {error}') from None
    return RestService(client, spool, greeting, lambda message: crossing.deliver(name, message))


def is_loopback(url: str) -> bool:
    """Whether an address does not leave this machine."""
    host = urlsplit(url).hostname or ''
    return host in ('localhost', '::1') or host.startswith('127.')


class LinkThread:
    """Runs the links; everything of theirs happens in this one thread."""

    def __init__(self, links: Sequence[Link], crossing: Crossing) -> None:
        self._links = {link.name: link for link in links}
        self._crossing = crossing
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name='link', daemon=True)
        self._running = threading.Event()

    def start(self) -> None:
        """Begin to dial."""
        self._thread.start()
        self._running.wait()

    def stop(self, timeout: float = 5.0) -> None:
        """Send what control messages still wait, say goodbye, and end the thread; s."""
        assert self._loop is not None
        for link in self._links.values():
            self._loop.call_soon_threadsafe(link.connection.stop)
            if link.rest is not None:
                self._loop.call_soon_threadsafe(link.rest.stop)
        self._thread.join(timeout)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._crossing.attach(self._put)
        self._running.set()
        await asyncio.gather(
            *(link.connection.run() for link in self._links.values()),
            *(link.rest.run() for link in self._links.values() if link.rest is not None))

    def _put(self, name: str, message: Any) -> None:
        try:
            self._links[name].put(message)
        except (ProtocolError, TypeError, ValueError) as error:
            self._crossing.deliver(name, LinkProblem(f'not sent: {error}'))
