// Above the photograph: its name and state. Below it: the tools.

import * as actions from "../actions.js";
import { byId, choice, el, hint, icon, iconButton, plural, pressed } from "../dom.js";
import { list } from "../list.js";
import { current } from "../model.js";
import { set, state, watch } from "../state.js";
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
	const onward = el("button.primary", { title: "Image done, open the next unfinished one  (Shift+Enter)", onclick: actions.doneAndNext }, el("span.text", "Done, next"), el("span.narrow-inline", "Next"), icon("right"));
	byId("heading").append(previous, next, el("div.title", name, facts), el("span.grow"), done, onward);
	watch(["image", "list"], () => {
		const { image } = state;
		name.textContent = image?.name ?? "";
		name.title = image?.name ?? "";
		const objects = image?.objects.length ?? 0;
		facts.textContent = image?.width ? `${image.width} × ${image.height} · ${plural(objects, "object")}` : "";
		pressed(done, image?.done);
		for (const button of [done, onward]) button.disabled = !image;
		previous.disabled = list.position <= 0;
		next.disabled = list.known && list.position >= list.total - 1;
	});
}

function tools() {
	const chosen = choice("Tool", "tool-names", {
		click: { text: "Click", drawing: "click", ...hint("Click", "C") },
		brush: { text: "Brush", drawing: "brush", ...hint("Brush", "B") },
		eraser: { text: "Eraser", drawing: "eraser", ...hint("Eraser", "E") },
	}, actions.setTool);
	const sign = choice("What a click means", "", {
		object: { text: "Object", drawing: "plus", class: "positive", ...hint("Clicks mark the object", "X") },
		background: { text: "Background", drawing: "minus", class: "negative", ...hint("Clicks mark the background", "X") },
	}, (name) => set({ positive: name === "object" }));
	const radius = el("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": "Radius of brush and eraser", oninput: () => actions.setRadius(0.5 * 400 ** (radius.value / 100)) });
	const radiusText = el("output.nums");
	const radiusGroup = el("label.row.tight.radius", { hidden: true }, el("span.dim", "Radius"), radius, radiusText);
	const undo = iconButton("undo", "Undo", { keys: "Z", onclick: actions.undo });
	const redo = iconButton("redo", "Redo", { keys: "Shift+Z", onclick: actions.redo });
	const finish = el("button.finish", { ...hint("Finish the object", "Enter or N"), onclick: actions.finish }, icon("check"), el("span.text", "Finish"));
	const zoomText = el("button.quiet.nums.zoom", { title: "One pixel to one pixel  (0)", onclick: actualSize });
	byId("tools").append(
		chosen, sign, radiusGroup,
		el("div.row.none", undo, redo),
		finish,
		el("span.grow"),
		el("div.row.none.wide-only",
			iconButton("minus", "Zoom out", { keys: "−", onclick: () => zoom(0.8) }),
			zoomText,
			iconButton("plus", "Zoom in", { keys: "+", onclick: () => zoom(1.25) }),
		),
		iconButton("fit", "Fit the photograph", { keys: "F", onclick: fit }),
	);
	watch(["tool", "positive", "radius"], () => {
		chosen.choose(state.tool);
		sign.choose(state.positive ? "object" : "background");
		sign.hidden = state.tool !== "click";
		radiusGroup.hidden = state.tool === "click";
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
	watch(["zoom"], () => {
		const percent = 100 * state.zoom;
		zoomText.textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
		zoomText.setAttribute("aria-label", `Zoom ${zoomText.textContent}, set to 100 %`);
	});
}
