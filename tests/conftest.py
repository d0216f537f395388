"""What every test shares: shapes checked at run time, Hypothesis profiles, the golden data."""

import importlib.util
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image

import tests.typecheck  # noqa: F401 - the hook below names it
from tests.browser import browser  # noqa: F401 - a fixture
from tests.patience import PATIENCE

UNCHECKED = (
    "m2n2v2.compiled",  # numba takes no wrapped functions; so are modules named with an underscore
    "m2n2v2.evaluation",  # its protocols and plans check every value themselves; see below
    "m2n2v2.annotator",  # pydantic and FastAPI read its annotations
    "m2n2v2.label_studio.app",  # likewise
    "m2n2v2.napari_plugin.line",  # superqt asks whether a function is a generator's
    "m2n2v2.masks.coco",  # what a file gives is checked there, in words
    "m2n2v2.cli",  # typer's parameters are not what their annotations say
    "m2n2v2.prompts",  # these two hold no arrays and check every value themselves,
    "m2n2v2.method.settings",  # which a type checker in front of them would hide
)

CHECKED = tuple(f"m2n2v2.evaluation.{name}" for name in ("clicker", "interaction", "metrics"))


def _modules_to_check() -> list[str]:
    package = importlib.util.find_spec("m2n2v2")  # does not import it
    assert package is not None
    assert package.origin is not None
    root = Path(package.origin).parent
    names = [
        ".".join(("m2n2v2", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if not path.name.startswith("_")
    ]
    return [name for name in names if name in CHECKED or not _unchecked(name)]


def _unchecked(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in UNCHECKED)


jaxtyping.install_import_hook(_modules_to_check(), "tests.typecheck.checked")

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, max_examples=30)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500)
"""The first is the same search every time; the second, `make explore`, another and longer one."""
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def _same_random_numbers_every_time() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_cache_of_the_users(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """States and weights are cached in folders of each test's own, made when written to."""
    own = tmp_path_factory.getbasetemp() / os.urandom(8).hex()
    monkeypatch.setenv("M2N2V2_CACHE", str(own))
    monkeypatch.setenv("M2N2V2_WEIGHTS", f"{own}-weights")
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # no test asks the real package index unasked


torch.set_num_threads(1)  # on images this small, waking threads costs more than they bring


@pytest.fixture
def three_threads() -> Iterator[None]:
    """Share rows among threads, as on large images."""
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(1)


@pytest.fixture
def ray_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ray on this machine, with patience: its own limits on starting are for a machine at rest."""
    milliseconds = str(int(1000 * PATIENCE))
    for name, value in {
        "gcs_server_request_timeout_seconds": str(int(PATIENCE)),
        "worker_register_timeout_seconds": str(int(PATIENCE)),
        "health_check_initial_delay_ms": milliseconds,
        "health_check_timeout_ms": milliseconds,
    }.items():
        monkeypatch.setenv(f"RAY_{name}", value)  # read when it is imported and started
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    clock = SimpleNamespace(**vars(time) | {"monotonic": lambda: 0.0})
    monkeypatch.setattr("ray._private.node.time", clock)  # it waits 30 seconds, whatever is set
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photographs and golden data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (photographs and golden data), which is not here")
    return SHARED


@dataclass(frozen=True)
class Golden:
    """One photograph with what the official M2N2 returned for it."""

    name: str
    image: np.ndarray
    arrays: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    @property
    def masks(self) -> np.ndarray:
        shape = self["masks_shape"]
        bits = np.unpackbits(self["masks"])[: np.prod(shape)]
        return bits.reshape(shape).astype(np.bool_)


@pytest.fixture(scope="session", params=["llama", "sheep"])
def golden(request: pytest.FixtureRequest, shared: Path) -> Golden:
    name = request.param
    (photograph,) = (
        path
        for path in (shared / "data/GrabCut/data_GT").glob(f"{name}.*")
        if path.suffix in (".bmp", ".jpg", ".png")
    )
    with np.load(shared / f"golden/{name}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    return Golden(name, np.asarray(Image.open(photograph).convert("RGB")), arrays)
