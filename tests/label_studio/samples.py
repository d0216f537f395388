"""A labelling configuration, and regions as Label Studio sends them."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

PROGRAM = "LABEL_STUDIO"
"""Environment variable: the program `label-studio` of an environment that has it."""


def program() -> Path:
    """The program `label-studio`; a test that asks for it skips where there is none."""
    named = os.environ.get(PROGRAM) or shutil.which("label-studio")
    if not named:
        pytest.skip(f"Label Studio is not installed: put its program into {PROGRAM}")
    return Path(named)


CONFIGURATION = """
<View>
  <Image name="image" value="$image"/>
  <KeyPointLabels name="point" toName="image" smart="true">
    <Label value="Cup"/><Label value="Dog"/>
  </KeyPointLabels>
  <RectangleLabels name="box" toName="image" smart="true">
    <Label value="Cup"/><Label value="Dog"/>
  </RectangleLabels>
  <BrushLabels name="brush" toName="image" smart="true">
    <Label value="Cup"/><Label value="Dog"/>
  </BrushLabels>
  <PolygonLabels name="polygon" toName="image">
    <Label value="Cup"/><Label value="Dog"/>
  </PolygonLabels>
</View>
"""

NAMES = {"keypointlabels": "point", "rectanglelabels": "box", "brushlabels": "brush"}


def region(kind: str, *, label: str, is_positive: bool = True, **value: Any) -> dict[str, Any]:
    """A region on an image of 90 x 60 pixels."""
    return {
        "id": "made-up",
        "type": kind,
        "from_name": NAMES.get(kind, "other"),
        "to_name": "image",
        "original_width": 90,
        "original_height": 60,
        "image_rotation": 0,
        "is_positive": is_positive,
        "value": {**value, kind: [label]},
    }
