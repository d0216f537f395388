/**
 * Edits on their way. Those of an image go out one after another, in the order they were made; the
 * next leaves when the one before is stored. A failing server is asked again until it answers, so
 * nothing is lost while the page is open; what a refusal takes back is said.
 */

import { Failing, Refused, json, persistently } from "./api.js";
import { PROMPTS, adopt, apply, changed, idOf } from "./model.js";
import { announce, set, state } from "./state.js";
import { complain, tell } from "./toasts.js";
import { forget, whenPainted } from "./view.js";

const NEEDS_PREPARATION = new Set([...PROMPTS, "remove_click", "scale", "snap"]);
const MOST_REBASES = 20; // another window would have to edit faster than this one asks
const CREATES = new Set([...PROMPTS, "stroke"]);
const queues = new Set(); // images with edits on their way
const listeners = [];
const otherWindows = new BroadcastChannel("m2n2v2");
let drafted = 0;

// Run `then(image, item, answer, {made, before})` after each stored edit.
export const afterEdits = (then) => listeners.push(then);

/**
 * Make an edit. With `object: null` it makes a new object, whose key is returned: it stands for
 * the object in further edits, before and after the server has named it.
 *
 * @param {object} timing - `began`: when the person acted, by performance.now().
 */
export function submit(image, edit, { began = performance.now(), mark } = {}) {
	const draft = edit.object === null && CREATES.has(edit.kind) ? `new-${++drafted}` : null;
	enqueue(image, { action: "edits", edit: draft ? { ...edit, object: draft } : edit, draft, began, mark });
	return draft ?? edit.object;
}

export const undo = (image) => enqueue(image, { action: "undo", began: performance.now() });
export const redo = (image) => enqueue(image, { action: "redo", began: performance.now() });

function enqueue(image, item) {
	image.queue.push(item);
	const idle = !queues.has(image);
	queues.add(image);
	count();
	changed(image);
	if (idle) work(image);
}

async function work(image) {
	while (image.queue.length) {
		const item = image.queue[0];
		let answer = null, refusal = null;
		try {
			answer = await persistently(() => send(image, item));
		} catch (error) {
			refusal = error;
		}
		image.queue.shift();
		if (item.mark && !image.queue.some(({ mark }) => mark === item.mark)) forget(item.mark);
		count();
		if (answer) stored(image, item, answer);
		else if (refusal) refused(image, item, refusal);
	}
	queues.delete(image);
}

function count() {
	let pending = 0;
	for (const { queue } of queues) pending += queue.length;
	set({ pending });
}

// One attempt at an item: the answer, or null when there is nothing left to do.
async function send(image, item) {
	const { action, edit } = item;
	// Not awaited where it is ready: the request leaves before anything is drawn.
	if (edit && image.state !== "ready" && NEEDS_PREPARATION.has(edit.kind)) await image.prepared?.();
	const body = { revision: image.revision };
	if (edit) {
		const object = idOf(image, edit.object);
		if ("object" in edit && object === null && !CREATES.has(edit.kind)) return null;
		body.edit = "object" in edit ? { ...edit, object } : edit;
	}
	try {
		return await json("POST", `${image.path}/${action}`, { body });
	} catch (error) {
		// It may have been stored although no answer came: the revision will tell.
		if (error instanceof Failing) item.unsure ??= { revision: body.revision, ids: ids(image) };
		if (!(error instanceof Refused) || error.status !== 409) throw error;
		return stale(image, item, error, body.revision);
	}
}

const ids = (image) => new Set(image.objects.map(({ id }) => id));

