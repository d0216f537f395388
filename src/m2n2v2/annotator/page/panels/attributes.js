// What is said of an object besides its class: controls for it, and how a class asks for it.

import * as actions from "../actions.js";
import { checkbox, el } from "../dom.js";
import { current } from "../model.js";
import { classOf, state, watch } from "../state.js";

// Controls for what the class of the current object asks.
export function controls() {
	const box = el("div.stack.attributes");
	let shown = "";
	watch(["image", "selection", "classes"], () => {
		const object = current();
		const asked = (object && !object.draft && classOf(object.class_id).attributes) || [];
		const now = JSON.stringify([object?.id, asked]);
		if (now !== shown) box.replaceChildren(...asked.map(control));
		shown = now;
		box.hidden = !asked.length;
		for (const row of box.children) row.show(object.attributes?.[row.attribute]);
	});
	return box;
}

function control({ name, type, values }) {
	const say = (value) => actions.say(current(), name, value);
	const field = {
		flag: () => checkbox({ onchange: () => say(field.checked || null) }),
		choice: () => el("select", { onchange: () => say(field.value || null) }, ...["", ...values].map((value) => el("option", { value }, value || "(not said)"))),
		text: () => el("input", { type: "text", maxLength: 500, onchange: () => say(field.value.trim() || null) }),
	}[type]();
	const row = el("label.row", type === "flag" ? field : el("span", name), type === "flag" ? el("span", name) : field);
	row.attribute = name;
	row.show = (value) => {
		if (type === "flag") field.checked = value === true;
		else if (field !== document.activeElement) field.value = value ?? "";
	};
	return row;
}

// What is said of an object and asked by its class, in a few words.
export function words(object) {
	const asked = classOf(object.class_id).attributes ?? [];
	return asked.map(({ name }) => [name, object.attributes?.[name]]).filter(([, value]) => value).map(([name, value]) => (value === true ? name : value));
}

/**
 * Attributes as a line of text, and back: `broken?` is a flag, `material: glass | clay` a choice,
 * `remark` a text; commas part them.
 */
export const written = (attributes) =>
	attributes.map(({ name, type, values }) => (type === "flag" ? `${name}?` : type === "choice" ? `${name}: ${values.join(" | ")}` : name)).join(", ");

export function understood(line) {
	const parts = (text, by) => text.split(by).map((part) => part.trim()).filter(Boolean);
	return parts(line, ",").map((part) => {
		if (part.endsWith("?")) return { name: part.slice(0, -1).trim(), type: "flag", values: [] };
		const [name, ...rest] = part.split(":");
		return rest.length ? { name: name.trim(), type: "choice", values: parts(rest.join(":"), "|") } : { name: part, type: "text", values: [] };
	});
}
