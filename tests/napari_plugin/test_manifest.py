"""What napari reads of the plugin, and what it says where napari is not."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from m2n2v2 import napari_plugin
from m2n2v2.errors import BackendError
from tests.napari_plugin.pictures import picture

ROOT = Path(__file__).parents[2]


def test_the_manifest_is_valid_and_names_the_widget() -> None:
    npe2 = pytest.importorskip("npe2", reason="npe2 is not installed (docs/napari.md)")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ((name, value),) = project["entry-points"]["napari.manifest"].items()
    package, _, file = value.partition(":")
    manifest = npe2.PluginManifest.from_file(ROOT / "src" / package.replace(".", "/") / file)
    manifest.validate_imports()  # as `npe2 validate` does
    assert manifest.name == name == project["name"]
    (contribution,) = manifest.contributions.widgets
    (command,) = manifest.contributions.commands
    assert (contribution.command, contribution.display_name) == (command.id, "Segment by clicks")


def test_the_widget_is_opened_as_napari_does_it(viewer: Any, qtbot: Any) -> None:
    from napari.utils._proxies import PublicOnlyProxy

    viewer.add_image(picture(), name="photo")
    widget = napari_plugin.segmenter(PublicOnlyProxy(viewer))
    qtbot.addWidget(widget)
    widget.presets.setCurrentText("offline")
    widget.start.click()
    assert [layer.name for layer in viewer.layers] == [
        "photo",
        "photo: objects",
        "photo: boxes and scribbles",
        "photo: clicks",
    ]


@pytest.mark.parametrize("name", ["napari", "qtpy"])
def test_without_the_extra_it_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, name, None)
    for module in ("desk", "line", "widget"):
        monkeypatch.delitem(sys.modules, f"m2n2v2.napari_plugin.{module}", raising=False)
    with pytest.raises(BackendError, match=r"is not installed; .*m2n2v2\[napari\]"):
        napari_plugin.segmenter(None)
