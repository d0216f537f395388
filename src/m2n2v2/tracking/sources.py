"""Which features a preset follows objects by."""

from m2n2v2.errors import BackendError
from m2n2v2.presets import ATTENTION, Preset, backbone
from m2n2v2.tracking.cells import CellFeatures, NetworkCells, OwnCells
from m2n2v2.tracking.settings import FLOW, NETWORK, TrackingSettings
from m2n2v2.weights.locating import Loading

NETWORKS = "dinov2"
"""What the names of those weights begin with whose cells can be compared between frames."""


def follows(preset: Preset) -> bool:
    """Has this preset features that objects are followed by?"""
    weights = backbone(ATTENTION, preset.attention).weights
    return preset.attention.startswith("affinity") or (weights or "").startswith(NETWORKS)


def source_of(
    preset: Preset, loading: Loading | None = None
) -> tuple[CellFeatures, TrackingSettings]:
    """The features by which a preset follows objects, and the constants that go with them.

    A preset with a DINOv2 follows by its keys, one without any network by colours, gradients and
    optical flow.

    Raises:
        BackendError: its network is of another kind.
        WeightsError, DeviceError: its weights cannot be loaded, or not here.
    """
    if not follows(preset):
        raise BackendError(
            f"preset {preset.name} has no features that frames are compared by",
            cure="choose dinov2-graph, one of DINOv2's own, or offline",
        )
    weights = backbone(ATTENTION, preset.attention).weights
    if weights is None:
        return OwnCells(), FLOW
    return NetworkCells.load(weights, loading), NETWORK
