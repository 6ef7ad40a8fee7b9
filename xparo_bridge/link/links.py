# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The link thread: one asyncio loop with every link of the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
import ssl
import threading
from typing import Any, TYPE_CHECKING
from urllib.parse import urlsplit

from ..credentials import (
    Credentials,
    CredentialsError,
    IssuedCredentials,
    read_credentials,
)
from ..crossing import Crossing
from ..errors import BadInput, words_of
from ..faults import FAULTS
from ..messages import LinkProblem, RobotInfo
from ..observers import Observers
from ..redaction import hide
from ..state import Queue, State
from ..turns import MeasuringSelector, THREADS
from .backoff import Backoff
from .connection import Connection, LinkOptions
from .contained import contain, within
from .daemon_executor import DaemonExecutor
from .endpoints import Endpoints
from .inbound_limits import Limit
from .lanes import Lanes
from .protocols.base import load_protocol, Protocol, ProtocolError
from .proxy import is_loopback

if TYPE_CHECKING:
    from .rest_service import RestService


# How long ending may take in all, whatever hangs, and a part of it the disk, s.
STOP_TIMEOUT, _CLOSE_TIMEOUT = 4.5, 1.0
# How long what is cancelled at the end may take to notice, s.
_CANCEL_TIMEOUT = 0.2
# How long a part of a link that failed waits before it begins again, s.
_RESTART = 1.0


class LinkError(BadInput):
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


def make_link(
    settings: Mapping[str, Any],
    crossing: Crossing,
    greeting: RobotInfo,
    state: State | None = None,
    issued: IssuedCredentials | None = None,
    urgent: Mapping[str, str] | None = None,
    observers: Observers | None = None,
) -> Link:
    """
    Build a link from its entry in `links:`, whose form the schema has checked.

    `greeting` is sent first on each connection, where the protocol has room for it. What must
    outlive the process is kept in `state`, and credentials by `issued`. `urgent` are
    the commands that no limit holds up, with their kinds; `observers` are notified of frames.
    """
    name = settings['name']
    urls = [settings['url'], *settings['failover_urls']]
    for url in unencrypted(settings):
        if not settings['allow_insecure']:
            raise LinkError(
                f'link {name}: {url} would leave this machine unencrypted; use wss://, or set '
                'allow_insecure: true where the network itself is trusted'
            )
        crossing.deliver(
            name,
            LinkProblem(
                f'{url} is not encrypted, as allow_insecure allows: whoever is on the way can '
                'read the secret key and give commands'
            ),
        )
    try:
        endpoints = _endpoints(settings, urls, greeting, issued, tuple(urgent or ()))
    except (KeyError, CredentialsError, ProtocolError, ValueError) as error:
        raise LinkError(f'link {name}: {error.args[0]}') from None
    protocol = endpoints.current
    history = settings['history']
    lanes = Lanes(
        protocol,
        control_bytes=settings['control_bytes'],
        telemetry_bytes=settings['telemetry_bytes'],
        state=state,
        name=f'{name}.{protocol.name}',
        history=(history['max_bytes'], history['max_age']),
        max_message=settings['max_sent_bytes'],
    )
    options = LinkOptions(
        name=name,
        tls=tls_context(settings, urls),
        open_timeout=settings['open_timeout'],
        heartbeat_interval=settings['heartbeat']['interval'],
        heartbeat_timeout=settings['heartbeat']['timeout'],
        max_frame_bytes=settings['max_frame_bytes'],
        compression=settings['compression'],
        backoff=Backoff(**settings['backoff']),
        proxy=settings['proxy'],
        inbound_limits={
            kind: Limit(**limit) for kind, limit in settings['inbound_limits'].items()
        },
        history_share=history['share'],
        urgent=urgent or {},
    )
    rest = _rest_service(settings, greeting, state, crossing)
    on_token = rest.set_token if rest else lambda token: None
    return Link(
        name,
        protocol,
        lanes,
        Connection(
            endpoints, lanes, crossing, greeting, options, on_token=on_token, observers=observers
        ),
        rest,
    )


def unencrypted(settings: Mapping[str, Any]) -> list[str]:
    """Return the addresses of a link that leave this machine unencrypted."""
    return [
        url
        for url in (settings['url'], *settings['failover_urls'])
        if not url.startswith('wss://') and not is_loopback(urlsplit(url).hostname or '')
    ]


def _rest_service(
    settings: Mapping[str, Any], greeting: RobotInfo, state: State | None, crossing: Crossing
) -> RestService | None:
    rest, name = settings['rest'], settings['name']
    if rest is None or state is None:
        return None
    # Only here, because few links need it: aiohttp takes a tenth of the bridge's memory.
    from .rest import RestClient
    from .rest_service import RestService

    try:
        tls = (
            ssl.create_default_context(cafile=settings['ca_file'])
            if settings['ca_file'] and rest['url'].startswith('https://')
            else None
        )
        client = RestClient(
            rest['url'], scheme=rest['scheme'], tls=tls, allow_insecure=settings['allow_insecure']
        )
        spool = Queue(state.writer, 'log_updates', name, rest['log_bytes'])
    except ValueError as error:
        raise LinkError(f'link {name}: rest: {error}') from None
    except OSError as error:  # ssl.SSLError is one too
        raise LinkError(f'link {name}: rest: {error}') from None
    return RestService(client, spool, greeting, lambda message: crossing.deliver(name, message))


