// The sample photographs teach in three steps, which bar nobody's way: click, correct, finish.

import { PROMPTS } from "../model.js";
import { afterEdits } from "../edits.js";
import { set, state } from "../state.js";

const STEPS = [
	["1 of 3: click an object.", "1 of 3: tap an object."],
	["2 of 3: right-click what does not belong, or click what is missing.", "2 of 3: tap what is missing, or switch to Background and tap what does not belong."],
	["3 of 3: Enter finishes it.", "3 of 3: Finish, below the photograph."],
	["That is all there is to it. Shift+Enter goes on to the next photograph.", "That is all there is to it. Done goes on to the next photograph."],
];
export const END = STEPS.length;

// What the lesson says now; empty after it, and where it is not given.
export const lesson = (coarse) => (state.project?.sample && state.lesson < END ? STEPS[state.lesson][coarse ? 1 : 0] : "");

afterEdits((image, { edit }) => {
	if (!state.project?.sample || state.lesson >= END) return;
	const prompts = Math.max(0, ...image.objects.map(({ clicks }) => clicks.length));
	if (state.lesson === 0 && PROMPTS.has(edit?.kind)) set({ lesson: 1 });
	else if (state.lesson === 1 && PROMPTS.has(edit?.kind) && prompts > 1) set({ lesson: 2 });
	else if (state.lesson < 3 && edit?.kind === "finish" && edit.finished) set({ lesson: 3 });
});
