// How strongly the masks and the photograph are drawn.

import { byId, checkbox, el, range } from "../dom.js";
import { set, state, watch } from "../state.js";
import { draw } from "../view.js";

export function start() {
	const opacity = range("Opacity of the masks", 0, 100, { oninput: () => set({ opacity: opacity.value / 100 }) });
	const percent = el("output.nums");
	const light = amount("Brightness", "light"), contrast = amount("Contrast", "contrast");
	byId("views").append(
		el("h2", { id: "views-title", class: "quiet-text" }, "View"),
		el("div.pad.stack",
			el("label.row", el("span", "Opacity"), opacity, percent),
			el("div.row", check("Masks", "M", "masks"), check("Hover preview", "G", "hover")),
			el("details", el("summary", "Brightness and contrast"), el("div.stack.none", light, contrast))),
	);
	watch(["view", "opacity", "masks", "light", "contrast"], () => {
		opacity.value = Math.round(100 * state.opacity);
		percent.textContent = `${opacity.value} %`;
		draw("base", "top");
	});
}

// A slider for how the photograph is shown; a double click puts it back.
function amount(label, key) {
	const slider = range(`${label} on the screen`, 30, 300, { value: 100, oninput: () => set({ [key]: slider.value / 100 }), ondblclick() {
		slider.value = 100;
		set({ [key]: 1 });
	} });
	return el("label.row", el("span", label), slider);
}

function check(label, key, name) {
	const box = checkbox({ onchange: () => set({ [name]: box.checked }) });
	watch([name], () => (box.checked = state[name]));
	return el("label.check", { title: `${label}  (${key})` }, box, label);
}
