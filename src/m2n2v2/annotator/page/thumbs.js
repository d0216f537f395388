// Small pictures of objects: the photograph around each, darker outside its mask.

import { stepFor } from "./masks.js";
import { picture } from "./view.js";

const SIDE = 40; // CSS pixels
const ROOM = 1.25; // of the object's longer side
const made = new WeakMap(); // shape -> {canvas, source}

// The picture of a shape as an element of its own; drawn again when a better photograph is here.
export function thumbOf(shape) {
	const source = picture();
	const known = made.get(shape);
	if (known && (!source || known.source === source)) return known.canvas;
	const canvas = known?.canvas ?? document.createElement("canvas");
	canvas.className = "object-thumb";
	canvas.setAttribute("aria-hidden", "true");
	made.set(shape, { canvas, source });
	draw(canvas, shape, source);
	return canvas;
}

function draw(canvas, shape, source) {
	const pixels = Math.round(SIDE * Math.min(devicePixelRatio || 1, 2));
	canvas.width = canvas.height = pixels;
	if (shape.empty) return;
	const { left, top, right, bottom } = shape.bounds;
	const scale = pixels / (ROOM * Math.max(right - left, bottom - top, 8));
	const context = canvas.getContext("2d");
	context.setTransform(scale, 0, 0, scale, pixels / 2 - (scale * (left + right)) / 2, pixels / 2 - (scale * (top + bottom)) / 2);
	if (source) context.drawImage(source, 0, 0, shape.width, shape.height);
	const outside = new Path2D();
	outside.rect(0, 0, shape.width, shape.height);
	outside.addPath(shape.contour(stepFor(scale)).smooth);
	context.fillStyle = source ? "rgb(0 0 0 / 0.6)" : "rgb(128 128 128 / 0.5)";
	context.fill(outside, "evenodd");
}
