// What is drawn: photograph, depth or Markov-map, and how strongly the masks.

import { Failing, Refused, bitmap } from "../api.js";
import { byId, choice, el } from "../dom.js";
import { current, waitingFor } from "../model.js";
import { announce, hasDepth, set, state, watch } from "../state.js";
import { draw, showAlternative } from "../view.js";

const WORDS = { photo: "Photo", depth: "Depth", map: "Markov-map" };

export function start() {
	const options = Object.entries(WORDS).map(([name, text]) => [name, { text, title: `${text}  (Q)` }]);
	const views = choice("What is drawn", "even", Object.fromEntries(options), (view) => set({ view }));
	const opacity = el("input", { type: "range", min: 0, max: 100, "aria-label": "Opacity of the masks", oninput: () => set({ opacity: opacity.value / 100 }) });
	const percent = el("output.nums");
	const light = amount("Brightness", "light"), contrast = amount("Contrast", "contrast");
	const masks = check("Masks", "M", () => set({ masks: masks.firstChild.checked }));
	const hover = check("Hover preview", "G", () => set({ hover: hover.firstChild.checked }));
	const said = el("p.dim", { hidden: true });
	byId("views").append(
		el("h2", { id: "views-title", class: "quiet-text" }, "View"),
		el("div.pad.stack",
			views,
			said,
			el("label.row", el("span", "Opacity"), opacity, percent),
			el("div.row", masks, hover),
			el("details.curve", el("summary", "Brightness and contrast"), el("div.stack.none", light, contrast))),
	);
	watch(["image"], () => {
		const [, depth] = views.children;
		depth.hidden = !hasDepth();
		if (depth.hidden && state.view === "depth") set({ view: "photo" });
	});
	watch(["view", "opacity", "masks", "hover", "light", "contrast"], () => {
		views.choose(state.view);
		opacity.value = Math.round(100 * state.opacity);
		percent.textContent = `${opacity.value} %`;
		masks.firstChild.checked = state.masks;
		hover.firstChild.checked = state.hover;
		draw("base", "top");
	});
	watch(["view", "image", "selection", "pickedClick"], () => show(said));
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

let shown = "photo";
let asked = null;

// Fetch what the view needs and draw it; say why where there is none.
async function show(said) {
	const { image, view } = state;
	const object = current();
	const address = view === "photo" || !image ? "" : view === "depth" ? `${image.path}/depth` : mapOf(image, object);
	const name = address ? `${address} ${view === "map" ? image.revision : image.state}` : view;
	if (name === shown) return;
	asked?.abort();
	shown = name;
	said.hidden = true;
	if (!address) {
		showAlternative(null);
		if (view === "map") explain(said, "Select an object with clicks to see how its Markov-map spreads.");
		return;
	}
	if (view === "map" && waitingFor(image, object.id).length) {
		shown = "";
		return;
	}
	const { signal } = (asked = new AbortController());
	try {
		const found = await bitmap(address, signal);
		if (signal.aborted) return found.close();
		showAlternative(await tinted(found, view));
		if (view === "map") explain(said, "Bright is near: reached from the click in few steps.");
		announce(`${WORDS[view]} shown`);
	} catch (error) {
		if (signal.aborted) return;
		showAlternative(null);
		if (!(error instanceof Refused || error instanceof Failing)) throw error;
		if (error instanceof Failing) shown = "";
		explain(said, `${error.message}. ${error.cure ?? ""}`);
	}
}

// The address of the picked click's map; null without one, "" is the photograph's.
function mapOf(image, object) {
	if (!object || object.draft || !object.clicks.length || image.state !== "ready") return null;
	return `${image.path}/objects/${object.id}/map?click=${state.pickedClick}`;
}

function explain(said, text) {
	said.textContent = text;
	said.hidden = false;
}

const SCALE = [[9, 8, 28], [54, 22, 92], [120, 34, 118], [189, 55, 96], [238, 105, 62], [252, 176, 68], [252, 250, 190]];

async function tinted(grey, view) {
	if (view !== "map") return grey;
	const canvas = new OffscreenCanvas(grey.width, grey.height);
	const context = canvas.getContext("2d");
	context.drawImage(grey, 0, 0);
	grey.close();
	const data = context.getImageData(0, 0, canvas.width, canvas.height);
	const colors = new Uint32Array(256).map((_, value) => blend(1 - value / 255));
	const pixels = new Uint32Array(data.data.buffer);
	for (let i = 0; i < pixels.length; i++) pixels[i] = colors[pixels[i] & 255];
	context.putImageData(data, 0, 0);
	return canvas.transferToImageBitmap();
}

function blend(part) {
	const at = Math.min(part * (SCALE.length - 1), SCALE.length - 1.001);
	const low = Math.floor(at), rest = at - low;
	const [red, green, blue] = SCALE[low].map((value, i) => Math.round(value + rest * (SCALE[low + 1][i] - value)));
	return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
