// A folder that is a sequence: its frames in a row, playing them, and following objects through them.

import { Refused, bitmap, json } from "../api.js";
import { byId, el, iconButton, plural, small } from "../dom.js";
import { refresh } from "../edits.js";
import { amend, recount } from "../list.js";
import { Shape } from "../masks.js";
import { open } from "../open.js";
import { announce, colorOf, state, watch } from "../state.js";
import { complain, tell } from "../toasts.js";
import { rows } from "./rows.js";
import { showMarkers, showObjects, showPicture } from "../view.js";

const CELL = 84; // CSS pixels of a frame in the row
const LOOK = 400, STEP = 100; // ms between looks at following, and of a frame while playing
const PLAYED_SIDE = 1280; // longer side of the photographs while playing
const PAGE = 1000;

let frames = []; // as /api/sequence tells, in order
let places = new Map(); // image id -> place
let following = { running: false };
let playing = null; // aborts
const looked = new Set(); // images that were opened on this page

const cells = el("div.frames-cells");
const row = el("div.frames", { role: "listbox", tabIndex: 0, "aria-label": "Frames", onscroll: () => requestAnimationFrame(draw), onkeydown: walk }, cells);
const said = el("span.dim.nums.line.grow", { role: "status" });
const start = iconButton("play", "Play", { onclick: () => (playing ? pause() : play().catch(complain)) });
const here = small("Follow to here", "Follow objects to this frame, from the nearest one that a person marked", () => follow({ end: state.image.id }));
const onward = small("Follow to the end", "Follow the objects of this frame to the last one", () => follow({ start: state.image.id }));
const stop = small("Stop", "Stop following; what was followed stays", () => json("POST", "/api/sequence/stop").catch(complain));
const back = small("Undo following", "Take back the last following; frames edited since stay", undo);
const unsure = small("Least sure", "Open the followed frame that is the least sure, not looked at yet", least);

const draw = rows({
	box: row, into: cells, size: CELL, across: true, count: () => frames.length, row: cellOf,
	shows: (place) => JSON.stringify([frames[place], frames[place].image === state.image?.id]),
});

byId("timeline").append(el("div.row.tight.pad-x", start, here, onward, stop, back, unsure, said), row);
byId("timeline").hidden = false;
new ResizeObserver(draw).observe(row);
addEventListener("pointerdown", interrupt, true);
addEventListener("keydown", interrupt, true);

let shown = "";
watch(["image"], () => {
	const { image } = state;
	if (!image) return;
	looked.add(image.id);
	const now = `${image.id} ${image.revision} ${image.status} ${image.problem}`;
	if (now !== shown && image.revision >= 0) json("GET", `/api/sequence/frames/${image.id}`).then((frame) => take([frame])).catch(() => null);
	if (!shown.startsWith(`${image.id} `)) reveal(places.get(image.id));
	shown = now;
	tellAll();
});
watch(["counts", "pending"], () => {
	if (state.counts.images !== frames.length) load().catch(complain);
	tellAll();
});
look(0);

async function load() {
	const all = [];
	for (let total = 1; all.length < total; ) {
		const told = await json("GET", `/api/sequence?${new URLSearchParams({ offset: all.length, limit: PAGE })}`);
		total = told.total;
		all.push(...told.frames);
		if (!told.frames.length) break;
	}
	frames = all;
	places = new Map(frames.map(({ image }, place) => [image, place]));
	cells.style.setProperty("--count", frames.length);
	reveal(places.get(state.image?.id));
	tellAll();
}

function take(changed) {
	for (const frame of changed) {
		if (!places.has(frame.image)) continue;
		frames[places.get(frame.image)] = frame;
		amend(frame.image, { objects: frame.objects });
	}
	tellAll();
}

function tellAll() {
	const { image, pending, project } = state;
	const place = places.get(image?.id);
	const off = following.running || place === undefined || pending > 0 || project?.read_only;
	here.disabled = off;
	onward.disabled = off || place === frames.length - 1 || !image.objects.length;
	stop.hidden = !following.running;
	back.hidden = following.running || !following.undoable;
	unsure.disabled = !frames.some(({ confidence }) => confidence !== null);
	const { running, done, total, seconds_per_frame: pace } = following;
	said.textContent = running ? `following: ${done} of ${total}${pace ? `, ${pace.toFixed(1)} s a frame` : ""}` : place === undefined ? "" : `frame ${place + 1} of ${frames.length}`;
	draw();
}

