// The keys, in one table: what they do, and what the help sheet lists.

import * as actions from "./actions.js";
import { toPhotograph } from "./dom.js";
import { list } from "./list.js";
import { current } from "./model.js";
import { dialogs, hasDepth, set, state } from "./state.js";
import { tell } from "./toasts.js";
import { actualSize, fit, zoom } from "./view.js";

const VIEWS = ["photo", "depth", "map"];

// `Mod` is Ctrl, or Command on a Mac. `run` is missing where input.js does it.
export const KEYS = [
	group("Clicking", [
		["Left click", "Mark the object; with none current, begin a new one"],
		["Right click | Shift+click", "Mark the background"],
		["Drag", "A box round the object; with Shift or the right button, round what does not belong"],
		["Alt+drag", "A stroke over the object, which is one prompt"],
		["Alt+click | Mod+click", "Select the object under the pointer"],
		["X", "Swap what a plain click or tap means", actions.toggleSign],
		["Enter | N", "Finish the object", actions.finish],
		["Escape", "Clear the object being made; leave a finished one", actions.escape],
		["G", "Hover preview on or off", () => set({ hover: !state.hover })],
	]),
	group("Without a mouse", [
		["Arrow keys", "Move the crosshair; held, faster"],
		["Shift+Arrow keys", "Move it by one pixel of the photograph"],
		["Space", "Mark the object at the crosshair; with a brush, paint while held"],
		["Shift+Space", "Mark the background at the crosshair"],
	]),
	group("Edits", [
		["Z | Mod+Z", "Undo", actions.undo],
		["Shift+Z | Mod+Shift+Z | Mod+Y", "Redo", actions.redo],
		["C", "Click tool", () => actions.setTool("click")],
		["B", "Brush", () => actions.setTool("brush")],
		["E", "Eraser", () => actions.setTool("eraser")],
		["[", "Smaller brush", () => actions.biggerBrush(-1)],
		["]", "Larger brush", () => actions.biggerBrush(1)],
		["S | Mod+S", "Save: everything is saved already", actions.said],
	]),
	group("Objects", [
		["1 … 9", "Class of the object, and of those to come"],
		["K", "Class by typing, at the pointer", () => dialogs.pick()],
		[",", "Select the previous object", () => actions.selectNext(-1)],
		[".", "Select the next object", () => actions.selectNext(1)],
		["Delete | Backspace", "Delete the object", () => actions.remove()],
		["Shift+D", "Duplicate it", () => actions.duplicate()],
		["H", "Hide or show it", () => actions.hide()],
		["L", "Lock or unlock it", () => actions.lock()],
		["Alt+Up", "Move it up, over others", () => moveCurrent(1)],
		["Alt+Down", "Move it down, under others", () => moveCurrent(-1)],
	]),
	group("Images", [
		["D | PageDown", "Next image", () => actions.go(1)],
		["V", "Copy the object, or all, to the next image", actions.copyOnward],
		["Home", "First image", () => actions.goTo(0)],
		["End", "Last image", () => actions.goTo(list.total - 1)],
		["A | PageUp", "Previous image", () => actions.go(-1)],
		["Shift+Enter", "Image done, open the next unfinished one", actions.doneAndNext],
		["O", "Mark the image done or not done", () => actions.toggleDone()],
		["R", "Review: checked, or rejected with a note", () => dialogs.review()],
		["/", "Search the images", () => dialogs.search()],
	]),
	group("Seeing", [
		["Wheel | Pinch", "Zoom at the pointer"],
		["Space+drag | Middle drag", "Move the photograph"],
		["+", "Zoom in", () => zoom(1.25)],
		["-", "Zoom out", () => zoom(0.8)],
		["F", "Fit the photograph", fit],
		["0", "One pixel to one pixel", actualSize],
		["M", "Masks on or off", () => set({ masks: !state.masks })],
		["Q", "Photograph, depth, Markov-map", nextView],
		["Shift+F", "Zoom to the object", actions.zoomToObject],
		["T", "Dark or light", () => dialogs.theme()],
		["?", "This sheet", () => dialogs.help()],
	]),
];

function group(title, rows) {
	return { title, rows: rows.map(([keys, does, run]) => ({ keys: keys.split(" | "), does, run })) };
}

function nextView() {
	const views = VIEWS.filter((view) => view !== "depth" || hasDepth());
	set({ view: views[(views.indexOf(state.view) + 1) % views.length] });
}

const table = new Map([["=", () => zoom(1.25)]]); // "mod+shift+z" -> what it does
for (const { rows } of KEYS) {
	for (const { keys, run } of rows) {
		if (run) for (const key of keys) table.set(key.toLowerCase(), run);
	}
}

function moveCurrent(by) {
	const object = current();
	if (object) actions.move(object, by);
}

const REPEATS = /[zy]$|^[da+=,.[\]-]$|up$|down$/; // those that act again while held

addEventListener("keydown", (event) => {
	if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
	const { target } = event;
	if (isTyping(target)) {
		if (event.key === "Escape") toPhotograph();
		return;
	}
	const key = event.key.toLowerCase().replace("arrow", "");
	const acts = target.closest?.("button, a, summary, [role=option], select");
	if (acts && (key === "enter" || key === " ")) return;
	if (target.matches?.("input[type=range]") && key.startsWith("page")) return;
	const mod = event.ctrlKey || event.metaKey;
	if (/^[1-9]$/.test(key) && !mod && !event.altKey) {
		const picked = state.classes.find((known) => String(known.key) === key);
		if (picked) actions.setClass(picked.id);
		else tell(state.classes.length ? `No class has the key ${key}.` : "There are no classes yet.", "K finds a class by typing, and makes new ones.");
		return;
	}
	const plain = /^[a-z]$|^.{2,}$/.test(key); // others are typed with Shift on some keyboards
	const name = (mod ? "mod+" : "") + (event.altKey ? "alt+" : "") + (event.shiftKey && plain ? "shift+" : "") + key;
	const run = table.get(name);
	if (!run) return explain(name);
	event.preventDefault();
	if (!event.repeat || REPEATS.test(name)) run();
});

const USUAL = {
	"mod+a": "There is no selecting of everything: , and . go from object to object.",
	"mod+c": "Shift+D duplicates the object.",
	"mod+x": "Delete takes the object away, Undo brings it back.",
	"mod+v": "Shift+D duplicates the object; V copies it to the next image.",
};

// Keys of other programs that do nothing here say what does.
function explain(name) {
	if (name in USUAL && !getSelection()?.toString()) tell(USUAL[name]);
}

const isTyping = (target) =>
	target.matches?.("input:not([type=range], [type=checkbox], [type=radio], [type=color]), textarea, select") ?? false;

// A click by mouse leaves the focus where keys do the most: on the photograph.
addEventListener("click", (event) => {
	const button = event.target.closest?.("button, summary, input[type=checkbox], input[type=radio]");
	if (event.detail > 0 && button && !document.querySelector("dialog[open]")) {
		toPhotograph();
	}
});
