// "Shape": what can be done to the current object's mask as a whole.

import { byId, el, range, small } from "../dom.js";
import { current, waitingFor } from "../model.js";
import * as shapes from "../shapes.js";
import { state, watch } from "../state.js";
import "../vertices.js";
import { changes, cleaner } from "./outlines.js";

export function start() {
	const section = byId("shape");
	const whole = el("div.wrapped",
		small("Snap to the photograph", "Draw the mask anew, to the edges near its own", shapes.snap),
		small("Fill a hole", "Then click into it", shapes.fill),
		small("Split into parts", "Each part becomes an object", shapes.split));
	const two = el("div.wrapped", { role: "group", "aria-label": "With another object" },
		small("Merge with", "Then click the object to take in", () => shapes.combine("merge")),
		small("Subtract", "Then click the object whose pixels are taken away", () => shapes.combine("subtract")),
		small("Intersect", "Then click the object to keep only the common pixels with", () => shapes.combine("intersect")));
	const polygon = vertices();
	const cleaning = cleaner(state.project?.cleaning);
	const said = el("p.dim", { role: "status" });
	const clean = el("div.stack.none", ...cleaning.controls, el("div.wrapped",
		small("Clean", "Clean this object's mask", () => shapes.clean(cleaning.wanted())),
		small("Clean new ones so", "The masks of new objects of this folder", () => shapes.cleanAll(cleaning.wanted()))), said);
	const box = el("details.folded", el("summary", { id: "shape-title" }, "Shape"),
		el("div.stack", whole, two, polygon, clean));
	section.append(box);
	const buttons = [...section.querySelectorAll("button")].filter((button) => !button.textContent.startsWith("Clean new"));
	let known = null;
	watch(["project"], () => {
		if (state.project?.cleaning && state.project.cleaning !== known) cleaning.show((known = state.project.cleaning));
	});
	watch(["image", "selection"], () => {
		const object = current();
		section.hidden = !object;
		const idle = !object || object.draft || object.locked || waitingFor(state.image, object.id).length > 0;
		for (const button of buttons) button.disabled = Boolean(idle);
		said.hidden = !object?.cleaned;
		if (object?.cleaned) said.textContent = `Cleaned: ${changes(object.cleaned)}.`;
	});
}

// To a polygon and back.
function vertices() {
	const slider = range("Pixels that the polygon may lie from the mask's outline", 0, 10, { step: 0.5, value: 2, oninput: show });
	const said = el("output.nums");
	const to = small("To polygon", "Then drag its vertices; right click takes one away", () => shapes.toPolygon(Number(slider.value)));
	const back = small("To mask", "Its vertices are given up", shapes.toMask);
	const facts = el("p.dim");
	const row = el("label.row", slider, said);
	function show() {
		said.textContent = `${slider.value} px`;
	}
	show();
	watch(["image", "selection"], () => {
		const rings = current()?.polygon;
		back.hidden = facts.hidden = !rings;
		to.hidden = row.hidden = Boolean(rings);
		if (rings) facts.textContent = `${rings.reduce((sum, { length }) => sum + length, 0)} vertices. Drag one, or the middle of an edge; right click takes one away.`;
	});
	return el("div.stack.none", row, el("div.wrapped", to, back), facts);
}
