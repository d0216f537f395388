// The image's objects, the topmost first, and the current one's clicks.

import * as actions from "../actions.js";
import { byId, el, icon, iconButton, number, plural, pressed } from "../dom.js";
import { called, clicksOf, current, waitingFor } from "../model.js";
import { answers } from "../shapes.js";
import { colorOf, set, state, watch } from "../state.js";
import { thumbOf } from "../thumbs.js";
import * as attributes from "./attributes.js";
import { dialog } from "./dialogs.js";

export function start() {
	objects();
	selected();
}

function objects() {
	const count = el("span.dim.nums");
	const rows = el("ul.objects", { "aria-labelledby": "objects-title" });
	const empty = el("p.empty", "No objects yet. Click one in the photograph.");
	byId("objects").append(el("div.head", el("h2", { id: "objects-title" }, "Objects"), count), el("div.scroll", rows, empty));
	rows.addEventListener("keydown", (event) => keys(event, rows));
	dragging(rows);
	watch(["image", "selection", "classes"], () => {
		const objects = actions.listed();
		const chosen = current()?.id;
		const focused = rows.contains(document.activeElement) ? document.activeElement : null;
		const [id, part] = focused ? [focused.closest("li").dataset.id, focused.dataset.part] : [];
		rows.replaceChildren(...objects.map((object) => row(object, object.id === chosen)));
		if (focused) rows.querySelector(`[data-id="${id}"] [data-part="${part}"]`)?.focus();
		if (!rows.querySelector("[tabindex='0']")) rows.querySelector("[data-part=select]")?.setAttribute("tabindex", "0");
		rows.querySelector("[aria-current=true]")?.closest("li").scrollIntoView({ block: "nearest" });
		empty.hidden = objects.length > 0 || !state.image || state.image.revision < 0;
		count.textContent = objects.length ? number(objects.length) : "";
	});
}

function row(object, chosen) {
	const { image } = state;
	const waiting = waitingFor(image, object.id).length > 0;
	const label = actions.title(object);
	const tab = { tabIndex: chosen ? 0 : -1 };
	const facts = object.draft ? "waiting for the server" : [!object.finished && "in progress", extent(object, image), ...attributes.words(object)].filter(Boolean).join(" · ");
	const action = (drawing, text, part, run, on) => {
		const button = iconButton(drawing, `${text} ${called(object)}`, { ...tab, "data-part": part, class: `icon-button small ${on ? "on" : ""}`, disabled: Boolean(object.draft), onclick: () => run(object) });
		if (on !== undefined) pressed(button, on);
		return button;
	};
	return el(
		"li",
		{ class: `object ${object.hidden ? "is-hidden" : ""} ${waiting ? "waiting" : ""}`, "data-id": object.id, draggable: !object.draft, vars: { "--class": colorOf(object) } },
		el("span.grip", { "aria-hidden": "true" }, icon("grip")),
		el(
			"button",
			{ class: "select", ...tab, "data-part": "select", "aria-current": chosen, title: "Select, reopen, correct. Alt+↑ ↓ moves it", onclick: () => answers(object) || actions.select(chosen ? null : object.id) },
			el("i.swatch"),
			object.shape && thumbOf(object.shape),
			el("span.grow", el("span.line.nums", label), el("span.line.dim.nums", facts)),
		),
		action(object.hidden ? "eye-off" : "eye", object.hidden ? "Show" : "Hide", "hide", actions.hide, object.hidden),
		action(object.locked ? "lock" : "unlock", object.locked ? "Unlock" : "Lock", "lock", actions.lock, object.locked),
	);
}

function extent({ area }, { width, height }) {
	const share = (100 * area) / (width * height);
	return `${share >= 10 ? share.toFixed(0) : share >= 0.1 ? share.toFixed(1) : share.toFixed(2)} %`;
}

// Up and down walk the rows, with Alt they move the object; left and right reach its buttons.
function keys(event, rows) {
	const at = event.target.closest("li");
	if (!at) return;
	const object = actions.listed().find(({ id }) => String(id) === at.dataset.id);
	const vertical = { ArrowUp: -1, ArrowDown: 1 }[event.key];
	const sideways = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
	if (vertical && event.altKey) {
		if (object) actions.move(object, -vertical);
	} else if (vertical) {
		const items = [...rows.children];
		items[items.indexOf(at) + vertical]?.querySelector("[data-part=select]").focus();
	} else if (sideways) {
		const parts = [...at.querySelectorAll("[data-part]:not(:disabled)")];
		parts[parts.indexOf(event.target) + sideways]?.focus();
	} else if (event.key === "Delete" && object) actions.remove(object);
	else return;
	event.preventDefault();
	event.stopPropagation();
}

