// Dialogs: export, import, a name, the end of the folder, and the frame that all of them share.

import { attempt, isAnswer, json } from "../api.js";
import { cards, checkbox, el, icon, iconButton, plural, toPhotograph } from "../dom.js";
import { choose } from "../list.js";
import { refresh } from "../edits.js";
import { dialogs, set, state } from "../state.js";
import { told } from "../toasts.js";
import { readTheme } from "../view.js";
import { outlines } from "./outlines.js";

/**
 * A modal dialog. `done` runs at its confirming button. It keeps the dialog open by returning
 * false, or what is wrong in words; what it gives to `say` is shown below the body.
 */
export function dialog(title, { body, confirm = "", done = () => true, cancel = confirm ? "Cancel" : "Close", extra = [], wide = false }) {
	const accept = confirm ? el("button", { type: "submit", class: "primary" }, confirm) : null;
	const result = el("div.stack", { role: "status" });
	const say = (...words) => result.replaceChildren(...words);
	const box = el(
		"dialog", { class: wide ? "wide" : "", "aria-labelledby": "dialog-title" },
		el(
			"form", { method: "dialog", noValidate: true },
			el("header.head", el("h2", { id: "dialog-title" }, title), iconButton("close", "Close", { onclick: () => box.close() })),
			el("div.body.stack", { tabIndex: wide ? 0 : undefined }, ...body, result),
			el("footer.row", el("span.grow"), el("button", { onclick: () => box.close() }, cancel), ...extra, accept),
		),
	);
	box.firstChild.addEventListener("submit", async (event) => {
		event.preventDefault();
		if (accept) accept.disabled = true;
		const close = await Promise.resolve(say).then(done).catch((error) => {
			if (!isAnswer(error)) throw error;
			return told(error);
		});
		if (accept) accept.disabled = false;
		if (typeof close === "string") say(el("p.problem", close));
		else if (close !== false) box.close();
	});
	box.addEventListener("click", (event) => event.target === box && box.close());
	box.addEventListener("close", () => {
		box.remove();
		toPhotograph();
	});
	document.body.append(box);
	box.showModal();
	return box;
}

const FORMATS = {
	coco: ["COCO", ["One JSON; outlines and run lengths, holes kept"], true],
	yolo: ["YOLO-seg", ["Text outlines; holes and overlaps are approximate"]],
	labelme: ["LabelMe", ["One JSON per image; outlines"]],
	voc: ["VOC", ["Index PNGs; one class per pixel, the topmost object wins"]],
	png: ["PNG masks", ["One black and white PNG per object"]],
	cutouts: ["Cut-outs", ["Objects alone, the rest transparent"]],
	mot: ["MOT", ["Boxes of a sequence, a line an object and frame"]],
};

dialogs.export = () => {
	const { counts } = state;
	const only = checkbox({ disabled: !counts.done });
	const { mot, ...others } = FORMATS;
	const formats = cards("Format", state.project.sequence ? FORMATS : others);
	const shapes = outlines(formats.chosen);
	formats.addEventListener("change", shapes.show);
	dialog("Export", {
		body: [
			el("p.dim", `${plural(counts.objects, "object")} in ${plural(counts.images, "image")}, ${counts.done} done. What a format cannot hold is said in its losses.txt.`),
			formats,
			el("label.check", only, counts.done ? "Only images that are done" : "Only images that are done (none is yet)"),
			...shapes.controls,
		],
		cancel: "Close",
		confirm: "Download",
		async done(say) {
			say(el("p.dim", "Making the file…"));
			const losses = await download({ format: formats.chosen(), only_done: only.checked, zipped: true, ...shapes.wanted() });
			say(el("p", `The file is with your downloads. ${plural(losses.length, "thing")} did not fit into it (losses.txt):`), lines(losses));
			return !losses.length;
		},
	});
};

const lines = (texts) => el("ul.skipped", ...texts.slice(0, 200).map((text) => el("li", text)));

// Fetch an export and hand it to the browser; returns what the format could not hold, in words.
async function download(wanted) {
	const parameters = new URLSearchParams(wanted);
	const response = await attempt("GET", `/api/export?${parameters}`, { patience: 600_000 });
	const href = URL.createObjectURL(await response.blob());
	el("a", { href, download: `${wanted.format}.zip` }).click();
	setTimeout(() => URL.revokeObjectURL(href), 60_000);
	return decodeURIComponent(response.headers.get("X-Losses") ?? "").split("; ").filter(Boolean);
}

