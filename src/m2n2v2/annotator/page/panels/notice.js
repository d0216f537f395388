// What lies over the photograph when there is something to say instead of, or beside, it.

import { byId, el, icon } from "../dom.js";
import { prepare } from "../open.js";
import { set, state, watch } from "../state.js";
import { END, lesson } from "./lesson.js";

const PROBLEMS = {
	unreadable: ["This image cannot be read", "The file is damaged, or no picture."],
	missing: ["This image is gone", "Its file is no longer in the folder. What was labelled is kept."],
	changed: ["This file is another picture now", "It was replaced since it was labelled, so its masks are not drawn on it."],
};

export function start() {
	watch(["project", "image", "counts", "refusal"], notice);
	watch(["image"], preparing);
	watch(["image", "hinted", "lesson", "project"], hint);
	watch(["image"], () => state.lesson === END - 1 && state.image?.opening && set({ lesson: END }));
}

let told = "";

function notice() {
	const box = byId("notice");
	const [drawing, title, text, ...rest] = message() ?? [];
	box.hidden = !title;
	const name = [drawing, title, text].join();
	if (name === told) return;
	told = name;
	box.replaceChildren(...(title ? [icon(drawing), el("h2", title), el("p", text), ...rest] : []));
}

function message() {
	const { project, image, counts } = state;
	if (!project) return state.refusal ? ["offline", "The server refuses", state.refusal] : null;
	if (!counts.images) {
		const how = project.uploads ? "Drop photographs here, or put them into the folder and load this page again." : "Put photographs into the folder and load this page again.";
		return ["images", "No images in this folder", how];
	}
	if (!image) return null;
	if (image.problem) {
		const [kind, ...text] = image.problem.split(":");
		const [title, meaning] = PROBLEMS[kind] ?? ["This image cannot be shown", image.problem];
		return ["broken", title, PROBLEMS[kind] ? `${meaning}${text.length ? ` (${text.join(":").trim()})` : ""}` : meaning];
	}
	if (image.state === "failed") {
		const again = el("button.primary", { onclick: () => prepare(image) }, "Try again");
		return ["broken", "This image could not be prepared", image.error ?? "", again];
	}
	return null;
}

function preparing() {
	const box = byId("preparing");
	const { image } = state;
	const busy = image && !image.problem && image.state !== "ready" && image.state !== "failed";
	box.hidden = !busy;
	if (!busy) return;
	const [text, part] = happens(image);
	const tail = image.queue.length ? "; your clicks follow" : "";
	if (box.dataset.text === text + tail) return;
	box.dataset.text = text + tail;
	box.replaceChildren(el("i.spinner"), el("span", text + tail), el("span.bar", { vars: { "--part": part }, "aria-hidden": "true" }));
}

// The stages of a preparation in a labeller's words, in their order.
const STAGES = {
	model: "Loading what finds the masks",
	depth: "Seeing what is near",
	attention: "Seeing what belongs together",
	transition: "Seeing what belongs together",
	upsampling: "Looking at fine lines",
	"warm-up": "Getting ready for clicks",
};

// What happens to an image now, and how far it is, in [0, 1].
function happens(image) {
	if (image.revision < 0 || !image.pictured) return ["Opening the photograph", 0];
	if (image.state === "queued" || !image.stage) return ["Waiting to be prepared", 0];
	const [, done, all] = /(\d+) of (?:at most )?(\d+)$/.exec(image.stage) ?? [];
	if (all) return [`Setting up this machine, once: ${done} of ${all}`, done / all];
	const names = Object.keys(STAGES);
	return [STAGES[image.stage] ?? image.stage, (names.indexOf(image.stage) + 1) / (names.length + 1)];
}

function hint() {
	const { image, hinted } = state;
	const box = byId("hint");
	const coarse = matchMedia("(pointer: coarse)").matches;
	const step = lesson(coarse);
	box.hidden = (hinted && !step) || !image || Boolean(image.problem) || !image.pictured;
	box.textContent = step ? step : coarse
		? "Tap the object. Switch to Background and tap what does not belong."
		: "Click the object. Right-click what does not belong. Enter finishes it.";
}
