// Dialogs: help, export, import, and the frame that all of them share.

import { Failing, Refused, json } from "../api.js";
import { byId, el, icon, iconButton, plural } from "../dom.js";
import { KEYS, dialogs } from "../keys.js";
import { choose } from "../list.js";
import { refresh } from "../edits.js";
import { set, state } from "../state.js";
import { readTheme } from "../view.js";

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

const MAC = navigator.platform.startsWith("Mac");
const SHOWN = { Mod: MAC ? "⌘" : "Ctrl", Up: "↑", Down: "↓", Escape: "Esc", Wheel: "Wheel" };

dialogs.help = () => {
	const key = (name) => (name.length > 1 ? name.split("+") : [name]).flatMap((part, i) => [i ? "+" : null, el("kbd", SHOWN[part] ?? part)]);
	const row = ({ keys, does }) => [el("dt", ...keys.flatMap((one, i) => [i ? " or " : null, ...key(one)])), el("dd", does)];
	const groups = KEYS.map(({ title, rows }) => el("section", el("h3", title), el("dl", ...rows.flatMap(row))));
	const touch = el("section", el("h3", "Touch and pen"), el("dl",
		...[["Tap", "Click; the switch below the photograph tells object from background"], ["Drag", "Move the photograph; with a brush, paint"], ["Two fingers", "Zoom and move"], ["Pen", "As a mouse; its button is a right click, its other end erases"]]
			.flatMap(([what, does]) => [el("dt", what), el("dd", does)])));
	const { project } = state;
	dialog("Keys and help", { wide: true, body: [el("div.sheet", ...groups, touch), el("p.dim", `m2n2v2 ${project?.version ?? ""} · ${project?.preset ?? ""} · ${project?.note ?? ""}`)] });
};

const FORMATS = [
	["coco", "COCO", "One JSON; outlines and run lengths, holes kept"],
	["yolo", "YOLO-seg", "Text outlines; holes and overlaps are approximate"],
	["labelme", "LabelMe", "One JSON per image; outlines"],
	["voc", "VOC", "Index PNGs; one class per pixel, the topmost object wins"],
	["png", "PNG masks", "One black and white PNG per object"],
	["cutouts", "Cut-outs", "Objects alone, the rest transparent"],
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
	const only = el("input", { type: "checkbox" });
	const cards = formats(FORMATS.map(([name]) => name), "coco");
	const link = el("a.button.primary", { download: "" }, icon("import"), "Download");
	const address = () => {
		link.href = `/api/export?${new URLSearchParams({ format: picked(cards), only_done: only.checked })}`;
	};
	cards.addEventListener("change", address);
	only.addEventListener("change", address);
	const box = dialog("Export", {
		body: [
			el("p.dim", `${plural(counts.objects, "object")} in ${plural(counts.images, "image")}, ${counts.done} done. What a format cannot hold is said in its losses.txt.`),
			cards,
			el("label.check", only, "Only images that are done"),
		],
		cancel: "Close",
		extra: [link],
	});
	address();
	link.addEventListener("click", () => setTimeout(() => box.close(), 50));
};

dialogs.import = () => {
	const file = el("input", { type: "file", accept: ".json,.zip,.png", "aria-label": "File to import" });
	const cards = formats(["coco", "labelme", "voc", "png"], "coco");
	const skip = el("input", { type: "checkbox" });
	const result = el("div.stack", { role: "status" });
	const drop = el("label.drop", icon("import"), el("span", "Choose a file, or drop it here"), file);
	dialog("Import", {
		body: [el("p.dim", "Objects are added to the images of the same name; nothing that is there is changed. Several files go into one zip."), cards, drop, el("label.check", skip, "Leave out what matches no image here"), result],
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
				const told = await json("POST", `/api/import?${new URLSearchParams({ format: picked(cards), skip: skip.checked })}`, { body: chosen, type, patience: 600_000 });
				const skipped = told.skipped ?? [];
				result.replaceChildren(
					el("p", `${plural(told.objects, "object")} imported into ${plural(told.images, "image")}.`),
					skipped.length ? el("details", { open: skipped.length < 6 }, el("summary", `${skipped.length} skipped`), el("ul.skipped", ...skipped.slice(0, 200).map((text) => el("li", text)))) : null,
				);
				await reread();
			} catch (error) {
				if (!(error instanceof Refused || error instanceof Failing)) throw error;
				result.replaceChildren(el("p.problem", `${error.message}. ${error.cure ?? ""}`));
			}
			return false;
		},
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
