"""A project's labelling configuration: which controls draw, on which image, with which labels."""

from dataclasses import dataclass
from typing import Self
from xml.etree import ElementTree

from m2n2v2.errors import FormatError

ANSWERS = ("brushlabels", "polygonlabels")
"""Kinds of regions that masks are given as."""


@dataclass(frozen=True)
class Control:
    """A tag that draws regions.

    Attributes:
        name: of the tag, `from_name` of its regions.
        kind: of its regions, for example `brushlabels`.
        image: the name of the image tag, `to_name` of its regions.
        labels: those it offers.
    """

    name: str
    kind: str
    image: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Configuration:
    """What a project shows and draws.

    Attributes:
        images: the key in a task's data, by the name of each image tag.
        controls: by their names.
    """

    images: dict[str, str]
    controls: dict[str, Control]

    @classmethod
    def read(cls, text: str) -> Self:
        """From the project's XML.

        Raises:
            FormatError: it is no such XML.
        """
        try:
            if "<!DOCTYPE" in text or "<!ENTITY" in text:
                raise ElementTree.ParseError("it declares a type of document")
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise FormatError(
                f"the labelling configuration cannot be read ({error})",
                cure="look at the project's settings",
            ) from error
        images = {}
        controls = {}
        for element in root.iter():
            name, tag = element.get("name"), element.tag.lower()
            if name and tag == "image" and element.get("value", "").startswith("$"):
                images[name] = element.get("value", "")[1:]
            elif name and element.get("toName"):
                labels = (child.get("value") or child.get("alias") for child in element)
                controls[name] = Control(
                    name,
                    tag,
                    element.get("toName", "").split(",")[0],
                    tuple(label for label in labels if label),
                )
        return cls(images, controls)

    def answering(self, kind: str) -> Control:
        """The first control that regions of a kind can be drawn by.

        Raises:
            FormatError: there is none, or it is not on an image that a task gives.
        """
        tag = {"brushlabels": "BrushLabels", "polygonlabels": "PolygonLabels"}[kind]
        for control in self.controls.values():
            if control.kind == kind:
                break
        else:
            raise FormatError(
                f"the labelling configuration has no <{tag}>",
                cure=f"add one with the labels, or start the backend with --answer "
                f"{next(other for other in ANSWERS if other != kind)}",
            )
        if control.image not in self.images:
            raise FormatError(
                f"<{tag} name={control.name!r}> is on {control.image!r}, which is no image",
                cure='give it the name of an <Image value="$image"> as toName',
            )
        return control
