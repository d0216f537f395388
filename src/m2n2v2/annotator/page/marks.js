// What lies over the masks: prompts and their markers, the brush, the keyboard's crosshair.

import { camera, toScreen } from "./camera.js";
import { paints, state } from "./state.js";

const MARKER = 8; // radius of a click's marker, CSS pixels
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const SLOW = 300; // ms after which a click that waits shows it; drawing takes from the server's time

export const colors = {}; // of the theme, as the browser resolves them

// A box or a scribble has its line; a marker stands on all of them.
export function drawPrompt(context, marker) {
	const { box, scribble, positive } = marker;
	const points = box ? [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]], [box[0], box[1]]] : scribble;
	if (points?.length > 1) drawLine(context, points, positive ? colors.positive : colors.negative, box ? [6, 4] : []);
	drawMarker(context, marker);
}

export function drawGhost(context, { kind, from, to, points, positive }) {
	const color = positive ? colors.positive : colors.negative;
	if (kind === "scribble") return drawLine(context, points, color);
	drawLine(context, [from, [to[0], from[1]], to, [from[0], to[1]], from], color, [6, 4]);
}

// A path (the context's own without one) in several colours, one within the other: it is seen on
// any ground.
export function stroke(context, lines, path) {
	context.lineJoin = "round";
	for (const [style, width, dashes = []] of lines) {
		context.strokeStyle = style;
		context.lineWidth = width;
		context.setLineDash(dashes);
		if (path) context.stroke(path);
		else context.stroke();
	}
	context.setLineDash([]);
}

function drawLine(context, points, color, dashes = []) {
	context.beginPath();
	for (const point of points) context.lineTo(...toScreen(...point));
	stroke(context, [["rgb(0 0 0 / 0.6)", 4], ["#fff", 3], [color, 2, dashes]]);
}

// Plus and minus as well as colours: a marker is read without telling colours apart.
function drawMarker(context, { x, y, positive, pending, picked }) {
	const [sx, sy] = toScreen(x, y);
	const color = positive ? colors.positive : colors.negative;
	context.lineCap = "round";
	disc(context, sx, sy, MARKER + 1.5, "rgb(0 0 0 / 0.55)");
	disc(context, sx, sy, MARKER, "#fff");
	disc(context, sx, sy, MARKER - 1.5, color);
	lines(context, [[sx - 3, sy, sx + 3, sy], positive ? [sx, sy - 3, sx, sy + 3] : []]);
	stroke(context, [["#fff", 2]]);
	if (picked) ring(context, sx, sy, MARKER + 4, [[colors.accent, 2]]);
	if (pending && performance.now() - pending > SLOW) {
		const grown = calm.matches ? 0.5 : (performance.now() % 900) / 900;
		context.globalAlpha = calm.matches ? 1 : 1 - grown;
		ring(context, sx, sy, MARKER + 3 + 8 * grown, [["#fff", 2]]);
		context.globalAlpha = 1;
	}
}

function disc(context, x, y, radius, color) {
	context.fillStyle = color;
	context.beginPath();
	context.arc(x, y, radius, 0, 2 * Math.PI);
	context.fill();
}

function ring(context, x, y, radius, colors) {
	context.beginPath();
	context.arc(x, y, radius, 0, 2 * Math.PI);
	stroke(context, colors);
}

function lines(context, ends) {
	context.beginPath();
	for (const [x1, y1, x2, y2] of ends) {
		context.moveTo(x1, y1);
		context.lineTo(x2, y2);
	}
}

export function drawBrush(context, x, y) {
	const radius = Math.max(state.radius * camera.scale, 1);
	ring(context, x, y, radius, [["rgb(0 0 0 / 0.7)", 3], ["#fff", 1.5]]);
	if (state.tool !== "eraser") return;
	const reach = Math.min(radius, 6) * 0.7;
	lines(context, [[x - reach, y + reach, x + reach, y - reach]]);
	context.stroke();
}

export function drawCrosshair(context, x, y) {
	lines(context, [[x - 22, y, x - 5, y], [x + 5, y, x + 22, y], [x, y - 22, x, y - 5], [x, y + 5, x, y + 22]]);
	stroke(context, [["rgb(0 0 0 / 0.75)", 4], ["#fff", 2]]);
	disc(context, x, y, 1.5, "#fff");
	if (paints()) drawBrush(context, x, y);
}
