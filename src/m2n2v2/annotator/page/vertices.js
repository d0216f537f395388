/**
 * The vertices of a polygon, on the photograph: drag one to move it, drag the middle of an edge to
 * add one, right click, double click or Delete to take one away; arrow keys move the picked one.
 */

import { ARROWS, byId, toPhotograph } from "./dom.js";
import { stroke } from "./marks.js";
import { current } from "./model.js";
import { moveVertices } from "./shapes.js";
import { announce, state, watch } from "./state.js";
import { draw, overlays, place, toImage, toScreen } from "./view.js";

const canvas = byId("canvas");
const NEAR = 9; // CSS pixels within which a handle is hit; fingers: twice that
const ROOM = 26; // CSS pixels of an edge that has a handle in its middle
const LEAST = 3; // vertices of a ring

let rings = null; // of the current polygon, as drawn now
let told = null; // as the server told them
let picked = null; // [ring, vertex]
let dragging = null; // the pointer's id
let moved = false;
let pressed = { at: 0, vertex: "" }; // for a double click or tap

const shown = () => (state.masks && state.tool === "click" && !state.asks ? rings : null);

watch(["image", "selection"], () => {
	const object = current();
	const polygon = object && !object.hidden && !object.locked ? (object.polygon ?? null) : null;
	if (polygon === told) return;
	told = polygon;
	if (dragging !== null) return;
	rings = structuredClone(polygon);
	if (!rings?.[picked?.[0]]?.[picked?.[1]]) picked = null;
	draw("top");
});

const after = (ring, k) => ring[(k + 1) % ring.length];
const middle = ([ax, ay], [bx, by]) => [(ax + bx) / 2, (ay + by) / 2];

// The handle at a screen point: {ring, k, edge}, `edge` if it would be a new vertex; null for none.
function handleAt([x, y], reach) {
	let best = null, least = reach;
	const look = (point, handle) => {
		const [sx, sy] = toScreen(...point);
		const away = Math.hypot(sx - x, sy - y);
		if (away < least) [best, least] = [handle, away];
	};
	shown()?.forEach((ring, r) => {
		ring.forEach((point, k) => look(point, { ring: r, k, edge: false }));
	});
	if (best) return best;
	shown()?.forEach((ring, r) => {
		ring.forEach((point, k) => long(point, after(ring, k)) && look(middle(point, after(ring, k)), { ring: r, k, edge: true }));
	});
	return best;
}

function long(one, other) {
	const [ax, ay] = toScreen(...one), [bx, by] = toScreen(...other);
	return Math.hypot(ax - bx, ay - by) > ROOM;
}

canvas.addEventListener("pointerdown", (event) => {
	if (dragging !== null || !shown() || ![0, 2].includes(event.button) || event.altKey || event.ctrlKey) return;
	const handle = handleAt(place(event), event.pointerType === "touch" ? 2 * NEAR : NEAR);
	picked = null;
	if (!handle) return;
	event.stopImmediatePropagation();
	toPhotograph();
	const { ring, k, edge } = handle;
	const name = `${ring} ${k}`;
	const again = !edge && pressed.vertex === name && event.timeStamp - pressed.at < 400;
	pressed = { at: event.timeStamp, vertex: edge ? "" : name };
	if (edge && event.button === 0) {
		rings[ring].splice(k + 1, 0, middle(rings[ring][k], after(rings[ring], k)));
		picked = [ring, k + 1];
	} else picked = [ring, k];
	if (!edge && (event.button === 2 || again)) return remove();
	if (event.button !== 0) return;
	dragging = event.pointerId;
	moved = edge;
	canvas.setPointerCapture(event.pointerId);
	draw("top");
}, true);

canvas.addEventListener("pointermove", (event) => {
	if (event.pointerId !== dragging) return;
	event.stopImmediatePropagation();
	moved = true;
	put(toImage(...place(event)));
}, true);

canvas.addEventListener("pointerup", (event) => {
	if (event.pointerId !== dragging) return;
	event.stopImmediatePropagation();
	dragging = null;
	if (moved) store();
}, true);

canvas.addEventListener("pointercancel", (event) => {
	if (event.pointerId !== dragging) return;
	dragging = null;
	rings = structuredClone(told);
	draw("top");
}, true);

addEventListener("keydown", (event) => {
	if (!picked || !shown() || event.target !== canvas || event.ctrlKey || event.metaKey || event.altKey) return;
	const direction = ARROWS[event.key];
	const [ring, k] = picked;
	if (direction) {
		const [x, y] = rings[ring][k];
		put([x + direction[0], y + direction[1]]);
		store();
	} else if (event.key === "Delete" || event.key === "Backspace") remove();
	else if (event.key === "Escape") picked = null;
	else return;
	event.preventDefault();
	event.stopImmediatePropagation();
	draw("top");
}, true);

// The picked vertex to a point, within the photograph.
function put([x, y]) {
	const { width, height } = state.image;
	const within = (value, most) => Math.round(100 * Math.min(Math.max(value, 0), most)) / 100;
	const [ring, k] = picked;
	rings[ring][k] = [within(x, width), within(y, height)];
	draw("top");
}

// A ring of three vertices goes as a whole, unless it is the only one.
function remove() {
	const [ring, k] = picked;
	picked = null;
	if (rings[ring].length > LEAST) rings[ring].splice(k, 1);
	else if (rings.length > 1) rings.splice(ring, 1);
	else return announce("Three vertices are the fewest");
	announce("Vertex taken away");
	store();
}

function store() {
	moveVertices(structuredClone(rings));
	draw("top");
}

overlays.push((context) => {
	const drawn = shown();
	if (!drawn) return;
	context.beginPath();
	for (const ring of drawn) {
		ring.forEach((point, k) => context[k ? "lineTo" : "moveTo"](...toScreen(...point)));
		context.closePath();
	}
	stroke(context, [["rgb(0 0 0 / 0.6)", 3.5], ["#fff", 1.5]]);
	drawn.forEach((ring, r) => ring.forEach((point, k) => {
		if (long(point, after(ring, k))) dot(context, middle(point, after(ring, k)), 2.5, "rgb(255 255 255 / 0.7)");
		dot(context, point, 4.5, picked?.[0] === r && picked?.[1] === k ? "#000" : "#fff");
	}));
});

function dot(context, point, radius, fill) {
	const [x, y] = toScreen(...point);
	context.beginPath();
	context.arc(x, y, radius, 0, 2 * Math.PI);
	context.fillStyle = fill;
	context.fill();
	stroke(context, [[fill === "#000" ? "#fff" : "rgb(0 0 0 / 0.7)", 1.5]]);
}
