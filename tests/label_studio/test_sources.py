"""Where a task's image comes from, and where it never does."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from m2n2v2.annotator.folder import Folder
from m2n2v2.errors import AccessError, ImageError, SettingsError
from m2n2v2.label_studio.sources import Sources


@dataclass
class Host:
    """A server on loopback that notes who asks for what, with which authorization."""

    server: ThreadingHTTPServer
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


def started() -> Host:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append((self.path, self.headers.get("Authorization")))
            status, headers, body = host.answers.get(self.path, (404, {}, b""))
            if status == 401 and self.headers.get("Authorization") == "Bearer second":
                status, body = 200, b"fresh"
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            host.asked.append((self.path, body["refresh"]))
            bought = ["first", "second"][sum(p == self.path for p, _ in host.asked) - 1]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"access": bought}).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    host = Host(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    threading.Thread(target=host.server.serve_forever, daemon=True).start()
    return host


@pytest.fixture
def studio() -> Iterator[Host]:
    host = started()
    yield host
    host.server.shutdown()
    host.server.server_close()


@pytest.fixture
def foreign() -> Iterator[Host]:
    host = started()
    yield host
    host.server.shutdown()
    host.server.server_close()


def test_what_was_uploaded_is_fetched_with_the_token(studio: Host) -> None:
    studio.answers["/data/upload/1/a.png"] = (200, {}, b"bytes")
    sources = Sources(studio.address, "secret")
    assert sources.data("/data/upload/1/a.png") == b"bytes"
    assert sources.data(f"{studio.address}/data/upload/1/a.png") == b"bytes"
    assert studio.asked == [("/data/upload/1/a.png", "Token secret")] * 2


def test_a_newer_token_buys_one_that_lasts_some_minutes(studio: Host) -> None:
    studio.answers["/data/upload/1/a.png"] = (401, {}, b"")
    assert Sources(studio.address, "a.b.c").data("/data/upload/1/a.png") == b"fresh"
    assert studio.asked == [
        ("/api/token/refresh", "a.b.c"),
        ("/data/upload/1/a.png", "Bearer first"),
        ("/api/token/refresh", "a.b.c"),
        ("/data/upload/1/a.png", "Bearer second"),
    ]


def test_a_foreign_address_is_not_asked(studio: Host, foreign: Host) -> None:
    with pytest.raises(AccessError, match=r"not allowed; .* --allow-host 127\.0\.0\.1"):
        Sources(studio.address, "secret").data(f"{foreign.address}/a.png")
    assert foreign.asked == []


def test_an_allowed_host_is_asked_without_the_token(studio: Host, foreign: Host) -> None:
    foreign.answers["/a.png"] = (200, {}, b"bytes")
    sources = Sources(studio.address, "secret", (foreign.name,))
    assert sources.data(f"{foreign.address}/a.png") == b"bytes"
    assert foreign.asked == [("/a.png", None)]


def test_a_redirect_leads_nowhere_else(studio: Host, foreign: Host) -> None:
    studio.answers["/data/upload/a"] = (302, {"Location": f"{foreign.address}/b"}, b"")
    foreign.answers["/b"] = (200, {}, b"bytes")
    with pytest.raises(AccessError, match="not allowed"):
        Sources(studio.address, "secret").data("/data/upload/a")
    assert foreign.asked == []
    assert Sources(studio.address, "secret", (foreign.name,)).data("/data/upload/a") == b"bytes"
    assert foreign.asked == [("/b", None)]


def test_local_files_are_read_from_the_folder_given(studio: Host, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a b.png").write_bytes(b"bytes")
    (tmp_path / "out.png").write_bytes(b"secret")
    sources = Sources(studio.address, folder=Folder(tmp_path / "in"))
    assert sources.data("/data/local-files/?d=a%20b.png") == b"bytes"
    assert studio.asked == []
    with pytest.raises(ImageError, match="answered with 404"):
        sources.data("/data/local-files/?d=../out.png")


def test_an_image_in_the_task_itself() -> None:
    text = base64.b64encode(b"bytes").decode()
    assert Sources().data(f"data:image/png;base64,{text}") == b"bytes"
    assert Sources().data("data:image/svg+xml,%3Csvg") == b"<svg"


@pytest.mark.parametrize(
    ("address", "error", "reason"),
    [
        (None, ImageError, "the task's image is None; give each task an image"),
        ("", ImageError, "the task's image is ''"),
        (7, ImageError, "the task's image is 7"),
        ("data:image/png;base64,%%%", ImageError, "no data address"),
        ("data:image/png", ImageError, "no data address"),
        ("/data/upload/1/a.png", AccessError, "address is not known; .* --label-studio"),
        ("/etc/passwd", AccessError, "no web address"),
        ("file:///etc/passwd", AccessError, "no web address"),
        ("s3://bucket/a.png", AccessError, "no web address"),
        ("ftp://example.org/a.png", AccessError, "no web address"),
        ("http://[::1", AccessError, "no web address"),
        ("http://example.org:port/a.png", AccessError, "no web address"),
        ("http://example.org/a.png?signature=1", AccessError, "a.png is on example.org"),
        ("http://127.0.0.1@example.org/a.png", AccessError, "is on example.org"),
    ],
)
def test_what_cannot_be_had(address: object, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        Sources().data(address)


def test_a_host_that_does_not_answer(studio: Host) -> None:
    studio.server.shutdown()
    studio.server.server_close()
    with pytest.raises(ImageError, match="cannot be fetched"):
        Sources(studio.address).data("/data/upload/1/a.png")


def test_a_refusal_says_what_to_look_at(studio: Host) -> None:
    studio.answers["/data/upload/1/a.png"] = (403, {}, b"")
    with pytest.raises(ImageError, match="answered with 403; look at the token"):
        Sources(studio.address).data("/data/upload/1/a.png")


@pytest.mark.parametrize("host", ["localhost:8080", "ftp://localhost", "http://"])
def test_an_address_that_is_none(host: str) -> None:
    with pytest.raises(SettingsError, match="http://localhost:8080"):
        Sources(host)


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(Sources("http://localhost:8080", "secret"))
