"""A session in a notebook: its picture, the widget's answers, the notebook itself run whole."""

import base64
import importlib.util
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from m2n2v2.errors import BackendError, NoImageError
from m2n2v2.grid import Size
from m2n2v2.notebook import clickable
from m2n2v2.overlays import rescaled
from m2n2v2.predictor import Predictor
from m2n2v2.prompts import Box, Click, Scribble
from tests.scenes import ColourAttention, photograph

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"
SIZE = Size(60, 90)


@pytest.fixture
def predictor() -> Predictor:
    found = Predictor(ColourAttention(Size(16, 16)))
    found.set_image(photograph(SIZE, [(8, 8, 40, 40), (50, 12, 76, 52)]))
    return found


def seen(data: bytes | None) -> np.ndarray:
    assert data is not None
    return np.asarray(PILImage.open(io.BytesIO(data)))


def test_a_predictor_shows_its_image(predictor: Predictor) -> None:
    state = predictor.get_image_embedding()
    assert np.array_equal(seen(predictor._repr_png_()), state.guide)
    predictor.reset_image()
    assert predictor._repr_png_() is None


def test_a_session_shows_its_mask_and_its_clicks(predictor: Predictor) -> None:
    session = predictor.session()
    state = session.state
    assert np.array_equal(seen(session._repr_png_()), state.guide)
    session.click(22, 24)
    picture = seen(session._repr_png_())
    changed = (picture != state.guide).any(axis=2)
    mask = session.segmentation.working_mask
    assert changed[mask].all()
    assert not changed[:, -5:].any()


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (Click(10, 6, False), Click(5, 2, False)),
        (Scribble([(10, 6), (20, 9)]), Scribble([(5, 2), (10, 3)])),
        (Box(10, 6, 20, 9), Box(5, 2, 10, 3)),
    ],
)
def test_prompts_in_a_reduced_picture(prompt: Any, expected: Any) -> None:
    assert rescaled(prompt, Size(90, 60), Size(30, 30)) == expected


def test_without_the_extra_it_says_what_to_install(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "m2n2v2.notebook.widget", raising=False)
    with pytest.raises(BackendError, match=r"anywidget is not installed; .*m2n2v2\[notebook\]"):
        clickable(predictor)


def test_what_is_done_on_the_widget_is_done_to_the_session(predictor: Predictor) -> None:
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    session = predictor.session()
    widget = clickable(session)
    assert np.array_equal(seen(widget.picture), session.state.guide)
    assert not widget.can_undo

    def ask(**content: Any) -> None:
        widget._handle_custom_msg(content, [])

    ask(do="click", at=[0.25, 0.4], positive=True)
    assert session.clicks == (Click(22.5, 24.0),)
    assert np.array_equal(seen(widget.picture), session.picture)
    ask(do="click", at=[0.25, 0.4], positive=False)
    assert "both as object and as background" in widget.message
    assert len(session.prompts) == 1
    ask(do="undo")
    assert (session.prompts, widget.message, widget.can_redo) == ((), "", True)
    ask(do="redo")
    assert len(session.prompts) == 1
    ask(do="reset")
    ask(**{"do": "box", "from": [0.5, 0.1], "to": [0.9, 0.9], "positive": True})
    assert session.prompts == (Box(45, 6, 81, 54),)
    ask(do="dance")
    assert "was asked" in widget.message
    predictor.reset_image()
    with pytest.raises(NoImageError):
        clickable(predictor)


@pytest.mark.slow
def test_the_notebook_runs_from_its_first_cell_to_its_last() -> None:
    for name in ("anywidget", "nbclient", "nbformat", "ipykernel"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    import nbclient
    import nbformat

    book = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(book, timeout=None).execute()
    outputs = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    shown = [{kind for each in cell for kind in each.get("data", {})} for cell in outputs]
    assert ["image/png" in kinds for kinds in shown] == [True, True, True, False, False, False]
    assert "application/vnd.jupyter.widget-view+json" in shown[4]
    first, second = (
        seen(base64.b64decode(outputs[index][-1]["data"]["image/png"])) for index in (0, 1)
    )
    assert first.shape == second.shape
    assert (first != second).any()
    assert outputs[3][0]["data"]["text/plain"].startswith("((400, 600),")
