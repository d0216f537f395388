"""The annotator's page in a real browser: `python -m benchmarks.page [click|many|large|list]`.

Each starts `m2n2v2 annotate` as a process of its own and a headless Chromium without a GPU, so
drawing is the processor's work, too. The page times itself by the User Timing API: from the event
of the mouse to the end of the frame in which the mask is painted.

`--screenshots DIR` makes the documentation's pictures instead.
"""

import argparse
import json
import math
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.annotator import RESULTS, VGA_WIDE, Client, Server, made, photographs, spread
from benchmarks.browser import chromium_path, launched
from benchmarks.harness import metadata
from m2n2v2.annotator.serve import sample_folder
from m2n2v2.grid import Size

DESKTOP = Size(800, 1280)
TWELVE_MEGAPIXELS = Size(3000, 4000)
LARGEST = 120_000
"""Bytes of a picture of the documentation."""
MEASURES = "name => performance.getEntriesByName(name).map((entry) => entry.duration)"


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, driven by playwright."""
    path = chromium_path()
    if path is None:
        raise SystemExit("no chromium on the path; CHROMIUM names one elsewhere")
    with launched(path) as browser:
        yield browser


class Window:
    """The page in a window of its own profile."""

    def __init__(self, browser: Any, url: str, size: Size = DESKTOP, **options: Any) -> None:
        viewport = {"width": size.width, "height": size.height}
        self.page = browser.new_context(viewport=viewport, **options).new_page()
        self.page.set_default_timeout(120_000)
        self.page.goto(url)

    def state(self, expression: str) -> Any:
        return self.page.evaluate(
            f"async () => {{ const {{ state }} = await import('/state.js'); return {expression}; }}"
        )

    def until(self, expression: str) -> None:
        last = time.monotonic() + 240
        while not self.state(f"Boolean({expression})"):
            if time.monotonic() > last:
                raise SystemExit(f"the page did not come to {expression}")
            self.page.wait_for_timeout(10)

    def ready(self) -> None:
        self.until("state.image?.pictured && state.image.state === 'ready'")

    def settled(self) -> None:
        self.until("state.pending === 0")

    def screen(self, x: float, y: float) -> tuple[float, float]:
        found = self.page.evaluate(
            "async ([x, y]) => { const view = await import('/view.js');"
            " const [sx, sy] = view.toScreen(x, y);"
            " const { left, top } = document.getElementById('canvas').getBoundingClientRect();"
            " return [left + sx, top + sy]; }",
            [x, y],
        )
        return found[0], found[1]

    def click(self, x: float, y: float, button: str = "left") -> None:
        self.page.mouse.click(*self.screen(x, y), button=button)
        self.settled()

    def frames(self, move: str, count: int = 60) -> list[float]:
        """Seconds that drawing takes, for each of `count` moves of the view."""
        found: list[float] = self.page.evaluate(
            "async ([move, count]) => { const view = await import('/view.js');"
            " const moves = { pan: (i) => view.pan(i % 2 ? 9 : -7, i % 2 ? -5 : 6),"
            "   zoom: (i) => view.zoom(i % 20 < 10 ? 1.15 : 1 / 1.15) };"
            " const taken = [];"
            " for (let i = 0; i < count; i++) { const begin = performance.now();"
            "   await new Promise((done) => { moves[move](i); view.whenPainted(done); });"
            "   taken.push((performance.now() - begin) / 1000); }"
            " return taken; }",
            [move, count],
        )
        return found


def measure_click(clicks: int) -> dict[str, Any]:
    """From the mouse going down to the mask on the screen, on a prepared 480p photograph."""
    with made(1) as folder, Server(folder) as server, chromium() as browser:
        window = Window(browser, server.url)
        window.ready()
        generator = random.Random(0)
        for number in range(clicks):
            if number % 5 == 0:
                window.page.keyboard.press("Enter")
                window.settled()
            x, y = generator.randrange(VGA_WIDE.width), generator.randrange(VGA_WIDE.height)
            positive = number % 5 == 0 or generator.random() < 0.5
            window.click(x + 0.5, y + 0.5, "left" if positive else "right")
            window.page.wait_for_timeout(50)
        taken = [ms / 1000 for ms in window.page.evaluate(MEASURES, "m2n2v2 click")]
        answered = window.state(ANSWERED)
        return {
            "photograph": str(VGA_WIDE),
            "click_to_painted_mask": spread(taken),
            "of_it_until_the_answer_is_here": spread([ms / 1000 for ms in answered]),
            "objects_at_the_end": window.state("state.image.objects.length"),
        }


ANSWERED = (
    "performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/edits'))"
    ".map((e) => e.responseEnd - e.startTime)"
)


def measure_many(objects: int) -> dict[str, Any]:
    """Moving the view over a photograph with many masks."""
    with made(1) as folder, Server(folder) as server, chromium() as browser:
        client = Client(server.url)
        image = client("GET", "/api/images")["images"][0]["id"]
        client("GET", f"/api/images/{image}")
        generator = random.Random(0)
        for revision in range(objects):
            blob = _blob(generator, VGA_WIDE)
            client.edit(image, revision, "stroke", object=None, radius=14, points=blob)
        window = Window(browser, server.url)
        window.ready()
        window.until(f"state.image.objects.length === {objects}")
        return {"objects": objects} | _moves(window)


def measure_large() -> dict[str, Any]:
    """A photograph of 12 megapixels: opening, moving, a click."""
    with made(1, TWELVE_MEGAPIXELS) as folder, Server(folder) as server, chromium() as browser:
        client = Client(server.url)
        client.prepare(client("GET", "/api/images")["images"][0]["id"])
        begin = time.perf_counter()
        window = Window(browser, server.url)
        window.until("state.image?.pictured")
        shown = time.perf_counter() - begin
        window.ready()
        window.click(2000, 1500)
        for _ in range(4):
            window.click(random.Random(1).uniform(0, 4000), 900, "right")
        window.page.wait_for_timeout(200)
        taken = [ms / 1000 for ms in window.page.evaluate(MEASURES, "m2n2v2 click")]
        return {
            "photograph": str(TWELVE_MEGAPIXELS),
            "address_to_photograph_s": round(shown, 2),
            "click_to_painted_mask": spread(taken),
        } | _moves(window)


def measure_list(images: int) -> dict[str, Any]:
    """A large folder: from the address to the list and the first photograph, and scrolling."""
    with tempfile.TemporaryDirectory(prefix="m2n2v2-benchmark-") as name:
        folder = Path(name)
        photographs(folder, 1, Size(240, 320))
        for index in range(1, images):
            shutil.copyfile(folder / "00000.png", folder / f"{index:05}.png")
        with Server(folder) as server, chromium() as browser:
            begin = time.perf_counter()
            window = Window(browser, server.url)
            window.until("document.querySelectorAll('.image').length > 5")
            listed = time.perf_counter() - begin
            window.until("state.image?.pictured")
            shown = time.perf_counter() - begin
            begin = time.perf_counter()
            window.page.evaluate("document.querySelector('nav .scroll').scrollTop = 1e9")
            window.until(f"document.getElementById('image-row-{images - 1}')?.title")
            return {
                "images": images,
                "address_to_list_s": round(listed, 2),
                "address_to_photograph_s": round(shown, 2),
                "to_the_last_row_s": round(time.perf_counter() - begin, 2),
                "rows_that_exist": window.state("document.querySelectorAll('.image').length"),
            }


def _blob(generator: random.Random, size: Size) -> list[list[float]]:
    """A wavy ring."""
    x, y = generator.uniform(60, size.width - 60), generator.uniform(60, size.height - 60)
    turns = [2 * math.pi * i / 40 for i in range(41)]
    radii = [generator.uniform(15, 45) for _ in turns]
    return [[x + r * math.cos(t), y + r * math.sin(t)] for r, t in zip(radii, turns, strict=True)]


def _moves(window: Window) -> dict[str, Any]:
    return {
        "frame_while_panning": spread(window.frames("pan")),
        "frame_while_zooming": spread(window.frames("zoom")),
    }


def screenshots(folder: Path) -> None:
    """The documentation's pictures, on the sample photographs."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="m2n2v2-screenshots-") as name:
        samples = sample_folder(Path(name) / "photographs")
        with Server(samples) as server, chromium() as browser:
            _classes(server.url)
            window = _coffee(browser, server.url, SCREENS[1440])
            _label(window)
            window.page.context.close()
            for width, size in SCREENS.items():
                for theme in ("dark", "light"):
                    window = _coffee(browser, server.url, size, color_scheme=theme)
                    window.page.locator("#canvas").focus()
                    window.page.keyboard.press(".")  # the topmost object, open for correction
                    if width > 390:
                        window.page.mouse.move(*window.screen(560, 380))
                    _save(window, folder / f"annotator-{width}-{theme}.jpg")
                    if (width, theme) == (1440, "light"):
                        _dialogs(window, folder)
                    window.page.context.close()


