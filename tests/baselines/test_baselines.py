"""Every segmenter keeps the Protocol and does what it is for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.fakes import made_up_set
from tests.scenes import colour_attention, disc, iou

from m2n2v2.attention import Precomputed
from m2n2v2.attention.affinity import Affinity, AffinityParameters
from m2n2v2.baselines import CLASSICAL, TRAINED, Segmenter, description, names, segmenter
from m2n2v2.baselines.cached import CachedAttention
from m2n2v2.baselines.ours import Ours
from m2n2v2.datasets import find, load
from m2n2v2.errors import BackendError, PromptError, WeightsError
from m2n2v2.method.settings import Settings
from m2n2v2.method.walk import empty, segment
from m2n2v2.preparation import prepare
from m2n2v2.prompts import Click
from m2n2v2.weights.locating import Loading

IMAGE, TRUTH = disc()
ON, OFF = Click(28, 30, True), Click(70, 10, False)


def ours(**changes: object) -> Ours:
    attention = Precomputed(colour_attention(IMAGE))
    settings = Settings.ours().replace(**changes)
    return Ours("stand-in", attention, None, settings, torch.device("cpu"))


def classical(name: str) -> Segmenter:
    if name == "grabcut":
        pytest.importorskip("cv2")
    return segmenter(name)


SEES = ["esc", "grabcut", "geodesic", "graph-cut", "gsc", "random-walker", "ours"]


def made(name: str) -> Segmenter:
    return ours() if name == "ours" else classical(name)


@pytest.mark.parametrize("name", [*CLASSICAL, "ours"])
class TestProtocol:
    def test_masks_have_the_photographs_size(self, name: str) -> None:
        clicking = made(name).start(IMAGE)
        for click in (ON, OFF):
            mask = clicking.click(click)
            assert mask.shape == TRUTH.shape
            assert mask.dtype == np.bool_
            assert mask[ON.y, ON.x]
        assert not mask[OFF.y, OFF.x]

    def test_restart_forgets(self, name: str) -> None:
        clicking = made(name).start(IMAGE)
        first = clicking.click(ON)
        clicking.click(OFF)
        clicking.restart()
        assert (clicking.click(ON) == first).all()

    def test_a_mask_given_out_is_not_changed_later(self, name: str) -> None:
        clicking = made(name).start(IMAGE)
        mask = clicking.click(ON)
        kept = mask.copy()
        clicking.click(OFF)
        assert (mask == kept).all()

    def test_a_first_click_on_the_background(self, name: str) -> None:
        mask = made(name).start(IMAGE).click(OFF)
        assert not mask[OFF.y, OFF.x]

    def test_mirrored_photograph_mirrored_mask(self, name: str) -> None:
        if name in ("grabcut", "ours"):
            pytest.skip("GrabCut's mixtures start at random; the attention here is of one image")
        mirrored = made(name).start(IMAGE[:, ::-1].copy())
        clicking = made(name).start(IMAGE)
        width = IMAGE.shape[1]
        for click in (ON, OFF):
            mask = clicking.click(click)
            other = mirrored.click(Click(width - 1 - click.x, click.y, click.positive))
            assert (other[:, ::-1] == mask).mean() > 0.999


@pytest.mark.parametrize("name", SEES)
def test_finds_a_clear_object(name: str) -> None:
    clicking = made(name).start(IMAGE)
    assert max(iou(clicking.click(click), TRUTH) for click in (ON, OFF)) > 0.9


def test_the_control_is_beaten() -> None:
    clicking = segmenter("click-disc").start(IMAGE)
    clicking.click(ON)
    assert iou(clicking.click(OFF), TRUTH) < 0.9


def test_click_disc_by_hand() -> None:
    clicking = segmenter("click-disc").start(np.zeros((10, 20, 3), np.uint8))  # radius 2
    mask = clicking.click(Click(4, 4))
    assert mask.sum() == 13
    assert mask[4, 6]
    assert not mask[4, 7]
    assert clicking.click(Click(6, 4, False))[4].nonzero()[0].tolist() == [2, 3, 4, 5]


def test_large_photographs_are_reduced_and_the_mask_is_not() -> None:
    image = np.kron(IMAGE, np.ones((10, 10, 1), np.uint8))
    clicking = segmenter("geodesic").start(image)
    mask = clicking.click(Click(285, 305))
    assert mask.shape == (600, 800)
    assert iou(mask, np.kron(TRUTH, np.ones((10, 10), bool))) > 0.9


def test_ours_is_the_pipeline() -> None:
    found = ours()
    clicking = found.start(IMAGE)
    state = prepare(IMAGE, found.attention, None, found.settings)
    expected = empty(state)
    for click in (ON, OFF):
        expected = segment(state, expected, click)
        assert (clicking.click(click) == expected.mask).all()


def test_ours_takes_measured_depth() -> None:
    depth = torch.zeros(TRUTH.shape)
    depth[:, : ON.x] = 1  # a cliff through the object
    cut = ours().start(IMAGE, depth).click(ON)
    assert (ours().start(IMAGE).click(ON) != cut).any()
    assert not cut[:, : ON.x - 1].any()
    flat = ours().start(IMAGE, torch.zeros(TRUTH.shape))
    assert (ours().start(IMAGE).click(ON) == flat.click(ON)).all()


def test_start_mask() -> None:
    clicking = ours().start(IMAGE)
    clicking.restart(TRUTH)
    limited = clicking.click(Click(14, 30, True))  # just inside the outline of the mask before
    clicking.restart()
    assert (limited != clicking.click(Click(14, 30, True))).any()
    with pytest.raises(PromptError, match="cannot start from a mask"):
        segmenter("geodesic").start(IMAGE).restart(TRUTH)


def test_names_say_every_setting() -> None:
    for name in names():
        if name not in TRAINED and name != "grabcut":
            assert name.partition("/")[0] in description(name)
    assert "'alpha': 4.0" in description("offline/alpha-4")
    with pytest.raises(BackendError, match=r"no preset 'nothing'.*grabcut"):
        description("nothing")


def test_attention_is_computed_once(tmp_path: Path) -> None:
    class Counting:
        name = "counting"
        calls = 0

        def extract(self, image: np.ndarray) -> object:
            self.calls += 1
            return Precomputed(colour_attention(image)).extract(image)

    source = Counting()
    cached = CachedAttention(source, tmp_path / "new")
    (sample,) = [load(item) for item in find("mine", made_up_set(tmp_path, count=1))]
    one, two = cached.extract(IMAGE), CachedAttention(source, tmp_path / "new").extract(IMAGE)
    row = torch.ones(1, one.cells.area)
    assert (one.left(row) == two.left(row)).all()
    assert source.calls == 1
    cached.extract(sample.image)
    assert source.calls == 2
    for path in (tmp_path / "new").iterdir():
        path.write_bytes(path.read_bytes()[:100])  # cut short: computed again
    cached.extract(IMAGE)
    assert source.calls == 3


def test_attention_of_other_parameters_or_code_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(**parameters: int) -> tuple[int, int]:
        source = Affinity(AffinityParameters(**parameters))
        return CachedAttention(source, tmp_path).extract(IMAGE).cells.shape

    assert found() == (64, 64)
    assert found(grid=32) == (32, 32)
    assert found() == (64, 64)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr("m2n2v2.baselines.cached.source_digest", lambda *roots: "other code")
    found()
    assert len(list(tmp_path.iterdir())) == 3


class TestSam:
    """With random weights, so only the way there and back is tested, not the masks."""

    @pytest.fixture(params=["sam", "sam2"])
    def stand_in(self, request: pytest.FixtureRequest) -> Segmenter:
        transformers = pytest.importorskip("transformers", reason="transformers is not installed")
        torch.manual_seed(0)
        if request.param == "sam":
            from m2n2v2.baselines.sam import Sam

            vision = transformers.SamVisionConfig(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                image_size=64,
                patch_size=16,
                output_channels=32,
                window_size=2,
                global_attn_indexes=[1],
                num_pos_feats=16,
                mlp_dim=32,
            )
            prompt = transformers.SamPromptEncoderConfig(
                hidden_size=32, image_size=64, patch_size=16, mask_input_channels=4
            )
            decoder = transformers.SamMaskDecoderConfig(
                hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=32
            )
            config = transformers.SamConfig(
                vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
            )
            return Sam(transformers.SamModel(config), "random")
        from m2n2v2.baselines.sam2 import Sam2

        backbone = transformers.Sam2HieraDetConfig(
            hidden_size=16,
            num_attention_heads=1,
            blocks_per_stage=[1, 1, 2, 1],
            embed_dim_per_stage=[16, 32, 64, 128],
            num_attention_heads_per_stage=[1, 2, 4, 8],
            window_size_per_stage=[2, 2, 2, 2],
            global_attention_blocks=[3],
            image_size=[128, 128],
        )
        config = transformers.Sam2Config(
            vision_config=transformers.Sam2VisionConfig(
                backbone_config=backbone,
                backbone_channel_list=[128, 64, 32, 16],
                backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
                fpn_hidden_size=32,
            ),
            prompt_encoder_config=transformers.Sam2PromptEncoderConfig(
                hidden_size=32, image_size=128
            ),
            mask_decoder_config=transformers.Sam2MaskDecoderConfig(
                hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=32
            ),
        )
        return Sam2(transformers.Sam2Model(config), "random")

    def test_masks_have_the_photographs_size(self, stand_in: Segmenter) -> None:
        clicking = stand_in.start(IMAGE)
        first, second = clicking.click(ON), clicking.click(OFF)
        assert first.shape == second.shape == TRUTH.shape
        clicking.restart()
        assert (clicking.click(ON) == first).all()

    def test_weights_that_are_not_there(self, tmp_path: Path) -> None:
        pytest.importorskip("transformers", reason="transformers is not installed")
        from m2n2v2.baselines.weights import pretrained

        with pytest.raises(WeightsError, match="nothing"):
            pretrained("SamModel", "sam-vit-base", Loading(weights=tmp_path / "nothing"))

    def test_weights_from_a_folder(self, stand_in: Segmenter, tmp_path: Path) -> None:
        from m2n2v2.baselines.weights import pretrained

        stand_in.model.save_pretrained(tmp_path)
        kind = type(stand_in.model).__name__
        name = "sam-vit-base" if kind == "SamModel" else "sam2-hiera-tiny"
        again, origin = pretrained(kind, name, Loading(weights=tmp_path))
        assert tmp_path.name in origin
        mask = type(stand_in)(again, origin).start(IMAGE).click(ON)
        assert (mask == stand_in.start(IMAGE).click(ON)).all()
