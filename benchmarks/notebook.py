"""The widget in a real notebook: `python -m benchmarks.notebook docs/images/notebook.jpg`.

JupyterLab is started on loopback, in a folder of its own, and clicked in by Chromium as a person
clicks. It needs the extra `notebook`, `jupyterlab`, `playwright` and a Chromium.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.page import chromium
from m2n2v2.annotator.serve import listening

LARGEST = 150_000
"""Bytes of the picture."""

PATIENCE = 300
"""Seconds for any one step, the kernel's imports among them."""

CELLS = (
    """from skimage import data
from m2n2v2 import Predictor
from m2n2v2.notebook import clickable

predictor = Predictor.from_preset("offline")
predictor.set_image(data.coffee())
picture = clickable(predictor)
picture""",
    """mask = picture.session.mask  # H x W bool, after the clicks
mask.shape, int(mask.sum())""",
)

CLICKS = (((300, 180), "left"), ((200, 150), "left"), ((420, 60), "right"))
"""Pixels of the photograph, and the button: the right one marks background."""

OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--IdentityProvider.token=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
)


OWN = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR")


def written(folder: Path) -> Path:
    """The notebook, no cell of it run."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell-{at}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for at, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "clicks.ipynb"
    path.write_text(
        json.dumps(
            {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        )
    )
    return path


@contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab for as long as the block lasts; its settings are its own."""
    bound = listening("127.0.0.1", 0)
    port = bound.getsockname()[1]
    bound.close()
    own = {name: str(folder / ".jupyter") for name in OWN}
    quiet = folder / ".jupyter/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    command = [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--port={port}"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        command, cwd=folder, env=os.environ | own, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(f"{address}/api", server)
            yield address
        finally:
            server.terminate()


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Until it answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=PATIENCE).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"no JupyterLab answers at {url}: is `jupyterlab` installed?")


def clicked(page: Any) -> None:
    """Run the first cell, click in its picture, and run the second."""
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # before that nothing runs
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    picture = page.get_by_alt_text("The photograph with the mask")
    picture.wait_for()
    width, height = picture.evaluate("img => [img.naturalWidth, img.naturalHeight]")
    for (x, y), button in CLICKS:
        before = picture.get_attribute("src")
        box = picture.bounding_box()
        at = {"x": x * box["width"] / width, "y": y * box["height"] / height}
        picture.click(position=at, button=button)
        page.wait_for_function(
            "([img, before]) => img.src !== before && img.complete",
            arg=[picture.element_handle(), before],
        )
    page.locator(".jp-Notebook .cm-content").nth(1).click()
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-OutputArea-output").get_by_text("(400, 600)").wait_for()


def main(path: Path) -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory(prefix="m2n2v2-notebook-") as name, chromium() as browser:
        folder = Path(name)
        notebook = written(folder)
        with jupyter(folder) as address:
            page = browser.new_context(viewport={"width": 920, "height": 860}).new_page()
            page.set_default_timeout(1000 * PATIENCE)
            page.goto(f"{address}/doc/tree/{notebook.name}")
            clicked(page)
            page.mouse.move(0, 0)
            for quality in (88, 80, 70, 60, 50):
                if len(page.screenshot(path=path, type="jpeg", quality=quality)) <= LARGEST:
                    break
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("notebook.jpg"))
