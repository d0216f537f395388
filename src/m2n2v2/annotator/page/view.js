/**
 * The photograph and what lies on it. Two canvases: `photo` holds picture, masks and contours and
 * is drawn when they change; `canvas` above it holds markers, crosshair and brush and is drawn as
 * the pointer moves. Points are pixels of the photograph unless named screen points.
 */

import { camera, toImage, toScreen } from "./camera.js";
import { byId } from "./dom.js";
import { colors, drawBrush, drawCrosshair, drawGhost, drawPrompt, stroke } from "./marks.js";
import { Layer, pixel, stepFor } from "./masks.js";
import { set, state } from "./state.js";

const EXACT_FROM = 8; // screen pixels per photograph pixel from which contours follow pixels
const MOST_ZOOM = 40;
const THIN = 155; // alpha of a finished object: 27 % where others, at the opacity set first, are 45 %

const base = byId("photo");
const top = byId("canvas");
const frame = byId("frame");

let ratio = 1; // device pixels per CSS pixel
let levels = []; // the photograph as bitmaps, finest first
let alternative = null; // depth or map, drawn in place of the photograph
let layer = null;
let drawn = []; // [{shape, color, current}] as shown now
let preview = null; // {shape, positive} of a hover
let wanted = new Set();

export const overlays = []; // what draws on top, called with a context in screen points

export const cursor = { pointer: null, crosshair: null, brush: null, ghost: null };

export function clear(width, height) {
	closeAll(levels);
	levels = [];
	alternative = null;
	preview = null;
	drawn = [];
	layer = width ? new Layer(width, height) : null;
	camera.fitted = true;
	size.width = width ?? 0;
	size.height = height ?? 0;
	if (width) fit();
	draw("base", "top");
}

const size = { width: 0, height: 0 };

// The photograph's pixels have come: bitmaps from the finest to the coarsest.
export function showPicture(bitmaps) {
	closeAll(levels.filter((known) => !bitmaps.includes(known)));
	levels = bitmaps;
	draw("base");
}

// The photograph as far as it is here, the coarsest bitmap of it; undefined while none is.
export const picture = () => levels.at(-1);

export function showAlternative(bitmap) {
	alternative = bitmap;
	draw("base");
}

// The finest picture there is has fewer pixels than the screen shows now.
export const wantsMore = () =>
	levels.length && levels[0].width < Math.min(size.width, size.width * camera.scale * ratio);

function closeAll(bitmaps) {
	for (const bitmap of bitmaps) bitmap.close();
}

export function showObjects(objects) {
	drawn = objects;
	layer?.show(objects.map(({ shape, color, thin }) => ({ shape, value: pixel(color, thin ? THIN : 255) })));
	draw("base", "top");
}

export function showPreview(shown) {
	if (preview === shown) return;
	preview = shown;
	draw("top");
}

export function scribble(mark) {
	layer?.scribble(mark);
	draw("base");
}

export function forget(mark) {
	layer?.forget(mark);
	draw("base");
}

export const previewed = () => preview !== null;

// Draw soon: once for all that asked before the next frame.
export function draw(...parts) {
	if (!wanted.size) requestAnimationFrame(frameDue);
	for (const part of parts) wanted.add(part);
}

const afterPaint = [];

// Call `tell` once what is asked for now is on the screen.
export function whenPainted(tell) {
	afterPaint.push(tell);
	draw("base");
}

function frameDue() {
	const parts = wanted;
	wanted = new Set();
	if (parts.has("base")) drawBase();
	drawTop();
	if (afterPaint.length) {
		const waiting = afterPaint.splice(0);
		const channel = new MessageChannel(); // its message comes after the frame is painted
		channel.port1.onmessage = () => waiting.forEach((tell) => tell());
		channel.port2.postMessage(null);
	}
	clearTimeout(pulse);
	if (markers.some(({ pending }) => pending)) pulse = setTimeout(draw, 70, "top");
}

// Colours of the theme that the canvas needs, as the browser resolves them.
export function readTheme() {
	for (const name of ["canvas", "positive", "negative", "accent"]) {
		base.style.color = `var(--${name})`;
		colors[name] = getComputedStyle(base).color;
	}
	draw("base", "top");
}