// What `mask_values` of the API takes, in words.
const MASK_VALUES = {
	auto: "as their values say, or refused",
	half: "soft edges: half and more is object",
	any: "all over 0 is one object",
	trimap: "128 is unknown",
	voc: "numbers of objects, 255 is void",
	index: "numbers of objects",
	alpha: "the transparency",
};

dialogs.import = () => {
	const file = el("input", { type: "file", accept: ".json,.zip,.png", "aria-label": "File to import" });
	const { coco, labelme, voc, png } = FORMATS;
	const formats = cards("Format", { coco, labelme, voc, png });
	const skip = checkbox();
	const values = el("select", { "aria-label": "What the values of masks mean" },
		...Object.entries(MASK_VALUES).map(([value, text]) => el("option", { value }, text)));
	const drop = el("label.drop", { ondragover: (event) => event.preventDefault(), ondrop: take }, icon("import"), el("span", "Choose a file, or drop it here"), file);
	function take(event) {
		event.preventDefault();
		event.stopPropagation(); // the page behind takes photographs
		if (event.dataTransfer.files.length) file.files = event.dataTransfer.files;
	}
	dialog("Import", {
		body: [el("p.dim", "Objects are added to the images of the same name; nothing that is there is changed. Several files go into one zip."), formats, drop, el("label.check", skip, "Leave out what matches no image here"), el("label.row", "Masks (VOC, PNG):", values)],
		confirm: "Import",
		async done(say) {
			const [chosen] = file.files;
			if (!chosen) return "Choose a file first.";
			say(el("p.dim", "Importing…"));
			const type = chosen.type || "application/octet-stream";
			const parameters = new URLSearchParams({ format: formats.chosen(), skip: skip.checked });
			if (["voc", "png"].includes(formats.chosen())) parameters.set("mask_values", values.value);
			const { objects, images, skipped } = await json("POST", `/api/import?${parameters}`, { body: chosen, type, patience: 600_000 });
			say(el("p", `${plural(objects, "object")} imported into ${plural(images, "image")}.`),
				skipped.length ? el("details", { open: skipped.length < 6 }, el("summary", `${skipped.length} skipped`), lines(skipped)) : "");
			await reread();
			return false;
		},
	});
};

dialogs.person = () => {
	const name = el("input", { type: "text", value: state.person, maxLength: 60, required: true, "aria-label": "Your name", autocomplete: "name" });
	dialog("Your name", {
		body: [el("p.dim", "Your edits bear it, Undo takes back only yours, and others see which image you are on. This browser keeps it."), name],
		confirm: "Take it",
		done() {
			const person = name.value.trim();
			if (!person) return "A name needs a letter.";
			set({ person });
			if (state.image) refresh(state.image, { again: true });
		},
	});
	name.select();
};

// Nothing is left to do: say so once, in the middle, and offer what comes next.
dialogs.end = () => {
	const { images, objects, unreadable } = state.counts;
	const apart = unreadable ? `${plural(unreadable, "image")} cannot be read, and ${unreadable === 1 ? "is" : "are"} not counted.` : "";
	const look = () => {
		box.close();
		dialogs.gallery();
	};
	const box = dialog("Every image is done", {
		body: [el("div.end", icon("check"), el("p", `${plural(objects, "object")} in ${plural(images - unreadable, "image")}.`), apart && el("p.dim", apart))],
		cancel: "Stay here",
		confirm: "Export",
		done: () => dialogs.export(),
		extra: [el("button", { onclick: look }, "Look through the objects")],
	});
};

async function reread() {
	const project = await json("GET", "/api/project");
	set({ project, classes: project.classes, counts: project.counts });
	await choose({});
	if (state.image) await refresh(state.image);
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export function applyTheme() {
	document.documentElement.dataset.theme = state.theme ?? (dark.matches ? "dark" : "light");
	readTheme();
}
dark.addEventListener("change", applyTheme);

dialogs.theme = () => {
	set({ theme: document.documentElement.dataset.theme === "dark" ? "light" : "dark" });
};
