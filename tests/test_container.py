"""The script that carries out the Containerfile's lines refuses those it should; see `.ci`."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[1]
SCRIPT = REPOSITORY / ".ci/container.py"


@pytest.fixture(scope="module")
def container() -> ModuleType:
    if not SCRIPT.exists():
        pytest.skip("the source archive has no .ci")
    spec = importlib.util.spec_from_file_location("container_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lines_are_joined_and_comments_left_out(container: ModuleType) -> None:
    text = "# a\nRUN one \\\n# between\n  two\n\nENV A=1\n"
    assert list(container.instructions(text)) == [("RUN", "one   two"), ("ENV", "A=1")]


def test_paths_are_meant_in_the_container(container: ModuleType, tmp_path: Path) -> None:
    made = container.Container(tmp_path, tmp_path)
    root = tmp_path / "root"
    line = "cp /etc/a ./b/c --to=/opt/x http://127.0.0.1:8642/health 1/2"
    expected = f"cp {root}/etc/a ./b/c --to={root}/opt/x http://127.0.0.1:8642/health 1/2"
    assert made.here(line) == expected
    made.carry_out("ENV", "PATH=/opt/bin:$PATH HOME=/tmp")
    assert made.environment["PATH"].startswith(f"{root}/opt/bin:{root}/usr/local/bin:/usr/sbin")
    assert made.environment["HOME"] == f"{root}/tmp"
    made.carry_out("RUN", "echo written > /tmp/here; pwd > /cache/there")
    assert (tmp_path / "writable/tmp/here").read_text() == "written\n"
    assert (tmp_path / "writable/cache/there").read_text() == f"{root}\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("FROM python:3.12", "is not slim"),
        ("ARG API_TOKEN=abc", "looks like a secret"),
        ("ENV A=1 DB_PASSWORD=abc", "looks like a secret"),
        ("ADD a b", "ADD is not known here"),
        ("COPY nothing.txt ./", "matches nothing"),
        ("COPY --from=build /opt/a /opt/b", "copies to another place"),
        ("RUN echo told >&2; exit 3", "told"),
    ],
)
def test_lines_that_may_not_be(
    container: ModuleType, tmp_path: Path, line: str, reason: str
) -> None:
    with pytest.raises(SystemExit, match=reason):
        container.Container(tmp_path, tmp_path).carry_out(*line.split(" ", 1))


@pytest.mark.parametrize("user", ["", "root", "0:0", "10001:0", "10001"])
def test_the_user_is_not_root(container: ModuleType, tmp_path: Path, user: str) -> None:
    made = container.Container(tmp_path, tmp_path)
    made.carry_out("USER", user)
    with pytest.raises(SystemExit, match="name numbers other than 0"):
        made.words(["true"])


def test_the_file_says_what_a_container_needs(container: ModuleType) -> None:
    said = list(container.instructions(container.FILE.read_text(encoding="utf-8")))
    last = [
        name for name, _ in said[max(n for n, (name, _) in enumerate(said) if name == "FROM") :]
    ]
    assert {"USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"} <= set(last)
    assert last.index("USER") > last.index("RUN"), "its own steps are root's, what runs is not"