// The image is at another revision than was sent: look, then go on or give up.
async function stale(image, item, refusal, sent) {
	const { action, edit, unsure } = item;
	const told = await json("GET", image.path);
	if (told.revision === sent) throw refusal; // the server objects to something else
	const mine = unsure && told.revision === unsure.revision + 1 && isStored(image, item, told);
	adopt(image, told);
	if (mine) {
		const { revision, can_undo, can_redo, objects } = told;
		return { revision, can_undo, can_redo, objects, removed: [], order: objects.map(({ id }) => id), adopted: true };
	}
	const object = idOf(image, edit?.object ?? null);
	if (object !== null && !told.objects.some(({ id }) => id === object)) {
		tell("Somebody else deleted that object; your last edit of it was dropped.");
		return null;
	}
	item.unsure = undefined;
	item.rebased = (item.rebased ?? 0) + 1;
	if (item.rebased > MOST_REBASES) throw refusal;
	return send(image, item);
}

// Whether an edit whose answer never came is in what the server tells now.
function isStored(image, { action, edit, unsure }, { objects }) {
	if (action !== "edits") return true;
	const { kind, positive, x, y, box, points } = edit;
	const id = idOf(image, edit.object ?? null);
	const before = image.objects.find((one) => one.id === id);
	const made = objects.find((one) => !unsure.ids.has(one.id));
	const after = id === null ? made : objects.find((one) => one.id === id);
	if (PROMPTS.has(kind)) {
		const last = after?.clicks.at(-1) ?? {};
		const given = kind === "click" ? [x, y] : (box ?? points), stored = kind === "click" ? [last.x, last.y] : (last.box ?? last.scribble);
		return last.positive === positive && JSON.stringify(given) === JSON.stringify(stored);
	}
	if (kind === "stroke") return after?.strokes.at(-1)?.points.length === points.length;
	if (kind === "duplicate") return Boolean(made);
	if (kind === "remove_click") return after?.clicks.length === before?.clicks.length - 1;
	if (kind === "merge" || kind === "split") return objects.length !== unsure.ids.size;
	return (kind === "fill" || kind === "snap") && after?.area !== before?.area; // the others give the same when made twice
}

function stored(image, item, answer) {
	const { began, edit, draft, unsure } = item;
	const known = answer.adopted ? unsure.ids : ids(image);
	const before = image.objects;
	const made = answer.objects.find(({ id }) => !known.has(id));
	const name = draft ?? (typeof edit?.object === "string" ? edit.object : null);
	if (made && name !== null && idOf(image, name) === null) {
		image.names.set(name, made.id);
		if (image === state.image && state.selection === name) set({ selection: made.id });
	}
	if (!answer.adopted) apply(image, answer);
	changed(image);
	for (const listener of listeners) listener(image, item, answer, { made, before });
	if (image === state.image) {
		whenPainted(() => {
			performance.measure(`m2n2v2 ${edit?.kind ?? item.action}`, { start: began, end: performance.now() });
		});
	}
	otherWindows.postMessage({ image: image.id, revision: image.revision });
}

function refused(image, { action }, error) {
	changed(image);
	complain(error, action === "edits" ? "That edit was not taken" : `Could not ${action}`);
}

otherWindows.onmessage = ({ data }) => {
	const { image } = state;
	if (image?.id === data.image && data.revision > image.revision && !image.queue.length) refresh(image);
};

// Look at the image again; `again`: only what this person may undo is new.
export async function refresh(image, { again = false } = {}) {
	const told = await json("GET", image.path).catch(() => null);
	if (told && adopt(image, told) && image === state.image && !again) announce("Changed by somebody else");
}

const EVERY = 2000; // ms between words to the server while the page is looked at

// Say where this person is; take over what others have done to the same image meanwhile.
async function here() {
	const { image } = state;
	if (document.hidden || !state.project) return;
	const told = await json("PUT", "/api/here", { body: { image: image?.id ?? null } }).catch(() => null);
	if (!told) return;
	set({ model: told.model });
	if (JSON.stringify(told.others) !== JSON.stringify(state.others)) set({ others: told.others });
	if (image === state.image && told.revision > image?.revision && !image.queue.length) await refresh(image);
}
setInterval(here, EVERY);

document.addEventListener("visibilitychange", () => {
	if (!document.hidden && state.image && !state.image.queue.length) refresh(state.image);
});

addEventListener("beforeunload", (event) => {
	if (state.pending) event.preventDefault(); // the browser asks before it drops them
});
