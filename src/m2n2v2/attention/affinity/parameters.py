"""The constants of the weight-free attention, each with its meaning, range and reason."""

from dataclasses import dataclass, fields

from m2n2v2.errors import SettingsError


@dataclass(frozen=True)
class Slic:
    """Compact superpixels (Achanta et al. 2012): k-means of colour and place.

    Attributes:
        segments: about how many, 1 or more.
        compactness: what place weighs against Lab colour, over 0; small follows colours, large
            keeps squares.
    """

    segments: int
    compactness: float


@dataclass(frozen=True)
class Watershed:
    """Catchment basins of the colour gradient: superpixels whose borders lie on edges.

    Attributes:
        segments: about how many, 1 or more.
    """

    segments: int


Partition = Slic | Watershed


@dataclass(frozen=True, kw_only=True)
class AffinityParameters:
    """What makes the weight-free attention; every default was tuned on Berkeley photographs.

    Raises:
        SettingsError: a value is out of its range.
    """

    grid: int = 64
    """Cells along each side of the attention, 1 or more; finer costs time in every product."""

    pixels: int = 200_000
    """Larger photographs are reduced to this area for the analysis, 1 or more; boundary widths
    are in pixels of that size. A segment is then fourteen pixels wide."""

    partitions: tuple[Partition, ...] = (
        Slic(600, 5.0),
        Slic(1000, 10.0),
        Slic(1000, 20.0),
        Watershed(800),
    )
    """One head each: where one partition leaks, the others hold."""

    boundary_sigma: float = 2.8
    """Width in pixels over which colour histograms are compared for boundary strength, over 0;
    wide enough to see a texture as one colour."""

    boundary_scale: float = 0.1
    """Boundary strength at which an affinity falls to 1/e, over 0."""

    neighbour_scale: float = 0.05
    """Half the square of the colour distance (Lab / 100) at which an affinity falls to 1/e, as a
    share of the local spread, over 0."""

    spread_limits: tuple[float, float] = (0.01, 0.3)
    """The local spread (distance to the third nearest neighbour) is kept in this range."""

    border_weight: float = 0.1
    """How much segments that touch the image's border belong together, 0 or more: a weak guess
    that the border is background. At 1 it swallows objects that touch the border."""

    ridge: float = 1e-8
    """Added to every affinity of neighbours so that none is cut off, over 0; 1e-4 would leak."""

    ranking: float = 0.98
    """How far affinity spreads along the graph, in (0, 1): each step keeps this share."""

    def changed(self) -> dict[str, object]:
        """The constants that are not the defaults, by name."""
        values = {field: getattr(self, field.name) for field in fields(self)}
        return {field.name: value for field, value in values.items() if value != field.default}

    def __post_init__(self) -> None:
        for name in ("grid", "pixels"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        for name in ("boundary_sigma", "boundary_scale", "neighbour_scale", "ridge"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "a number over 0")
        _check("border_weight", self.border_weight, self.border_weight >= 0, "0 or more")
        _check("ranking", self.ranking, 0 < self.ranking < 1, "a number in (0, 1)")
        low, high = self.spread_limits
        _check("spread_limits", self.spread_limits, 0 < low <= high, "two numbers, 0 < low <= high")
        _check("partitions", self.partitions, len(self.partitions) > 0, "at least one partition")
        for partition in self.partitions:
            _check("segments", partition.segments, partition.segments >= 1, "1 or more")
            if isinstance(partition, Slic):
                _check("compactness", partition.compactness, partition.compactness > 0, "over 0")


def _check(name: str, value: object, valid: bool, expected: str) -> None:
    if not valid:
        raise SettingsError(f"affinity parameter {name} is {value!r}", cure=f"use {expected}")
