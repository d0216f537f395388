// Looking at what others made: one image at a time, and all objects of a class side by side.

import { json } from "../api.js";
import { el, plural } from "../dom.js";
import { open, setStatus } from "../open.js";
import { NO_CLASS, dialogs, state } from "../state.js";
import { complain } from "../toasts.js";
import { dialog } from "./dialogs.js";

dialogs.review = () => {
	const { image } = state;
	if (!image || image.problem) return;
	const note = el("textarea", { value: image.note ?? "", maxLength: 2000, "aria-label": "Note", placeholder: "What is wrong, or why it is right" });
	const verdict = (status, text) => el("button", { onclick: async () => {
		await setStatus(image, status, note.value.trim()).catch(complain);
		box.close();
	} }, text);
	const box = dialog("Review", {
		body: [el("p.dim", "Checked counts as done. Rejected is to do again, and the note is shown with the image."), note],
		extra: [verdict("rejected", "Reject"), verdict("checked", "Checked")],
	});
};

const PAGE = 60;

dialogs.gallery = () => {
	const pick = el("select", { "aria-label": "Class", onchange: () => show(true) },
		...[...state.classes, NO_CLASS].map(({ id, name }) => el("option", { value: id ?? 0, selected: id === state.classId }, name)));
	const cells = el("div.gallery");
	const said = el("p.dim", { role: "status" });
	const more = el("button.quiet", { hidden: true, onclick: () => show(false) }, "Show more");
	let shown = 0;
	let asked = new AbortController(); // for the newest answer: an earlier one may come later
	const box = dialog("Objects of a class", { wide: true, body: [el("div.row", pick, said), cells, more] });
	const cell = ({ image, name, object }) => el("button", { title: `Object ${object} of ${name}`, onclick: () => {
		box.close();
		open(image, object);
	} },
		el("img", { src: `/api/images/${image}/objects/${object}/picture`, alt: "", loading: "lazy", decoding: "async" }),
		el("span.line", name));
	async function show(anew) {
		asked.abort();
		const { signal } = (asked = new AbortController());
		if (anew) {
			shown = 0;
			cells.replaceChildren();
		}
		try {
			const placed = await json("GET", `/api/objects?${new URLSearchParams({ class_id: pick.value, offset: shown, limit: PAGE })}`, { signal });
			if (signal.aborted) return;
			shown += placed.length;
			cells.append(...placed.map(cell));
			more.hidden = placed.length < PAGE;
			said.textContent = shown ? `${plural(shown, "object")} so far; a click opens its image` : "No object of this class yet.";
		} catch (error) {
			if (!signal.aborted) complain(error);
		}
	}
	show(true);
};