function drawBase() {
	const context = base.getContext("2d", { alpha: false });
	context.setTransform(1, 0, 0, 1, 0, 0);
	context.fillStyle = colors.canvas;
	context.fillRect(0, 0, base.width, base.height);
	if (!size.width) return;
	const scale = camera.scale * ratio;
	const seen = visible();
	toPixels(context);
	context.imageSmoothingEnabled = scale < 4;
	context.imageSmoothingQuality = scale < 1 ? "medium" : "low";
	const shown = state.view !== "photo" && alternative ? alternative : levelFor(scale);
	context.filter = shown === alternative || state.light === 1 && state.contrast === 1 ? "none" : `brightness(${state.light}) contrast(${state.contrast})`;
	if (shown) drawPart(context, shown, seen);
	else {
		context.fillStyle = "rgb(128 128 128 / 0.15)";
		context.fillRect(0, 0, size.width, size.height);
	}
	context.filter = "none";
	if (!state.masks || !layer) return;
	const step = stepFor(scale);
	if (state.opacity > 0 && state.view !== "map") {
		context.globalAlpha = state.opacity;
		context.imageSmoothingEnabled = scale < 1;
		context.imageSmoothingQuality = "low";
		drawPart(context, layer.canvas(step), seen);
		context.globalAlpha = 1;
	}
	const kind = scale >= EXACT_FROM ? "exact" : "smooth", thin = 1 / camera.scale;
	for (const { shape, color, current } of drawn) {
		if (!current && overlaps(shape.bounds, seen)) stroke(context, [[color, 1.5 * thin]], shape.contour(step)[kind]);
	}
	const { shape } = drawn.find(({ current }) => current) ?? {};
	if (shape) stroke(context, [["rgb(0 0 0 / 0.5)", 4 * thin], ["#fff", 1.75 * thin]], shape.contour(step)[kind]);
}

function levelFor(scale) {
	return levels.findLast(({ width }) => width >= size.width * Math.min(scale, 1)) ?? levels[0];
}

function drawPart(context, source, seen) {
	const across = source.width / size.width, down = source.height / size.height;
	const { left, top: above, right, bottom } = seen;
	if (right <= left || bottom <= above) return;
	context.drawImage(
		source,
		left * across, above * down, (right - left) * across, (bottom - above) * down,
		left, above, right - left, bottom - above,
	);
}

// The part of the photograph that the screen shows, in whole pixels and a little over.
function visible() {
	const left = Math.max(0, Math.floor(-camera.x / camera.scale) - 8);
	const above = Math.max(0, Math.floor(-camera.y / camera.scale) - 8);
	const right = Math.min(size.width, Math.ceil((base.width / ratio - camera.x) / camera.scale) + 8);
	const bottom = Math.min(size.height, Math.ceil((base.height / ratio - camera.y) / camera.scale) + 8);
	// Whole steps, so that a coarse layer's pixels stay where they are while the view moves.
	const whole = (value) => Math.floor(value / 8) * 8;
	return { left: whole(left), top: whole(above), right, bottom };
}

const overlaps = (bounds, seen) =>
	bounds.left < seen.right && bounds.right > seen.left && bounds.top < seen.bottom && bounds.bottom > seen.top;

function toPixels(context) {
	context.setTransform(
		camera.scale * ratio, 0, 0, camera.scale * ratio,
		Math.round(camera.x * ratio), Math.round(camera.y * ratio),
	);
}

let markers = []; // [{x, y, positive, pending, picked}]

export function showMarkers(clicks) {
	markers = clicks;
	draw("top");
}

let pulse = 0;

function drawTop() {
	const context = top.getContext("2d");
	context.setTransform(1, 0, 0, 1, 0, 0);
	context.clearRect(0, 0, top.width, top.height);
	if (!size.width) return;
	if (preview && state.masks) drawPreview(context);
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	for (const overlay of overlays) overlay(context);
	for (const marker of markers) drawPrompt(context, marker);
	if (cursor.ghost) drawGhost(context, cursor.ghost);
	if (cursor.brush && cursor.pointer) drawBrush(context, ...toScreen(...cursor.pointer));
	if (cursor.crosshair) drawCrosshair(context, ...toScreen(...cursor.crosshair));
}

