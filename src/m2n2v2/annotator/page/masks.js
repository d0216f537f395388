/**
 * Masks as they come, row-major run lengths, and what is drawn of them: pixels and contours.
 *
 * Both are made at a step: 1 is every pixel of the photograph, 2 every second row and column.
 * A photograph of 12 megapixels seen whole is drawn from a coarse step, so moving it stays cheap.
 */

const LARGEST_STEP = 8;

// The step that shows every pixel of the screen at `scale` screen pixels per photograph pixel.
export function stepFor(scale) {
	let step = 1;
	while (step < LARGEST_STEP && scale * step * 2 <= 1) step *= 2;
	return step;
}

// One mask: where its runs begin and end, row by row, its bounds, and its contours by step.
export class Shape {
	constructor({ size, counts }) {
		[this.height, this.width] = size;
		const runs = counts.length >> 1;
		this.starts = new Uint32Array(runs);
		this.ends = new Uint32Array(runs);
		let at = 0;
		for (let run = 0; run < runs; run++) {
			at += counts[2 * run];
			this.starts[run] = at;
			at += counts[2 * run + 1];
			this.ends[run] = at;
		}
		this.bounds = this.#bounds();
		this.contours = new Map();
	}

	get empty() {
		return this.starts.length === 0;
	}

	#bounds() {
		const { width, starts, ends } = this;
		let left = width, right = 0;
		for (let run = 0; run < starts.length; run++) {
			const from = starts[run] % width;
			const last = ends[run] - 1;
			if (Math.floor(last / width) > Math.floor(starts[run] / width)) {
				left = 0;
				right = width;
				break;
			}
			left = Math.min(left, from);
			right = Math.max(right, (last % width) + 1);
		}
		if (this.empty) return { left: 0, top: 0, right: 0, bottom: 0 };
		return {
			left,
			right,
			top: Math.floor(starts[0] / width),
			bottom: Math.floor((ends[ends.length - 1] - 1) / width) + 1,
		};
	}

	has(x, y) {
		if (x < 0 || y < 0 || x >= this.width || y >= this.height) return false;
		const run = this.#firstEndingAfter(Math.floor(y) * this.width + Math.floor(x));
		return run < this.starts.length && this.starts[run] <= Math.floor(y) * this.width + Math.floor(x);
	}

	get area() {
		return this.ends.reduce((sum, end, run) => sum + end - this.starts[run], 0);
	}

	// Intersection over union with another mask of the same photograph; 0 where both are empty.
	iou(other) {
		let both = 0;
		for (let i = 0, j = 0; i < this.ends.length && j < other.ends.length; ) {
			both += Math.max(0, Math.min(this.ends[i], other.ends[j]) - Math.max(this.starts[i], other.starts[j]));
			if (this.ends[i] < other.ends[j]) i++;
			else j++;
		}
		return both / Math.max(this.area + other.area - both, 1);
	}

	#firstEndingAfter(position) {
		let low = 0, high = this.ends.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.ends[middle] > position) high = middle;
			else low = middle + 1;
		}
		return low;
	}

	/**
	 * Give the mask's pixels `value` in an array of `columns` a row, in the rows [top, bottom) of
	 * the step. `left` and `up` are the array's first column and row, in pixels of the step.
	 */
	fill(pixels, columns, value, step, top, bottom, left = 0, up = 0) {
		const { width, starts, ends } = this;
		const stop = bottom * step * width;
		for (let run = this.#firstEndingAfter(top * step * width); run < starts.length; run++) {
			if (starts[run] >= stop) break;
			const first = Math.max(Math.floor(starts[run] / width), top * step);
			const last = Math.min(Math.floor((ends[run] - 1) / width), (bottom - 1) * step);
			for (let row = Math.ceil(first / step); row * step <= last; row++) {
				const begin = row * step * width;
				const from = Math.ceil(Math.max(starts[run] - begin, 0) / step);
				const to = Math.ceil(Math.min(ends[run] - begin, width) / step);
				const base = (row - up) * columns - left;
				if (to > from) pixels.fill(value, base + from, base + to);
			}
		}
	}

	/**
	 * The mask's outline at a step as paths of the photograph's coordinates: `exact` follows the
	 * edges of the pixels, `smooth` their middles, which draws a slope as a slope.
	 */
	contour(step) {
		if (!this.contours.has(step)) this.contours.set(step, this.#trace(step));
		return this.contours.get(step);
	}

	#trace(step) {
		const { left, top, right, bottom } = this.bounds;
		const up = Math.floor(top / step), first = Math.floor(left / step);
		const rows = Math.ceil(bottom / step) - up, columns = Math.ceil(right / step) - first;
		const stride = columns + 2; // a margin of zeros all round
		const inside = new Uint8Array(stride * (rows + 2));
		this.fill(inside, stride, 1, step, up, up + rows, first - 1, up - 1);
		const loops = outlines(inside, stride);
		const place = (x, y) => [(x - 1 + first) * step, (y - 1 + up) * step];
		return { exact: path(loops, place), smooth: path(loops.map(middles), place) };
	}
}

/**
 * The closed outlines of a map of zeros and ones with a margin of zeros: corners in turn, x and
 * y, with the ones on the right hand; pixels that touch by a corner only are apart.
 */
