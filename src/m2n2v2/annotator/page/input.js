// Mouse, pen, touch and the keyboard's crosshair, on the photograph.

import * as actions from "./actions.js";
import { ARROWS, byId, toPhotograph } from "./dom.js";
import { forget, hovers } from "./hover.js";
import { current } from "./model.js";
import { announce, colorOf, paints, state, watch } from "./state.js";
import {
	camera, centre, clamped, cursor, draw, forget as forgetMark, isInside, pan, place, reveal,
	scribble, toImage, zoom,
} from "./view.js";

const canvas = byId("canvas");
const TAP = 10; // CSS pixels a finger may wander and still tap
const DRAG = 6; // CSS pixels a mouse may slip and still click
const STEP = 8, FASTEST = 48; // CSS pixels the crosshair moves per key press, and held

const fingers = new Map(); // pointer id -> [x, y], CSS pixels of the canvas
let gesture = null; // {kind: press | box | scribble | pan | stroke | tap | pinch, ...}
let spaceHeld = false;
let spacePanned = false;

const moment = (event) => (event.timeStamp > 0 ? event.timeStamp : performance.now());

canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("auxclick", (event) => event.preventDefault());

// The ring round the photograph is for those who came to it by keyboard.
const byKeys = (on) => () => document.documentElement.toggleAttribute("data-keys", on);
addEventListener("pointerdown", byKeys(false), true);
addEventListener("keydown", ({ key }) => /^(Tab|Arrow)/.test(key) && byKeys(true)(), true);

canvas.addEventListener("pointerdown", (event) => {
	toPhotograph();
	const at = place(event);
	fingers.set(event.pointerId, at);
	try {
		canvas.setPointerCapture(event.pointerId);
	} catch {
		// a pointer that is gone already cannot be captured
	}
	if (!state.image || state.image.revision < 0) return;
	hideCrosshair();
	forget();
	if (event.pointerType === "touch") touchBegins(event, at);
	else if (event.button === 1 || spaceHeld) gesture = { kind: "pan", id: event.pointerId };
	else mouseActs(event, at);
	shape();
});

function mouseActs(event, at) {
	const point = toImage(...at);
	const right = event.button === 2;
	if (event.button !== 0 && !right && event.button !== 5) return;
	if ((event.altKey || event.ctrlKey || event.metaKey) && !right) {
		gesture = { kind: "press", id: event.pointerId, at, point, picks: true, positive: state.positive };
	} else if (paints()) {
		const erases = state.tool === "eraser" || right || event.shiftKey || event.button === 5;
		strokeBegins(event, point, erases);
	} else {
		const positive = right || event.shiftKey ? false : state.positive;
		gesture = { kind: "press", id: event.pointerId, at, point, positive };
	}
}

function touchBegins(event, at) {
	if (fingers.size === 2) {
		if (gesture?.kind === "stroke") forgetMark(gesture.mark);
		gesture = { kind: "pinch", ...spread() };
	} else if (fingers.size === 1) {
		if (!paints()) gesture = { kind: "tap", id: event.pointerId, point: toImage(...at), positive: state.positive, at };
		else strokeBegins(event, toImage(...at), state.tool === "eraser");
	}
}

function spread() {
	const [[x1, y1], [x2, y2]] = [...fingers.values()];
	return { x: (x1 + x2) / 2, y: (y1 + y2) / 2, distance: Math.hypot(x2 - x1, y2 - y1) };
}

function strokeBegins(event, point, erase) {
	gesture = { kind: "stroke", id: event.pointerId, mark: markAt(point, erase) };
}

// A stroke begins: it is painted at once, unless its object is locked.
function markAt(point, erase) {
	const mark = { points: [point], radius: state.radius, erase, color: strokeColor() };
	if (!current()?.locked) scribble(mark);
	return mark;
}

canvas.addEventListener("pointermove", (event) => {
	const at = place(event);
	const before = fingers.get(event.pointerId);
	if (before) fingers.set(event.pointerId, at);
	const point = toImage(...at);
	cursor.pointer = event.pointerType === "touch" ? null : point;
	const mine = gesture?.id === event.pointerId ? gesture.kind : "";
	if (gesture?.kind === "pinch" && fingers.size >= 2) {
		const now = spread();
		pan(now.x - gesture.x, now.y - gesture.y);
		zoom(now.distance / Math.max(gesture.distance, 1), now.x, now.y);
		Object.assign(gesture, now);
	} else if (mine === "pan" && before) {
		spacePanned = true;
		pan(at[0] - before[0], at[1] - before[1]);
	} else if (mine === "press" || mine === "tap") {
		const touched = mine === "tap";
		if (Math.hypot(at[0] - gesture.at[0], at[1] - gesture.at[1]) <= (touched ? TAP : DRAG)) return;
		const kind = gesture.picks ? "scribble" : ["box", "scribble"].includes(state.tool) ? state.tool : touched ? "pan" : "box";
		gesture = drawn(gesture, point, kind);
	} else if (mine === "box") gesture.to = clamped(...point);
	else if (mine === "scribble") gesture.points.push(point);
	else if (mine === "stroke") strokeGoesOn(event);
	else if (!gesture && event.pointerType !== "touch") {
		hovers(isInside(...point) ? point : null, event.shiftKey ? false : state.positive);
	}
	cursor.ghost = ["box", "scribble"].includes(gesture?.kind) ? gesture : null;
	draw("top");
});

