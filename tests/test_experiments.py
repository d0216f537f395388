"""What experiments share: sessions in step are sessions one by one, and a run goes on."""

import json
from argparse import Namespace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from m2n2v2.baselines.ours import Ours
from m2n2v2.datasets import find, load
from m2n2v2.evaluation.interaction import interact
from m2n2v2.evaluation.protocols import Protocol
from m2n2v2.grid import Size
from m2n2v2.presets import preset
from tests.fakes import made_up_set
from tests.scenes import ColourAttention

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.fixture
def sessions() -> ModuleType:
    spec = spec_from_file_location("sessions", EXPERIMENTS / "sessions.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def given(root: Path, **changes: Any) -> Namespace:
    options = {
        "preset": "offline",
        "weights": None,
        "device": "cpu",
        "datasets": "mine",
        "data_root": root,
        "protocol": "ritm",
        "shard": "1/1",
        "limit": None,
        "depth_unit": None,
        "attention_cache": None,
    }
    return Namespace(**{**options, **changes})


def test_in_step_is_one_by_one(sessions: ModuleType, tmp_path: Path) -> None:
    rows = {
        "as it is": sessions.Row(),
        "adaptive": sessions.Row({"size_rule": "adaptive", "alpha": 2.0}),
        "pixels": sessions.Row({"candidates": "pixels"}),
        "stopping rule": sessions.Row({"sinkhorn_rounds": 3}),
    }
    root = made_up_set(tmp_path, count=2)
    records = list(sessions.run(given(root), rows, set()))
    assert len(records) == len(rows) * len(find("mine", root))
    chosen, protocol = preset("offline"), Protocol()
    for item in find("mine", root):
        for row, made in rows.items():
            settings = chosen.settings.replace(**made.changes)
            source = chosen.attention_source()
            alone = Ours(row, source, None, settings, torch.device("cpu"))
            sample = load(item)
            done = interact(
                alone.start(sample.image), sample, protocol, protocol.generator("mine", item.name)
            )
            (found,) = [r for r in records if (r["object"], r["row"]) == (f"mine/{item.name}", row)]
            assert found["ious"] == list(done.ious)


def test_what_is_known_is_not_run_again(sessions: ModuleType, tmp_path: Path) -> None:
    root = made_up_set(tmp_path, count=2)
    rows = {"as it is": sessions.Row()}
    first, *_ = records = list(sessions.run(given(root), rows, set()))
    known = {(first["object"], "as it is")}
    again = list(sessions.run(given(root), rows, known))
    assert json.dumps(again) == json.dumps(records[1:])


def test_the_mirrored_mean_is_mirror_symmetric(sessions: ModuleType) -> None:
    image = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    source = sessions.Mirrored(ColourAttention(Size(4, 6)))
    plain = source.extract(image).matrix.reshape(4, 6, 4, 6)
    mirror = source.extract(np.ascontiguousarray(image[:, ::-1])).matrix.reshape(4, 6, 4, 6)
    torch.testing.assert_close(mirror, plain.flip(1, 3))


def test_the_table_pairs_objects(sessions: ModuleType) -> None:
    said = {"attention": "none", "preset": "offline", "protocol": "ritm", "code": "0"}
    ious = {("a", "one"): [0.5, 0.96], ("b", "one"): [0.96], ("a", "two"): [0.96]}
    records = [{"object": o, "row": r, "ious": i, **said} for (o, r), i in ious.items()]
    table = sessions.table(records, {"one": sessions.Row(), "two": sessions.Row()})
    assert table.startswith("1 objects")  # b has no second row
    assert "| one | 2.00 | 2.00 | 2.00 | 0.500 |" in table
    assert "| two | -1.00 [-1.00, -1.00]" in table
