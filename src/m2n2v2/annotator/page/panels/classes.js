// The classes: one is chosen for what comes next; names, colours and keys are changed in one place.

import * as actions from "../actions.js";
import { json } from "../api.js";
import { byId, el, icon, iconButton } from "../dom.js";
import { refresh } from "../edits.js";
import { current } from "../model.js";
import { NO_CLASS, PALETTE, dialogs, set, state, watch } from "../state.js";
import { understood, written } from "./attributes.js";
import { dialog } from "./dialogs.js";

export function start() {
	const chips = el("div.chips", { role: "radiogroup", "aria-labelledby": "classes-title" });
	byId("classes").append(
		el("div.head", el("h2", { id: "classes-title" }, "Classes"), iconButton("search", "Class by typing", { keys: "K", onclick: () => dialogs.pick() }), iconButton("grid", "Look through the objects of a class", { onclick: () => dialogs.gallery() }),
			iconButton("edit", "Edit classes", { onclick: edit })),
		chips,
	);
	watch(["classes", "classId", "selection", "image"], () => {
		const object = current();
		const chosen = object ? object.class_id : state.classId;
		const focused = chips.contains(document.activeElement) ? document.activeElement.dataset.id : null;
		const known = state.classes.length ? [...state.classes, NO_CLASS] : [];
		chips.replaceChildren(...known.map((one) => chip(one, one.id === chosen)));
		if (!known.length) {
			chips.append(el("button.quiet.dashed", { onclick: edit }, icon("plus"), "Add the first class"));
		}
		if (focused) chips.querySelector(`[data-id="${focused}"]`)?.focus();
	});
}

function chip({ id, name, color, key }, chosen) {
	return el(
		"button",
		{ class: "chip", role: "radio", "aria-checked": chosen, "data-id": id, vars: { "--class": color }, title: key ? `${name}  (${key})` : name, onclick: () => actions.setClass(id) },
		el("i.swatch"),
		el("span.line", name),
		key ? el("kbd", String(key)) : null,
	);
}

function edit() {
	const rows = el("div.stack");
	const gone = new Set();
	const read = () => [...rows.children].map((row) => row.read());
	const add = (one, isNew = false) => {
		const row = el("div.class-row");
		const called = one.name || "the new class";
		const name = el("input", { type: "text", value: one.name, "aria-label": "Name of the class", maxLength: 100, required: true });
		const color = el("input", { type: "color", value: one.color, "aria-label": `Colour of ${called}` });
		const key = el("select", { "aria-label": `Key of ${called}` },
			el("option", { value: "" }, "no key"),
			...Array.from({ length: 9 }, (_, i) => el("option", { value: i + 1, selected: one.key === i + 1 }, String(i + 1))));
		name.addEventListener("paste", (event) => {
			const [first, ...others] = event.clipboardData.getData("text").split(/[\r\n]+/).map((line) => line.trim()).filter(Boolean);
			if (!others.length) return; // an ordinary word
			event.preventDefault();
			name.value = first;
			for (const other of others) fresh(other);
		});
		key.addEventListener("change", () => {
			for (const other of rows.querySelectorAll("select")) if (other !== key && other.value === key.value) other.value = "";
		});
		const line = written(one.attributes ?? []);
		const asks = el("input.asks", { type: "text", value: line, placeholder: "Asks: broken?, material: glass | clay, remark", "aria-label": `What is asked of objects of ${called}` });
		asks.readOnly = written(understood(line)) !== line || understood(line).length !== (one.attributes ?? []).length; // a list of classes may hold more
		row.read = () => ({ id: one.id, name: name.value.trim(), color: color.value, key: key.value ? Number(key.value) : null, attributes: asks.readOnly ? null : understood(asks.value) });
		row.append(color, name, key, iconButton("trash", `Remove ${called}`, { onclick: () => {
			if (one.id !== null) gone.add(one.id);
			row.remove();
			fillReassign();
		} }), asks);
		rows.append(row);
		if (isNew) name.focus();
	};
	const reassign = el("select", { "aria-label": "Class for the objects of those removed" });
	const reassignRow = el("label.row", { hidden: true }, el("span.grow", "Objects of removed classes become"), reassign);
	const fillReassign = () => {
		reassignRow.hidden = !gone.size;
		const kept = read().filter(({ id }) => id !== null).map(({ id, name }) => el("option", { value: id }, name));
		reassign.replaceChildren(el("option", { value: "" }, "(only if none has them)"), ...kept);
	};
	state.classes.forEach((one) => add(one));
	const fresh = (named = "") => {
		add(classBeside(read(), named), true);
	};
	dialog("Classes", {
		body: [
			el("p.dim", "A new name or colour holds for every object of the class, in all images. A list can be pasted, one name a line. What a class asks is said of each of its objects: yes or no (broken?), one of several, or a text."),
			rows,
			el("button.quiet.dashed", { onclick: () => fresh() }, icon("plus"), "Add a class"),
			reassignRow,
		],
		confirm: "Save classes",
		async done() {
			const classes = read();
			const wrong = classes.findIndex(({ name }, i) => !name || classes.slice(0, i).some((other) => other.name === name));
			if (wrong >= 0) {
				rows.children[wrong].querySelector("input[type=text]").focus();
				const { name } = classes[wrong];
				return name ? `There is a class ${name} already.` : "A class needs a name.";
			}
			const body = { classes };
			if (reassign.value) body.reassign_to = Number(reassign.value);
			await adopt(await json("PUT", "/api/classes", { body }));
		},
	});
	if (!state.classes.length) fresh();
}

// A class that is new, with a colour and a key that others have not.
export function classBeside(others, name) {
	const color = PALETTE.find((one) => !others.some((other) => other.color === one)) ?? PALETTE[others.length % PALETTE.length];
	const key = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((one) => !others.some((other) => other.key === one)) ?? null;
	return { id: null, name, color, key };
}

export async function adopt(classes) {
	const classId = classes.some(({ id }) => id === state.classId) ? state.classId : (classes[0]?.id ?? null);
	set({ classes, classId });
	if (state.image) await refresh(state.image); // objects of removed classes changed theirs
}
