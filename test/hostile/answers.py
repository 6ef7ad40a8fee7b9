# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a hostile peer answers to HTTP requests of the bridge, the handshakes among them."""

from __future__ import annotations

from random import Random

from aiohttp import web

from hostile.values import dumps, RAW, value

# Longer would only be a pause of the attack: a link that is told to wait does.
_RETRY_AFTER = ('0', '1', '-1', '0.2', 'soon', '1' * 400, 'Thu, 01 Jan 1970 00:00:00 GMT', 'nan')
_STATUSES = (200, 200, 200, 201, 204, 301, 302, 400, 401, 403, 404, 408, 413, 418, 429, 500, 503)


def answer(random: Random) -> web.Response:
    """Return an answer to a request of the REST side."""
    body = random.choice(
        (
            lambda: dumps(value(random)),
            lambda: dumps({'token': value(random)}),
            lambda: dumps({'status': 'ok', 'message': value(random), 'response': value(random)}),
            lambda: random.choice(RAW),
            lambda: '',
            lambda: '[' * 100_000,
            lambda: '<html>' + 'x' * 300_000,
        )
    )()
    headers = {}
    if random.random() < 0.3:
        headers['Retry-After'] = random.choice(_RETRY_AFTER[:5])
    if random.random() < 0.1:
        headers['Location'] = random.choice(('http://127.0.0.1:1/', '/', 'file:///etc/passwd'))
    return web.Response(
        status=random.choice(_STATUSES),
        body=body.encode('utf-8', 'replace') if random.random() < 0.9 else random.randbytes(300),
        headers=headers,
        content_type=random.choice(('application/json', 'text/html', 'image/png')),
    )


def refusal(random: Random) -> web.Response:
    """Return an answer to a handshake that is none."""
    headers = {}
    if random.random() < 0.5:
        headers['Retry-After'] = random.choice(_RETRY_AFTER)
    if random.random() < 0.2:
        headers['Location'] = 'ws://127.0.0.1:1/'
    return web.Response(
        status=random.choice((200, 302, 400, 401, 403, 404, 429, 500, 503)),
        text=random.choice(('', 'no', 'x' * 100_000, '{"error": "\x00"}')),
        headers=headers,
    )
