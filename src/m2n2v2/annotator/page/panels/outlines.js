// How masks leave in an export: cleaned, and as polygons of few corners.

import { checkbox, el, plural, range } from "../dom.js";

const POLYGONAL = new Set(["coco", "yolo", "labelme"]);
const BRIDGED = new Set(["coco", "labelme"]); // YOLO's polygons are single rings in any case

/**
 * The controls, and what they ask of the server.
 *
 * @param {function} format - tells which format is chosen.
 */
export function outlines(format) {
	const slider = range("Pixels that polygons may lie from the outlines", -0.5, 10, { step: 0.5, value: -0.5, oninput: show });
	const said = el("output.nums");
	const ring = checkbox();
	const rings = el("label.check", ring, "Join holes to the outline by bridges (readers that know no holes)");
	const few = el("div.stack.none", el("label.row", el("span", "Polygons"), slider, said), rings);
	const cleaning = cleaner();
	const clean = el("details", el("summary", "Clean the masks"), el("div.stack.none", ...cleaning.controls));
	const polygons = () => POLYGONAL.has(format());
	function show() {
		const value = Number(slider.value);
		said.textContent = value < 0 ? "exact" : value ? `within ${value} px` : "no loss";
		slider.setAttribute("aria-valuetext", said.textContent);
		few.hidden = !polygons();
		rings.hidden = !BRIDGED.has(format());
	}
	function wanted() {
		const asked = Object.fromEntries(Object.entries(cleaning.wanted()).filter(([, value]) => value));
		if (polygons() && Number(slider.value) >= 0) asked.simplify = slider.value;
		if (BRIDGED.has(format()) && ring.checked) asked.single_ring = true;
		return asked;
	}
	show();
	return { controls: [few, clean], show, wanted };
}

// Three numbers that say how a mask is cleaned.
export function cleaner({ holes = 0, specks = 0, smooth = 0 } = {}) {
	const amount = (label, value, max, unit) => {
		const input = el("input", { type: "number", min: 0, max, step: 1, value, "aria-label": `${label}, ${unit}` });
		return { input, row: el("label.row", el("span.grow", label), input, el("span.dim", unit)) };
	};
	const fields = {
		holes: amount("Fill holes up to", holes, 1e9, "px"),
		specks: amount("Remove specks up to", specks, 1e9, "px"),
		smooth: amount("Smooth by a radius of", smooth, 50, "px"),
	};
	const read = ({ input }) => Math.min(Math.max(Math.round(Number(input.value)) || 0, 0), Number(input.max));
	return {
		controls: Object.values(fields).map(({ row }) => row),
		wanted: () => Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, read(field)])),
		show(now) {
			for (const [name, field] of Object.entries(fields)) field.input.value = now[name];
		},
	};
}

// What a cleaning changed, in words.
export function changes({ added, removed }) {
	const parts = [added && `${plural(added, "pixel")} added`, removed && `${plural(removed, "pixel")} removed`];
	return parts.filter(Boolean).join(", ") || "nothing changed";
}