function drawPreview(context) {
	const scale = camera.scale * ratio;
	const contour = preview.shape.contour(stepFor(scale))[scale >= EXACT_FROM ? "exact" : "smooth"];
	toPixels(context);
	context.globalAlpha = 0.25;
	context.fillStyle = "#fff";
	context.fill(contour, "evenodd");
	context.globalAlpha = 1;
	const thin = 1 / camera.scale;
	stroke(context, [["#fff", 1.5 * thin, [5 * thin, 4 * thin]]], contour);
}

// Where on the canvas an event is, in screen points.
export function place({ clientX, clientY }) {
	const { left, top: above } = top.getBoundingClientRect();
	return [clientX - left, clientY - above];
}

export const isInside = (x, y) => x >= 0 && y >= 0 && x < size.width && y < size.height;

export const clamped = (x, y) => [
	Math.min(Math.max(x, 0), size.width - 0.01),
	Math.min(Math.max(y, 0), size.height - 0.01),
];

export const centre = () => toImage(frame.clientWidth / 2, frame.clientHeight / 2);

const margin = () => (frame.clientWidth < 600 ? 8 : 24);

function fittingScale() {
	const wide = (frame.clientWidth - 2 * margin()) / size.width;
	const high = (frame.clientHeight - 2 * margin()) / size.height;
	return Math.max(Math.min(wide, high, MOST_ZOOM), 0.001);
}

export function fit() {
	camera.scale = fittingScale();
	camera.x = (frame.clientWidth - size.width * camera.scale) / 2;
	camera.y = (frame.clientHeight - size.height * camera.scale) / 2;
	moved(true);
}

export function zoom(factor, x = frame.clientWidth / 2, y = frame.clientHeight / 2) {
	const least = Math.min(fittingScale(), 1) / 2;
	const scale = Math.min(Math.max(camera.scale * factor, least), MOST_ZOOM);
	const [px, py] = toImage(x, y);
	camera.scale = scale;
	camera.x = x - px * scale;
	camera.y = y - py * scale;
	moved();
}

// Zoom so that a part of the photograph fills most of the screen.
export function lookAt({ left, top, right, bottom }) {
	const room = 1.4; // of its size
	camera.scale = Math.min(frame.clientWidth / (room * (right - left)), frame.clientHeight / (room * (bottom - top)), MOST_ZOOM);
	camera.x = frame.clientWidth / 2 - (camera.scale * (left + right)) / 2;
	camera.y = frame.clientHeight / 2 - (camera.scale * (top + bottom)) / 2;
	moved();
}

export function actualSize() {
	zoom(1 / ratio / camera.scale, ...(cursor.pointer ? toScreen(...cursor.pointer) : []));
}

export function pan(dx, dy) {
	camera.x += dx;
	camera.y += dy;
	moved();
}

export function reveal(x, y) {
	const [sx, sy] = toScreen(x, y);
	const room = 40;
	const over = (at, end) => (at < room ? room - at : at > end - room ? end - room - at : 0);
	const [dx, dy] = [over(sx, frame.clientWidth), over(sy, frame.clientHeight)];
	if (dx || dy) pan(dx, dy);
}

function moved(fitted = false) {
	camera.fitted = fitted;
	const keep = 48;
	camera.x = Math.min(Math.max(camera.x, keep - size.width * camera.scale), frame.clientWidth - keep);
	camera.y = Math.min(Math.max(camera.y, keep - size.height * camera.scale), frame.clientHeight - keep);
	set({ zoom: camera.scale * ratio });
	draw("base", "top");
}

function resized() {
	ratio = devicePixelRatio || 1;
	for (const canvas of [base, top]) {
		canvas.width = Math.round(frame.clientWidth * ratio);
		canvas.height = Math.round(frame.clientHeight * ratio);
	}
	if (size.width && camera.fitted) fit();
	drawBase(); // at once: a canvas is emptied when its size is set
	drawTop();
}

export function objectAt(x, y, objects) {
	for (let i = objects.length - 1; i >= 0; i--) {
		if (!objects[i].hidden && objects[i].shape?.has(x, y)) return objects[i];
	}
	return null;
}

export function start() {
	readTheme();
	new ResizeObserver(resized).observe(frame);
	matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", resized);
}

export { camera, toImage, toScreen };
