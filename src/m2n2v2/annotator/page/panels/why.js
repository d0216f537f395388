// "Why this mask?": the scales that the method saw, the map it chose them on, and a nudge.

import * as actions from "../actions.js";
import { Failing, bitmap, isAnswer, json } from "../api.js";
import { byId, choice, el, number, range, svg } from "../dom.js";
import { current, waitingFor } from "../model.js";
import { announce, dialogs, hasDepth, set, state, watch } from "../state.js";
import { showAlternative } from "../view.js";

const WORDS = { photo: "Photo", depth: "Depth", map: "Markov-map" };

export function start() {
	const said = el("p.dim", { hidden: true });
	const options = Object.entries(WORDS).map(([name, text]) => [name, { text, title: `${text}  (Q)` }]);
	const views = choice("What is drawn", "even", Object.fromEntries(options), (view) => set({ view }));
	const box = el("details.why", { open: state.why, ontoggle: () => set({ why: box.open }) },
		el("summary", { id: "why-title" }, "Why this mask?"), el("div.stack", views, said, scale(), curve(), model()));
	byId("why").append(box);
	watch(["image"], () => {
		const [, depth] = views.children;
		depth.hidden = !hasDepth();
		if (depth.hidden && state.view === "depth") set({ view: "photo" });
	});
	watch(["view"], () => {
		views.choose(state.view);
		if (state.view !== "photo") box.open = true; // the way back is in it
	});
	watch(["view", "image", "selection", "pickedClick"], () => show(said));
}

// What finds the masks here.
function model() {
	const button = el("button.link", { onclick: () => dialogs.models() });
	watch(["project"], () => {
		button.textContent = state.project?.preset ?? "";
		button.setAttribute("aria-label", `Masks are found by ${button.textContent}; choose another`);
	});
	return el("div.row.tight", el("span.dim", "Found by"), button);
}

function scale() {
	const slider = range("Scale of the mask: nudges the threshold of the last click", -1, 1, { step: 0.02 });
	const nudge = el("output.nums");
	const reset = el("button.link", { title: "The method's own choice", onclick: () => actions.scale(current(), 0) }, "reset");
	const box = el("div.stack.none", el("div.row", el("label.grow", "Scale"), nudge, reset), slider,
		el("div.row.ends.dim", { "aria-hidden": "true" }, el("span", "smaller"), el("span", "larger")));

	let timer = 0, shown = null;
	slider.addEventListener("input", () => {
		nudge.textContent = signed(Number(slider.value));
		clearTimeout(timer);
		timer = setTimeout(commit, 180);
	});
	const commit = () => {
		clearTimeout(timer);
		timer = 0;
		const object = current();
		if (object && !object.draft && Math.abs(object.scale - slider.value) > 1e-6) actions.scale(object, Number(slider.value));
	};
	slider.addEventListener("change", commit);

	watch(["image", "selection", "pickedClick"], () => {
		const object = current();
		box.hidden = !object;
		if (!object) return;
		const settled = !waitingFor(state.image, object.id).length;
		if ((settled && !timer) || shown !== object.id) slider.value = object.scale ?? 0;
		shown = object.id;
		nudge.textContent = signed(Number(slider.value));
		slider.disabled = Boolean(object.draft || object.locked || !object.clicks.length);
		reset.hidden = !object.scale;
	});
	return box;
}

const signed = (value) => (value === 0 ? "0" : (value > 0 ? "+" : "−") + Math.abs(value).toFixed(2));

function curve() {
	const chart = el("div.chart");
	watch(["image", "selection", "pickedClick", "why"], () => {
		const object = current();
		chart.hidden = !object || object.draft || !object.clicks.length;
		if (state.why && !chart.hidden) drawCurve(chart, object);
	});
	return chart;
}

let curveAsked = null, curveOf = "";

async function drawCurve(chart, object) {
	const { image } = state;
	const waits = waitingFor(image, object.id).length;
	const name = [image.id, image.revision, object.id, state.pickedClick].join();
	if (waits || curveOf === name || image.state !== "ready") return;
	curveOf = name;
	curveAsked?.abort();
	const { signal } = (curveAsked = new AbortController());
	try {
		const told = await json("GET", `${image.path}/objects/${object.id}/curve?click=${state.pickedClick}`, { signal });
		chart.replaceChildren(...(told.chosen === null ? [] : [drawing(told)]), caption(told));
	} catch (error) {
		if (signal.aborted) return;
		if (error instanceof Failing) curveOf = "";
		chart.replaceChildren(el("p.dim", error.message));
	}
}

function drawing({ thresholds, score, chosen }) {
	const wide = 248, high = 84, bottom = 6;
	const finite = score.filter(Number.isFinite);
	const least = Math.min(...finite, 0), most = Math.max(...finite, least + 1e-9);
	const first = thresholds[0] ?? 0, span = (thresholds.at(-1) ?? 1) - first || 1;
	const x = (value) => ((value - first) / span) * wide;
	const y = (value) => high - bottom - ((value - least) / (most - least)) * (high - 2 * bottom);
	const points = thresholds.flatMap((value, i) => (Number.isFinite(score[i]) ? [`${x(value).toFixed(1)},${y(score[i]).toFixed(1)}`] : []));
	const picture = svg("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `Score by threshold; chosen ${chosen.toFixed(3)}`, preserveAspectRatio: "none" });
	picture.append(svg("line", { x1: 0, x2: wide, y1: high - bottom, y2: high - bottom, class: "axis" }));
	if (points.length) {
		picture.append(svg("polygon", { points: `0,${high - bottom} ${points.join(" ")} ${wide},${high - bottom}`, class: "area" }));
		picture.append(svg("polyline", { points: points.join(" "), class: "line-of-score" }));
	}
	picture.append(svg("line", { x1: x(chosen), x2: x(chosen), y1: 0, y2: high, class: "chosen" }));
	return picture;
}

function caption({ thresholds, area, score, chosen }) {
	if (chosen === null) return el("p.dim", "No threshold scores for this click.");
	const nearest = thresholds.reduce((best, value, i) => (Math.abs(value - chosen) < Math.abs(thresholds[best] - chosen) ? i : best), 0);
	return el("p.dim.nums", `threshold ${chosen.toFixed(3)} · score ${score[nearest]?.toFixed(3) ?? "none"} · ${number(area[nearest])} px`);
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
		const picture = await bitmap(address, signal);
		if (signal.aborted) return picture.close();
		showAlternative(picture);
		if (view === "map") explain(said, "Bright is near: reached from the click in few steps.");
		announce(`${WORDS[view]} shown`);
	} catch (error) {
		if (signal.aborted) return;
		showAlternative(null);
		if (!isAnswer(error)) throw error;
		if (error instanceof Failing) shown = "";
		explain(said, `${error.message}. ${error.cure ?? ""}`);
	}
}

// The address of the picked click's map; null without one, "" is the photograph's.
function mapOf(image, object) {
	if (!object || object.draft || !object.clicks.length || image.state !== "ready") return null;
	return `${image.path}/objects/${object.id}/map?tinted=true&click=${state.pickedClick}`;
}

function explain(said, text) {
	said.textContent = text;
	said.hidden = false;
}
