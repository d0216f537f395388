"""Pictures that are no ordinary photographs, through the preset with its real weights."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2 import Predictor
from m2n2v2.weights.locating import Loading, Located

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)


PICTURES = {
    "greyscale": np.tile(np.linspace(0, 255, 200).astype(np.uint8), (150, 1)),
    "20 rows of 2000": noise(20, 2000, 3),
    "2000 rows of 20": noise(2000, 20, 3),
    "one colour": np.full((120, 160, 3), 77, np.uint8),
    "smaller than a patch": noise(9, 5, 3),
    "one pixel": noise(1, 1, 3),
}


@pytest.fixture(scope="module")
def predictors() -> dict[str, Predictor]:
    """The one predictor, made by the first test: weights are looked for in each test's folder."""
    return {}


@pytest.mark.parametrize("picture", PICTURES)
def test_any_picture_takes_a_click_and_a_correction(
    picture: str, weights: Located, predictors: dict[str, Predictor], tmp_path: Path
) -> None:
    if not predictors:
        loading = Loading(offline=True)
        predictors["it"] = Predictor.from_preset("dinov2-graph", loading=loading)
    file = tmp_path / "picture.png"
    PILImage.fromarray(PICTURES[picture]).save(file)
    height, width = PICTURES[picture].shape[:2]
    predictor = predictors["it"]
    predictor.set_image(file)
    session = predictor.session()
    session.click(width // 2, height // 2)
    assert session.mask.shape == (height, width)
    assert session.mask[height // 2, width // 2]
    if width > 1:
        session.click(0, 0, positive=False)
        assert not session.mask[0, 0]
        assert session.mask[height // 2, width // 2]


MEMORY = """
import numpy as np
from benchmarks.memory import forget_peak, peak_mb, resident_mb
from m2n2v2 import Predictor
from m2n2v2.weights.locating import Loading
import m2n2v2.attention.affinity.likeness, skimage.color, safetensors.torch
ramp = np.linspace(0, 255, 4000).astype(np.uint8)
image = np.stack([np.tile(ramp, (3000, 1))] * 3, 2)
image[1000:2000, 1000:2500] = 200, 60, 30
before = resident_mb()
forget_peak()
predictor = Predictor.from_preset("dinov2-graph", loading=Loading(offline=True))
predictor.set_image(image)
session = predictor.session()
session.click(1700, 1500)
inside = session.mask[1000:2000, 1000:2500].mean()
print(peak_mb() - before, inside, session.mask.mean())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the peak")
@pytest.mark.usefixtures("weights")
def test_twelve_megapixels_take_less_than_a_gigabyte_and_a_half() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    peak, inside, all_of_it = map(float, done.stdout.split())
    assert peak < 1500
    assert inside > 0.98
    assert all_of_it < 0.14  # an eighth of it is the rectangle
