"""The frames of folders and videos, well formed and not."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.errors import FrameError
from m2n2v2.grid import Size
from m2n2v2.tracking.frames import FolderFrames, open_frames
from m2n2v2.tracking.video import VideoFrames

av = pytest.importorskip("av", reason="PyAV is not installed")


def folder(root: Path, names: Sequence[str], size: tuple[int, int] = (20, 12)) -> Path:
    root.mkdir(exist_ok=True)
    for value, name in enumerate(names):
        PILImage.new("RGB", size, (10 * value, 0, 0)).save(root / name)
    return root


def test_frames_are_ordered_by_their_numbers(tmp_path: Path) -> None:
    frames = open_frames(folder(tmp_path / "a", ["f10.png", "f2.png", "f1.png"]))
    assert frames.names == ("f1", "f2", "f10")
    assert frames.size == Size(12, 20)
    assert [int(frames.read(i)[0, 0, 0]) for i in range(3)] == [20, 10, 0]


def test_missing_numbers_are_told(tmp_path: Path) -> None:
    frames = open_frames(folder(tmp_path / "a", [f"{i:03d}.png" for i in (1, 2, 5, 6)]))
    assert len(frames.names) == 4
    assert frames.notes == (
        "between 002.png and 005.png frames are missing; they are taken as neighbours",
    )
    assert not open_frames(folder(tmp_path / "b", ["0.png", "5.png", "10.png"])).notes


def test_frames_of_different_sizes_are_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", ["1.png", "2.png"])
    PILImage.new("RGB", (30, 12)).save(root / "3.png")
    with pytest.raises(FrameError, match=r"frame 3.png is 30x12, 1.png is 20x12"):
        open_frames(root)


def test_a_broken_file_keeps_its_place(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", ["1.png", "2.png", "3.png"])
    (root / "2.png").write_bytes(b"no image")
    frames = open_frames(root)
    assert frames.names == ("1", "2", "3")
    assert frames.notes[0].startswith("2.png is broken")
    with pytest.raises(FrameError, match=r"frame 2\.png is broken"):
        frames.read(1)


def test_a_file_cut_off_is_known_when_it_is_read(tmp_path: Path) -> None:
    root = tmp_path / "a"
    root.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    for name in ("1.png", "2.png"):
        PILImage.fromarray(noise).save(root / name)
    whole = (root / "2.png").read_bytes()
    (root / "2.png").write_bytes(whole[: len(whole) // 2])
    frames = open_frames(root)
    assert frames.read(0).shape == (60, 60, 3)
    with pytest.raises(FrameError, match="is broken"):
        frames.read(1)


def test_photographs_turned_by_exif_have_their_upright_size(tmp_path: Path) -> None:
    root = tmp_path / "a"
    root.mkdir()
    file = PILImage.new("RGB", (20, 12))
    exif = file.getexif()
    exif[0x0112] = 6
    file.save(root / "1.jpg", exif=exif)
    frames = open_frames(root)
    assert frames.size == Size(20, 12)
    assert frames.read(0).shape == (20, 12, 3)


def test_two_files_of_one_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match=r"would be one frame"):
        open_frames(folder(tmp_path / "a", ["1.png", "1.jpg"]))


@pytest.mark.parametrize("names", [[], ["notes.txt"]])
def test_a_folder_without_frames(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("text")
    with pytest.raises(FrameError, match="holds no frames"):
        open_frames(tmp_path)


def test_what_is_not_there_and_what_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="there is no"):
        open_frames(tmp_path / "nothing")
    (tmp_path / "text.mp4").write_text("no video at all")
    with pytest.raises(FrameError, match="cannot be read as a video"):
        open_frames(tmp_path / "text.mp4")


def test_stride(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", [f"{i}.png" for i in range(5)])
    frames = open_frames(root, stride=2)
    assert frames.names == ("0", "2", "4")
    assert int(frames.read(2)[0, 0, 0]) == 40
    with pytest.raises(FrameError, match="stride is 0"):
        open_frames(root, stride=0)
    assert frames.identity() != FolderFrames.of(root).identity()


def video(path: Path, greys: Sequence[int], *, times: Sequence[int] | None = None) -> Path:
    """A video of grey frames 64 x 48, with a bright band on the left; times in 1/10 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10, options={"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 10)
        stream.gop_size = 4
        for number, grey in enumerate(greys):
            pixels = np.full((48, 64, 3), grey, np.uint8)
            pixels[:, :16] = 250
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = times[number] if times else number
            frame.time_base = Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_video_is_read_in_any_order(tmp_path: Path) -> None:
    greys = [20 * i for i in range(11)]
    frames = open_frames(video(tmp_path / "a.mp4", greys))
    assert len(frames.names) == 11
    assert frames.size == Size(48, 64)
    for index in [0, 1, 2, 10, 9, 8, 3, 7, 0]:
        assert int(frames.read(index)[20, 50].mean()) == pytest.approx(greys[index], abs=6)
    assert frames.seconds(5) == pytest.approx(0.5)
    assert not frames.notes


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    frames = open_frames(video(tmp_path / "a.mp4", [0, 50, 100, 150], times=[0, 1, 7, 8]))
    assert [frames.seconds(i) for i in range(4)] == pytest.approx([0, 0.1, 0.7, 0.8])
    assert "variable frame rate" in frames.notes[0]
    assert int(frames.read(2)[20, 50].mean()) == pytest.approx(100, abs=6)


def test_little_of_a_video_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames fit; going backward still gives every frame."""
    monkeypatch.setattr("m2n2v2.tracking.video.BYTES", 2 * 48 * 64 * 3)
    greys = [20 * i for i in range(9)]
    frames = VideoFrames.of(video(tmp_path / "a.mp4", greys))
    for index in reversed(range(9)):
        assert int(frames.read(index)[20, 50].mean()) == pytest.approx(greys[index], abs=6)
        assert len(frames._kept) <= 2


def test_a_broken_frame_in_the_middle_of_a_video(tmp_path: Path) -> None:
    """What was packed for the fifth frame, which others do not need, is overwritten."""
    path = video(tmp_path / "a.mp4", [20 * i for i in range(9)])
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        at, size = packets[4].pos, packets[4].size
    data = bytearray(path.read_bytes())
    data[at : at + size] = bytes(size)
    path.write_bytes(bytes(data))
    frames = open_frames(path)
    assert len(frames.names) == 9
    with pytest.raises(FrameError, match=r"frame 4 of a\.mp4 cannot be decoded"):
        frames.read(4)
    assert int(frames.read(8)[20, 50].mean()) == pytest.approx(160, abs=6)
    assert int(frames.read(3)[20, 50].mean()) == pytest.approx(60, abs=6)
    with pytest.raises(FrameError, match="frame 4"):
        frames.read(4)


def test_a_phone_held_upright(tmp_path: Path) -> None:
    """The file says that its frames are to be turned; the band on the left is then below."""
    path = video(tmp_path / "a.mp4", [0, 0])
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 4 * 5 + 16  # version, times, id, duration, layer; matrix
    quarter = [0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30]
    data[at : at + 36] = b"".join(v.to_bytes(4, "big", signed=True) for v in quarter)
    path.write_bytes(bytes(data))
    frames = open_frames(path)
    assert frames.size == Size(64, 48)
    image = frames.read(1)
    assert image[5, 20].mean() > 200  # turned clockwise, left goes up
    assert image[50, 20].mean() < 50
