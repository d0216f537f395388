"""A stand-in for the model hub on loopback: enough of its protocol to download from."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Repository:
    """Files at one commit, and how badly they are served.

    Attributes:
        error: `(status, X-Error-Code)` answered to everything.
        token: needed to read it; without, it is gated.
        breaks: file -> bytes after which its first download is cut off.
        damaged: files whose content is not what their checksum says.
    """

    files: dict[str, bytes]
    commit: str = "a" * 40
    error: tuple[int, str] | None = None
    token: str | None = None
    breaks: dict[str, int] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)


@dataclass
class Hub:
    """The server's repositories, address, and the requests it got."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    url: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    def served(self, method: str = "GET") -> list[str]:
        return [path for verb, path, _ in self.requests if verb == method]


def folder_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def etag(name: str, content: bytes) -> str:
    """Large files have their SHA-256, small ones their git blob's SHA-1."""
    if name.endswith(".safetensors"):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serve() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            if "/resolve/" not in self.path:  # the client's questions about the hub itself
                return self.refuse(404, "")
            hub.requests.append((self.command, self.path, self.headers.get("Range")))
            owner, name, _, revision, *rest = self.path.strip("/").split("/")
            repository, file = hub.repositories.get(f"{owner}/{name}"), "/".join(rest)
            if repository is None:
                return self.refuse(401, "RepoNotFound")
            if repository.error:
                return self.refuse(*repository.error)
            wanted = f"Bearer {repository.token}"
            if repository.token and self.headers.get("Authorization") != wanted:
                return self.refuse(401, "GatedRepo")
            if revision not in ("main", repository.commit):
                return self.refuse(404, "RevisionNotFound")
            if file not in repository.files:
                return self.refuse(404, "EntryNotFound")
            return self.give(repository, file, with_body=with_body)

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if code:
                self.send_header("X-Error-Code", code)
                self.send_header("X-Error-Message", code)
            self.end_headers()

        def give(self, repository: Repository, file: str, *, with_body: bool) -> None:
            content = repository.files[file]
            start = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
            self.send_response(206 if start else 200)
            self.send_header("X-Repo-Commit", repository.commit)
            self.send_header("ETag", f'"{etag(file, content)}"')
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            self.end_headers()
            if not with_body:
                return
            if file in repository.damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            end = repository.breaks.pop(file, len(content))
            self.wfile.write(content[start:end])
            if end < len(content):
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
