// How much work the labels were: a bar a day, in the colours of who worked, and the whole as a table.

import { json } from "../api.js";
import { el, plural, svg } from "../dom.js";
import { PALETTE, dialogs } from "../state.js";
import { told } from "../toasts.js";
import { dialog } from "./dialogs.js";

const WIDE = 520, HIGH = 150, BOTTOM = 18; // of the plot
const DAYS = 30; // the newest

dialogs.numbers = async () => {
	const body = el("div.stack", { role: "status" }, el("p.dim", "Counting…"));
	dialog("Numbers", {
		body: [body],
		extra: [el("a.button", { href: "/api/numbers", download: "numbers.csv" }, "Table (CSV)")],
	});
	try {
		const work = await json("GET", "/api/numbers/days");
		body.replaceChildren(...(work.length ? shown(work) : [el("p.dim", "Nothing was edited yet.")]));
	} catch (error) {
		body.replaceChildren(el("p.problem", told(error)));
	}
};

const sum = (rows, what) => rows.reduce((total, row) => total + row[what], 0);
const minutes = (seconds) => `${(seconds / 60).toFixed(1)} min`;

function shown(work) {
	const days = Object.entries(Object.groupBy(work, ({ day }) => day)).slice(-DAYS);
	const people = Object.entries(Object.groupBy(work, ({ person }) => person));
	const color = (person) => PALETTE[people.findIndex(([name]) => name === person) % PALETTE.length];
	return [
		plot(days, color),
		el("ul.stack.none", ...people.map(([person, rows]) => el("li.row", el("i.swatch", { vars: { "--class": color(person) } }), el("b.grow.line", person || "not noted"),
			el("span.nums.dim", `${minutes(sum(rows, "seconds"))}, ${plural(sum(rows, "edits"), "edit")}`)))),
		el("p.dim", "Time between edits of one image, without pauses over two minutes."),
	];
}

function plot(days, color) {
	const most = Math.max(...days.map(([, rows]) => sum(rows, "seconds")), 1);
	const wide = Math.min(WIDE / days.length, 60), ground = HIGH - BOTTOM;
	const bars = days.flatMap(([day, rows], i) => {
		let y = ground;
		return rows.map(({ person, seconds }) => {
			const height = (seconds / most) * (ground - 14);
			y -= height;
			return svg("rect", { x: i * wide + 1, y, width: wide - 2, height, fill: color(person) }, svg("title", {}, `${day}, ${person}: ${minutes(seconds)}`));
		});
	});
	const span = days.length > 1 ? `${days[0][0]} to ${days.at(-1)[0]}` : days[0][0];
	return svg("svg", { class: "days", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `Work by day, at most ${minutes(most)}` },
		svg("line", { x2: WIDE, y1: ground, y2: ground, class: "axis" }), ...bars,
		svg("text", { y: 10 }, `${minutes(most)} a day at most`), svg("text", { y: HIGH - 4 }, span));
}
