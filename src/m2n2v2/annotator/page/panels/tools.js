// Above the photograph: its name and state. Below it: the tools.

import * as actions from "../actions.js";
import { byId, choice, el, hint, icon, iconButton, plural, pressed, range, toPhotograph } from "../dom.js";
import { list } from "../list.js";
import { current } from "../model.js";
import { NO_CLASS, classOf, dialogs, paints, set, state, watch } from "../state.js";
import { actualSize, fit, zoom } from "../view.js";

export function start() {
	heading();
	tools();
}

function heading() {
	const previous = iconButton("left", "Previous image", { keys: "A", onclick: () => actions.go(-1) });
	const next = iconButton("right", "Next image", { keys: "D", onclick: () => actions.go(1) });
	const name = el("h1.name");
	const facts = el("span.dim.nums.facts");
	const done = el("button.toggle.done", { title: "Mark the image done or not done  (O)", onclick: () => actions.toggleDone() }, icon("check"), el("span", "Done"));
	byId("heading").append(
		previous, next, el("div.title", name, facts), el("span.grow"),
		el("div.row.none.wide-only",
			iconButton("minus", "Zoom out", { keys: "−", onclick: () => zoom(0.8) }),
			zoomText(),
			iconButton("plus", "Zoom in", { keys: "+", onclick: () => zoom(1.25) }),
		),
		iconButton("fit", "Fit the photograph", { keys: "F", onclick: fit }),
		iconButton("edit", "Review: checked, or rejected with a note", { keys: "R", onclick: () => dialogs.review() }),
		done,
	);
	watch(["image", "list"], () => {
		const { image } = state;
		name.textContent = name.title = image?.name ?? "";
		const objects = image?.problem ? "its objects are kept" : plural(image?.objects.length ?? 0, "object");
		const verdict = { checked: "Checked", rejected: "Rejected" }[image?.status];
		const by = image?.status_by ? ` by ${image.status_by}` : "", note = image?.note ? `: ${image.note}` : "";
		facts.textContent = facts.title = verdict ? `${verdict}${by}${note}` : image?.width ? `${image.width} × ${image.height} · ${objects}` : "";
		pressed(done, image?.done);
		for (const strip of ["heading", "tools"]) byId(strip).classList.toggle("idle", !image);
		previous.disabled = list.position <= 0;
		next.disabled = list.known && list.position >= list.total - 1;
	});
}

function tools() {
	const chosen = choice("Tool", "tool-names", {
		click: { text: "Click", drawing: "click", ...hint("Click", "C") },
		box: { text: "Box", drawing: "box", ...hint("Box: drag round the object") },
		scribble: { text: "Scribble", drawing: "scribble", ...hint("Scribble: drag over the object", "or Alt+drag") },
		brush: { text: "Brush", drawing: "brush", ...hint("Brush", "B") },
		eraser: { text: "Eraser", drawing: "eraser", ...hint("Eraser", "E") },
	}, actions.setTool);
	const sign = choice("What a click means", "", {
		object: { text: "Object", drawing: "plus", class: "positive", ...hint("Clicks mark the object", "X") },
		background: { text: "Background", drawing: "minus", class: "negative", ...hint("Clicks mark the background", "X") },
	}, (name) => set({ positive: name === "object" }));
	const radius = range("Radius of brush and eraser", 0, 100, { oninput: () => actions.setRadius(0.5 * 400 ** (radius.value / 100)) });
	const radiusText = el("output.nums");
	const radiusGroup = el("label.row.tight.radius", { hidden: true }, el("span.dim", "Radius"), radius, radiusText);
	const undo = iconButton("undo", "Undo", { keys: "Z", onclick: actions.undo });
	const redo = iconButton("redo", "Redo", { keys: "Shift+Z", onclick: actions.redo });
	const finish = el("button.finish", { ...hint("Finish the object", "Enter or N"), onclick: actions.finish }, icon("check"), el("span.text", "Finish"));
	const onward = el("button.primary.onward", { ...hint("Done, next: image done, open the next unfinished one", "Shift+Enter"), onclick: () => actions.doneAndNext() }, el("span", "Done", el("span.text", ", next")), icon("right"));
	byId("tools").append(
		chosen, sign, radiusGroup,
		el("div.row.none", undo, redo),
		classPick(),
		finish,
		el("span.grow"),
		onward,
	);
	watch(["tool", "positive", "radius"], () => {
		chosen.choose(state.tool);
		sign.choose(state.positive ? "object" : "background");
		sign.hidden = paints();
		radiusGroup.hidden = !paints();
		radius.value = (100 * Math.log(state.radius / 0.5)) / Math.log(400);
		radiusText.textContent = `${state.radius} px`;
		radius.setAttribute("aria-valuetext", `${state.radius} pixels`);
	});
	watch(["image", "selection", "pending"], () => {
		const { image } = state;
		const waiting = Boolean(image?.queue.length);
		undo.disabled = !image || !(image.can_undo || waiting);
		redo.disabled = !image || !(image.can_redo || waiting);
		finish.disabled = !current();
	});
}

function zoomText() {
	const button = el("button.quiet.nums.zoom", { title: "One pixel to one pixel  (0)", onclick: actualSize });
	watch(["zoom"], () => {
		const percent = 100 * state.zoom;
		button.textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
		button.setAttribute("aria-label", `Zoom ${button.textContent}, set to 100 %`);
	});
	return button;
}

// The class of the object, or of the next one: seen while clicking, whatever the screen's width.
function classPick() {
	const swatch = el("i.swatch", { "aria-hidden": "true" });
	const pick = el("select", { "aria-label": "Class of the object, or of the next one", onchange() {
		actions.setClass(pick.value ? Number(pick.value) : null);
		toPhotograph();
	} });
	const box = el("label.class-pick", swatch, pick);
	watch(["classes", "classId", "selection", "image"], () => {
		const object = current();
		const { id, color } = classOf(object ? object.class_id : state.classId);
		box.hidden = !state.classes.length;
		box.style.setProperty("--class", color);
		pick.replaceChildren(...[...state.classes, NO_CLASS].map((one) => el("option", { value: one.id ?? "", selected: one.id === id }, one.name)));
	});
	return box;
}
