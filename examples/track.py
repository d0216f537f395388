"""Follow an object through a clip, click by click; writes the filmstrip of docs/tracking.md.

The clip is made up from the demo photograph: the camera turns, comes nearer and goes on, and a card
passes in front of the cup, whose inside is clicked once in the first frame. Nothing here is a
measurement (that is experiments/tracking.py).
Usage: python examples/track.py [FOLDER] [PRESET], the preset being `offline` if left out.
"""

import sys
from pathlib import Path

import numpy as np
import skimage
from PIL import Image as PILImage

from m2n2v2.arrays import Image
from m2n2v2.images import read_image
from m2n2v2.presets import preset
from m2n2v2.states.preparing import Preparer, Recipe
from m2n2v2.tracking.drawing import drawn
from m2n2v2.tracking.following import Follower
from m2n2v2.tracking.frames import open_frames
from m2n2v2.tracking.session import TrackingSession
from m2n2v2.tracking.sources import source_of

PHOTOGRAPH = Path(skimage.__file__).parent / "data" / "coffee.png"
COUNT, WIDTH, HEIGHT = 24, 320, 240
CLICK = (176, 112)
SHOWN = (0, 10, 13, 18)


def frame(photograph: Image, moment: float) -> Image:
    """The clip at a moment in [0, 1]."""
    angle, zoom = np.deg2rad(14 * moment), 1.0 - 0.3 * moment
    across, down = 290 + 50 * moment, 185 + 15 * moment
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    u, v = (x - WIDTH / 2) * zoom * 1.25, (y - HEIGHT / 2) * zoom * 1.25
    column = np.clip(across + u * np.cos(angle) - v * np.sin(angle), 0, photograph.shape[1] - 1)
    row = np.clip(down + u * np.sin(angle) + v * np.cos(angle), 0, photograph.shape[0] - 1)
    seen = photograph[row.round().astype(int), column.round().astype(int)]
    card = np.abs(x - (WIDTH + 60) + (WIDTH + 120) * moment - 0.2 * y) < 22
    return np.where(card[:, :, None], np.array([70, 78, 92], np.uint8), seen)


def main(folder: Path, name: str) -> None:
    """Make the clip, follow the cup, write the strip."""
    clip = folder / "clip"
    clip.mkdir(parents=True, exist_ok=True)
    photograph = read_image(PHOTOGRAPH)
    for index in range(COUNT):
        picture = PILImage.fromarray(frame(photograph, index / (COUNT - 1)))
        picture.save(clip / f"{index:03d}.png")

    frames, chosen = open_frames(clip), preset(name)
    session = TrackingSession(Follower(frames, *source_of(chosen)), Preparer(Recipe(preset=chosen)))
    session.click(0, *CLICK)
    for index, tracked in session.follow():
        print(
            f"frame {index}: {(tracked.labels > 0).sum()} pixels, {tracked.confidence[1]:.2f} sure"
        )

    strip = np.concatenate([drawn(frames.read(i), session.labels(i)) for i in SHOWN], 1)
    PILImage.fromarray(strip).save(folder / "filmstrip.jpg", quality=85)
    print(folder / "filmstrip.jpg")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out"),
        sys.argv[2] if len(sys.argv) > 2 else "offline",
    )
