// The bar on top: the folder and its progress, the connection, and what concerns all images.

import { hurry } from "../api.js";
import { byId, el, hint, icon, iconButton, number, plural, pressed, toPhotograph } from "../dom.js";
import { dialogs, state, watch } from "../state.js";

const both = (label, onclick) =>
	el("button.quiet", { ...hint(label), onclick }, icon(label.toLowerCase()), el("span.wide-only", label));

export function start() {
	const folder = el("span.folder");
	const bar = el("span.bar", { "aria-hidden": "true" });
	const done = el("button.link.nums", { title: "Hours and numbers", onclick: () => dialogs.numbers() });
	const progress = el("div.folder-progress", el("div.row.tight", folder, done), bar);
	const status = el("span.status", { "aria-hidden": "true" });
	const retry = el("button.small", { onclick: hurry }, "Try now");
	const lost = el("div.lost", { hidden: true }, icon("offline"), el("span"), retry);
	const theme = iconButton("moon", "Dark or light", { keys: "T", onclick: () => dialogs.theme() });
	const images = iconButton("images", "Images", { class: "icon-button narrow-only", onclick: () => drawer("images") });
	const inspector = iconButton("panel", "Classes, objects, views", { class: "icon-button narrow-only", onclick: () => drawer("inspector") });
	byId("top").append(
		images,
		el("span.brand", { "aria-hidden": "true" }, el("i"), "m2n2v2"),
		progress,
		el("span.grow"),
		lost,
		status,
		me(),
		el("div.row.tight",
			both("Import", () => dialogs.import()),
			both("Export", () => dialogs.export()),
			theme,
			iconButton("help", "Keys and help", { keys: "?", onclick: () => dialogs.help() }),
			inspector,
		),
	);
	byId("scrim").addEventListener("click", () => drawer(null));
	addEventListener("keydown", (event) => {
		if (event.key !== "Escape" || !openDrawer) return;
		event.preventDefault(); // it closes the drawer and does nothing else
		drawer(null);
	}, true);

	watch(["project", "counts"], () => {
		const { counts, project } = state;
		folder.textContent = project?.folder ?? "";
		progress.title = project ? `${project.folder} · ${project.preset} · ${project.note}` : "";
		const apart = counts.unreadable ? el("span.wide-only", `, ${number(counts.unreadable)} unreadable`) : "";
		done.replaceChildren(counts.images ? `${number(counts.done)} of ${number(counts.images)} done` : "", apart);
		bar.style.setProperty("--part", counts.images ? counts.done / counts.images : 0);
	});
	watch(["pending", "connection"], () => {
		const { pending, connection } = state;
		lost.hidden = !connection.lost;
		status.hidden = connection.lost;
		const waits = pending ? ` ${plural(pending, "edit")} to send, none is lost.` : "";
		const trouble = connection.status ? `The server says: ${connection.message}.` : "Connection lost.";
		lost.children[1].textContent = trouble + waits;
		lost.title = connection.message;
		status.classList.toggle("busy", pending > 0);
		status.textContent = pending ? `Saving ${pending > 1 ? number(pending) : ""}` : "Saved";
	});
	watch(["theme"], () => pressed(theme, document.documentElement.dataset.theme === "dark"));
}

// The name that a person's edits bear, and who else is at work.
function me() {
	const name = el("span.line");
	const button = el("button.quiet.wide-only.me", { onclick: () => dialogs.person() }, icon("person"), name);
	watch(["person", "others"], () => {
		const { person, others } = state;
		const beside = others.length ? `Here too: ${others.map((other) => other.name).join(", ")}` : "Nobody else is here";
		name.textContent = others.length ? `${person} +${others.length}` : person;
		button.title = `You are ${person}. ${beside}`;
		button.setAttribute("aria-label", `Your name: ${person}. ${beside}`);
	});
	return button;
}

let openDrawer = null;

export function drawer(id) {
	openDrawer = openDrawer === id ? null : id;
	for (const name of ["images", "inspector"]) byId(name).classList.toggle("open", name === openDrawer);
	byId("scrim").hidden = openDrawer === null;
	if (openDrawer) byId(openDrawer).querySelector("button, input")?.focus({ preventScroll: true });
	else toPhotograph();
}
