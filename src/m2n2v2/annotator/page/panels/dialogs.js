// Dialogs: export, import, a name, the end of the folder, and the frame that all of them share.

import { Failing, Refused, attempt, json } from "../api.js";
import { byId, el, icon, iconButton, plural } from "../dom.js";
import { choose } from "../list.js";
import { refresh } from "../edits.js";
import { dialogs, set, state } from "../state.js";
import { told } from "../toasts.js";
import { readTheme } from "../view.js";
import { outlines } from "./outlines.js";

/**
 * A modal dialog. `done` runs at its confirming button and keeps it open by returning false.
 */
export function dialog(title, { body, confirm = "", done = () => true, cancel = confirm ? "Cancel" : "Close", extra = [], wide = false }) {
	const accept = confirm ? el("button", { type: "submit", class: "primary" }, confirm) : null;
	const box = el(
		"dialog", { class: wide ? "wide" : "", "aria-labelledby": "dialog-title" },
		el(
			"form", { method: "dialog", noValidate: true },
			el("header.head", el("h2", { id: "dialog-title" }, title), iconButton("close", "Close", { onclick: () => box.close() })),
			el("div.body.stack", ...body),
			el("footer.row", el("span.grow"), el("button", { onclick: () => box.close() }, cancel), ...extra, accept),
		),
	);
	box.firstChild.addEventListener("submit", async (event) => {
		event.preventDefault();
		if (accept) accept.disabled = true;
		const close = await done();
		if (accept) accept.disabled = false;
		if (close !== false) box.close();
	});
	box.addEventListener("click", (event) => event.target === box && box.close());
	box.addEventListener("close", () => {
		box.remove();
		byId("canvas").focus({ preventScroll: true });
	});
	document.body.append(box);
	box.showModal();
	return box;
}

const FORMATS = [
	["coco", "COCO", "One JSON; outlines and run lengths, holes kept"],
	["yolo", "YOLO-seg", "Text outlines; holes and overlaps are approximate"],
	["labelme", "LabelMe", "One JSON per image; outlines"],
	["voc", "VOC", "Index PNGs; one class per pixel, the topmost object wins"],
	["png", "PNG masks", "One black and white PNG per object"],
	["cutouts", "Cut-outs", "Objects alone, the rest transparent"],
	["mot", "MOT", "Boxes of a sequence, a line an object and frame"],
];

function formats(names, chosen) {
	const found = FORMATS.filter(([name]) => names.includes(name));
	return el("div.cards", { role: "radiogroup", "aria-label": "Format" },
		...found.map(([value, label, about]) => el("label.card",
			el("input", { type: "radio", name: "format", value, checked: value === chosen }),
			el("span", el("b", label), el("span.dim", about)))));
}

const picked = (box) => box.querySelector("input[name=format]:checked").value;

dialogs.export = () => {
	const { counts } = state;
	const only = el("input", { type: "checkbox", disabled: !counts.done });
	const cards = formats(FORMATS.map(([name]) => name).filter((name) => name !== "mot" || state.project.sequence), "coco");
	const shapes = outlines(() => picked(cards));
	cards.addEventListener("change", shapes.show);
	const result = el("div.stack", { role: "status" });
	dialog("Export", {
		body: [
			el("p.dim", `${plural(counts.objects, "object")} in ${plural(counts.images, "image")}, ${counts.done} done. What a format cannot hold is said in its losses.txt.`),
			cards,
			el("label.check", only, counts.done ? "Only images that are done" : "Only images that are done (none is yet)"),
			...shapes.controls,
			result,
		],
		cancel: "Close",
		confirm: "Download",
		async done() {
			result.replaceChildren(el("p.dim", "Making the file…"));
			try {
				const losses = await download({ format: picked(cards), only_done: only.checked, zipped: true, ...shapes.wanted() });
				if (!losses.length) return true;
				result.replaceChildren(
					el("p", `The file is with your downloads. ${plural(losses.length, "thing")} did not fit into it (losses.txt):`),
					el("ul.skipped", ...losses.slice(0, 200).map((text) => el("li", text))),
				);
			} catch (error) {
				if (!(error instanceof Refused || error instanceof Failing)) throw error;
				result.replaceChildren(el("p.problem", told(error)));
			}
			return false;
		},
	});
};

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
	const cards = formats(["coco", "labelme", "voc", "png"], "coco");
	const skip = el("input", { type: "checkbox" });
	const values = el("select", { "aria-label": "What the values of masks mean" },
		...Object.entries(MASK_VALUES).map(([value, text]) => el("option", { value }, text)));
	const result = el("div.stack", { role: "status" });
	const drop = el("label.drop", { ondragover: (event) => event.preventDefault(), ondrop: take }, icon("import"), el("span", "Choose a file, or drop it here"), file);
	function take(event) {
		event.preventDefault();
		event.stopPropagation(); // the page behind takes photographs
		if (event.dataTransfer.files.length) file.files = event.dataTransfer.files;
	}
	dialog("Import", {
		body: [el("p.dim", "Objects are added to the images of the same name; nothing that is there is changed. Several files go into one zip."), cards, drop, el("label.check", skip, "Leave out what matches no image here"), el("label.row", "Masks (VOC, PNG):", values), result],
		confirm: "Import",
		async done() {
			const [chosen] = file.files;
			if (!chosen) {
				result.replaceChildren(el("p.problem", "Choose a file first."));
				return false;
			}
			result.replaceChildren(el("p.dim", "Importing…"));
			try {
				const type = chosen.type || "application/octet-stream";
				const parameters = new URLSearchParams({ format: picked(cards), skip: skip.checked });
				if (["voc", "png"].includes(picked(cards))) parameters.set("mask_values", values.value);
				const brought = await json("POST", `/api/import?${parameters}`, { body: chosen, type, patience: 600_000 });
				const skipped = brought.skipped ?? [];
				result.replaceChildren(el("p", `${plural(brought.objects, "object")} imported into ${plural(brought.images, "image")}.`));
				if (skipped.length) {
					result.append(el("details", { open: skipped.length < 6 }, el("summary", `${skipped.length} skipped`), el("ul.skipped", ...skipped.slice(0, 200).map((text) => el("li", text)))));
				}
				await reread();
			} catch (error) {
				if (!(error instanceof Refused || error instanceof Failing)) throw error;
				result.replaceChildren(el("p.problem", told(error)));
			}
			return false;
		},
	});
};

dialogs.person = () => {
	const name = el("input", { type: "text", value: state.person, maxLength: 60, required: true, "aria-label": "Your name", autocomplete: "name" });
	const problem = el("p.problem", { role: "alert" });
	dialog("Your name", {
		body: [el("p.dim", "Your edits bear it, Undo takes back only yours, and others see which image you are on. This browser keeps it."), name, problem],
		confirm: "Take it",
		done() {
			const person = name.value.trim();
			if (!person) {
				problem.textContent = "A name needs a letter.";
				return false;
			}
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
	dialog("Every image is done", {
		body: [el("div.end", icon("check"), el("p", `${plural(objects, "object")} in ${plural(images - unreadable, "image")}.`), apart && el("p.dim", apart))],
		cancel: "Stay here",
		confirm: "Export",
		done: () => dialogs.export(),
		extra: [el("button", { onclick: (event) => {
			event.target.closest("dialog").close();
			dialogs.gallery();
		} }, "Look through the objects")],
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
