"""Prompts as JSON: `[x, y, label]`, `{"scribble": ...}`, `{"box": ...}`, in their order.

A session's steps may have `{"snap": true}` between them.
"""

from collections.abc import Iterable
from typing import Any

from m2n2v2.errors import PromptError
from m2n2v2.prompts.boxes import boxes_from_array
from m2n2v2.prompts.clicks import Click
from m2n2v2.prompts.scribbles import Scribble
from m2n2v2.prompts.sequences import Given
from m2n2v2.prompts.snaps import SNAP, Snap, Step

FORM = '[x, y, label], {"scribble": [[x, y], ...]} or {"box": [x0, y0, x1, y1]}, "label" 1 or 0'

SNAPPED = {"snap": True}


def prompts_to_json(prompts: Iterable[Given]) -> list[Any]:
    """Ready for `json.dumps`; `prompts_from_json` makes the same prompts of it."""
    return [_written(prompt) for prompt in prompts]


def prompts_from_json(rows: object) -> tuple[Given, ...]:
    """Prompts from a JSON list; a label left out is 1.

    Raises:
        PromptError: it is no such list.
        ClickError: a click is malformed.
    """
    return tuple(_read(row) for row in _listed(rows))


def steps_to_json(steps: Iterable[Step]) -> list[Any]:
    """As `prompts_to_json`, snaps among them; `steps_from_json` makes the same steps of it."""
    return [dict(SNAPPED) if isinstance(step, Snap) else _written(step) for step in steps]


def steps_from_json(rows: object) -> tuple[Step, ...]:
    """As `prompts_from_json`, snaps among them.

    Raises:
        PromptError, ClickError: as there.
    """
    return tuple(SNAP if row == SNAPPED else _read(row) for row in _listed(rows))


def _listed(rows: object) -> list[Any]:
    if not isinstance(rows, list):
        raise PromptError(f"prompts are {type(rows).__name__}", cure=f"give a list of {FORM}")
    return rows


def _written(given: Given) -> Any:
    label = int(given.positive)
    if isinstance(given, Click):
        return [given.x, given.y, label]
    if isinstance(given, Scribble):
        return {"scribble": [list(point) for point in given.points], "label": label}
    return {"box": list(given.corners), "label": label}


def _read(row: Any) -> Given:
    if isinstance(row, list) and len(row) == 3:
        return Click(*row)
    if isinstance(row, dict):
        kind, label = row.keys() - {"label"}, row.get("label", 1)
        if kind == {"scribble"}:
            return Scribble(row["scribble"], label)
        if kind == {"box"}:
            boxes = boxes_from_array(row["box"], label)
            if len(boxes) == 1:
                return boxes[0]
    raise PromptError(f"prompt {row!r} is of no known kind", cure=f"give {FORM}")
