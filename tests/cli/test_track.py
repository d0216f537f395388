"""`m2n2v2 track` as people run it: a process, a folder of frames, a folder of results."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.grid import Size
from m2n2v2.tracking.track_folder import read_labels
from tests.patience import PATIENCE
from tests.tracking.clips import Clip, iou, passing, scene, two


def track(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "m2n2v2", "track", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def first_mask(path: Path, clip: Clip, frame: int = 0) -> Path:
    PILImage.fromarray(clip.truth[frame].astype(np.uint8)).save(path)
    return path


def results(out: Path) -> dict[str, np.ndarray]:
    return {path.stem: read_labels(path) for path in sorted((out / "masks").glob("*.png"))}


def test_a_folder_with_its_first_mask(tmp_path: Path) -> None:
    clip = two(5)
    frames = clip.written(tmp_path / "frames")
    out = tmp_path / "out"
    mask = first_mask(tmp_path / "first.png", clip)
    done = track(frames, "--mask", mask, "--out", out, "--preset", "offline", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["followed"] == 4
    assert facts["features"].startswith("colours and gradients")
    found = results(out)
    assert list(found) == [f"{i:05d}" for i in range(5)]
    for labels, truth in zip(found.values(), clip.truth, strict=True):
        assert min(iou(labels == n, truth == n) for n in (1, 2)) > 0.85
    rows = list(csv.reader((out / "boxes.csv").read_text().splitlines()))
    assert len(rows) == 10
    assert rows[0][:2] == ["1", "1"]
    made = json.loads((out / "annotations.json").read_text())
    assert {each["track_id"] for each in made["annotations"]} == {1, 2}
    assert (out / "overlay.mp4").is_file() or (out / "overlay.gif").is_file()

    again = track(frames, "--mask", mask, "--out", out, "--preset", "offline", "--json")
    assert json.loads(again.stdout)["followed"] == 0
    other = track(frames, "--mask", mask, "--out", out, "--preset", "offline", "--backward")
    assert other.returncode == 2
    assert "another run, which differs in backward" in other.stderr


def test_masks_leave_clean_and_are_followed_as_they_were(tmp_path: Path) -> None:
    clip = two(3)
    frames = clip.written(tmp_path / "frames")
    out = tmp_path / "out"
    spoilt = clip.truth[0].astype(np.uint8)
    y, x = (int(at) for at in np.argwhere(spoilt == 1).mean(axis=0))
    assert (spoilt[y : y + 2, x] == 1).all()
    spoilt[y : y + 2, x] = 0  # a hole
    spoilt[0, 0] = 2  # a speck
    PILImage.fromarray(spoilt).save(tmp_path / "first.png")
    common = (frames, "--mask", tmp_path / "first.png", "--out", out, "--preset", "offline")

    plain = track(*common, "--json")
    assert "cleaned" not in json.loads(plain.stdout)
    followed = results(out)
    done = track(*common, "--clean", "holes=2,specks=1", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["followed"] == 0
    clean = {path.stem: read_labels(path) for path in sorted((out / "cleaned").glob("*.png"))}
    assert list(clean) == list(followed)
    assert (clean["00000"] == clip.truth[0]).all()
    assert all((labels == followed[name]).all() for name, labels in results(out).items())
    changed = [(followed[name], labels) for name, labels in clean.items()]
    assert facts["cleaned"] == {
        "added": sum(int(((before == 0) & (after > 0)).sum()) for before, after in changed),
        "removed": sum(int(((before > 0) & (after == 0)).sum()) for before, after in changed),
    }
    made = json.loads((out / "annotations.json").read_text())["annotations"]
    assert made[0]["area"] == int((clip.truth[0] == 1).sum())

    assert "cleaned: " in track(*common, "--clean", "holes=2").stdout
    track(*common)
    assert not list((out / "cleaned").glob("*.png"))


def test_clicks_in_the_middle_backward_with_a_stride(tmp_path: Path) -> None:
    clip = passing(7)
    frames = clip.written(tmp_path / "frames")
    (tmp_path / "clicks.csv").write_text("00004,1,42,48,1\n00004,1,10,10,0\n")
    out = tmp_path / "out"
    done = track(
        *(frames, "--clicks", tmp_path / "clicks.csv", "--out", out, "--preset", "offline"),
        *("--backward", "--stride", 2, "--overlay", "gif"),
    )
    assert done.returncode == 0, done.stderr
    found = results(out)
    assert list(found) == ["00000", "00002", "00004", "00006"]
    for name, labels in found.items():
        assert iou(labels == 1, clip.truth[int(name)] == 1) > 0.8
    assert (out / "overlay.gif").is_file()


KILLED = """
import os
from m2n2v2.cli.main import run
from m2n2v2.tracking import track_folder

