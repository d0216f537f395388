// What a person can do, named: mouse, touch, keyboard and buttons all call these.

import { plural } from "./dom.js";
import { afterEdits, redo as redoEdit, submit, undo as undoEdit } from "./edits.js";
import { isWhole, nextTodo } from "./list.js";
import { PROMPTS, called, clicksOf, current, find, idOf, objectsOf, waitingFor } from "./model.js";
import { open, openAt, setStatus, step } from "./open.js";
import { announce, classOf, dialogs, set, state } from "./state.js";
import { complain, tell } from "./toasts.js";
import { clamped, forget, isInside, lookAt, objectAt } from "./view.js";

export function editable() {
	const { image, project } = state;
	if (!image || image.revision < 0) return false;
	if (image.problem) {
		tell(`${image.name} cannot be labelled.`, "Shift+Enter passes it.");
		return false;
	}
	if (project.read_only) tell("This folder cannot be written to, so nothing can be changed here.");
	return !project.read_only;
}

export function locked(object) {
	if (object?.locked) tell(`${title(object)} is locked.`, "Unlock it with L, or deselect it with Esc.");
	return Boolean(object?.locked);
}

// Whether a prompt can be given now; says why not.
function takes(positive) {
	const object = current();
	if (locked(object)) return false;
	if (!object && !positive) {
		announce("A background prompt needs an object to correct");
		tell("Mark an object first: what does not belong is taken from it.");
		return false;
	}
	if (state.image.state !== "failed") return true;
	tell("This image could not be prepared, so clicks do nothing here.", "Try again below the message, or paint with the brush.");
	return false;
}

function prompt(edit, began) {
	const object = current();
	const key = submit(state.image, { ...edit, object: object ? object.id : null, class_id: state.classId }, { began });
	set({ selection: key, pickedClick: -1, hinted: true });
}

// Click at a point of the photograph; a new object begins where none is current. `insists`: even
// where a finished object is.
export function click(x, y, positive, began = performance.now(), insists = false) {
	if (state.asks) return answer(x, y);
	if (!editable() || !isInside(x, y) || !takes(positive)) return;
	const there = current() || insists ? null : objectAt(x, y, objectsOf(state.image).filter(({ finished }) => finished));
	if (there) offer(there, x, y);
	else prompt({ kind: "click", x: round(x), y: round(y), positive }, began);
}

// A click that answers what was asked is no prompt.
function answer(x, y) {
	const { asks } = state;
	if (isInside(x, y) && asks.at(x, y) !== false) set({ asks: null });
}

// A box round the object, or round what does not belong; a new object begins where none is current.
export function box([x0, y0], [x1, y1], positive, began) {
	const corners = [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)].map(round);
	if (editable() && takes(positive)) prompt({ kind: "box", box: corners, positive }, began);
}

// A stroke over the object, or over what does not belong, which is one prompt.
export function scribble(points, positive, began) {
	const least = points.length / (LONGEST / 2);
	const thinned = points.filter((_, i) => i === points.length - 1 || i % Math.ceil(least) === 0);
	if (editable() && takes(positive)) prompt({ kind: "scribble", points: thinned.map(([x, y]) => [round(x), round(y)]), positive }, began);
}

// A click on what is finished takes it up again: a second mask of the same thing is seldom meant.
function offer(object, x, y) {
	select(object.id);
	tell(`${title(object)} is finished; it is selected now.`, "A click corrects it, Esc leaves it as it is.", {
		choices: [["New object here", () => {
			select(null);
			click(x, y, true, performance.now(), true);
		}]],
	});
}

const round = (value) => Math.floor(value * 100) / 100; // down: never out of the photograph

const LONGEST = 4000; // points that the server takes of one stroke, and one more

// `mark` is what is painted until the answer comes: {points, radius, erase}.
export function stroke(mark, began = performance.now()) {
	const object = current();
	const { points, radius, erase } = mark;
	if (!object && erase) tell("Select the object to erase from.", "Choose it in the list, or Alt+click it.");
	if (!editable() || locked(object) || (!object && erase)) return forget(mark);
	let key = object ? object.id : null;
	const edit = { kind: "stroke", class_id: state.classId, erase, radius };
	for (let from = 0; from === 0 || from < points.length - 1; from += LONGEST) {
		const part = points.slice(from, from + LONGEST + 1).map(([x, y]) => clamped(round(x), round(y)));
		key = submit(state.image, { ...edit, object: key, points: part }, { began, mark });
	}
	set({ selection: key, pickedClick: -1 });
}

