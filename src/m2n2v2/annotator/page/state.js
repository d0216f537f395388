// What the page knows, in one place. Modules read `state`, change it by `set` and `watch` it.

const kept = JSON.parse(localStorage.getItem("m2n2v2") ?? "{}");

export const state = {
	project: null, // as /api/project tells
	classes: [],
	counts: { images: 0, done: 0, objects: 0 },
	image: null, // the open image: a record of images.js
	selection: null, // the key of the current object: its id, or "new-3" before the server named it
	pickedClick: -1, // the click whose map and curve are shown; -1 is the last
	classId: kept.classId ?? null, // sticky: what the next object becomes
	tool: "click", // click, box, scribble, brush, eraser
	asks: null, // what the next click answers: {at, chosen}, or null
	positive: true, // what a plain click or tap means
	radius: kept.radius ?? 12, // of brush and eraser, in pixels of the photograph
	opacity: kept.opacity ?? 0.45,
	light: 1, contrast: 1, // of the photograph on the screen, nowhere else
	view: "photo", // photo, depth, map
	masks: true,
	hover: kept.hover ?? false,
	theme: kept.theme ?? null, // dark, light, or null: as the system
	why: kept.why ?? false, // whether "Why this mask?" is open
	hinted: kept.hinted ?? false,
	lesson: kept.lesson ?? 0, // the step that --sample teaches
	zoom: 1,
	person: kept.person ?? `guest ${Math.random().toString(36).slice(2, 6)}`, // who edits here
	model: "", // what prepares photographs, as the server said last
	others: [], // who else is at work: [{name, image}]
	connection: { lost: false, message: "", status: 0 },
	refusal: "", // why the server does not let this page in
	pending: 0, // edits not stored yet, over all images
};

// Whether the tool paints; the others give prompts.
export const paints = () => state.tool === "brush" || state.tool === "eraser";

export const dialogs = {}; // by name: help, export, import, theme, search; filled by the panels

const KEPT = ["person", "classId", "radius", "opacity", "hover", "theme", "why", "hinted", "lesson"];
const watchers = [];
let changed = new Set();

// Change some of the state; watchers run once, after the present task.
export function set(patch) {
	for (const [key, value] of Object.entries(patch)) {
		if (Object.is(state[key], value) && typeof value !== "object") continue;
		state[key] = value;
		if (!changed.size) queueMicrotask(flush);
		changed.add(key);
	}
}

// Say that an object held by the state has changed inside.
export const touch = (key) => set({ [key]: state[key] });

// Run `tell` now and whenever one of the keys changes.
export function watch(keys, tell) {
	watchers.push({ keys, tell });
	tell();
}

function flush() {
	const now = changed;
	changed = new Set();
	for (const { keys, tell } of watchers) {
		if (keys.some((key) => now.has(key))) tell();
	}
	if (KEPT.some((key) => now.has(key))) keep();
}

function keep() {
	const values = Object.fromEntries(KEPT.map((key) => [key, state[key]]));
	localStorage.setItem("m2n2v2", JSON.stringify(values));
}
if (!kept.person) keep();

export function classOf(id) {
	return state.classes.find((known) => known.id === id) ?? NO_CLASS;
}

export const NO_CLASS = { id: null, name: "no class", color: "#8b95a3", key: null };

export const PALETTE = ["#ffb020", "#ff5d73", "#2fbf71", "#b07bff", "#18c4c4", "#ff7ac6", "#a3c639", "#f2793a", "#4c8dff"];

// The colour an object is drawn in: its class's; without one its own, so that neighbours differ.
export function colorOf(object) {
	const { id, color } = classOf(object?.class_id ?? null);
	if (id !== null) return color;
	const number = object?.track ?? object?.id; // the same in every frame of a sequence
	return PALETTE[typeof number === "number" ? number % PALETTE.length : PALETTE.length - 1];
}

// Whether the open image has a depth map; unknown while it is prepared, and then it may.
export const hasDepth = () => !(state.image?.state === "ready" && !state.image.depth);

export function announce(text) {
	document.getElementById("live").textContent = text;
}
