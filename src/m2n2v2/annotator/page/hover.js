/**
 * Showing what a click would do, while the pointer rests. Only as long as answers are instant: if
 * they are not, this turns itself off and says so.
 */

import { Failing, json } from "./api.js";
import { idOf } from "./model.js";
import { Shape } from "./masks.js";
import { set, state } from "./state.js";
import { tell } from "./toasts.js";
import { showPreview } from "./view.js";

const REST = 60; // ms the pointer rests before the server is asked
const INSTANT = 150; // ms
const PATIENCE = 4; // slow answers in a row

let timer = 0;
let asked = null; // the controller of the newest question
let slow = 0;

export function hovers(point, positive) {
	forget();
	const { image } = state;
	if (!point || !state.hover || state.tool !== "click" || image?.state !== "ready" || image.queue.length || state.asks) return;
	const object = idOf(image, state.selection);
	if (object === null && !positive) return;
	timer = setTimeout(() => ask(image, object, point, positive), REST);
}

export function forget() {
	clearTimeout(timer);
	asked?.abort();
	asked = null;
	showPreview(null);
}

async function ask(image, object, [x, y], positive) {
	const mine = (asked = new AbortController());
	const began = performance.now();
	try {
		const body = { object, x, y, positive };
		const { mask } = await json("POST", `${image.path}/preview`, { body, signal: mine.signal });
		if (asked === mine && image === state.image) showPreview({ shape: new Shape(mask), positive });
		judge(performance.now() - began);
	} catch (error) {
		if (error instanceof Failing && !mine.signal.aborted) judge(Infinity);
	}
}

function judge(took) {
	slow = took > INSTANT ? slow + 1 : 0;
	if (slow < PATIENCE) return;
	slow = 0;
	set({ hover: false });
	forget();
	tell("The hover preview is off: answers take too long for it here.", "G turns it on again.");
}
