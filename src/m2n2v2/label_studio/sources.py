"""The bytes of a task's image: in the task, in a folder, or from a host that was named.

A task may name any address. Only Label Studio itself, with its token, and the hosts that whoever
started the backend allowed, without it, are ever asked; a redirect is held to the same rule.
"""

import base64
import binascii
import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes, urljoin, urlsplit

from m2n2v2.annotator.folder import MAX_BYTES, Folder
from m2n2v2.errors import AccessError, ImageError, M2N2Error, SettingsError

OWN = ("/data/upload/", "/data/local-files/")
"""Paths under which Label Studio serves what was uploaded, and its local files."""

PATIENCE = 30.0
"""Seconds without a byte after which a host is given up."""


@dataclass(frozen=True)
class Sources:
    """Where images may come from.

    Args:
        host: Label Studio's address, for example `http://localhost:8080`; None for none.
        token: its access token, or its legacy token; None for none.
        allowed: further hosts that are asked, `name` or `name:port`, without the token.
        folder: what Label Studio's local files are, read here without asking for them.

    Raises:
        SettingsError: the host is no address.
    """

    host: str | None = None
    token: str | None = field(default=None, repr=False)
    allowed: tuple[str, ...] = ()
    folder: Folder | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.host or "http://unused")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(
                f"the address of Label Studio is {self.host!r}",
                cure="write it like http://localhost:8080",
            )
        object.__setattr__(self, "_access", _Access(self))

    def data(self, address: object) -> bytes:
        """The bytes of the image that a task names.

        Raises:
            ImageError: the task names none, or it cannot be had.
            AccessError: it lies where nobody allowed to look.
        """
        if not isinstance(address, str) or not address.strip():
            raise ImageError(f"the task's image is {address!r}", cure="give each task an image")
        address = address.strip()
        if address.startswith("data:"):
            return _inline(address)
        if address.startswith(OWN):
            name = parse_qs(urlsplit(address).query).get("d", [""])[0]
            if address.startswith(OWN[1]) and self.folder is not None and self.folder.has(name):
                return self.folder.data(name)
            if self.host is None:
                raise AccessError(
                    f"the image {_short(address)} is at Label Studio, whose address is not known",
                    cure="start the backend with --label-studio ADDRESS and the token",
                )
            address = urljoin(self.host, address)
        self.check(address)
        return self._fetched(address)

    def check(self, address: str) -> None:
        """Refuse an address of a host that nobody named.

        Raises:
            AccessError: its host is neither Label Studio's nor allowed.
        """
        try:
            parts = urlsplit(address)
            web = parts.scheme in ("http", "https") and parts.port != 0 and bool(parts.hostname)
        except ValueError:  # of a port or brackets that are none
            web = False
        if not web or parts.hostname is None:
            raise AccessError(
                f"the image {_short(address)} is no web address", cure="upload it to Label Studio"
            )
        names = {parts.hostname.casefold(), parts.netloc.rpartition("@")[2].casefold()}
        if not self.own(address) and not names & {name.casefold() for name in self.allowed}:
            raise AccessError(
                f"the image {_short(address)} is on {parts.hostname}, which is not allowed",
                cure=f"upload it to Label Studio, or start with --allow-host {parts.hostname}",
            )

    def own(self, address: str) -> bool:
        """Whether an address is Label Studio's."""
        return self.host is not None and _origin(address) == _origin(self.host)

    def _fetched(self, address: str) -> bytes:
        access: _Access = self._access  # type: ignore[attr-defined]
        request = urllib.request.Request(address)
        used = access.header() if self.own(address) else None
        if used is not None:
            request.add_unredirected_header("Authorization", used)
        try:
            try:
                return self._read(request)
            except urllib.error.HTTPError as error:
                if error.code != 401 or used is None or not access.renew(used):
                    raise
                request.add_unredirected_header("Authorization", access.header() or "")
                return self._read(request)
        except urllib.error.HTTPError as error:
            cure = "look at the token" if error.code in (401, 403) else "look at the task's image"
            raise ImageError(
                f"the image {_short(address)} was answered with {error.code}", cure=cure
            ) from error
        except M2N2Error:  # of a redirect, or of too many bytes
            raise
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ImageError(
                f"the image {_short(address)} cannot be fetched ({reason})",
                cure="look at the address and the host",
            ) from error

    def _read(self, request: urllib.request.Request) -> bytes:
        with self._opener().open(request, timeout=PATIENCE) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ImageError(
                f"the image {_short(request.full_url)} has over {MAX_BYTES >> 20} MiB",
                cure="reduce it",
            )
        return data

    def _opener(self) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(_Checked(self))


class _Checked(urllib.request.HTTPRedirectHandler):
    """Redirects lead only where a task may."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        self._sources.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Access:
    """What says to Label Studio that we may: its legacy token, or what its newer token buys."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._bought: str | None = None

    def header(self) -> str | None:
        token = self._sources.token
        if not token:
            return None
        if token.count(".") != 2:
            return f"Token {token}"
        with self._lock:
            if self._bought is None:
                self._bought = self._buy(token)
            return f"Bearer {self._bought}"

    def renew(self, used: str) -> bool:
        """Whether another try may go better: what was bought lasts some minutes."""
        with self._lock:
            if used == f"Bearer {self._bought}":
                self._bought = None
        return used.startswith("Bearer ")

    def _buy(self, token: str) -> str:
        request = urllib.request.Request(
            urljoin(self._sources.host or "", "/api/token/refresh"),
            json.dumps({"refresh": token}).encode(),
            {"Content-Type": "application/json"},
        )
        answer: dict[str, Any] = json.loads(self._sources._read(request))
        return str(answer["access"])


def _inline(address: str) -> bytes:
    """The bytes of a `data:` address."""
    head, comma, body = address.partition(",")
    try:
        if not comma:
            raise ValueError("no comma")
        if head.endswith(";base64"):
            return base64.b64decode(unquote_to_bytes(body), validate=True)
        return unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise ImageError(
            f"the image {_short(address)} is no data address",
            cure="write data:image/png;base64,...",
        ) from error


def _origin(address: str) -> tuple[str, str, int]:
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").casefold(), port


def _short(address: str) -> str:
    """Without its query, which may hold a signature."""
    bare = address.split("?")[0]
    return bare if len(bare) <= 80 else f"{bare[:77]}..."