export function finish() {
	const object = current();
	if (object && !object.finished && editable() && !object.locked) {
		submit(state.image, { kind: "finish", object: object.id, finished: true });
		announce("Object finished");
	}
	select(null);
}

// Put away what was begun, or leave a finished object as it is.
export function escape() {
	if (state.asks) return set({ asks: null });
	const object = current();
	if (!object) return;
	const begun = !object.finished && object.source !== "import" && !object.locked;
	if (begun && editable()) {
		submit(state.image, { kind: "delete", object: object.id });
		announce("Cleared. Undo brings it back");
	}
	select(null);
}

export function select(key) {
	set({ selection: key, pickedClick: -1 });
	const object = current();
	if (object) announce(`${title(object)}, ${plural(object.clicks.length, "click")}`);
}

export function selectAt(x, y) {
	select((state.image && objectAt(x, y, objectsOf(state.image)))?.id ?? null);
}

export function selectNext(by) {
	const objects = listed();
	if (!objects.length) return;
	const at = objects.findIndex(({ id }) => id === current()?.id);
	select(objects[(at + by + objects.length + (at < 0 && by < 0 ? 1 : 0)) % objects.length].id);
}

export function listed() {
	const { image } = state;
	return image ? objectsOf(image).reverse() : [];
}

// At the beginning of a sentence; a class is written as it is.
export const title = (object) => called(object).replace(/^(object|new object)/, (word) => word[0].toUpperCase() + word.slice(1));

export function setClass(id) {
	set({ classId: id });
	const object = current();
	if (object && object.class_id !== id && editable()) {
		submit(state.image, { kind: "class", object: object.id, class_id: id });
	}
	announce(`Class ${classOf(id).name}`);
}

const objectEdit = (key, kind, rest = {}) => {
	if (key !== undefined && key !== null && editable()) submit(state.image, { kind, object: key, ...rest });
};

export const hide = (object = current()) => object && objectEdit(object.id, "hide", { hidden: !object.hidden });
export const lock = (object = current()) => object && objectEdit(object.id, "lock", { locked: !object.locked });
export const duplicate = (object = current()) => object && objectEdit(object.id, "duplicate");
export const scale = (object, value) => !locked(object) && objectEdit(object.id, "scale", { scale: value });
export const clearObject = (object = current()) => object && !locked(object) && objectEdit(object.id, "clear");

// Say something of an object that its class asks for; null says nothing.
export const say = (object, name, value) => object && objectEdit(object.id, "attribute", { name, value });

export function remove(object = current()) {
	if (!object || locked(object)) return;
	objectEdit(object.id, "delete");
	announce(`${title(object)} deleted. Undo brings it back`);
}

export function removeClick(object, index) {
	if (object && !locked(object)) objectEdit(object.id, "remove_click", { index });
}

export function move(object, by) {
	reorder(object.id, objectsOf(state.image).findIndex(({ id }) => id === object.id) + by);
}

export function reorder(id, place) {
	const order = objectsOf(state.image).map((object) => object.id);
	if (order.some((one) => typeof one === "string")) return; // not named by the server yet
	const at = order.indexOf(id);
	const to = Math.min(Math.max(place, 0), order.length - 1);
	if (at < 0 || at === to || !editable()) return;
	order.splice(to, 0, ...order.splice(at, 1));
	submit(state.image, { kind: "order", order });
	announce(`${title(find(state.image, id))} is now ${order.length - to} of ${order.length} from the top`);
}

export function undo() {
	const { image } = state;
	if (editable() && (image.can_undo || image.queue.length)) undoEdit(image);
	else announce("Nothing to undo");
}

export function redo() {
	const { image } = state;
	if (editable() && (image.can_redo || image.queue.length)) redoEdit(image);
	else announce("Nothing to redo");
}

export const go = (by) => step(by).catch(complain);

export async function toggleDone(image = state.image) {
	if (image && editable()) await setStatus(image, image.done ? "todo" : "done").catch(complain);
}

// `twins`: objects that look alike were pointed out already.
export async function doneAndNext({ twins = false } = {}) {
	const { image } = state;
	if (!image || image.revision < 0) return;
	if (!image.problem) {
		if (!editable()) return;
		const pair = twins ? null : alike(image);
		if (pair) return askAbout(pair);
		finish();
		if (!image.done) await setStatus(image, "done").catch(complain);
	}
	const next = await nextTodo();
	if (next && next.id !== image.id) return open(next.id);
	announce("No image is left to do");
	if (isWhole()) dialogs.end();
	else tell("No image of this list is left to do.", "The folder may have others: choose All.");
}

