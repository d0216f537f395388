"""The engine on a CUDA device: what the processor says, and states that travel between the two.

A device adds up in another order, so masks are compared by IoU and not bit for bit.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from m2n2v2 import Predictor
from m2n2v2.attention import Precomputed
from m2n2v2.attention.affinity import AffinityParameters, Slic
from m2n2v2.attention.affinity.likeness import LikenessAffinity
from m2n2v2.attention.base import DenseAttention
from m2n2v2.attention.reduced import ReducedAttention
from m2n2v2.depth import Precomputed as PrecomputedDepth
from m2n2v2.errors import DeviceError
from m2n2v2.grid import Size
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.presets import preset
from m2n2v2.prompts import Box, Click, Given, Scribble
from m2n2v2.snapping import snapped
from m2n2v2.states.file import read_state, write_state
from m2n2v2.weights.vit import VisionTransformer
from tests.cli.test_segment import Verb, folder, m2n2v2
from tests.fakes import made_up_set
from tests.scenes import ColourAttention, colour_attention, disc, iou

__all__ = ["folder", "m2n2v2"]

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")

IMAGE, TRUTH = disc(120, 160, (60, 56), 30)
PROMPTS: tuple[Given, ...] = (
    Click(60, 56),
    Click(120, 90, positive=False),
    Scribble(((45, 50), (60, 40), (75, 55))),
    Click(62, 80),
)
SETTINGS = {
    "paper": Settings.paper(),
    "m2n2": Settings.m2n2(),
    "ours": Settings.ours(),
    "offline": Settings.offline().replace(temperature=1.0),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_masks_are_the_processors(name: str) -> None:
    depth = None if name == "m2n2" else PrecomputedDepth(torch.from_numpy(TRUTH * 0.6 + 0.2))
    states = [
        prepare(IMAGE, ColourAttention(Size(24, 32)), depth, SETTINGS[name], device=device)
        for device in ("cpu", "cuda")
    ]
    assert states[1].transition.rows.device.type == "cuda"
    done = [empty(state) for state in states]
    for prompt in PROMPTS:
        done = [segment(s, before, prompt) for s, before in zip(states, done, strict=True)]
        assert iou(done[0].mask, done[1].mask) > 0.99, prompt
    assert iou(done[1].mask, TRUTH) > 0.9


def test_a_reduced_chain_is_the_exact_one() -> None:
    """Large enough that it is reduced; both run on the device."""
    source, masks = ColourAttention(Size(48, 64)), []
    for chain in ("exact", "fast"):
        state = prepare(IMAGE, source, None, Settings.ours().replace(chain=chain), device="cuda")
        kind = ReducedAttention if chain == "fast" else DenseAttention
        assert isinstance(state.transition.attention, kind)
        masks.append(segment(state, empty(state), PROMPTS[0]).mask)
    assert iou(*masks) > 0.99


def test_a_box_and_snapping() -> None:
    box, larger = Box(28, 24, 92, 88), disc(120, 160, (60, 56), 33)[1]
    made = []
    for device in ("cpu", "cuda"):
        state = prepare(
            IMAGE, ColourAttention(Size(24, 32)), None, SETTINGS["offline"], device=device
        )
        made.append((segment(state, empty(state), box).mask, snapped(state, larger)))
    for here, there in zip(*made, strict=True):
        assert iou(here, there) > 0.99
        assert iou(there, TRUTH) > 0.9


@pytest.mark.parametrize("name", ["offline", "dinov2-graph"])
def test_defaults_without_labels_or_weights(name: str) -> None:
    """Factored attention; the network's weights are random, and on the device."""
    from tests.backbones import tiny

    settings = preset(name).settings
    masks = []
    for device in ("cpu", "cuda"):
        if name == "offline":
            source = preset(name).attention_source()
        else:
            network = VisionTransformer(tiny.dinov2(hidden_size=64).to(device).state_dict())
            small = AffinityParameters(grid=48, partitions=(Slic(100, 10.0),))
            source = LikenessAffinity(network, side=8, parameters=small)
        state = prepare(IMAGE, source, None, settings, device=device)
        segmentation = empty(state)
        for prompt in PROMPTS:
            segmentation = segment(state, segmentation, prompt)
        masks.append(segmentation.mask)
    assert iou(*masks) > 0.99


@pytest.mark.parametrize(("written", "read"), [("cuda", "cpu"), ("cpu", "cuda")])
@pytest.mark.parametrize("name", ["paper", "ours", "affinity"])
def test_states_travel(written: str, read: str, name: str, tmp_path: Path) -> None:
    if name == "affinity":
        source, settings = preset("offline").attention_source(), Settings.offline()
    else:
        source, settings = ColourAttention(Size(48, 64)), SETTINGS[name]
    depth = PrecomputedDepth(torch.from_numpy(TRUTH * 0.6 + 0.2))
    state = prepare(IMAGE, source, depth, settings, device=written)
    write_state(tmp_path / "state.safetensors", state)
    again = read_state(tmp_path / "state.safetensors", device=read)
    assert again.transition.rows.device.type == read
    masks = [segment(s, empty(s), PROMPTS[0]).mask for s in (state, again)]
    assert iou(*masks) > 0.98


def test_the_predictor() -> None:
    made = []
    for device in ("cpu", "cuda"):
        predictor = Predictor(Precomputed(colour_attention(IMAGE)), device=device)
        predictor.set_image(IMAGE)
        masks, scores, logits = predictor.predict([[60, 56]], [1], multimask_output=True)
        again, *_ = predictor.predict([[60, 56]], [1], mask_input=logits[:1])
        boxed, *_ = predictor.predict(box=np.array([[28, 24, 92, 88], [0, 0, 20, 20]]))
        made.append([*masks, again[0], *np.asarray(boxed).reshape(-1, *TRUTH.shape)])
        assert scores.shape == (3,)
    for here, there in zip(*made, strict=True):
        assert iou(here, there) > 0.98


def test_what_does_not_fit_is_named() -> None:
    """The device's memory is made small; nothing is left of it afterwards."""
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        with pytest.raises(DeviceError, match="does not fit in memory"):
            prepare(IMAGE, ColourAttention(Size(48, 64)), None, Settings.paper(), device="cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    state = prepare(IMAGE, ColourAttention(Size(8, 8)), None, Settings.paper(), device="cuda")
    assert segment(state, empty(state), PROMPTS[0]).mask.any()


@pytest.mark.usefixtures("folder")
def test_segment_and_prepare_on_the_command_line(m2n2v2: Verb, tmp_path: Path) -> None:
    masks = []
    for device in ("cpu", "cuda"):
        out = tmp_path / f"{device}.png"
        code = m2n2v2(
            *("segment", "photo.png", "--fg", "30,28", "--attention", "attention.npy"),
            *("--device", device, "-o", str(out)),
        )
        assert code == 0
        masks.append(np.asarray(PILImage.open(out)) > 0)
    assert iou(*masks) > 0.99
    assert m2n2v2("prepare", ".", "--out", "states", "--preset", "offline", "--device", "cuda") == 0
    assert list((tmp_path / "states").glob("*.safetensors"))


def test_evaluate_says_which_device(m2n2v2: Verb, tmp_path: Path) -> None:
    made_up_set(tmp_path)
    code = m2n2v2(
        *("evaluate", "--datasets", "mine", "--data-root", str(tmp_path), "--n-clicks", "2"),
        *("--preset", "offline", "--device", "cuda", "--out", str(tmp_path / "run")),
    )
    assert code == 0
    written = json.loads((tmp_path / "run/run.json").read_text())
    assert torch.cuda.get_device_name(0) in json.dumps(written)
