"""Figures that others published, as data with their source: quoted, not measured here.

Only figures whose source we have read stand here. They were made with other clickers, other
treatment of void pixels and other hardware, and are never mixed into a measured table.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["supervised", "unsupervised, trained", "training-free"]


@dataclass(frozen=True)
class Figure:
    """One method on one dataset.

    Attributes:
        values: column, as the field names it, and value.
        source: where the figure stands.
    """

    method: str
    kind: Kind
    dataset: str
    values: dict[str, float]
    source: str


_V2 = "M2N2V2, Table 1"
_V2_BACKBONES = "M2N2V2, Table 2"
_V2_ABLATIONS = "M2N2V2, Table 3"
_V1 = "M2N2 (arXiv 2411.10411), Table 3"
_SEGNEXT = "SegNext (arXiv 2404.00741)"

FIGURES = (
    Figure(
        "M2N2V2 (SD2, DA2-L)", "training-free", "GrabCut", {"NoC@90": 1.84, "NoC@95": 3.58}, _V2
    ),
    Figure(
        "M2N2V2 (SD2, DA2-L)", "training-free", "Berkeley", {"NoC@90": 2.25, "NoC@95": 5.74}, _V2
    ),
    Figure(
        "M2N2V2 (SD2, DA2-L)",
        "training-free",
        "DAVIS",
        {"NoC@90": 4.76, "NoC@95": 9.66, "mIoU@5": 0.896, "mIoU@10": 0.915},
        "M2N2V2, Tables 2 and 3; its Table 1 has NoC@90 4.77",
    ),
    Figure(
        "M2N2V2 (SD2, DA2-L)",
        "training-free",
        "HQSeg44K",
        {"NoC@90": 6.29, "NoC@95": 9.86, "mIoU@5": 0.865, "mIoU@10": 0.908},
        "M2N2V2, Tables 1 to 3",
    ),
    Figure(
        "M2N2V2 (SD1, DA2-L)",
        "training-free",
        "DAVIS",
        {"NoC@90": 5.03, "NoC@95": 10.4, "mIoU@5": 0.887, "mIoU@10": 0.912},
        _V2_BACKBONES,
    ),
    Figure(
        "M2N2V2 (SD1, DA2-L)",
        "training-free",
        "HQSeg44K",
        {"NoC@90": 6.24, "NoC@95": 9.84, "mIoU@5": 0.867, "mIoU@10": 0.909},
        _V2_BACKBONES,
    ),
    Figure(
        "M2N2V2 without adaptive score",
        "training-free",
        "DAVIS",
        {"NoC@90": 4.81, "NoC@95": 9.71},
        _V2_ABLATIONS,
    ),
    Figure(
        "M2N2V2 without adaptive score",
        "training-free",
        "HQSeg44K",
        {"NoC@90": 6.27, "NoC@95": 9.85},
        _V2_ABLATIONS,
    ),
    Figure(
        "M2N2V2 without depth-guided JBU",
        "training-free",
        "DAVIS",
        {"mIoU@5": 0.892, "mIoU@10": 0.912},
        _V2_ABLATIONS,
    ),
    Figure(
        "M2N2V2 without depth-guided JBU",
        "training-free",
        "HQSeg44K",
        {"mIoU@5": 0.861, "mIoU@10": 0.904},
        _V2_ABLATIONS,
    ),
    Figure("M2N2 (SD2)", "training-free", "GrabCut", {"NoC@85": 1.62, "NoC@90": 1.90}, _V1),
    Figure("M2N2 (SD2)", "training-free", "Berkeley", {"NoC@85": 2.45, "NoC@90": 3.88}, _V1),
    Figure("M2N2 (SD2)", "training-free", "SBD", {"NoC@85": 7.72, "NoC@90": 10.94}, _V1),
    Figure("M2N2 (SD2)", "training-free", "DAVIS", {"NoC@85": 4.60, "NoC@90": 6.72}, _V1),
    *(
        Figure(
            f"SegNext, {which} of three models",
            "supervised",
            dataset,
            values,
            _SEGNEXT,
        )
        for which, dataset, values in (
            ("first", "DAVIS", {"NoC@90": 5.46}),
            ("second", "DAVIS", {"NoC@90": 5.34}),
            ("third", "DAVIS", {"NoC@90": 4.43}),
            ("first", "HQSeg44K", {"NoC@90": 7.47, "NoC@95": 11.94}),
            ("second", "HQSeg44K", {"NoC@90": 7.18, "NoC@95": 11.52}),
            ("third", "HQSeg44K", {"NoC@90": 5.32, "NoC@95": 9.42}),
        )
    ),
    Figure(
        "SAM (ViT-B)",
        "supervised",
        "DAVIS",
        {"NoC@90": 5.15, "NoC@95": 10.79, "mIoU@5": 0.909},
        "a user's re-run, not the authors'",
    ),
)
"""In the order in which reports show them."""