write, calls = track_folder.write_labels, []

def dies(path, labels):  # once the fourth frame's masks are written, before its line is
    write(path, labels)
    calls.append(path)
    if len(calls) == 4:
        os._exit(9)

track_folder.write_labels = dies
run()
"""


def test_a_killed_run_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    clip = passing(12)
    frames = clip.written(tmp_path / "frames")
    mask = first_mask(tmp_path / "first.png", clip)
    usual = (frames, "--mask", mask, "--preset", "offline", "--overlay", "none")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert track(*usual, "--out", whole).returncode == 0
    died = subprocess.run(
        [sys.executable, "-c", KILLED, "track", *map(str, usual), "--out", str(killed)],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert died.returncode not in (0, 2)
    assert len(results(killed)) == 4
    done = track(*usual, "--out", killed, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["known_before"] == 3
    for name, labels in results(whole).items():
        assert (results(killed)[name] == labels).all()


def test_a_broken_frame_in_the_middle_and_a_missing_number(tmp_path: Path) -> None:
    clip = passing(6)
    frames = clip.written(tmp_path / "frames")
    (frames / "00002.png").write_bytes(b"broken")
    (frames / "00004.png").unlink()
    done = track(
        *(frames, "--mask", first_mask(tmp_path / "m.png", clip), "--out", tmp_path / "out"),
        *("--preset", "offline", "--overlay", "none"),
    )
    assert done.returncode == 0, done.stderr
    assert "00002.png is broken" in done.stderr
    assert "between 00003.png and 00005.png frames are missing" in done.stderr
    found = results(tmp_path / "out")
    assert not found["00002"].any()
    assert iou(found["00005"] == 1, clip.truth[5] == 1) > 0.8


def test_a_clip_of_4k_is_followed_small_and_its_masks_are_large(tmp_path: Path) -> None:
    size = Size(2160, 3840)
    made = [scene([(1200.0 + 60 * t, 1000.0)], size, 400) for t in range(2)]
    clip = Clip([image for image, _ in made], [labels for _, labels in made])
    frames = clip.written(tmp_path / "frames", ".jpg")
    done = track(
        *(frames, "--mask", first_mask(tmp_path / "m.png", clip), "--out", tmp_path / "out"),
        *("--preset", "offline", "--overlay", "none"),
    )
    assert done.returncode == 0, done.stderr
    found = results(tmp_path / "out")
    assert found["00001"].shape == size.shape
    assert iou(found["00001"] == 1, clip.truth[1] == 1) > 0.9


def test_one_frame(tmp_path: Path) -> None:
    clip = passing(1)
    frames = clip.written(tmp_path / "frames")
    mask = first_mask(tmp_path / "m.png", clip)
    done = track(frames, "--mask", mask, "--out", tmp_path / "out", "--preset", "offline")
    assert done.returncode == 0, done.stderr
    assert (results(tmp_path / "out")["00000"] == clip.truth[0]).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--mask", "small.png"), "mask small.png is 10x10 and its frame 128x96"),
        (("--mask", "empty.png"), "marks no object"),
        (("--mask", "nothing.png"), "nothing.png does not exist"),
        ((), "no mask and no clicks came"),
        (("--mask", "first.png", "--stride", "0"), "stride is 0"),
        (("--mask", "first.png", "--mask", "other.png"), "has the name of no frame"),
        (("--mask", "first.png", "--workers", "0"), "workers is 0"),
        (("--mask", "first.png", "--overlay", "film"), "overlay is 'film'"),
        (("--mask", "first.png", "--preset", "sd2"), "no features that frames are compared by"),
        (("--clicks", "clicks.csv"), "a click is in frame '9'"),
        (("--clicks", "outside.csv"), "click (900, 5) lies outside"),
        (("--clicks", "words.csv"), "holds no clicks"),
        (("--mask", "first.png", "--clean", "holes"), "write it like holes=50"),
    ],
)
def test_bad_input(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    clip = passing(2)
    frames = clip.written(tmp_path / "frames")
    first_mask(tmp_path / "first.png", clip)
    first_mask(tmp_path / "other.png", clip)
    PILImage.new("L", (10, 10), 1).save(tmp_path / "small.png")
    PILImage.new("L", (128, 96)).save(tmp_path / "empty.png")
    (tmp_path / "clicks.csv").write_text("9,1,5,5,1\n")
    (tmp_path / "outside.csv").write_text("900,5,1\n")
    (tmp_path / "words.csv").write_text("here and there\n")
    files = [tmp_path / each if each.endswith((".png", ".csv")) else each for each in arguments]
    preset = () if "--preset" in arguments else ("--preset", "offline")
    done = track(frames, *files, *preset, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