function cellOf(place) {
	const { image, name, coverage, confidence, touched, problem, objects } = frames[place];
	const percent = (share) => `${Math.round(100 * share)} %`;
	const facts = [name, plural(objects, "object"), `covers ${percent(coverage)}`];
	if (confidence !== null) facts.push(`confidence ${percent(confidence)}`);
	if (touched) facts.push("touched by a person");
	if (problem) facts.push(problem);
	const label = facts.join(", ");
	return el("div", {
		role: "option", "aria-selected": image === state.image?.id, "aria-label": label, "aria-posinset": place + 1, "aria-setsize": frames.length, title: label,
		class: touched ? "frame touched" : "frame", vars: { "--place": place, "--coverage": coverage, "--confidence": confidence ?? 0 }, onclick: () => show(place),
	},
		el("img", { src: `/api/images/${image}/thumb`, alt: "", loading: "lazy", decoding: "async" }),
		el("i.share", { hidden: !coverage }), el("i.share.sure", { hidden: confidence === null }));
}

const show = (place) => frames[place] && open(frames[place].image);

function reveal(place) {
	if (place === undefined) return;
	const left = place * CELL, { scrollLeft, clientWidth } = row;
	if (left < scrollLeft || left + CELL > scrollLeft + clientWidth) row.scrollLeft = left - (clientWidth - CELL) / 2;
}

function walk(event) {
	const place = places.get(state.image?.id) ?? 0;
	const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: frames.length - 1 }[event.key];
	if (to === undefined) return;
	event.preventDefault();
	event.stopPropagation();
	show(Math.min(Math.max(to, 0), frames.length - 1));
}

function least() {
	const left = frames.filter(({ image, confidence, touched, problem }) => confidence !== null && !touched && !problem && !looked.has(image));
	if (left.length) return open(left.reduce((one, other) => (other.confidence < one.confidence ? other : one)).image);
	looked.clear();
	tell("Every frame that was followed has been looked at.", "The next press begins again with the least sure one.");
}

async function follow(given) {
	try {
		following = await json("POST", "/api/sequence/follow", { body: given });
		announce(`Following ${plural(following.total, "frame")}`);
		tellAll();
		await look(0);
	} catch (error) {
		complain(error);
	}
}

async function undo() {
	try {
		const changed = await json("POST", "/api/sequence/undo");
		following.undoable = 0;
		take(changed);
		announce(`${plural(changed.length, "frame")} undone`);
		await refresh(state.image, { again: true });
	} catch (error) {
		complain(error);
	}
}

// Look at what is followed until nothing is any more.
async function look(since) {
	let ran = following.running;
	for (let failures = 0; failures < 20; ) {
		try {
			following = await json("GET", `/api/sequence/following?since=${since}`);
			failures = 0;
			since = following.written;
			take(following.frames);
			if (!following.running) break;
			ran = true;
		} catch (error) {
			if (error instanceof Refused) return complain(error);
			failures++;
		}
		await pass(LOOK);
	}
	if (!ran) return;
	recount().catch(() => null);
	if (following.error) tell("Following ended before its time.", following.error, { kind: "error" });
	else announce(`${plural(following.done, "frame")} followed`);
}

const pass = (time) => new Promise((resolve) => setTimeout(resolve, time));

// Playing shows frames without opening them: nothing is prepared, and nothing can be edited.
async function play() {
	const { image } = state;
	if (!image?.width) return;
	playing = new AbortController();
	const { signal } = playing;
	pressing(true);
	let place = places.get(image.id) ?? 0;
	if (place >= frames.length - 1) place = -1;
	let next = fetched(place + 1, image, signal);
	while (!signal.aborted && place + 1 < frames.length) {
		const [frame] = await Promise.all([next, pass(STEP)]);
		place++;
		next = place + 1 < frames.length ? fetched(place + 1, image, signal) : null;
		if (frame && !signal.aborted) paint(frame, place);
	}
	next?.then((frame) => frame?.picture.close());
	playing = null;
	pressing(false);
	await show(place);
}

// A frame's pixels and masks; null if it cannot be shown, or is of another size.
async function fetched(place, { width, height }, signal) {
	try {
		const path = `/api/images/${frames[place].image}`;
		const [told, picture] = await Promise.all([json("GET", path, { signal }), bitmap(`${path}/photo?max_side=${PLAYED_SIDE}`, signal)]);
		if (told.width === width && told.height === height) return { told, picture };
		picture.close();
	} catch {
		return null;
	}
	return null;
}

function paint({ told, picture }, place) {
	showPicture([picture]);
	showMarkers([]);
	const shapes = told.objects.filter(({ hidden, area }) => !hidden && area);
	showObjects(shapes.map((object) => ({ shape: new Shape(object.mask), color: colorOf(object) })));
	said.textContent = `frame ${place + 1} of ${frames.length}`;
	reveal(place);
}

function pressing(on) {
	start.classList.toggle("on", on);
	start.title = on ? "Pause" : "Play";
	start.setAttribute("aria-label", start.title);
}

const pause = () => playing?.abort();

// While playing, a click or a key on the photograph would edit the frame opened before: it pauses.
function interrupt(event) {
	if (!playing || start.contains(event.target) || (event.type === "pointerdown" && !byId("frame").contains(event.target))) return;
	event.preventDefault();
	event.stopImmediatePropagation();
	pause();
}
