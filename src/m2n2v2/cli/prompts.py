"""Prompts from the command line and from files, in their order."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from m2n2v2.prompts import Given, Scribble, Step


def read_prompts(
    order: Iterable[str],
    typed: Mapping[str, Sequence[Any] | None],
    file: Path | None,
    *,
    needed: bool = True,
) -> "tuple[Step, ...]":
    """All prompts: those of the file, snaps among them, then those typed.

    Args:
        order: which option came when (`segment.PROMPTS`).
        typed: the values of every option.
        needed: there must be one at least.

    Raises:
        ClickError, PromptError: there are none, or one cannot be read.
    """
    from m2n2v2.errors import ClickError
    from m2n2v2.prompts import Box, Click

    def click(text: str, positive: bool) -> "Given":
        x, y = _numbers("click", text, "X,Y", "300,175")
        return Click(x, y, positive)

    def box(text: str, positive: bool) -> "Given":
        x0, y0, x1, y1 = _numbers("box", text, "X0,Y0,X1,Y1", "120,80,400,310")
        return Box(x0, y0, x1, y1, positive)

    readers: dict[str, Any] = {"click": click, "box": box, "scribble": _scribble}
    left = {name: iter(values or ()) for name, values in typed.items()}
    prompts: list[Step] = list(_from_file(file) if file else ())
    for name in order:
        kind = "click" if name in ("fg", "bg") else name.removeprefix("bg_")
        prompts.append(readers[kind](next(left[name]), not name.startswith("bg")))
    if needed and not prompts:
        raise ClickError(
            "no clicks came", cure="give at least one, for example --fg 300,175, or a --box"
        )
    return tuple(prompts)


def _numbers(kind: str, text: str, form: str, example: str) -> list[float]:
    from m2n2v2.errors import ClickError, PromptError

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != form.count(",") + 1:
        error = ClickError if kind == "click" else PromptError
        raise error(f"{kind} {text!r} is not {form}", cure=f"write it like {example}")
    return numbers


def _scribble(path: Path, positive: bool) -> "Scribble":
    from m2n2v2.errors import PromptError
    from m2n2v2.prompts import Scribble

    rows = _rows(path, PromptError, "use JSON [[x, y], ...] or lines of x,y", "stroke")
    return Scribble(rows, positive)


def _from_file(path: Path) -> "tuple[Step, ...]":
    from m2n2v2.errors import ClickError
    from m2n2v2.prompts import steps_from_json

    form = "use JSON [[x, y, label], ...] or lines of x,y,label with label 1 or 0"
    rows = _rows(path, ClickError, form, "clicks")
    for row in rows:
        if isinstance(row, dict) or (isinstance(row, list) and len(row) == 3):
            continue
        raise ClickError(f"{path} holds no clicks ({row!r})", cure=form)
    return steps_from_json(rows)


def _rows(path: Path, error: type[Any], form: str, what: str) -> list[Any]:
    """A JSON list, or the numbers of lines."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"cannot read {what} from {path} ({problem})", cure=form) from problem
    try:
        if text.lstrip().startswith("["):
            rows: list[Any] = json.loads(text)
            return rows
        lines = [line for line in text.splitlines() if line.strip()]
        return [[float(part) for part in line.split(",")] for line in lines]
    except ValueError as problem:
        raise error(f"{path} holds no {what} ({problem})", cure=form) from problem
