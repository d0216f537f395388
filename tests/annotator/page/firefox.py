"""Firefox as it is installed, driven by WebDriver BiDi over a socket of our own.

Playwright asks of every browser to override the page's media features, which Firefox does not know
(`emulation.setMediaFeaturesOverride`), so it cannot drive this one.
"""

import base64
import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SAYS = "WebDriver BiDi listening on "

PREFERENCES = {
    "browser.download.folderList": 2,
    "browser.download.useDownloadDir": True,
    "browser.download.alwaysOpenPanel": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Shift": "\ue008", "Control": "\ue009"}


def firefox_path() -> str | None:
    """`FIREFOX`, or the first on the path; None where there is none."""
    return os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")


class Socket:
    """Text over a web socket (RFC 6455), as far as a driver needs it."""

    def __init__(self, url: str, patience: float) -> None:
        where = urlsplit(url)
        host, port = str(where.hostname), int(where.port or 80)
        self._stream = socket.create_connection((host, port), timeout=patience)
        self._read = self._stream.makefile("rb")
        lines = (
            f"GET {where.path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        )
        self._stream.sendall("\r\n".join([*lines, "", ""]).encode())
        status = self._read.readline()
        assert b" 101 " in status, status
        while self._read.readline() != b"\r\n":
            pass

    def send(self, text: str) -> None:
        data, mask = text.encode(), secrets.token_bytes(4)
        size = (
            bytes([0x80 | len(data)])
            if len(data) < 126
            else b"\xfe" + struct.pack(">H", len(data))
            if len(data) < 1 << 16
            else b"\xff" + struct.pack(">Q", len(data))
        )
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self._stream.sendall(b"\x81" + size + mask + masked)

    def receive(self) -> str:
        """The next message."""
        message = b""
        while True:
            first, second = self._read.read(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(self._read.read(2 if size == 126 else 8), "big")
            data = self._read.read(size)
            assert first & 0x0F in (0, 1), "no text"
            message += data
            if first & 0x80:
                return message.decode()

    def close(self) -> None:
        self._read.close()
        self._stream.close()


class Tab:
    """One tab: what is done in it, and what it says."""

    def __init__(self, line: Socket) -> None:
        self._line, self._asked = line, 0
        self.errors: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        (tab,) = self.ask("browsingContext.getTree")["contexts"]
        self._id = tab["context"]

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a command."""
        self._asked += 1
        self._line.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while True:
            said = json.loads(self._line.receive())
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.errors.append(str(said["params"]["text"]))
            if said.get("id") == self._asked:
                assert said["type"] == "success", said
                return said["result"]

    def go(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self._id, url=url, wait="complete")

    def size(self, width: int, height: int) -> None:
        view = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=self._id, viewport=view)

    def value(self, expression: str) -> Any:
        """Of an expression that may be a promise, as JSON."""
        made = self.ask(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then((v) => JSON.stringify(v ?? null))",
            target={"context": self._id},
            awaitPromise=True,
        )
        assert made["type"] == "success", made
        return json.loads(made["result"]["value"])

    def wait(self) -> None:
        """A moment of the page's."""
        self.value("new Promise((done) => setTimeout(done, 20))")

    def click(self, x: float, y: float) -> None:
        actions = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": actions})

    def press(self, key: str) -> None:
        value = KEYS.get(key, key)
        actions = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._act({"type": "key", "id": "keys", "actions": actions})

    def _act(self, source: dict[str, Any]) -> None:
        self.ask("input.performActions", context=self._id, actions=[source])


@contextmanager
def launched(path: str, folder: Path, patience: float) -> Iterator[Tab]:
    """A Firefox with a profile of its own, for as long as the block lasts.

    Args:
        folder: for the profile, and for `downloads`.
        patience: seconds that an answer may take.
    """
    profile, downloads = folder / "profile", folder / "downloads"
    profile.mkdir()
    downloads.mkdir()
    wanted = PREFERENCES | {"browser.download.dir": str(downloads)}
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in wanted.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [path, "--headless", "--no-remote", "--profile", str(profile)]
    with subprocess.Popen(
        [*command, "--remote-debugging-port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"HOME": str(folder)},
    ) as process:
        assert process.stderr is not None
        try:
            said = next((line for line in process.stderr if SAYS in line), "")
            assert said, "Firefox ended before it listened"
            line = Socket(said.split(SAYS)[1].strip() + "/session", patience)
            yield Tab(line)
            line.close()
        finally:
            process.kill()
