"""Who may ask: the token, the Host and Origin of every request, and what answers forbid.

A page of another site can make a browser send requests here. It cannot read the address bar's
token, and its Origin and Host are not ours; `docs/security.md` states the whole model.
"""

import base64
import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from m2n2v2.errors import AccessError, M2N2Error

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

COOKIE = "m2n2v2"

MOST = 1 << 20
"""Bytes of a body."""


class TooLargeError(AccessError):
    """A body of more bytes than the route takes."""


class Guard:
    """ASGI middleware: refuses what is not from our own page or a script with the token.

    Args:
        host: the address bound to.
        token: what requests must bring, in the URL once, then in a cookie; None for none.
        limits: bytes of a body, by routes that take more than `MOST`.
        public: routes that may be read without the token: they must say nothing of the folder.
    """

    def __init__(
        self,
        app: App,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        limits: dict[str, int] | None = None,
        public: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._token = token
        self._limits = limits or {}
        self._public = public
        names = {host.strip("[]").casefold(), *LOOPBACK}
        if token is not None:
            names |= {socket.gethostname().casefold(), socket.getfqdn().casefold()}
        self._names = names - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        guarded = _with_headers(send, scope["path"])
        try:
            self._check_host(headers)
            self._check_origin(headers, scope)
            fresh = self._check_token(headers, scope)
        except AccessError as error:
            await refuse(guarded, 403, error)
            return
        if fresh and scope["method"] == "GET" and not scope["path"].startswith("/api/"):
            await self._remember(guarded, headers)
            return
        limit = self._limits.get(scope["path"], MOST)
        try:
            limited = _limited(receive, headers, limit)
        except TooLargeError as error:
            await refuse(guarded, 413, error)
            return
        await self._app(scope, limited, guarded)

    def _check_host(self, headers: dict[str, str]) -> None:
        """DNS rebinding: a name that leads here but is not ours. Numbers cannot be rebound."""
        name, _ = _host(headers)
        if name in self._names or (self._token is not None and _is_number(name)):
            return
        raise AccessError("this server does not go by that name", cure="use the address it printed")

    def _check_origin(self, headers: dict[str, str], scope: Scope) -> None:
        """Requests that another site's page makes."""
        origin = headers.get("origin")
        if origin is not None:
            own = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
            if origin.casefold() != own.casefold():
                raise AccessError("that came from another site", cure="use this server's own page")
        site = headers.get("sec-fetch-site", "none")
        opening = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        if site not in ("none", "same-origin") and (not opening or scope["path"] != "/"):
            raise AccessError("that came from another site", cure="use this server's own page")

    def _check_token(self, headers: dict[str, str], scope: Scope) -> bool:
        """True if the token came in the URL."""
        if self._token is None or (scope["method"] == "GET" and scope["path"] in self._public):
            return False
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.get("token", [""])[-1]
        if self._same(given):
            return True
        bearer = _credentials(headers.get("authorization", ""))
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except Exception:  # not a cookie
            jar.clear()
        kept = jar[self._cookie(headers)].value if self._cookie(headers) in jar else ""
        if self._same(bearer) or self._same(kept):
            return False
        raise AccessError(
            "the token is missing or wrong",
            cure="open the address the server printed, token and all",
        )

    def _same(self, given: str) -> bool:
        """In constant time."""
        wanted = (self._token or "").encode()
        return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted)

    def _cookie(self, headers: dict[str, str]) -> str:
        """Cookies do not know ports; their names can."""
        return f"{COOKIE}-{_host(headers)[1]}"

    async def _remember(self, send: Send, headers: dict[str, str]) -> None:
        """Keep the token in a cookie, and out of the address bar."""
        cookie = f"{self._cookie(headers)}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        await send(
            {
                "type": "http.response.start",
                "status": 303,
                "headers": [(b"location", b"/"), (b"set-cookie", cookie.encode())],
            }
        )
        await send({"type": "http.response.body", "body": b""})


def _credentials(header: str) -> str:
    """What a script sends: after `Bearer`, or as the password of basic authentication."""
    kind, _, value = header.partition(" ")
    if kind.casefold() != "basic":
        return header.removeprefix("Bearer ")
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64, or no text
        return ""


async def refuse(send: Send, status: int, error: M2N2Error) -> None:
    """Answer with an error, as the routes do."""
    body = json.dumps(
        {"error": {"kind": "AccessError", "message": error.what, "cure": error.cure}}
    ).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send, path: str) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            have = {name.lower() for name, _ in headers}
            headers += [(k.encode(), v.encode()) for k, v in HEADERS.items()]
            if b"cache-control" not in have:
                headers.append((b"cache-control", b"no-store" if "/api/" in path else b"no-cache"))
            message["headers"] = headers
        await send(message)

    return sent


def _limited(receive: Receive, headers: dict[str, str], limit: int) -> Receive:
    """`receive`, which fails once more bytes have come than may."""
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said) > limit:
        raise _too_large(limit)
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > limit:
            raise _too_large(limit)
        return message

    return counted


def _host(headers: dict[str, str]) -> tuple[str, str]:
    """Name and port of the Host header; empty for what is none."""
    host = _HOST.fullmatch(headers.get("host", ""))
    return (host["name"].strip("[]").casefold(), host["port"] or "80") if host else ("", "")


_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(:(?P<port>\d{1,5}))?")


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"more than {limit:,} bytes came", cure="send less at once")


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
