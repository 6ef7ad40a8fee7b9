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
    Unanswered,
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
_NEEDS_TLS = 'check the url: wss:// needs a server that speaks TLS'
_OWN_CERTIFICATE = (
    'name a certificate that the platform trusts as client_certificate, its key as client_key'
)
# Words and what to do, by a part of OpenSSL's reason; the first that fits.
_TLS_REASONS = {
    'CERTIFICATE_REQUIRED': ('it wants a certificate of the robot', _OWN_CERTIFICATE),
    'ALERT_UNKNOWN_CA': ("it does not know who signed the robot's certificate", _OWN_CERTIFICATE),
    'ALERT_CERTIFICATE_EXPIRED': ("the robot's certificate has expired", _OWN_CERTIFICATE),
    'CERTIFICATE': ("it does not take the robot's certificate", _OWN_CERTIFICATE),
    'HANDSHAKE_FAILURE': (
        'it agrees to nothing that this machine offers',
        'check the url, whether the platform wants a client_certificate, and which versions and '
        'ciphers of TLS it takes',
    ),
    'ALERT_PROTOCOL_VERSION': ('it takes other versions of TLS', 'have it speak TLS 1.2 or 1.3'),
    'UNSUPPORTED_PROTOCOL': ('it takes other versions of TLS', 'have it speak TLS 1.2 or 1.3'),
    'UNRECOGNIZED_NAME': ('it serves no host of this name', 'check the url of the link'),
    'WRONG_VERSION_NUMBER': ('it answers without TLS', _NEEDS_TLS),
    'HTTP_REQUEST': ('it answers without TLS', _NEEDS_TLS),
}


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
        return _no_tls(error, where)
    if isinstance(error, socket.gaierror):
        return Fault(
            f'the host of {where} has no address: {error.strerror}',
            'check the url of the link and the name server of this machine',
        )
    if isinstance(error, Unanswered):
        return _unanswered(error, where)
    if isinstance(error, TimeoutError):
        return Fault(f'{where} did not open in time', 'check the network and any firewall')
    if isinstance(error, ConnectionRefusedError):
        return Fault(
            f'nothing listens at {where}', 'check the url, and whether the platform is up'
        )
    if isinstance(error, ConnectionError) and not error.errno:
        return _not_opened(where)
    if isinstance(error, OSError):
        return Fault(
            f'no connection to {where}: {redacted(error.strerror or str(error))}',
            'check the network',
        )
    if isinstance(error, WebSocketException) and isinstance(
        error.__cause__, EOFError | ConnectionError
    ):
        return _not_opened(where)
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


def _unanswered(error: Unanswered, where: str) -> Fault:
    # A server without TLS may wait for the end of a line, which a hello of TLS has none of.
    return Fault(
        f'{where} did not open in time: it took the connection and '
        + ('said nothing' if error.talks_tls else 'did not answer the hello of TLS'),
        f'{_NEEDS_TLS}, and ws:// one that does not; else the server hangs, or a firewall '
        'drops what is sent there',
    )


def _not_opened(where: str) -> Fault:
    return Fault(
        f'{where} closed the connection while it was opened',
        f'{_NEEDS_TLS}, and ws:// one that does not; a server that wants a client_certificate '
        'closes it as well',
    )


def _no_tls(error: ssl.SSLError, where: str) -> Fault:
    # Only those that OpenSSL reports have a reason.
    reason = getattr(error, 'reason', None) or str(error)
    for part, (words, remedy) in _TLS_REASONS.items():
        if part in reason:
            return Fault(f'no TLS with {where}: {words} ({reason})', remedy)
    return Fault(f'no TLS with {where}: {reason}', _NEEDS_TLS)


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
