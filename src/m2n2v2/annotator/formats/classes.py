"""Classes and colours in files: names, palettes, and one list of what was met."""

from collections.abc import Iterable

from m2n2v2.annotator.formats.base import UNCLASSIFIED, LabelClass


def name_of(name: str | None) -> str:
    """The class to write for an object."""
    return UNCLASSIFIED if name is None else name


def classes_of(met: Iterable[LabelClass]) -> tuple[LabelClass, ...]:
    """Each name once, in the order met, with the first colour given."""
    listed: dict[str, LabelClass] = {}
    for label in met:
        if label.name not in listed or listed[label.name].color is None:
            listed[label.name] = label
    return tuple(listed.values())


def hexadecimal(color: object) -> str | None:
    """`[r, g, b]` as `#rrggbb`; None where it is nothing of the kind."""
    if not isinstance(color, list) or len(color) != 3:
        return None
    if not all(type(value) is int and 0 <= value <= 255 for value in color):
        return None
    return f"#{bytes(color).hex()}"


def voc_color(index: int) -> tuple[int, int, int]:
    """PASCAL VOC's colour of an index: its bits, dealt to red, green and blue from the top."""
    red = green = blue = 0
    for place in range(8):
        bits = index >> (3 * place)
        red |= (bits & 1) << (7 - place)
        green |= (bits >> 1 & 1) << (7 - place)
        blue |= (bits >> 2 & 1) << (7 - place)
    return red, green, blue


def voc_palette() -> bytes:
    """The 256 colours of PASCAL VOC, for an index PNG."""
    return bytes(value for index in range(256) for value in voc_color(index))