function outlines(inside, stride) {
	const seen = new Uint8Array(inside.length); // top edges that an outline has passed
	const loops = [];
	for (let at = stride; at < inside.length - stride; at++) {
		if (!inside[at] || inside[at - stride] || seen[at]) continue;
		const startX = at % stride, startY = (at - startX) / stride;
		const corners = [startX, startY];
		let x = startX, y = startY, dx = 1, dy = 0;
		do {
			if (dx === 1) seen[y * stride + x] = 1;
			x += dx;
			y += dy;
			// The two pixels ahead of this corner, on the right hand and on the left.
			const ahead = (sx, sy) => inside[(y + sy) * stride + x + sx];
			const right = ahead(dx - dy < 0 ? -1 : 0, dx + dy < 0 ? -1 : 0);
			const left = ahead(dx + dy < 0 ? -1 : 0, dy - dx < 0 ? -1 : 0);
			if (!right) [dx, dy] = [-dy, dx];
			else if (left) [dx, dy] = [dy, -dx];
			else continue;
			corners.push(x, y);
		} while (x !== startX || y !== startY || dx !== 1);
		corners.length -= 2; // the last is the first
		loops.push(corners);
	}
	return loops;
}

// Each edge from the middle of its first pixel to the middle of its last.
function middles(corners) {
	const points = [];
	for (let i = 0; i < corners.length; i += 2) {
		const next = (i + 2) % corners.length;
		const dx = Math.sign(corners[next] - corners[i]) / 2;
		const dy = Math.sign(corners[next + 1] - corners[i + 1]) / 2;
		points.push(corners[i] + dx, corners[i + 1] + dy);
		if (Math.abs(corners[next] - corners[i]) + Math.abs(corners[next + 1] - corners[i + 1]) > 1) {
			points.push(corners[next] - dx, corners[next + 1] - dy);
		}
	}
	return points;
}

function path(loops, place) {
	const drawn = new Path2D();
	for (const loop of loops) {
		drawn.moveTo(...place(loop[0], loop[1]));
		for (let i = 2; i < loop.length; i += 2) drawn.lineTo(...place(loop[i], loop[i + 1]));
		drawn.closePath();
	}
	return drawn;
}

// "#rrggbb" as a pixel of ImageData read as a 32-bit number (little-endian), alpha in [0, 255].
export function pixel(color, alpha) {
	const value = parseInt(color.slice(1), 16);
	const red = value >> 16, green = (value >> 8) & 255, blue = value & 255;
	return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * The objects of an image laid over each other, later ones on top, as canvases by step. Only the
 * rows that changed are drawn again.
 */
export class Layer {
	constructor(width, height) {
		this.width = width;
		this.height = height;
		this.levels = new Map();
		this.shown = []; // [{shape, value}] bottom to top, as drawn
		this.marks = []; // strokes whose answers are not here yet
	}

	show(objects) {
		const dirty = changedRows(this.shown, objects);
		this.shown = objects;
		if (dirty) for (const level of this.levels.values()) level.stale = union(level.stale, dirty);
	}

	canvas(step) {
		if (!this.levels.has(step)) this.#add(step);
		const level = this.levels.get(step);
		if (level.stale) this.#redraw(level);
		return level.canvas;
	}

	// Paint a stroke ({points, radius, erase, color}), or what is new of it, over the masks.
	scribble(mark) {
		if (!this.marks.includes(mark)) this.marks.push(mark);
		for (const level of this.levels.values()) paint(level, mark, mark.painted ?? 0);
		mark.painted = mark.points.length - 1;
	}

	// Its answer has come, or it is taken back.
	forget(mark) {
		this.marks = this.marks.filter((other) => other !== mark);
		for (const level of this.levels.values()) level.stale = { top: 0, bottom: this.height };
	}

	#add(step) {
		if (this.levels.size > 1) this.levels.delete(this.levels.keys().next().value);
		const canvas = document.createElement("canvas");
		canvas.width = Math.ceil(this.width / step);
		canvas.height = Math.ceil(this.height / step);
		this.levels.set(step, { step, canvas, stale: { top: 0, bottom: this.height } });
	}

	#redraw(level) {
		const { canvas, step, stale } = level;
		const top = Math.floor(stale.top / step);
		const bottom = Math.min(Math.ceil(stale.bottom / step), canvas.height);
		level.stale = null;
		if (bottom <= top) return;
		const data = new ImageData(canvas.width, bottom - top);
		const pixels = new Uint32Array(data.data.buffer);
		for (const { shape, value } of this.shown) {
			shape.fill(pixels, canvas.width, value, step, top, bottom, 0, top);
		}
		canvas.getContext("2d").putImageData(data, 0, top);
		for (const mark of this.marks) paint(level, mark, 0);
	}
}

function paint({ canvas, step }, { points, radius, erase, color }, from) {
	const context = canvas.getContext("2d");
	context.save();
	context.scale(1 / step, 1 / step);
	context.globalCompositeOperation = erase ? "destination-out" : "source-over";
	context.strokeStyle = color;
	context.lineWidth = 2 * radius;
	context.lineCap = context.lineJoin = "round";
	context.beginPath();
	context.moveTo(...points[from]);
	for (const point of points.slice(from)) context.lineTo(...point);
	context.stroke();
	context.restore();
}

function changedRows(before, after) {
	let rows = null;
	for (let i = 0; i < Math.max(before.length, after.length); i++) {
		const [old, now] = [before[i], after[i]];
		if (old?.shape === now?.shape && old?.value === now?.value) continue;
		if (old) rows = union(rows, old.shape.bounds);
		if (now) rows = union(rows, now.shape.bounds);
	}
	return rows && rows.bottom > rows.top ? rows : null;
}

function union(one, other) {
	if (!one) return { top: other.top, bottom: other.bottom };
	return { top: Math.min(one.top, other.top), bottom: Math.max(one.bottom, other.bottom) };
}
