"""Every constant of the method: one frozen object, each value with its range and its source.

A setting belongs to one of two halves. What `preparing` an image needs is part of its state; what
`clicking` needs can change on a prepared state, which stays as it is.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from m2n2v2.errors import SettingsError
from m2n2v2.grid import Placement

SizeRule = Literal["adaptive", "prior"]
Chain = Literal["fast", "exact"]
CandidateRule = Literal["pixels", "level-sets"]
Bound = Literal["segment", "change"]
Discard = Literal["forever", "once"]
Half = Literal["preparing", "clicking"]


@dataclass(frozen=True)
class Rule:
    """What a setting may be.

    Attributes:
        allows: says of a value whether it may.
        words: the same for people, after "use".
    """

    allows: Callable[[Any], bool]
    words: str


def preparing(default: Any, rule: Rule) -> Any:
    """A setting that the prepared state depends on."""
    return dataclasses.field(default=default, metadata={"half": "preparing", "rule": rule})


def clicking(default: Any, rule: Rule) -> Any:
    """A setting that is asked at every click and not before."""
    return dataclasses.field(default=default, metadata={"half": "clicking", "rule": rule})


def number(inside: Callable[[float], bool], words: str) -> Rule:
    """A number, and no truth value, that lies inside a range."""
    return Rule(
        lambda x: isinstance(x, int | float) and not isinstance(x, bool) and inside(x), words
    )


def whole(least: int, *, none: bool = False) -> Rule:
    """A whole number, or None where that is allowed."""

    def allows(value: Any) -> bool:
        if value is None:
            return none
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    return Rule(allows, f"{'None or ' if none else ''}a whole number, {least} or more")


def one_of(literal: Any) -> Rule:
    """One of the words of a `Literal`."""
    words = get_args(literal)
    return Rule(lambda x: isinstance(x, str) and x in words, f"{words}")


OVER_0 = number(lambda x: 0 < x < math.inf, "a finite number over 0")
TRUE_OR_FALSE = Rule(lambda x: isinstance(x, bool), "True or False")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The method's constants. Every default is M2N2V2's as its paper describes it, which keeps all
    of M2N2's but those it names; what is ours is off, and on in `ours` and `offline`.

    A changed setting is a new object (`settings.replace(alpha=4)`), and everything cached
    belongs to one settings object, so nothing goes stale.

    Raises:
        SettingsError: a value is out of its range or of another kind.
    """

    temperature: float = preparing(0.65, OVER_0)
    """T in `softmax(log A / T)`, over 0; smaller is sharper (M2N2)."""

    sinkhorn_tolerance: float = preparing(1e-3, OVER_0)
    """Stop balancing once every column sums to 1 within this, over 0 (ours)."""

    sinkhorn_rounds: int | None = preparing(200, whole(1, none=True))
    """Balancing rounds (M2N2); None: as many as `sinkhorn_tolerance` asks (ours)."""

    chain_threshold: float = preparing(0.3, number(lambda x: 0 < x < 1, "in (0, 1)"))
    """tau_M: the relative probability at which a cell counts as reached, in (0, 1) (Eq. 3)."""

    chain_steps: int = clicking(1000, whole(1))
    """Steps after which the chain stops; cells not reached get this time, 1 or more (M2N2)."""

    chain: Chain = preparing("exact", one_of(Chain))
    """`exact`: every step is a product with the matrix (M2N2); `fast`: the chain is reduced to a
    few hundred dimensions, once per image, where the error, measured on that image, is small
    (`reduction`; ours). See docs/decisions/fast-chain.md."""

    click_placement: Placement = clicking("corner", one_of(Placement))
    """Where a click enters the grid: `corner` is M2N2's, `half-pixel` ours, under which mirroring
    an image mirrors its mask (`grid.cell_coordinates`)."""

    candidates: CandidateRule = clicking("pixels", one_of(CandidateRule))
    """What is scored. `pixels`: the pixels in the order of their values, equal ones row by row,
    each with all before it; the value of the best one is the threshold, and where nothing scores,
    all pixels of value 0 are the segment (M2N2). `level-sets`: whole sets of pixels up to a value,
    so that what is scored is what is used; where nothing scores, the prompt's own pixel (ours)."""

    spatial_sigma: float = preparing(1.0, OVER_0)
    """Spatial sigma of the upsampling, in attention cells, over 0 (M2N2)."""

    range_sigma: float = preparing(0.1, OVER_0)
    """Range sigma of the upsampling, on guide values in [0, 1], over 0 (M2N2)."""

    depth_guided_upsampling: bool = preparing(True, TRUE_OR_FALSE)
    """Depth as fourth channel of the upsampling's guide (section 3.3)."""

    depth_guided_fill: bool = clicking(True, TRUE_OR_FALSE)
    """Depth in the flood fill's distance (section 3.3)."""

    size_rule: SizeRule = clicking("adaptive", one_of(SizeRule))
    """`adaptive`: Eq. 8 to 10 and the check after them; `prior`: M2N2's Eq. 7."""

    prior_fraction: float = clicking(0.4, number(lambda x: 0 < x <= 1, "in (0, 1]"))
    """tau: a segment covers less than this share of the image, in (0, 1] (Eq. 7 and 8)."""

    bound: Bound = clicking("change", one_of(Bound))
    """What the adaptive rule bounds by the limit of Eq. 10: the `change`, by which the pixels of
    the prompt's segment exceed those of the segmentation before, or the pixels of the `segment`.
    The paper's words allow both; see docs/decisions/adaptive-rule.md."""

    discard: Discard = clicking("forever", one_of(Discard))
    """How long a prompt that changed more than its limit stays out of the other scores: `forever`,
    or `once`, until the next click. The paper's words allow both; see the same page."""

    alpha: float = clicking(32.0, OVER_0)
    """Largest change of area in discs of the click's distance, over 0 (Eq. 10). The paper's
    value is not in the text we have; see docs/decisions/alpha.md."""

    scale_evidence: bool = clicking(False, TRUE_OR_FALSE)
    """Terms of ours in the score: boundaries of the photograph, its frame, size, and the click's
    place in what it changes (`scale_evidence.weighed`). For weak attentions; the paper has none."""

    steady_scales: bool = clicking(False, TRUE_OR_FALSE)
    """Earlier prompts keep their scales where that puts the new click better in the middle of the
    change (`photograph.additions`). For weak attentions; the paper scores all again."""

    refinement: float = clicking(0.0, number(lambda x: 0 <= x <= 0.2, "in [0, 0.2]"))
    """Half the width of the band in which the outline is drawn to the photograph's edges, as a
    share of the shorter side, in [0, 0.2]; 0, the paper's, is none (`refinement.refined`)."""

    object_model: float = clicking(0.0, number(lambda x: 0 <= x <= 2, "in [0, 2]"))
    """What a model of the object's looks, learned at every click from an attention's features,
    counts beside the maps, in [0, 2]; 0, the paper's, is none (`object_model.supported`)."""

    max_short_side: int | None = preparing(1024, whole(16, none=True))
    """Larger photographs are computed with their shorter side reduced to this, in pixels, 16 or
    more; masks come back at full size. None: never (supplement 9; the value is ours)."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, rule = getattr(self, field.name), field.metadata["rule"]
            if not rule.allows(value):
                raise SettingsError(f"setting {field.name} is {value!r}", cure=f"use {rule.words}")

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
        and whose scales and outlines need the photograph's help: `ours`, and more. Of what those
        terms leave, the adaptive rule costs clicks (docs/decisions/adaptive-rule.md)."""
        return cls.ours().replace(
            temperature=1.0,
            chain="exact",  # it takes few steps, each cheap: reducing it costs more than it saves
            spatial_sigma=0.4,
            size_rule="prior",
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

    def to_dict(self, half: Half | None = None) -> dict[str, Any]:
        """Names and values, of all settings or of one half, ready for JSON."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if half in (None, field.metadata["half"])
        }

    def unlike(self, made: "Settings", half: Half | None = None) -> str:
        """Where `made` differs from these settings, in words; empty if it does not.

        Args:
            half: look at this half alone.
        """
        have, want = made.to_dict(half), self.to_dict(half)
        return ", ".join(f"{n} {have[n]} and not {want[n]}" for n in want if have[n] != want[n])

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed; an unknown name is an error."""
        return self.from_dict(self.to_dict() | changes)
