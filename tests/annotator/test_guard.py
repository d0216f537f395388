"""Who may ask: hosts, origins, the token; what answers forbid and never say."""

import logging
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from m2n2v2.annotator import guard
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.serve import token_for
from tests.annotator.conftest import Start

TOKEN = "t" * 32


@pytest.fixture
def others(project: Project, start: Start) -> TestClient:
    """A server that other machines can reach."""
    return start(project, host="192.0.2.7", token=TOKEN)


def test_a_token_is_asked_for_where_others_can_connect() -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST", "::1", "[::1]"):
        assert token_for(host) is None
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.org", "127.0.0.1.example.org"):
        assert len(token_for(host) or "") >= 32
    assert token_for("0.0.0.0") != token_for("0.0.0.0")


@pytest.mark.parametrize(
    "host", ["localhost:8642", "localhost", "127.0.0.1:9", "[::1]:8642", "LocalHost:1"]
)
def test_our_own_names(client: TestClient, host: str) -> None:
    assert client.get("/api/project", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8642",
        "192.0.2.7",
        "",
        "a b",
        "[::1",
        "localhost:x",
    ],
)
def test_other_names_are_refused(client: TestClient, host: str) -> None:
    """DNS rebinding: their name, our address."""
    answer = client.get("/api/project", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["kind"] == "AccessError"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:8643", "https://localhost:8642", "null"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_other_origins_are_refused(client: TestClient, origin: str, method: str) -> None:
    answer = client.request(method, "/api/images/1/prepare", headers={"origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_our_own_origin(client: TestClient) -> None:
    own = {"origin": "http://localhost:8642", "sec-fetch-site": "same-origin"}
    assert client.put("/api/classes", json={"classes": []}, headers=own).status_code == 200


def test_another_sites_requests_without_an_origin(client: TestClient) -> None:
    """Images and scripts bring no Origin, but browsers say where they come from."""
    for site in ("cross-site", "same-site"):
        asked = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
        assert client.get("/api/images/1/photo", headers=asked).status_code == 403
        followed = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
        assert client.get("/", headers=followed).status_code == 200
        assert client.get("/api/project", headers=followed).status_code == 403


def test_a_form_of_another_site_changes_nothing(client: TestClient) -> None:
    sent = client.put(
        "/api/classes", content='{"classes": []}', headers={"content-type": "text/plain"}
    )
    assert sent.status_code == 422


# The token


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", f"?token={TOKEN}x", "?token=%ff"])
def test_without_the_token_there_is_nothing(others: TestClient, token: str) -> None:
    for path in ("/", "/api/project", "/api/openapi.json", "/nothing", "/style.css"):
        answer = others.get(path + token)
        assert answer.status_code == 403
        assert TOKEN not in answer.text


def test_health_is_told_without_the_token_and_nothing_else(others: TestClient) -> None:
    answer = others.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})
    assert "set-cookie" not in answer.headers
    assert others.post("/health").status_code == 403
    assert others.get("/health", headers={"host": "elsewhere.example"}).status_code == 403
    assert others.get("/health", headers={"origin": "http://elsewhere.example"}).status_code == 403
    for path in ("/health/", "//health", "/health/../api/project", "/api/project?x=/health"):
        assert others.get(path).status_code == 403


def test_the_token_moves_from_the_address_to_a_cookie(others: TestClient) -> None:
    came = others.get(f"/?token={TOKEN}", follow_redirects=False)
    assert came.status_code == 303
    assert came.headers["location"] == "/"
    cookie = came.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert others.get("/api/project").status_code == 200, "the client kept the cookie"
    others.cookies.clear()
    assert others.get("/api/project").status_code == 403
    others.cookies.set("m2n2v2-8642", "wrong")
    assert others.get("/api/project").status_code == 403


def test_scripts_bring_it_with_them(others: TestClient) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert others.get("/api/project", headers=bearer).status_code == 200
    assert others.get(f"/api/project?token={TOKEN}").status_code == 200
    wrong = {"authorization": "Bearer wrong"}
    assert others.get("/api/project", headers=wrong).status_code == 403
    assert others.get("/api/project", headers={"cookie": "=;;,\x00"}).status_code == 403


def test_it_is_compared_in_constant_time(
    others: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    compare = guard.hmac.compare_digest

    def noted(given: bytes, wanted: bytes) -> bool:
        asked.append((given, wanted))
        return compare(given, wanted)

    monkeypatch.setattr(guard.hmac, "compare_digest", noted)
    others.get("/api/project?token=wrong")
    assert (b"wrong", TOKEN.encode()) in asked


def test_numbers_are_names_where_a_token_guards(others: TestClient) -> None:
    """A machine is reached by any of its addresses; numbers cannot be rebound."""
    bearer = {"authorization": f"Bearer {TOKEN}"}
    for host, status in (("192.0.2.99:8642", 200), ("[fe80::1]:8642", 200), ("evil.example", 403)):
        assert others.get("/api/project", headers=bearer | {"host": host}).status_code == status


# Answers


def test_what_answers_forbid(client: TestClient) -> None:
    for path in ("/", "/api/project", "/api/images/1/photo", "/api/nothing", "/api/images/999"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/..%2fapp.py",
        "/%2e%2e/app.py",
        "/..%5capp.py",
        "/%2e%2e%2f%2e%2e%2ferrors.py",
        "//etc/passwd",
        "/etc/passwd",
        "/.%00./app.py",
        "/index.html/../../app.py",
        "/\u2025/app.py",
    ],
)
def test_the_page_is_all_that_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert "import" not in answer.text


def test_a_body_too_large_is_not_read(client: TestClient) -> None:
    said = client.put("/api/classes", content=b"x" * 2_000_000)
    assert said.status_code == 413
    unsaid = client.put(
        "/api/classes",
        content=iter([b"x" * 100_000] * 20),
        headers={"content-type": "application/json"},
    )
    assert unsaid.status_code in (400, 413)


def test_errors_say_nothing_of_our_insides(
    project: Project,
    start: Start,
    photographs: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = start(project)
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    (photographs / "2.png").write_bytes(b"no image")
    answers = [client.get("/api/images/2/photo"), client.post("/api/images/2/prepare")]

    def broken(*_: object) -> None:
        raise RuntimeError(f"secret {photographs}")

    monkeypatch.setattr(project.store, "document", broken)
    with caplog.at_level(logging.CRITICAL):
        answers.append(client.get("/api/images/1"))
    assert [answer.status_code for answer in answers] == [422, 422, 500]
    for answer in answers:
        assert set(answer.json()["error"]) >= {"kind", "message", "cure"}
        for secret in (str(photographs), str(photographs.parent), "Traceback", "secret", ".py"):
            assert secret not in answer.text


# Uploads


def test_uploads_are_off_unless_asked_for(client: TestClient, photographs: Path) -> None:
    sent = client.post("/api/images?name=new.png", content=(photographs / "1.png").read_bytes())
    assert sent.status_code == 403
    assert "--uploads" in sent.json()["error"]["cure"]
    assert not (photographs / "new.png").exists()


def test_uploads(project: Project, start: Start, photographs: Path) -> None:
    client = start(project, uploads=True)
    whole = (photographs / "1.png").read_bytes()
    assert client.get("/api/project").json()["uploads"]
    sent = client.post("/api/images?name=new/sent.png", content=whole)
    assert sent.status_code == 201
    assert sent.json()["name"] == "new/sent.png"
    assert client.get(f"/api/images/{sent.json()['id']}/photo").content == whole
    for name, content, status in (
        ("1.png", whole, 409),
        ("../out.png", whole, 404),
        ("/tmp/out.png", whole, 404),
        (".m2n2v2/out.png", whole, 404),
        ("page.html", b"<script>", 404),
        ("script.png", b"<script>", 422),
        ("half.png", whole[:200], 422),
        ("empty.png", b"", 422),
    ):
        refused = client.post("/api/images", params={"name": name}, content=content)
        assert refused.status_code == status, (name, refused.text)
    assert len(client.get("/api/images").json()["images"]) == 5
    assert not (photographs.parent / "out.png").exists()


def test_uploads_into_a_folder_that_takes_no_changes(
    project: Project, start: Start, photographs: Path
) -> None:
    project.store.read_only = True
    client = start(project, uploads=True)
    sent = client.post("/api/images?name=new.png", content=(photographs / "1.png").read_bytes())
    assert sent.status_code == 403
    assert not (photographs / "new.png").exists()
