/**
 * The images as this page knows them. Whatever comes late carries a revision: what is older than
 * what is known changes nothing.
 */

import { Shape } from "./masks.js";
import { classOf, set, state, touch } from "./state.js";

const KEPT_RECORDS = 12;
const records = new Map(); // by id, the least recently used first

export function record(id) {
	const known = records.get(id) ?? {
		id,
		path: `/api/images/${id}`,
		revision: -1,
		objects: [], // bottom to top
		names: new Map(), // what "new-3" became
		queue: [], // edits not stored yet
		state: "none",
	};
	records.delete(id);
	records.set(id, known);
	for (const [old, { queue }] of records) {
		if (records.size <= KEPT_RECORDS) break;
		if (!queue.length && old !== id) records.delete(old);
	}
	return known;
}

export function adopt(image, told) {
	const { objects, revision, ...rest } = told;
	if (revision < image.revision) return false;
	const known = new Map(image.objects.map((object) => [object.id, object]));
	const same = revision === image.revision;
	Object.assign(image, rest, {
		revision,
		objects: objects.map((object) => (same && known.get(object.id)) || withShape(object)),
	});
	changed(image);
	return true;
}

// Take over an answer to an edit: the objects it changed. The caller tells who shows them.
export function apply(image, answer) {
	if (answer.revision <= image.revision) return;
	const objects = new Map(image.objects.map((object) => [object.id, object]));
	for (const object of answer.objects) objects.set(object.id, withShape(object));
	for (const id of answer.removed) objects.delete(id);
	const order = answer.order ?? [...objects.keys()];
	const count = image.objects.length;
	Object.assign(image, {
		revision: answer.revision,
		can_undo: answer.can_undo,
		can_redo: answer.can_redo,
		objects: order.map((id) => objects.get(id)).filter(Boolean),
	});
	if (image.objects.length !== count) {
		const objects = state.counts.objects + image.objects.length - count;
		set({ counts: { ...state.counts, objects } });
	}
}

function withShape({ mask, ...object }) {
	return { ...object, shape: new Shape(mask) };
}

// Something about an image is new: what shows it is told.
export function changed(image) {
	if (image !== state.image) return;
	if (state.selection !== null && !current()) set({ selection: null, pickedClick: -1 });
	touch("image");
}

// The id of an object by its key, null for one that the server does not know yet.
export function idOf(image, key) {
	return typeof key === "string" ? (image.names.get(key) ?? null) : key;
}

export function waitingFor(image, key) {
	const id = idOf(image, key);
	return image.queue.filter(
		({ edit }) => edit && (edit.object === key || (id !== null && idOf(image, edit.object) === id)),
	);
}

const SETS = { class: "class_id", hide: "hidden", lock: "locked", finish: "finished" };

/**
 * The objects bottom to top as they will be once the edits on their way are stored: new ones are
 * there, without a mask; names, locks and the like hold at once.
 */
export function objectsOf(image) {
	let objects = [...image.objects];
	for (const { edit, draft } of image.queue) {
		if (!edit) break; // what an undo changes only the server knows
		const id = idOf(image, edit.object ?? null) ?? edit.object;
		const at = objects.findIndex((object) => object.id === id);
		const field = SETS[edit.kind];
		if (draft && at < 0) {
			objects.push({ id: draft, class_id: edit.class_id, clicks: [], strokes: [], scale: 0, draft: true });
		} else if (field && at >= 0) objects[at] = { ...objects[at], [field]: edit[field] };
		else if (edit.kind === "attribute" && at >= 0) {
			objects[at] = { ...objects[at], attributes: { ...objects[at].attributes, [edit.name]: edit.value } };
		} else if (edit.kind === "delete" && at >= 0) objects.splice(at, 1);
		else if (edit.kind === "order") {
			const place = ({ id: one }) => edit.order.indexOf(one);
			objects = objects.sort((one, other) => place(one) - place(other));
		}
	}
	return objects;
}

export function find(image, key) {
	if (key === null || !image) return undefined;
	const id = idOf(image, key) ?? key;
	return objectsOf(image).find((object) => object.id === id);
}

// An object as people call it: its class, and its number among those of that class on this image;
// in a sequence the number that it has in every frame.
export function called(object) {
	if (object.draft) return "new object";
	const before = state.image.objects.filter(({ id, class_id }) => class_id === object.class_id && id < object.id);
	const { id, name } = classOf(object.class_id);
	return `${id === null ? "object" : name} ${state.project?.sequence ? object.track : before.length + 1}`;
}

export const current = () => find(state.image, state.selection);

export const PROMPTS = new Set(["click", "box", "scribble"]);

// A prompt on its way as the server will tell it.
function placed({ kind, x, y, box, points, positive }) {
	if (kind === "box") return { x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2, positive, box };
	if (kind === "scribble") return { x: points[0][0], y: points[0][1], positive, scribble: points };
	return { x, y, positive };
}

export function clicksOf(image, object) {
	if (!object) return [];
	const waiting = waitingFor(image, object.id)
		.filter(({ edit }) => PROMPTS.has(edit.kind))
		.map(({ edit, began }) => ({ ...placed(edit), pending: began }));
	return [...object.clicks, ...waiting];
}
