// The class by typing, at the pointer: for those that have no key, and for new ones.

import * as actions from "../actions.js";
import { json } from "../api.js";
import { byId, el, toPhotograph } from "../dom.js";
import { NO_CLASS, dialogs, state } from "../state.js";
import { complain } from "../toasts.js";
import { cursor, toScreen } from "../view.js";
import { adopt, classBeside } from "./classes.js";

const WIDE = 240, HIGH = 300, ROOM = 8; // CSS pixels, as in style.css
let open = null;

dialogs.pick = () => {
	open?.remove();
	const list = el("ul", { id: "pick-list", role: "listbox", "aria-label": "Classes" });
	const field = el("input", {
		type: "text", placeholder: "Class", maxLength: 100, autocomplete: "off", spellcheck: false, role: "combobox",
		"aria-label": "Class of the object, by typing", "aria-controls": "pick-list", "aria-expanded": true, oninput: () => fill(),
	});
	const box = (open = el("div.pick", { vars: place() }, field, list));
	let shown = [], at = 0;

	function fill() {
		const typed = field.value.trim();
		shown = fitting(typed);
		at = 0;
		if (typed && !state.classes.some(({ name }) => name === typed)) shown.push({ id: "new", name: typed, color: "transparent" });
		list.replaceChildren(...shown.map((one, i) => el("li", { id: `pick-${i}`, role: "option", vars: { "--class": one.color }, onpointerdown: (event) => {
			event.preventDefault(); // the field keeps the focus until it is taken
			take(one);
		} }, el("i.swatch"), el("span.line", one.id === "new" ? `New class “${one.name}”` : one.name), one.key ? el("kbd", String(one.key)) : null)));
		mark();
	}

	function mark() {
		[...list.children].forEach((row, i) => row.setAttribute("aria-selected", i === at));
		list.children[at]?.scrollIntoView({ block: "nearest" });
		field.setAttribute("aria-activedescendant", `pick-${at}`);
	}

	function close() {
		open = null;
		box.remove();
		toPhotograph();
	}

	async function take(one) {
		close();
		try {
			actions.setClass(one?.id === "new" ? await made(one.name) : (one?.id ?? null));
		} catch (error) {
			complain(error);
		}
	}

	field.addEventListener("keydown", (event) => {
		const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (by) at = (at + by + shown.length) % shown.length;
		else if (event.key === "Enter" && shown.length) take(shown[at]);
		else if (event.key === "Escape" || event.key === "Tab") close();
		else return;
		event.preventDefault();
		event.stopPropagation();
		mark();
	});
	field.addEventListener("blur", () => open === box && close());
	document.body.append(box);
	fill();
	field.focus();
};

// Those that begin with what was typed, then those that hold it.
function fitting(typed) {
	const wanted = typed.toLocaleLowerCase();
	const place = ({ name }) => name.toLocaleLowerCase().indexOf(wanted);
	return [...state.classes, NO_CLASS].filter((one) => place(one) >= 0).sort((one, other) => Math.sign(place(one)) - Math.sign(place(other)));
}

function place() {
	const { left, top, width, height } = byId("canvas").getBoundingClientRect();
	const [x, y] = cursor.pointer ? toScreen(...cursor.pointer) : cursor.crosshair ? toScreen(...cursor.crosshair) : [width / 2, height / 3];
	const within = (value, end) => `${Math.max(ROOM, Math.min(value, end - ROOM))}px`;
	return { "--x": within(left + x, innerWidth - WIDE), "--y": within(top + y, innerHeight - HIGH) };
}

async function made(name) {
	const classes = await json("PUT", "/api/classes", { body: { classes: [...state.classes, classBeside(state.classes, name)] } });
	await adopt(classes);
	return classes.find((one) => one.name === name).id;
}