SCREENS = {1440: Size(900, 1440), 1024: Size(768, 1024), 390: Size(780, 390)}
"""The documentation's windows, by their width; the last one is a telephone."""


def _coffee(browser: Any, url: str, size: Size, **options: Any) -> Window:
    """A window with the photograph of a cup of coffee."""
    if size.width == 390:
        options |= {"has_touch": True, "is_mobile": True, "device_scale_factor": 1.5}
    window = Window(browser, url, size, **options)
    window.ready()
    if size.width <= 1100:  # the list is a drawer
        window.page.get_by_role("button", name="Images", exact=True).click()
    window.page.get_by_role("option", name="coffee.png").click()
    window.until("state.image?.name === 'coffee.png'")
    window.ready()
    return window


def _dialogs(window: Window, folder: Path) -> None:
    """What is open only now and then: the Markov-map, the keys, an export."""
    window.page.locator(".click-chip button").first.click()
    window.page.get_by_text("Why this mask?").click()
    window.page.get_by_role("button", name="Markov-map").click()
    window.until("document.querySelector('#live').textContent.includes('shown')")
    window.page.locator(".chart svg").wait_for()
    _save(window, folder / "annotator-map.jpg")
    window.page.keyboard.press("?")
    _save(window, folder / "annotator-keys.jpg")
    window.page.keyboard.press("Escape")
    window.page.get_by_role("button", name="Export").click()
    _save(window, folder / "annotator-export.jpg")


