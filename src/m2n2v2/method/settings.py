"""Every constant of the method: one frozen object, each value with its range and its source."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from m2n2v2.errors import SettingsError
from m2n2v2.grid import Placement

SizeRule = Literal["adaptive", "prior"]
Chain = Literal["fast", "exact"]
CandidateRule = Literal["pixels", "level-sets"]
Bound = Literal["segment", "change"]
Discard = Literal["forever", "once"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The method's constants. Every default is M2N2V2's as its paper describes it, which keeps all
    of M2N2's but those it names; what is ours is off, and on in `ours` and `offline`.

    A changed setting is a new object (`settings.replace(alpha=4)`), and everything cached
    belongs to one settings object, so nothing goes stale.

    Raises:
        SettingsError: a value is out of its range or of another kind.
    """

    temperature: float = 0.65
    """T in `softmax(log A / T)`, over 0; smaller is sharper (M2N2)."""

    sinkhorn_tolerance: float = 1e-3
    """Stop balancing once every column sums to 1 within this, over 0 (ours)."""

    sinkhorn_rounds: int | None = 200
    """Balancing rounds (M2N2); None: as many as `sinkhorn_tolerance` asks (ours)."""

    order_weight: float = 0.0
    """Attention to cells at another depth is multiplied by `exp(-order_weight |difference|)`, 0 or
    more. 0, off, is the paper's choice; supplement 10 tried it and lost (our reading of it)."""

    depth_guided_attention: bool = False
    """Depth as a cue of the attention, where the source takes it (`attention.Affinity`; ours)."""

    chain_threshold: float = 0.3
    """tau_M: the relative probability at which a cell counts as reached, in (0, 1) (Eq. 3)."""

    chain_steps: int = 1000
    """Steps after which the chain stops; cells not reached get this time, 1 or more (M2N2)."""

    chain: Chain = "exact"
    """`exact`: every step is a product with the matrix (M2N2); `fast`: the chain is reduced to a
    few hundred dimensions, once per image, where the error, measured on that image, is small
    (`reduction`; ours). See docs/decisions/fast-chain.md."""

    click_placement: Placement = "corner"
    """Where a click enters the grid: `corner` is M2N2's, `half-pixel` ours, under which mirroring
    an image mirrors its mask (`grid.cell_coordinates`)."""

    candidates: CandidateRule = "pixels"
    """What is scored. `pixels`: the pixels in the order of their values, equal ones row by row,
    each with all before it; the value of the best one is the threshold, and where nothing scores,
    all pixels of value 0 are the segment (M2N2). `level-sets`: whole sets of pixels up to a value,
    so that what is scored is what is used; where nothing scores, the prompt's own pixel (ours)."""

    spatial_sigma: float = 1.0
    """Spatial sigma of the upsampling, in attention cells, over 0 (M2N2)."""

    range_sigma: float = 0.1
    """Range sigma of the upsampling, on guide values in [0, 1], over 0 (M2N2)."""

    depth_guided_upsampling: bool = True
    """Depth as fourth channel of the upsampling's guide (section 3.3)."""

    depth_guided_fill: bool = True
    """Depth in the flood fill's distance (section 3.3)."""

    size_rule: SizeRule = "adaptive"
    """`adaptive`: Eq. 8 to 10 and the check after them; `prior`: M2N2's Eq. 7."""

    prior_fraction: float = 0.4
    """tau: a segment covers less than this share of the image, in (0, 1] (Eq. 7 and 8)."""

    bound: Bound = "segment"
    """What the adaptive rule bounds by the limit of Eq. 10: the pixels of the prompt's `segment`,
    or the `change`, by which they exceed the segmentation before. The paper's words allow both;
    see docs/decisions/adaptive-rule.md."""

    discard: Discard = "forever"
    """How long a prompt that changed more than its limit stays out of the other scores: `forever`,
    or `once`, until the next click. The paper's words allow both; see the same page."""

    alpha: float = 32.0
    """Largest change of area in discs of the click's distance, over 0 (Eq. 10). The paper's
    value is not in the text we have; see docs/decisions/alpha.md."""

    scale_evidence: bool = False
    """Terms of ours in the score: boundaries of the photograph, its frame, size, and the click's
    place in what it changes (`scale_evidence.weighed`). For weak attentions; the paper has none."""

    steady_scales: bool = False
    """Earlier prompts keep their scales where that puts the new click better in the middle of the
    change (`photograph.additions`). For weak attentions; the paper scores all again."""

    refinement: float = 0.0
    """Half the width of the band in which the outline is drawn to the photograph's edges, as a
    share of the shorter side, in [0, 0.2]; 0, the paper's, is none (`refinement.refined`)."""

    max_short_side: int | None = 1024
    """Larger photographs are computed with their shorter side reduced to this, in pixels, 16 or
    more; masks come back at full size. None: never (supplement 9; the value is ours)."""

    def __post_init__(self) -> None:
        for name in ("temperature", "sinkhorn_tolerance", "spatial_sigma", "range_sigma", "alpha"):
            self._check(name, 0.0 < self._number(name) < float("inf"), "a finite number over 0")
        self._check(
            "order_weight",
            0.0 <= self._number("order_weight") < float("inf"),
            "a finite number, 0 or more",
        )
        self._check("chain_threshold", 0.0 < self._number("chain_threshold") < 1.0, "in (0, 1)")
        self._check("prior_fraction", 0.0 < self._number("prior_fraction") <= 1.0, "in (0, 1]")
        self._check("chain_steps", self._whole("chain_steps", 1), "a whole number, 1 or more")
        for name, least in (("sinkhorn_rounds", 1), ("max_short_side", 16)):
            given = getattr(self, name) is not None
            self._check(
                name,
                not given or self._whole(name, least),
                f"None or a whole number, {least} or more",
            )
        self._check("refinement", 0.0 <= self._number("refinement") <= 0.2, "in [0, 0.2]")
        for name in (
            "depth_guided_attention",
            "depth_guided_upsampling",
            "depth_guided_fill",
            "scale_evidence",
            "steady_scales",
        ):
            self._check(name, isinstance(getattr(self, name), bool), "True or False")
        self._check(
            "click_placement", self.click_placement in get_args(Placement), f"{get_args(Placement)}"
        )
        self._check(
            "candidates", self.candidates in get_args(CandidateRule), f"{get_args(CandidateRule)}"
        )
        self._check("bound", self.bound in get_args(Bound), f"{get_args(Bound)}")
        self._check("discard", self.discard in get_args(Discard), f"{get_args(Discard)}")
        self._check("chain", self.chain in get_args(Chain), f"{get_args(Chain)}")
        self._check("size_rule", self.size_rule in get_args(SizeRule), f"{get_args(SizeRule)}")

    @classmethod
    def paper(cls) -> Self:
        """M2N2V2 as the paper describes it: "all hyperparameters as in M2N2", and what is new.

        Two values are not in its text: `alpha`, and the `max_short_side` that supplement 9 speaks
        of.
        """
        return cls()

    @classmethod
    def m2n2(cls) -> Self:
        """The first version as its code runs: prior score, no depth, photographs of any size."""
        return cls(
            depth_guided_upsampling=False,
            depth_guided_fill=False,
            size_rule="prior",
            max_short_side=None,
        )

    @classmethod
    def ours(cls) -> Self:
        """The paper's method in our numerics: faster, and mirror-symmetric."""
        return cls(
            sinkhorn_rounds=None,
            chain="fast",
            click_placement="half-pixel",
            candidates="level-sets",
        )

    @classmethod
    def offline(cls) -> Self:
        """For the weight-free attention (`attention.Affinity`), which has no temperature,
        and whose scales and outlines need the photograph's help: `ours`, and more."""
        return cls.ours().replace(
            temperature=1.0,
            chain="exact",  # it takes few steps, each cheap: reducing it costs more than it saves
            spatial_sigma=0.4,
            scale_evidence=True,
            steady_scales=True,
            refinement=0.02,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Settings from names and values, as `to_dict` gives them; an unknown name is an error."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise SettingsError(
                    f"setting {name!r} does not exist", cure=f"choose from {', '.join(known)}"
                )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Names and values, ready for JSON."""
        return dataclasses.asdict(self)

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed; an unknown name is an error."""
        return self.from_dict(self.to_dict() | changes)

    def _number(self, name: str) -> float:
        value = getattr(self, name)
        return (
            float(value) if isinstance(value, int | float) and value is not True else float("nan")
        )

    def _whole(self, name: str, least: int) -> bool:
        value = getattr(self, name)
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    def _check(self, name: str, valid: bool, expected: str) -> None:
        if not valid:
            raise SettingsError(
                f"setting {name} is {getattr(self, name)!r}", cure=f"use {expected}"
            )