def _endpoints(
    settings: Mapping[str, Any],
    urls: Sequence[str],
    greeting: RobotInfo,
    issued: IssuedCredentials | None,
    urgent: Collection[str],
) -> Endpoints:
    adapter = load_protocol(settings['protocol'])

    def read() -> Credentials:
        credentials = read_credentials(
            settings['credentials_file'], required=adapter.required_credentials
        )
        if issued is not None:
            credentials = replace(credentials, robot_credential=issued.read(settings['name']))
        hide(credentials.secret_key, credentials.robot_credential)
        return credentials

    def make(credentials: Credentials) -> list[Protocol]:
        adapters = [
            adapter.configured(
                {**settings, 'url': url, 'robot_id': greeting.values['robot_id']}, credentials
            )
            for url in urls
        ]
        for each in adapters:
            each.urgent = urgent or each.urgent
        return adapters

    credentials = read()
    return Endpoints(make(credentials), credentials, read, make)


def tls_context(settings: Mapping[str, Any], urls: Sequence[str]) -> ssl.SSLContext | None:
    """
    Make what a link trusts and what it shows; there is no setting that trusts everybody.

    :raises LinkError: if a file of the link cannot be read.
    """
    if not any(url.startswith('wss://') for url in urls):
        return None
    name, certificate = settings['name'], settings['client_certificate']
    try:
        tls = ssl.create_default_context(cafile=settings['ca_file'])
    except OSError as error:  # ssl.SSLError is one too
        raise LinkError(f'link {name}: ca_file {settings["ca_file"]}: {words_of(error)}') from None
    if certificate is not None:
        try:
            # Without a password: asked for one, OpenSSL would wait at a terminal.
            tls.load_cert_chain(certificate, settings['client_key'], password=lambda: '')
        except OSError as error:
            said = f'client_certificate {certificate}: {words_of(error)}'
            raise LinkError(f'link {name}: {said}') from None
    return tls


class LinkThread:
    """Runs the links; everything of theirs happens in this one thread."""

    def __init__(self, links: Sequence[Link], crossing: Crossing) -> None:
        self.links = {link.name: link for link in links}
        self._crossing = crossing
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name='link', daemon=True)
        self._running = threading.Event()

    def start(self) -> None:
        """Begin to dial."""
        self._thread.start()
        self._running.wait()

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Send what control messages still wait, close the links, and end the thread; s."""
        self._stopping = True
        if self._loop is None:
            return  # It was never started.
        for link in self.links.values():
            for end_it in (link.connection.stop, *((link.rest.stop,) if link.rest else ())):
                try:
                    self._loop.call_soon_threadsafe(end_it)
                except RuntimeError:  # The loop has ended already.
                    pass
        self._thread.join(timeout)

    def _serve(self) -> None:
        loop = asyncio.SelectorEventLoop(MeasuringSelector(THREADS['link']))
        try:
            loop.run_until_complete(self._run())
        except BaseException as error:
            FAULTS.note('the link thread', error)
        finally:
            self._running.set()
            # Not asyncio.run, which waits for a name server that does not answer.
            left = asyncio.all_tasks(loop)  # Such as those of a dial that websockets 10 forgets.
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=_CANCEL_TIMEOUT))
            loop.close()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        # For `to_thread`, names, and files that are sent: the end waits for none of them.
        self._loop.set_default_executor(DaemonExecutor())
        self._crossing.attach(self._put)
        self._running.set()
        await asyncio.gather(*(self._supervised(link) for link in self.links.values()))
        # A disk that hangs is waited for in a helper thread, and not for long.
        closing = [asyncio.to_thread(link.lanes.close) for link in self.links.values()]
        await within(_CLOSE_TIMEOUT, asyncio.gather(*closing, return_exceptions=True))

    async def _supervised(self, link: Link) -> None:
        """Run a link until the bridge stops; a part that fails begins again."""
        parts = [('connection', link.connection.run)]
        if link.rest is not None:
            parts.append(('REST', link.rest.run))
        await asyncio.gather(
            *(self._keep_running(f'link {link.name} ({name})', run) for name, run in parts)
        )

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping:
            try:
                await contain(run())
                return
            except Exception as error:
                FAULTS.note(name, error)
                await asyncio.sleep(_RESTART)

    def _put(self, name: str, message: Any) -> None:
        try:
            self.links[name].put(message)
        except (ProtocolError, TypeError, ValueError) as error:
            self._crossing.deliver(name, LinkProblem(f'not sent: {error}', message))
        except BaseException as error:  # Of an adapter: the other messages have to go on.
            text = FAULTS.note(f'sending by link {name}', error)
            self._crossing.deliver(name, LinkProblem(f'not sent: {text}', message))
