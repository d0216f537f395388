// The sheet of keys: twelve that do nearly all of the work, then every other.

import { el } from "../dom.js";
import { KEYS } from "../keys.js";
import { dialogs, state } from "../state.js";
import { dialog } from "./dialogs.js";

const FIRST = ["Left click", "Right click", "Drag", "1 … 9", "Enter", "Shift+Enter", "Z", "Escape", ",", "B", "Wheel", "D"];
const MAC = navigator.platform.startsWith("Mac");
const SHOWN = { Mod: MAC ? "⌘" : "Ctrl", Up: "↑", Down: "↓", Escape: "Esc" };
const TOUCH = [
	["Tap", "Click; the switch below the photograph tells object from background"],
	["Drag", "Move the photograph; with a tool, paint or draw"],
	["Two fingers", "Zoom and move"],
	["Pen", "As a mouse; its button is a right click, its other end erases"],
];

const key = (name) => (name.length > 1 ? name.split("+") : [name]).flatMap((part, i) => [i ? "+" : null, el("kbd", SHOWN[part] ?? part)]);
const names = (keys) => keys.flatMap((one, i) => [i ? " or " : null, ...key(one)]);

dialogs.help = () => {
	const every = KEYS.flatMap(({ rows }) => rows);
	const first = FIRST.map((name) => every.find(({ keys }) => keys.includes(name)));
	const large = el("ul.first-keys", ...first.map(({ keys, does }) => el("li", el("span", ...key(keys[0])), el("span", does))));
	const rest = ({ title, rows }) => [title, rows.map(({ keys, does }) => [names(keys), does])];
	const groups = [...KEYS.map(rest), ["Touch and pen", TOUCH.map(([what, does]) => [[what], does])]];
	const section = ([title, rows]) => el("section", el("h3", title), el("dl", ...rows.flatMap(([what, does]) => [el("dt", ...what), el("dd", does)])));
	const { project } = state;
	dialog("Keys and help", {
		wide: true,
		body: [large, el("div.sheet", ...groups.map(section)), el("p.dim", `m2n2v2 ${project?.version ?? ""} · ${project?.preset ?? ""} · ${project?.note ?? ""}`)],
	});
};
