// How strongly the masks and the photograph are drawn.

import { byId, el } from "../dom.js";
import { set, state, watch } from "../state.js";
import { draw } from "../view.js";

export function start() {
	const opacity = el("input", { type: "range", min: 0, max: 100, "aria-label": "Opacity of the masks", oninput: () => set({ opacity: opacity.value / 100 }) });
	const percent = el("output.nums");
	const light = amount("Brightness", "light"), contrast = amount("Contrast", "contrast");
	const masks = check("Masks", "M", () => set({ masks: masks.firstChild.checked }));
	const hover = check("Hover preview", "G", () => set({ hover: hover.firstChild.checked }));
	byId("views").append(
		el("h2", { id: "views-title", class: "quiet-text" }, "View"),
		el("div.pad.stack",
			el("label.row", el("span", "Opacity"), opacity, percent),
			el("div.row", masks, hover),
			el("details.curve", el("summary", "Brightness and contrast"), el("div.stack.none", light, contrast))),
	);
	watch(["view", "opacity", "masks", "hover", "light", "contrast"], () => {
		opacity.value = Math.round(100 * state.opacity);
		percent.textContent = `${opacity.value} %`;
		masks.firstChild.checked = state.masks;
		hover.firstChild.checked = state.hover;
		draw("base", "top");
	});
}

// A slider for how the photograph is shown; a double click puts it back.
function amount(label, key) {
	const slider = el("input", { type: "range", min: 30, max: 300, value: 100, "aria-label": `${label} on the screen`, oninput: () => set({ [key]: slider.value / 100 }), ondblclick() {
		slider.value = 100;
		set({ [key]: 1 });
	} });
	return el("label.row", el("span", label), slider);
}

function check(label, key, change) {
	return el("label.check", { title: `${label}  (${key})` }, el("input", { type: "checkbox", onchange: change }), label);
}