const ALIKE = 0.9; // intersection over union from which two masks are of one thing, probably

function alike(image) {
	const shown = objectsOf(image).filter(({ shape }) => shape && !shape.empty);
	for (const [i, upper] of shown.entries()) {
		const lower = shown.slice(0, i).find((one) => mayBeAlike(one, upper) && one.shape.iou(upper.shape) > ALIKE);
		if (lower) return [lower, upper];
	}
	return null;
}

// The ratio of the areas bounds their IoU: most pairs of many objects are told apart by it.
const mayBeAlike = (one, other) => Math.min(one.area, other.area) > ALIKE * Math.max(one.area, other.area);

function askAbout([lower, upper]) {
	select(upper.id);
	tell(`${title(upper)} covers nearly the same pixels as ${called(lower)}.`, "Is it there twice?", {
		choices: [[`Delete ${called(upper)}`, () => remove(upper)], ["Both are right: done, next", () => doneAndNext({ twins: true })]],
	});
}

export const goTo = (index) => openAt(index).catch(complain);

// Copy the object, or all of them, to the next image, where clicks correct them.
export async function copyOnward() {
	const { image } = state;
	if (!editable()) return;
	const object = current();
	const objects = (object ? [object] : objectsOf(image)).filter(({ draft, shape }) => !draft && shape && !shape.empty);
	if (!objects.length) return tell("There is nothing to copy to the next image.");
	const [from, { width, height }] = [image.id, image];
	if (!(await step(1).catch(complain))) return;
	const next = state.image;
	if (next.problem) return;
	if (next.width !== width || next.height !== height) return tell("The next image is of another size, so nothing was copied.");
	submit(next, { kind: "copy", image: from, objects: objects.map(({ id }) => id) });
	announce(`${plural(objects.length, "object")} copied`);
}

export function zoomToObject() {
	const object = current();
	if (object?.shape && !object.shape.empty) lookAt(object.shape.bounds);
	else tell("Select the object to zoom to.");
}

export function setTool(tool) {
	set({ tool });
	announce(tool[0].toUpperCase() + tool.slice(1));
}

export function setRadius(radius) {
	set({ radius: Math.min(Math.max(Math.round(radius * 2) / 2, 0.5), 200) });
}

export const biggerBrush = (by) => setRadius(by > 0 ? Math.max(state.radius * 1.25, state.radius + 0.5) : Math.min(state.radius / 1.25, state.radius - 0.5));

export function toggleSign() {
	set({ positive: !state.positive });
	announce(state.positive ? "Clicks mark the object" : "Clicks mark the background");
}

export function said() {
	const { pending } = state;
	const text = pending
		? `${plural(pending, "edit")} on the way to the server.`
		: "Everything is saved already: each edit is stored before the page shows it.";
	tell(text);
	announce(text);
}

// An edit that changed no pixel is said: the marker or the slider alone would look like a fault.
function idle(edit, object, before) {
	const was = before.find(({ id }) => id === object?.id);
	if (!was || was.shape.empty || was.shape.iou(object.shape) < 1) return;
	if (PROMPTS.has(edit?.kind)) {
		tell("That click changed nothing: the mask says the same there already.", "Click where it is wrong; Undo takes the click back.");
	} else if (edit?.kind === "scale") {
		tell("This object has no other mask on that side of the scale.", "A click, or the brush, corrects it.");
	}
}

afterEdits((image, { action, edit }, answer, { made, before }) => {
	if (image !== state.image) return;
	if (edit?.kind === "duplicate" && made) select(made.id);
	if (action !== "edits" && answer.objects.length === 1) {
		const [{ id, finished }] = answer.objects;
		const was = before.find((object) => object.id === id)?.finished ?? true;
		if (was && !finished) select(id); // it is being made again
		else if (!was && finished && idOf(image, state.selection) === id) select(null);
	}
	const object = find(image, state.selection);
	if (!waitingFor(image, object?.id ?? null).length) idle(edit, object, before);
	if (PROMPTS.has(edit?.kind) && object && !waitingFor(image, object.id).length) {
		const share = (100 * object.area) / (image.width * image.height);
		announce(`${plural(clicksOf(image, object).length, "click")}, mask covers ${share.toFixed(share < 1 ? 2 : 1)} % of the photograph`);
	} else if (action !== "edits") announce(action === "undo" ? "Undone" : "Redone");
});
