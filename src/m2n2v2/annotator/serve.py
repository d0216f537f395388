"""Starting the server: the port, the address with its token, the browser."""

import gc
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from m2n2v2.annotator.guard import LOOPBACK
from m2n2v2.errors import FolderError, ServerError

SAMPLES = ("astronaut", "chelsea", "coffee", "motorcycle_left", "rocket")
"""Photographs that come with scikit-image."""


def token_for(host: str) -> str | None:
    """A new token where others could connect; none on loopback."""
    return None if host.strip("[]").casefold() in LOOPBACK else secrets.token_urlsafe(24)


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to that address; port 0 is any free one.

    Raises:
        ServerError: the port is in use, or the address is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise ServerError(f"there is no port {port}", cure="use 0 to 65535; 0 is any that is free")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol named, asyncio turns off Nagle's algorithm, which costs 40 ms an answer.
        bound = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it lets two programs have one port
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(128)
        except BaseException:
            bound.close()
            raise
    except OSError as error:
        raise ServerError(
            f"cannot listen on {host} port {port} ({error.strerror})",
            cure="choose another with --port (0 takes any that is free), or --host",
        ) from error
    return bound


def address(bound: socket.socket, host: str, token: str | None) -> str:
    """What to open in a browser."""
    port = bound.getsockname()[1]
    if host in ("0.0.0.0", "::", ""):
        host = socket.gethostname()
    shown = f"[{host.strip('[]')}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


class _Server(uvicorn.Server):
    """Ends streams of events first, so that nothing waits for them."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing()
        await super().shutdown(sockets)


def run(app: FastAPI, bound: socket.socket, *, opened: Callable[[], None] | None = None) -> None:
    """Serve until interrupted.

    Args:
        opened: called once the server answers.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    server = _Server(config, app.state.closing)
    if opened:
        threading.Thread(target=_once_started, args=(server, opened), daemon=True).start()
    gc.freeze()  # what is loaded by now stays: looking through it takes a seventh of a second
    server.run(sockets=[bound])


def open_browser(url: str) -> None:
    """Show the page; where there is no browser, nothing happens."""
    import webbrowser  # takes a tenth of a second, which most starts can do without

    with suppress(webbrowser.Error):
        webbrowser.open(url)


def sample_folder(folder: Path | None) -> Path:
    """A folder with sample photographs: the one given, or a new temporary one.

    Raises:
        FolderError: it cannot be made or written.
    """
    from skimage import data

    try:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="m2n2v2-sample-"))
        folder.mkdir(parents=True, exist_ok=True)
        for name in SAMPLES:
            source = next(Path(data.__file__).parent.glob(f"{name}.*"), None)
            if source is not None and not (folder / source.name).exists():
                shutil.copyfile(source, folder / source.name)
    except OSError as error:
        raise FolderError(
            f"cannot put sample photographs into {folder} ({error.strerror})",
            cure="name another folder",
        ) from error
    return folder


def _once_started(server: uvicorn.Server, opened: Callable[[], None]) -> None:
    waited = threading.Event()
    while not server.started and not server.should_exit:
        waited.wait(0.05)
    if server.started:
        opened()