function dragging(rows) {
	let dragged = null;
	const place = (event) => event.target.closest?.("li");
	const unmark = () => rows.querySelectorAll(".above, .below").forEach((li) => li.classList.remove("above", "below"));
	rows.addEventListener("dragstart", (event) => {
		dragged = place(event);
		event.dataTransfer.effectAllowed = "move";
		event.dataTransfer.setData("text/plain", dragged.dataset.id);
		dragged.classList.add("dragged");
	});
	rows.addEventListener("dragover", (event) => {
		const over = place(event);
		if (!dragged || !over) return;
		event.preventDefault();
		unmark();
		if (over !== dragged) over.classList.add(isAbove(over, event) ? "above" : "below");
	});
	rows.addEventListener("drop", (event) => {
		const over = place(event);
		if (!dragged || !over) return;
		event.preventDefault();
		const shown = [...rows.children].filter((li) => li !== dragged);
		const at = shown.indexOf(over) + (isAbove(over, event) ? 0 : 1);
		if (over !== dragged) actions.reorder(Number(dragged.dataset.id), state.image.objects.length - 1 - at);
	});
	rows.addEventListener("dragend", () => {
		unmark();
		dragged?.classList.remove("dragged");
		dragged = null;
	});
}

function isAbove(li, event) {
	const { top, height } = li.getBoundingClientRect();
	return event.clientY < top + height / 2;
}

function selected() {
	const box = byId("selected");
	const heading = el("h2", { id: "selected-title" });
	const tools = el("div.row.none",
		iconButton("copy", "Duplicate", { keys: "Shift+D", onclick: () => actions.duplicate() }),
		iconButton("scissors", "Cut-out preview", { onclick: () => cutout(current()) }),
		iconButton("clear", "Clear clicks and strokes", { onclick: () => actions.clearObject() }),
		iconButton("trash", "Delete", { keys: "Delete", onclick: () => actions.remove() }),
	);
	const clicks = el("div.clicks", { role: "group", "aria-label": "Clicks of the object" });
	box.append(el("div.head", heading, tools), el("div.pad-x.stack", clicks, attributes.controls()));
	watch(["image", "selection", "classes", "pickedClick"], () => {
		const { image } = state;
		const object = current();
		box.hidden = !object;
		if (!object) return;
		heading.textContent = actions.title(object);
		for (const button of tools.children) button.disabled = Boolean(object.draft);
		const made = clicksOf(image, object);
		const focused = [...clicks.children].indexOf(document.activeElement?.closest(".click-chip"));
		const strokes = object.strokes.length ? [el("span.dim", plural(object.strokes.length, "stroke"))] : [];
		clicks.replaceChildren(...made.map((click, i) => clickChip(object, click, i, made.length)), ...strokes);
		if (!made.length && !strokes.length) clicks.append(el("span.dim", object.polygon ? "A polygon." : object.source === "import" ? "Imported mask. Clicks correct it." : object.area ? "Clicks correct it." : "No clicks."));
		clicks.children[focused]?.querySelector?.("button")?.focus();
	});
}

function clickChip(object, { x, y, positive, pending, box, scribble }, index, count) {
	const picked = index === (state.pickedClick < 0 ? count - 1 : state.pickedClick);
	const name = `${box ? "Box" : scribble ? "Stroke" : "Click"} ${index + 1}, ${positive ? "object" : "background"}, at ${Math.round(x)}, ${Math.round(y)}`;
	return el(
		"span", { class: `click-chip ${positive ? "positive" : "negative"} ${pending ? "waiting" : ""}` },
		el("button", { "aria-label": name, title: name, "aria-pressed": picked, onclick: () => set({ pickedClick: index }) }, icon(positive ? "plus" : "minus")),
		picked && !pending ? iconButton("close", `Remove click ${index + 1}`, { class: "icon-button tiny", onclick: () => actions.removeClick(object, index) }) : null,
	);
}

function cutout(object) {
	if (!object || object.draft) return;
	const { image } = state;
	const href = `${image.path}/objects/${object.id}/cutout`;
	const name = image.name.replace(/^.*\//, "").replace(/\.[^.]*$/, "");
	const picture = el("img.checker", { src: `${href}?${image.revision}`, alt: `${actions.title(object)} alone` });
	picture.onerror = () => picture.replaceWith(el("p.problem", "There is no cut-out of it."));
	dialog("Cut-out", {
		body: [picture],
		extra: [el("a.button.primary", { href, download: `${name}-${object.id}.png` }, icon("import"), "Download PNG")],
	});
}