// A press or a tap that goes on as a box, a scribble, or a move of the photograph.
function drawn({ id, positive, point: from }, to, kind) {
	if (kind === "pan") return { kind, id };
	if (kind === "scribble") return { kind, id, positive, points: [from, to] };
	return { kind, id, positive, from: clamped(...from), to: clamped(...to) };
}

const strokeColor = () => colorOf(current() ?? { class_id: state.classId });

function strokeGoesOn(event) {
	const passed = event.getCoalescedEvents?.() ?? [];
	const places = (passed.length ? passed : [event]).map((one) => toImage(...place(one)));
	const least = Math.max(0.35, 1 / camera.scale);
	const { points } = gesture.mark;
	for (const [x, y] of places) {
		const [px, py] = points.at(-1);
		if (Math.hypot(x - px, y - py) >= least) points.push([x, y]);
	}
	if (!current()?.locked) scribble(gesture.mark);
}

canvas.addEventListener("pointerup", (event) => {
	const at = place(event);
	fingers.delete(event.pointerId);
	if (gesture?.kind === "press" && gesture.picks) actions.selectAt(...gesture.point);
	else if (gesture?.kind === "press") actions.click(...gesture.point, gesture.positive, moment(event));
	if (gesture?.kind === "box") actions.box(gesture.from, gesture.to, gesture.positive, moment(event));
	if (gesture?.kind === "scribble") actions.scribble(gesture.points, gesture.positive, moment(event));
	cursor.ghost = null;
	if (gesture?.kind === "tap") actions.click(...toImage(...at), state.positive, moment(event));
	if (gesture?.kind === "stroke" && gesture.id === event.pointerId) {
		actions.stroke(gesture.mark, moment(event));
	}
	if (gesture?.kind !== "pinch" || !fingers.size) gesture = null;
	shape();
});

canvas.addEventListener("pointercancel", (event) => {
	fingers.delete(event.pointerId);
	if (gesture?.kind === "stroke") forgetMark(gesture.mark);
	gesture = cursor.ghost = null;
	shape();
});

canvas.addEventListener("pointerleave", () => {
	cursor.pointer = null;
	hovers(null);
	draw("top");
});

canvas.addEventListener(
	"wheel",
	(event) => {
		event.preventDefault();
		const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
		const limit = (value) => Math.min(Math.max(value, -240), 240);
		zoom(Math.exp(-limit(event.deltaY * unit) * (event.ctrlKey ? 0.01 : 0.0022)), ...place(event));
		cursor.pointer = toImage(...place(event));
	},
	{ passive: false },
);

function shape() {
	const painting = paints();
	cursor.brush = painting;
	const looks = gesture?.kind === "pan" ? "grabbing" : spaceHeld ? "grab" : painting ? "none" : "crosshair";
	canvas.style.setProperty("--cursor", looks);
	draw("top");
}
watch(["tool", "radius", "image"], shape);

// The keyboard's way: a crosshair instead of a pointer.

let held = 0; // key presses in a row
let painted = null; // the stroke while Space is held with a brush

const isOurs = ({ target }) => target === canvas || target === document.body;

addEventListener("keydown", (event) => {
	if (!isOurs(event) || !state.image || event.ctrlKey || event.metaKey || event.altKey) return;
	const direction = ARROWS[event.key];
	if (direction) {
		event.preventDefault();
		held = event.repeat ? held + 1 : 0;
		const far = event.shiftKey ? 1 : Math.min(STEP + held * 2, FASTEST) / camera.scale;
		moveCrosshair(direction[0] * far, direction[1] * far);
	} else if (event.key === " ") {
		event.preventDefault();
		if (!event.repeat) spaceDown(event);
	}
});

addEventListener("keyup", (event) => {
	if (event.key === " " && isOurs(event)) spaceUp(event);
});
canvas.addEventListener("blur", () => {
	spaceHeld = false;
	if (painted) forgetMark(painted);
	painted = null;
	hideCrosshair();
});

function moveCrosshair(dx, dy) {
	const [x, y] = cursor.crosshair ?? clamped(...(cursor.pointer ?? centre()));
	cursor.crosshair = clamped(x + dx, y + dy);
	reveal(...cursor.crosshair);
	if (painted) {
		painted.points.push(cursor.crosshair);
		scribble(painted);
	}
	hovers(painted ? null : cursor.crosshair, state.positive);
	draw("top");
	announce(`${Math.round(cursor.crosshair[0])}, ${Math.round(cursor.crosshair[1])}`);
}

function hideCrosshair() {
	cursor.crosshair = null;
	draw("top");
}

function spaceDown(event) {
	if (!cursor.crosshair) {
		spaceHeld = true;
		spacePanned = false;
		shape();
	} else if (!paints()) {
		forget();
		actions.click(...cursor.crosshair, event.shiftKey ? false : state.positive, moment(event));
	} else {
		const erase = state.tool === "eraser" || event.shiftKey;
		painted = markAt(cursor.crosshair, erase);
	}
}

function spaceUp(event) {
	if (painted) actions.stroke(painted, moment(event));
	painted = null;
	if (spaceHeld && !spacePanned && !cursor.pointer) moveCrosshair(0, 0); // nobody has a mouse here
	spaceHeld = false;
	shape();
}

