# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What went wrong with a connection, in words an operator can act on, and whether it may pass."""

from __future__ import annotations

from dataclasses import dataclass
import socket
import ssl

from ..errors import NotAllowed, NotNow
from ..redaction import redacted
from .proxy import ProxyError
from .websocket import (
    close_code,
    ConnectionClosed,
    fault_of_peer,
    http_status,
    RedirectError,
    retry_after,
    WebSocketException,
)

# Close codes with which servers turn away a client they do not know: policy violation (RFC 6455)
# and the two that chat servers made a custom.
_REFUSING_CODES = (1008, 4401, 4403)


# By OpenSSL's verification result (X509_V_ERR_…).
_CLOCK = 'check the clock of this machine, or have the platform renew its certificate'
_HOST = 'check the url of the link: the certificate is for another host'
_TLS_REMEDIES = {9: _CLOCK, 10: _CLOCK, 62: _HOST, 64: _HOST}
_UNTRUSTED = (
    'install ca-certificates, of which a fresh system may have none, if a public authority signed '
    'it; name the authority as ca_file if it is a private one and this is really the platform'
)


@dataclass(frozen=True)
class Fault:
    """
    Why a connection ended or never opened.

    `refused` means that waiting will not mend it, `retry_after` is what the server asks for, s;
    an `internal` one is a fault of the bridge.
    """

    error: str
    remedy: str
    refused: bool = False
    retry_after: float = 0.0
    internal: bool = False


class Refused(NotAllowed):
    """The peer opened the connection and then turned the credentials down."""


class SilentPeer(NotNow):
    """The peer did not answer a WebSocket ping in time."""


def explain(error: BaseException, where: str) -> Fault:
    """Say what an exception of dialling or talking means; `where` is the redacted address."""
    status = http_status(error)
    if status == 401:
        return Fault(
            f'{where} refused the credentials (HTTP 401)',
            'check the secret key and the project id; the bridge tries again slowly',
            True,
            retry_after(error),
        )
    if status == 403:
        return Fault(
            f"{where} refused the credentials (HTTP 403), or this robot's address or origin",
            'check the secret key and the project id, whether the host of the url is one that '
            'the platform knows as its own (allowed hosts or origins), and any firewall in '
            'between; the bridge tries again slowly',
            True,
            retry_after(error),
        )
    if status in (429, 503):
        wait = retry_after(error)
        return Fault(
            f'{where} has no room now (HTTP {status})'
            + (f' and asks to be left alone for {wait:.0f} s' if wait else ''),
            'none needed if it passes; else check whether the platform is up',
            retry_after=wait,
        )
    if isinstance(error, ProxyError):
        return Fault(
            f'no way to {where}: {error}',
            'check proxy of the link, or the variables https_proxy and no_proxy',
        )
    if isinstance(error, RedirectError) or status in (301, 302, 303, 307, 308):
        return Fault(
            f'{where} redirects elsewhere, which is not followed with a secret',
            'check the url of the link, and whether this network has a login page',
        )
    if status is not None:
        return Fault(
            f'{where} answered HTTP {status} instead of opening a WebSocket',
            'check the url of the link, and whether the platform is up',
        )
    if isinstance(error, ConnectionClosed):
        return _closed(error, where)
    if isinstance(error, Refused):
        return Fault(
            f'{where} refused the credentials: {error}',
            'check the credentials of the link; the bridge tries again slowly',
            True,
        )
    if isinstance(error, SilentPeer):
        return Fault(f'{where} went silent: {error}', 'check the network between here and there')
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(
            f'the certificate of {where} is not trusted: {error.verify_message}',
            _TLS_REMEDIES.get(error.verify_code, _UNTRUSTED),
        )
    if isinstance(error, ssl.SSLError):
        return Fault(
            f'no TLS with {where}: {error.reason}',
            'check the url: wss:// needs a server that speaks TLS',
        )
    if isinstance(error, socket.gaierror):
        return Fault(
            f'the host of {where} has no address: {error.strerror}',
            'check the url of the link and the name server of this machine',
        )
    if isinstance(error, TimeoutError):
        return Fault(f'{where} did not open in time', 'check the network and any firewall')
    if isinstance(error, ConnectionRefusedError):
        return Fault(
            f'nothing listens at {where}', 'check the url, and whether the platform is up'
        )
    if isinstance(error, ConnectionError) and not error.errno:
        return Fault(
            f'{where} closed the connection while it was opened',
            'check the url: wss:// needs a server that speaks TLS',
        )
    if isinstance(error, OSError):
        return Fault(
            f'no connection to {where}: {redacted(error.strerror or str(error))}',
            'check the network',
        )
    if isinstance(error, WebSocketException):
        return Fault(
            f'{where} does not speak WebSocket as it should: {redacted(str(error))}',
            'check that the url leads to the platform itself, not to a portal or proxy',
        )
    return Fault(
        f'internal error with {where}: {type(error).__name__}: {redacted(str(error))}',
        'please report this with the log',
        internal=True,
    )


def _closed(error: ConnectionClosed, where: str) -> Fault:
    code, reason = close_code(error)
    said = f' ({reason})' if reason else ''
    fault = fault_of_peer(error)
    if fault:
        return Fault(
            f'{where} {fault}',
            'report it to the platform; max_frame_bytes is the bound on messages',
        )
    if code in _REFUSING_CODES:
        return Fault(
            f'{where} closed the connection: not allowed, code {code}{said}',
            'check the secret key and the project id',
            True,
        )
    if code is None:
        return Fault(f'the connection to {where} was cut', 'none needed if the platform restarted')
    return Fault(
        f'{where} closed the connection, code {code}{said}',
        'none needed if the platform restarted',
    )