def _classes(url: str) -> None:
    named = [("cup", "#ffb020"), ("saucer", "#2fbf71"), ("spoon", "#ff5d73"), ("animal", "#b07bff")]
    classes = [
        {"id": None, "name": name, "color": color, "key": key}
        for key, (name, color) in enumerate(named, 1)
    ]
    Client(url)("PUT", "/api/classes", {"classes": classes})


def _label(window: Window) -> None:
    """Two objects on the photograph of a cup of coffee."""
    press = window.page.keyboard.press
    for key, clicks in (
        ("2", [(452, 262, True)]),
        ("1", [(300, 175, True), (420, 60, False), (416, 75, False)]),
    ):
        press(key)
        for x, y, positive in clicks:
            window.click(x, y, "left" if positive else "right")
        press("Enter")
        window.settled()


def _save(window: Window, path: Path) -> None:
    """A picture of the window, small enough for the repository: at most `LARGEST` bytes."""
    window.page.wait_for_timeout(500)
    for quality in (88, 80, 70, 60, 50):
        if len(window.page.screenshot(path=path, type="jpeg", quality=quality)) <= LARGEST:
            break
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("what", nargs="*", default=["click"], help="click, many, large, list")
    parser.add_argument("--clicks", type=int, default=60)
    parser.add_argument("--screenshots", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    if chosen.screenshots:
        screenshots(chosen.screenshots)
        return
    measures: dict[str, Any] = {
        "click": lambda: measure_click(chosen.clicks),
        "many": lambda: measure_many(50),
        "large": measure_large,
        "list": lambda: measure_list(10_000),
    }
    unknown = set(chosen.what) - set(measures)
    if unknown:
        sys.exit(f"there is no measurement {sorted(unknown)}; use {sorted(measures)}")
    path = chosen.out / "page.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for name in chosen.what:
        found[name] = {"metadata": metadata()} | measures[name]()
        print(json.dumps({name: found[name]}, indent=1), flush=True)
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
