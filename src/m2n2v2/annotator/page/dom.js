// Building elements: classes and properties only, as the content policy allows no inline style.

const SVG = "http://www.w3.org/2000/svg";

// What names a control for screen readers and in its tooltip, where its keys are added.
export const hint = (label, keys) => ({ "aria-label": label, title: keys ? `${label}  (${keys})` : label });

/**
 * An element: `el("p.dim.nums", {properties}, ...children)`, properties left out if there are
 * none. They are set as DOM properties, listeners (`onclick`) among them; `class`, `data-*`,
 * `aria-*` and `role` as attributes; `vars` as CSS custom properties.
 */
export function el(what, ...rest) {
	const [tag, ...classes] = what.split(".");
	const element = document.createElement(tag);
	if (tag === "button") element.type = "button";
	element.classList.add(...classes);
	const given = rest[0]?.constructor === Object ? rest.shift() : {};
	for (const [name, value] of Object.entries(given)) {
		if (value === undefined || value === null) continue;
		if (name === "vars") {
			for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
		} else if (/^(class|role|(data|aria)-.*)$/.test(name)) element.setAttribute(name, value);
		else element[name] = value;
	}
	element.append(...rest.filter((child) => child || child === ""));
	return element;
}

export function svg(tag, attributes = {}, ...children) {
	const element = document.createElementNS(SVG, tag);
	for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
	element.append(...children);
	return element;
}

export function icon(name) {
	const drawing = svg("svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" });
	drawing.append(svg("path", { d: ICONS[name] }));
	return drawing;
}

export function iconButton(name, label, { keys = "", ...properties } = {}) {
	return el("button.icon-button", { ...hint(label, keys), ...properties }, icon(name));
}

export const small = (text, title, onclick) => el("button.small", { title, onclick }, text);

export const range = (label, min, max, properties) => el("input", { type: "range", min, max, "aria-label": label, ...properties });

export const checkbox = (properties) => el("input", { type: "checkbox", ...properties });

// Cards of which one is chosen: {value: [title, lines of text, whether it is the chosen one]}.
export function cards(label, options) {
	const card = ([value, [title, lines, checked]]) => el("label.card",
		el("input", { type: "radio", name: "card", value, checked }), el("span", el("b", title), ...lines.map((line) => el("span.dim", line))));
	const box = el("div.cards", { role: "radiogroup", "aria-label": label }, ...Object.entries(options).map(card));
	box.chosen = () => box.querySelector(":checked").value;
	return box;
}

// Buttons of which one is pressed, by name; `choose(name)` presses another.
export function choice(label, kind, options, pick) {
	const box = el("div", { class: `segmented ${kind}`, role: "group", "aria-label": label });
	for (const [name, { text, drawing, ...properties }] of Object.entries(options)) {
		const button = el("button", { ...properties, onclick: () => pick(name) }, drawing && icon(drawing), el("span.text", text));
		button.name = name;
		box.append(button);
	}
	box.choose = (name) => [...box.children].forEach((button) => pressed(button, button.name === name));
	return box;
}

export const pressed = (button, on) => button.setAttribute("aria-pressed", Boolean(on));

export const byId = (id) => document.getElementById(id);

export const toPhotograph = () => byId("canvas").focus({ preventScroll: true });

// Where an arrow key points.
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export const number = (value) => value.toLocaleString();

export const plural = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;

const ICONS = {
	images: "M3 5h10v10H3zM6 5V2.5h11V13h-3M3 13l3-3 2.5 2.5L10.5 10.5 13 13",
	panel: "M3 4h14v12H3zM12 4v12",
	click: "M10 2v3M10 15v3M2 10h3M15 10h3M10 7a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
	box: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
	scribble: "M3 13c3-9 5-9 5-4s2 6 4 1 4-4 5-1",
	brush: "M16.5 3.5c-3 1-6.5 4.5-8 7l2 2c2.5-1.5 5.5-5 6.5-8zM8 11.5c-2 0-3 1.2-3 2.7 0 1-.8 1.8-2 1.8 1 .8 2.2 1 3.3 1 2 0 3.5-1.5 3.5-3.5",
	eraser: "M11.5 3.5l5 5-7.5 7.5H6L3 13zM7.5 7.5l5 5M9 16h8",
	undo: "M7 4L3.5 7.5 7 11M4 7.5h7.5a4.5 4.5 0 0 1 0 9H8",
	redo: "M13 4l3.5 3.5L13 11M16 7.5H8.5a4.5 4.5 0 0 0 0 9H12",
	check: "M4 10.5l4 4 8-9",
	checked: "M2 10.5l3.5 4 6.5-8M9.5 14.5L17 6.5",
	grid: "M3 3h5.5v5.5H3zM11.5 3H17v5.5h-5.5zM3 11.5h5.5V17H3zM11.5 11.5H17V17h-5.5z",
	play: "M6 4l10 6-10 6z",
	plus: "M10 4v12M4 10h12",
	minus: "M4 10h12",
	fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7 7h6v6H7z",
	eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 7.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z",
	"eye-off": "M3 3l14 14M8.3 5.2A8 8 0 0 1 10 5c5 0 8 5 8 5a14 14 0 0 1-2.6 3M12 12a2.5 2.5 0 0 1-3.7-3.5M5 6.7A13 13 0 0 0 2 10s3 5 8 5c1 0 2-.2 2.8-.5",
	lock: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
	unlock: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 5.8-1",
	trash: "M4 6h12M8 6V4h4v2M5.5 6l.7 11h7.6l.7-11M8.5 9v5M11.5 9v5",
	copy: "M7 7h9v9H7zM4 13V4h9",
	scissors: "M6 4.2a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM6 11.8a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM7.6 7.5L17 15M7.6 12.5L17 5",
	left: "M12.5 4.5L7 10l5.5 5.5",
	right: "M7.5 4.5L13 10l-5.5 5.5",
	export: "M10 12.5V3M6.5 6.5L10 3l3.5 3.5M4 11v6h12v-6",
	import: "M10 3v9.5M6.5 9L10 12.5 13.5 9M4 11v6h12v-6",
	moon: "M16 12.2A6.8 6.8 0 0 1 7.8 4 6.5 6.5 0 1 0 16 12.2z",
	help: "M7.3 7.5a2.7 2.7 0 1 1 4 2.4c-.9.5-1.3 1-1.3 2.1M10 14.8v.2M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15z",
	search: "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4zM13 13l4 4",
	close: "M5 5l10 10M15 5L5 15",
	person: "M10 3.5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM4 16.5c.5-3.2 2.8-4.8 6-4.8s5.5 1.6 6 4.8",
	edit: "M4 16l.8-3.5L13.5 3.8l2.7 2.7-8.7 8.7z",
	grip: "M7.5 5v.1M12.5 5v.1M7.5 10v.1M12.5 10v.1M7.5 15v.1M12.5 15v.1",
	broken: "M3 4h14v12H3zM3 13l4-4 2 2 2-3 2 2M11 4l-1.5 3L12 9l-2 3",
	offline: "M3 3l14 14M6 10.5a6 6 0 0 1 3-1.4M3.5 8a9.5 9.5 0 0 1 3-2M10 6c2.5 0 4.8.8 6.5 2.2M12.5 10c.6.2 1 .5 1.5.8M10 14.8v.2",
	clear: "M4 10a6 6 0 1 1 2 4.5M4 16v-3h3",
};
