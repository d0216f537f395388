"""The page can be used by everyone: names, contrast, focus, motion; and it asks nobody else."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import m2n2v2.annotator
from tests.annotator.page.conftest import Desk

Open = Callable[..., Desk]

PAGE = Path(m2n2v2.annotator.__file__).parent / "page"
KB = 1024
SEEN = [
    "dialog[open] *",
    "header *",
    "nav *",
    "main *",
    "aside *",
]


def files() -> list[Path]:
    return [path for path in PAGE.rglob("*") if path.is_file()]


def test_the_whole_page_weighs_less_than_220_kb() -> None:
    assert {path.suffix for path in files()} <= {".js", ".css", ".html", ".svg"}
    assert sum(path.stat().st_size for path in files()) < 220 * KB


def test_no_file_of_it_is_longer_than_400_lines() -> None:
    assert max(len(path.read_text().splitlines()) for path in files()) <= 400


def test_no_address_of_another_host_is_in_it() -> None:
    namespace = "http://www.w3.org/2000/svg"
    for path in files():
        text = path.read_text().replace(namespace, "")
        assert not re.search(r"https?://|//[\w-]+\.[a-z]{2,}/|@import|url\(", text), path.name


def test_nothing_is_set_inline() -> None:
    """The content policy would refuse it."""
    html = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    for path in PAGE.rglob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b", path.read_text())


def open_everything(me: Desk) -> None:
    """An object with clicks, its curve, a class: as many controls as there can be."""
    me.click(24, 24)
    me.settled()
    me.click(60, 30, button="right")
    me.settled()
    me.page.locator("summary", has_text="Why this mask?").click()


NAMELESS = """() => {
  const name = (one) => one.getAttribute("aria-label") || one.textContent.trim() ||
    (one.getAttribute("aria-labelledby") ?? "").split(" ")
      .map((id) => document.getElementById(id)?.textContent).join(" ").trim() ||
    [...(one.labels ?? [])].map((label) => label.textContent.trim()).join(" ") || one.alt;
  const all = document.querySelectorAll(
    "button, a, input, select, textarea, summary, [role], nav, aside, main section, dialog");
  return [...all]
    .filter((one) => one.checkVisibility() && one.role !== "alert" && one.role !== "status")
    .filter((one) => !one.matches("[role=img]:empty") || !one.getAttribute("aria-label"))
    .filter((one) => !name(one)).map((one) => one.outerHTML.slice(0, 120));
}"""


@pytest.mark.usefixtures("classes")
def test_every_control_has_a_name(desk: Open) -> None:
    me = desk().open()
    open_everything(me)
    assert me.page.evaluate(NAMELESS) == []
    for key in ("Keys and help", "Export", "Import", "Edit classes"):
        me.page.get_by_role("button", name=key, exact=True).click()
        me.page.get_by_role("dialog").wait_for()
        assert me.page.evaluate(NAMELESS) == []
        me.page.keyboard.press("Escape")
        me.page.get_by_role("dialog").wait_for(state="detached")


# Contrast as WCAG 2 defines it: of each text with what lies behind it, as the browser computes
# both; half-transparent grounds are laid over each other.
CONTRAST = """(selectors) => {
  const parse = (text) => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    const [r, g, b] = text.startsWith("color(srgb") ? parts.map((v) => v * 255) : parts;
    const a = parts.length > 3 ? parts[3] : 1;
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], [R, G, B]) =>
    [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const poor = [];
  let looked = 0;
  for (const one of document.querySelectorAll(selectors.join(", "))) {
    const texts = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!texts && !one.matches("svg.icon")) continue;
    if (!one.checkVisibility({ opacityProperty: true }) || one.closest(":disabled")) continue;
    if (one.closest(".quiet-text, .skip, noscript")) continue;
    looked += 1;
    const below = ground(one);
    const text = over(parse(getComputedStyle(one).color), below);
    const [dark, bright] = [light(below), light(text)].sort((x, y) => x - y);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const least = one.matches("svg.icon") ? 3 : 4.5;
    if (ratio < least) poor.push([one.outerHTML.slice(0, 90), ratio.toFixed(2)]);
  }
  return { poor, looked };
}"""


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_stands_out(desk: Open, theme: str) -> None:
    me = desk(color_scheme=theme).open()
    open_everything(me)
    found = me.page.evaluate(CONTRAST, SEEN)
    assert found["poor"] == []
    assert found["looked"] > 40
    for name in ("Keys and help", "Export", "Edit classes"):
        me.page.get_by_role("button", name=name, exact=True).click()
        found = me.page.evaluate(CONTRAST, ["dialog *"])
        assert found["poor"] == []
        assert found["looked"] > 8
        me.page.keyboard.press("Escape")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_edges_and_the_focus_stand_out(desk: Open, theme: str) -> None:
    """Of controls and of the focus ring: 3 to 1."""
    me = desk(color_scheme=theme).open()
    for name in ("edge", "accent"):
        for ground in ("panel", "canvas", "raised"):
            color, below = (resolved(me, each) for each in (name, ground))
            assert contrast(color, below) >= 3, f"{name} on {ground}"


def resolved(me: Desk, name: str) -> tuple[float, ...]:
    text = me.page.evaluate(
        "(name) => { const probe = document.createElement('i');"
        " probe.style.color = `var(--${name})`; document.body.append(probe);"
        " const found = getComputedStyle(probe).color; probe.remove(); return found; }",
        name,
    )
    return tuple(float(part) for part in re.findall(r"[\d.]+", text)[:3])


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    def light(color: tuple[float, ...]) -> float:
        parts = [v / 255 for v in color]
        r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_is_the_textbook_s() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_the_theme_follows_the_system_until_chosen(desk: Open) -> None:
    me = desk(color_scheme="light").open()
    assert me.state("document.documentElement.dataset.theme") == "light"
    me.page.emulate_media(color_scheme="dark")
    me.until("document.documentElement.dataset.theme === 'dark'")
    me.page.keyboard.press("t")
    me.until("document.documentElement.dataset.theme === 'light'")
    me.page.reload()
    me.until("document.documentElement.dataset.theme === 'light'")


def test_the_focus_is_seen_and_in_order(desk: Open) -> None:
    me = desk().open()
    stops = []
    for _ in range(40):
        me.page.keyboard.press("Tab")
        stop: dict[str, Any] = me.page.evaluate(
            "() => { const one = document.activeElement;"
            " const part = one.closest('header, nav, main, aside');"
            " const { outlineStyle, outlineWidth } = getComputedStyle(one);"
            " return { part: part?.tagName, seen: outlineStyle !== 'none',"
            "   wide: parseFloat(outlineWidth), what: one.outerHTML.slice(0, 80) }; }"
        )
        if stop["part"]:
            assert stop["seen"], stop["what"]
            assert stop["wide"] >= 2, stop["what"]
            stops.append(stop["part"])
    parts = [part for i, part in enumerate(stops) if i == 0 or stops[i - 1] != part]
    assert parts[:4] == ["HEADER", "NAV", "MAIN", "ASIDE"]


def test_the_panels_fit_whatever_is_in_them(desk: Open) -> None:
    me = desk(viewport={"width": 1280, "height": 720}).open()
    me.page.keyboard.press("b")
    for number in range(12):
        me.click(5 + 7 * number, 30)
        me.page.keyboard.press("Enter")
    me.page.keyboard.press("c")
    open_everything(me)
    me.page.locator(".chart p").wait_for()
    bottom = 0.0
    for section in me.page.locator("aside > section").all():
        box = section.bounding_box()
        assert box["y"] >= bottom - 1, "below the one before"
        assert box["height"] > 40
        bottom = box["y"] + box["height"]
    assert bottom <= 720
    assert me.page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_still_for_those_who_ask_for_it(desk: Open) -> None:
    me = desk(reduced_motion="reduce").open()
    moving = me.page.evaluate(
        "() => [...document.querySelectorAll('*')].filter((one) =>"
        " getComputedStyle(one).animationName !== 'none').length"
    )
    assert moving == 0


def test_results_are_said(desk: Open) -> None:
    me = desk().open()
    live = me.page.locator("#live")
    assert live.get_attribute("aria-live") == "polite"
    me.click(24, 24)
    me.settled()
    assert re.fullmatch(r"1 click, mask covers [\d.]+ % of the photograph", live.inner_text())
    me.page.keyboard.press("z")
    me.settled()
    assert live.inner_text() == "Undone"


def test_the_content_policy_is_strict(desk: Open) -> None:
    me = desk()
    answer = me.page.goto(me.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_every_key_is_in_the_help_and_in_the_documentation(desk: Open) -> None:
    me = desk().open()
    shown = me.state(
        "(await import('/keys.js')).KEYS.flatMap(({ rows }) => rows.flatMap(({ keys }) => keys))"
    )
    me.page.keyboard.press("?")
    sheet = me.page.get_by_role("dialog").inner_text()
    documentation = Path(__file__).parents[3] / "docs/annotator.md"
    text = documentation.read_text()
    said = {"Escape": "Esc", "Alt+Up": "Alt+↑", "Alt+Down": "Alt+↓"}
    for key in shown:
        name = key.replace("Mod", "Ctrl")
        assert f"`{name}`" in text, f"{name} is not in {documentation.name}"
        assert said.get(name, name) in sheet
