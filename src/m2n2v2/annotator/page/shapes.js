// What a person can do to whole shapes: clean, fill, put together, split, draw anew.

import { editable, locked, title } from "./actions.js";
import { json } from "./api.js";
import { afterEdits, submit } from "./edits.js";
import { called, current, objectsOf } from "./model.js";
import { changes } from "./panels/outlines.js";
import { announce, set, state, watch } from "./state.js";
import { complain, tell } from "./toasts.js";
import { objectAt } from "./view.js";

// An edit of the current object, unless it is locked or has no mask yet.
function shape(kind, rest = {}) {
	const object = current();
	if (!object || object.draft || !editable() || locked(object)) return;
	submit(state.image, { kind, object: object.id, ...rest });
}

export const clean = (cleaning) => shape("clean", cleaning);
export const split = () => shape("split");
export const snap = () => shape("snap");
export const toPolygon = (deviation) => shape("polygon", { deviation });
export const toMask = () => shape("mask");
export const moveVertices = (rings) => shape("vertices", { rings });

/**
 * The next click in the photograph, or Space at the crosshair, answers; Esc takes it back.
 *
 * @param {function} at - called with the point; returns false if that is no answer.
 */
function ask(words, at, chosen = null) {
	const object = current();
	if (!object || object.draft || !editable() || locked(object)) return;
	set({ asks: { at, chosen }, tool: "click" });
	tell(words, "Esc leaves everything as it is.");
	announce(words);
}

watch(["selection"], () => state.asks && set({ asks: null }));

export function fill() {
	ask("Click into the hole to fill.", (x, y) => shape("fill", { x, y }));
}

const WORDS = {
	merge: "Click the object to take in.",
	subtract: "Click the object whose pixels are taken away.",
	intersect: "Click the object to keep only the common pixels with.",
};

export function combine(kind) {
	const object = current();
	const others = object ? objectsOf(state.image).filter(({ id, draft }) => id !== object.id && !draft) : [];
	if (object && !others.length) return tell("There is no other object on this image.");
	const chosen = ({ id }) => others.some((other) => other.id === id) && (shape(kind, { other: id }), true);
	ask(WORDS[kind], (x, y) => {
		const other = objectAt(x, y, others);
		if (other) return chosen(other);
		tell("There is no other object.", WORDS[kind]);
		return false;
	}, chosen);
}

// Whether a row of the list answers a question; then it is not selected.
export function answers(object) {
	const { asks } = state;
	if (!asks?.chosen?.(object)) return false;
	set({ asks: null });
	return true;
}

// How the masks of new objects are cleaned in this folder.
export async function cleanAll(cleaning) {
	if (!editable()) return;
	try {
		const kept = await json("PUT", "/api/cleaning", { body: cleaning });
		set({ project: { ...state.project, cleaning: kept } });
		tell(kept.holes || kept.specks || kept.smooth ? "New objects of this folder are cleaned so." : "New objects of this folder are not cleaned.", "Those that are there stay as they are.");
	} catch (error) {
		complain(error);
	}
}

afterEdits((image, { edit }, answer) => {
	if (image !== state.image || !edit) return;
	const object = answer.objects.find(({ id }) => id === edit.object);
	if (edit.kind === "clean" && object?.cleaned) tell(`Cleaned: ${changes(object.cleaned)}.`);
	else if (edit.kind === "split") tell(`${answer.objects.length} objects now; the largest part stays ${called(current() ?? answer.objects[0])}.`);
	else if (edit.kind === "snap" && object) announce(`${title(object)} drawn to the photograph`);
});
