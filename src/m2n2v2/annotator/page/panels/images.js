// The images of the folder: filter, search, and a list of which only the visible rows exist.

import { Refused, attempt, json, persistently } from "../api.js";
import { byId, choice, el, icon, iconButton, number, plural } from "../dom.js";
import { amend, choose, entry, list, locate, need, recount } from "../list.js";
import { open } from "../open.js";
import { announce, dialogs, set, state, watch } from "../state.js";
import { complain, tell, told } from "../toasts.js";
import { rows as windowed } from "./rows.js";
import { drawer } from "./top.js";

const ROW = 60; // CSS pixels, as in style.css
const TYPING = 200; // ms without a key before the list is searched

let box, rows, drawRows, filler, search, filters, empty, leftOut;

export function start() {
	filters = choice("Which images", "even", { all: { text: "All" }, todo: { text: "To do" }, done: { text: "Done" } },
		(filter) => choose({ filter, more: {} }).then(toTop, complain));
	for (const button of filters.children) button.append(el("span.nums.dim"));
	let typing = 0;
	const lookFor = () => {
		clearTimeout(typing);
		const query = search.value.trim().replace(/^#.*/, ""); // #12 is the twelfth image
		return query === list.query ? Promise.resolve() : choose({ query }).then(toTop);
	};
	search = el("input", {
		type: "search", placeholder: "Search", "aria-label": "Search the images by name", autocomplete: "off", spellcheck: false,
		oninput() {
			clearTimeout(typing);
			typing = setTimeout(() => lookFor().catch(complain), TYPING);
		},
		onkeydown(event) {
			if (event.key === "Escape" && search.value) {
				event.preventDefault();
				event.stopPropagation(); // once more leaves the field
				search.value = "";
				lookFor();
			} else if (event.key === "Enter") lookFor().then(openFirst, complain);
			else if (/^Arrow(Up|Down)$/.test(event.key)) walk(event);
		},
	});
	const more = moreFilters();
	filler = el("div.filler");
	rows = el("div.rows", { role: "listbox", "aria-label": "Images", tabIndex: 0 }, filler);
	empty = el("p.empty", { hidden: true });
	leftOut = el("p.left-out.dim", { hidden: true });
	box = el("div.scroll", { onscroll: draw }, rows, empty);
	drawRows = windowed({ box, into: rows, size: ROW, count: () => list.total, row: rowOf, shows: showsOf, need });
	rows.addEventListener("keydown", walk);
	rows.addEventListener("click", (event) => pick(event.target.closest("[data-index]")));
	byId("images").append(
		el("div.pad.stack",
			filters,
			el("div.row.tight", el("label.search", icon("search"), search), adder()),
			more,
		),
		box,
		leftOut,
	);
	dialogs.search = () => {
		if (getComputedStyle(byId("images")).visibility === "hidden") drawer("images");
		search.focus();
		search.select();
	};
	new ResizeObserver(draw).observe(box);
	watch(["project"], () => {
		leftOut.textContent = state.project?.left_out ?? "";
		leftOut.hidden = !leftOut.textContent;
	});
	watch(["list", "counts", "image", "others"], () => {
		const { counts } = state;
		const shown = { all: counts.images, todo: counts.images - counts.done, done: counts.done };
		filters.choose(list.filter);
		for (const button of filters.children) button.lastChild.textContent = number(shown[button.name]);
		filler.style.setProperty("--rows", list.total);
		empty.hidden = !list.known || list.total > 0;
		empty.textContent = list.query ? `No image's name holds “${list.query}”.` : (EMPTY[list.filter] ?? "No images here.");
		if (opened !== state.image?.id) follow();
		draw();
	});
}

const EMPTY = { todo: "Nothing left to do.", empty: "Every image has an object." };
let opened = null;

function follow() {
	opened = state.image?.id;
	const index = locate(opened);
	if (index < 0) return;
	const above = index * ROW, below = above + ROW - box.clientHeight;
	if (above < box.scrollTop || below > box.scrollTop) box.scrollTop = above - (box.clientHeight - ROW) / 2;
}

function toTop() {
	box.scrollTop = 0;
	opened = null;
	follow();
	announce(plural(list.total, "image"));
}

// What the three buttons do not say: review, classes, people, what is odd.
function moreFilters() {
	const pick = el("select", { "aria-label": "More filters", onchange: () => choose(JSON.parse(pick.value)).then(toTop, complain) });
	watch(["classes", "others", "person", "list"], () => {
		const chosen = JSON.stringify({ filter: list.filter, more: list.more });
		const option = (text, filter, more = {}) => {
			const value = JSON.stringify({ filter, more });
			return el("option", { value, selected: value === chosen }, text);
		};
		const people = [...new Set([state.person, ...state.others.map(({ name }) => name)])];
		pick.replaceChildren(
			option("More filters", "all"), option("Checked", "checked"), option("Rejected", "rejected"), option("Without objects", "empty"), option("Unreadable", "unreadable"),
			el("optgroup", { label: "With an object of" }, ...[...state.classes, { id: 0, name: "no class" }].map(({ id, name }) => option(name, "all", { class_id: id }))),
			el("optgroup", { label: "Edited by" }, ...people.map((name) => option(name, "all", { person: name }))),
		);
	});
	return pick;
}

async function openFirst() {
	const [, number] = /^#(\d+)$/.exec(search.value.trim()) ?? [];
	const first = await entry(number ? Number(number) - 1 : 0);
	if (!first) return tell(number ? `There is no image ${number}.` : "No image's name holds that.");
	open(first.id);
	byId("canvas").focus();
}

function draw() {
	const made = drawRows();
	const at = [...made].find(([index]) => list.entries.get(index)?.id === (state.image?.id ?? ""));
	if (at) rows.setAttribute("aria-activedescendant", at[1].id);
	else rows.removeAttribute("aria-activedescendant");
}

function showsOf(index) {
	const image = list.entries.get(index);
	return image ? [list.total, image.id, image.status, image.objects, image.problem, image.id === state.image?.id, whoIsAt(image.id)].join() : "";
}

function rowOf(index) {
	const image = list.entries.get(index);
	const place = { vars: { "--row": index }, "data-index": index, id: `image-row-${index}`, role: "option", "aria-setsize": list.total, "aria-posinset": index + 1 };
	if (!image) return el("div", { ...place, class: "image", "aria-label": "loading" });
	const open = image.id === state.image?.id;
	const [folder, name] = parts(image.name);
	const thumb = image.problem
		? el("span.thumb", icon("broken"))
		: el("img.thumb", { src: `/api/images/${image.id}/thumb`, alt: "", loading: "lazy", decoding: "async" });
	thumb.addEventListener("error", () => {
		thumb.classList.add("missing");
		whyNot(image);
	}, { once: true });
	return el(
		"div", { ...place, class: "image", "aria-selected": open, title: image.name },
		thumb,
		el("span.grow",
			el("span.line", name),
			el("span.line.dim.nums", image.problem ? word(image.problem) : `${folder}${plural(image.objects, "object")}`)),
		whoIsAt(image.id) ? el("span.who", { title: `${whoIsAt(image.id)} is at it` }, whoIsAt(image.id)) : null,
		MARKS[image.status] && el("span.mark", { class: image.status, role: "img", "aria-label": image.status, title: image.status }, icon(MARKS[image.status])),
	);
}

const MARKS = { done: "check", checked: "checked", rejected: "close" };

const whoIsAt = (id) => state.others.filter(({ image }) => image === id).map(({ name }) => name).join(", ");

// No thumbnail came: ask once more, for the reason, so that the list says it before it is opened.
async function whyNot({ id }) {
	const refusal = await attempt("GET", `/api/images/${id}/thumb`).catch((error) => error);
	if (!(refusal instanceof Refused)) return;
	const kind = { 404: "missing", 409: "changed", 422: "unreadable" }[refusal.status];
	if (!kind) return;
	amend(id, { problem: `${kind}: ${told(refusal)}` });
	await recount().catch(() => null); // the next list tells it, too
}

const word = (problem) => problem.split(/[:.]/)[0];

function parts(name) {
	const at = name.lastIndexOf("/") + 1;
	return [at ? `${name.slice(0, at)} · ` : "", name.slice(at)];
}

function pick(row) {
	const image = row && list.entries.get(Number(row.dataset.index));
	if (!image) return;
	open(image.id);
	if (byId("images").classList.contains("open")) drawer(null);
}

async function walk(event) {
	const by = { ArrowDown: 1, ArrowUp: -1, Home: -list.total, End: list.total }[event.key];
	if (!by) return;
	event.preventDefault();
	const to = Math.min(Math.max(list.position + by, 0), list.total - 1);
	need(to, to);
	const image = list.entries.get(to);
	if (image) await open(image.id);
}

function adder() {
	const input = el("input", { type: "file", accept: "image/*", multiple: true, hidden: true, tabIndex: -1, "aria-label": "Images to add", onchange: () => upload([...input.files]) });
	const button = iconButton("plus", "Add images to the folder", { hidden: true, onclick: () => input.click() });
	watch(["project"], () => (button.hidden = !state.project?.uploads));
	addEventListener("dragover", (event) => event.preventDefault());
	addEventListener("drop", (event) => {
		if (event.target.matches?.("input[type=file]")) return;
		event.preventDefault();
		const files = [...event.dataTransfer.files];
		if (!files.length || document.querySelector("dialog[open]")) return;
		if (state.project?.uploads) upload(files);
		else tell("This server takes no images.", "Put them into the folder, or start the annotator with --uploads.");
	});
	return el("span", button, input);
}

async function upload(files) {
	let last = null;
	for (const file of files) {
		try {
			const parameters = new URLSearchParams({ name: file.name });
			last = await persistently(() => json("POST", `/api/images?${parameters}`, { body: file, type: file.type || "application/octet-stream", patience: 300_000 }));
		} catch (error) {
			complain(error, `${file.name} was not added`);
		}
	}
	await choose({});
	if (last) {
		set({ counts: { ...state.counts } });
		await open(last.id);
	}
}
