// Opening an image: its objects, its pixels, its preparation. Leaving it stops what it waits for.

import { Refused, bitmap, hurry, json, persistently } from "./api.js";
import { plural } from "./dom.js";
import { amend, entry, list, locate } from "./list.js";
import { adopt, changed, record } from "./model.js";
import { announce, set, state } from "./state.js";
import { clear, showPicture, wantsMore } from "./view.js";

const FIRST_SIDE = 2048; // the longer side of what is fetched first of a large photograph
let leaving = new AbortController();

// Show an image, and select an object of it. A later call overtakes an earlier one.
export async function open(id, object = null) {
	leaving.abort();
	leaving = new AbortController();
	const { signal } = leaving;
	const image = record(id);
	image.opening = image.revision < 0;
	set({ image, selection: null, pickedClick: -1, view: "photo" });
	clear(image.width, image.height);
	locate(id);
	sessionStorage.setItem("image", id);
	try {
		const told = await persistently(() => json("GET", image.path, { signal }), signal);
		if (signal.aborted) return;
		const fresh = image.width !== told.width || image.height !== told.height;
		adopt(image, told);
		image.opening = false;
		if (fresh) clear(image.width, image.height);
		if (object !== null) set({ selection: object });
		changed(image);
		announce(`${image.name}, ${plural(image.objects.length, "object")}`);
		if (image.problem) return;
		await Promise.all([loadPicture(image, signal), prepare(image, signal)]);
	} catch (error) {
		if (signal.aborted) return;
		image.opening = false;
		if (!image.problem) image.problem = error instanceof Refused ? `${error.message} ${error.cure}` : String(error);
		changed(image);
	}
}

async function loadPicture(image, signal) {
	const address = `${image.path}/photo`;
	const large = Math.max(image.width, image.height) > 1.25 * FIRST_SIDE;
	const first = large ? `${address}?max_side=${FIRST_SIDE}` : address;
	const levels = await withHalves(await persistently(() => bitmap(first, signal), signal));
	if (signal.aborted) return levels.forEach((level) => level.close());
	image.pictured = true;
	showPicture(levels);
	changed(image);
	if (!large) return;
	while (!wantsMore()) {
		await new Promise((resolve) => setTimeout(resolve, 150));
		if (signal.aborted) return;
	}
	const finest = await persistently(() => bitmap(address, signal), signal);
	if (signal.aborted) finest.close();
	else showPicture([finest, ...levels]);
}

// A picture and its halves, down to about a thousand pixels, for a view from afar.
async function withHalves(finest) {
	const levels = [finest];
	while (Math.max(levels.at(-1).width, levels.at(-1).height) > 1400) {
		const { width, height } = levels.at(-1);
		const half = { resizeWidth: Math.round(width / 2), resizeHeight: Math.round(height / 2), resizeQuality: "medium" };
		levels.push(await createImageBitmap(levels.at(-1), half));
	}
	return levels;
}

export async function prepare(image, signal = leaving.signal) {
	const waiting = [];
	image.prepared = () => new Promise((resolve, reject) => {
		if (image.state === "ready") resolve();
		else waiting.push({ resolve, reject });
	});
	const settle = (told) => {
		Object.assign(image, { stage: "", error: null }, told);
		if (image.state === "ready") for (const { resolve } of waiting.splice(0)) resolve();
		if (image.state === "failed") {
			const refusal = new Refused(422, { kind: "ImageError", message: image.error ?? "it cannot be prepared" });
			for (const { reject } of waiting.splice(0)) reject(refusal);
		}
		changed(image);
	};
	const left = () => signal.aborted && !image.queue.length;
	while (!left()) {
		settle(await persistently(() => json("POST", `${image.path}/prepare`), signal));
		if (image.state === "ready" || image.state === "failed") break;
		await follow(image, settle, left);
		if (image.state === "ready" || image.state === "failed") break;
	}
	if (image.state === "ready" && image === state.image) {
		announce("Ready for clicks");
		hurry();
	}
}

function follow(image, settle, left) {
	return new Promise((resolve) => {
		const stream = new EventSource(`${image.path}/events`);
		const stop = () => {
			clearInterval(watching);
			stream.close();
			resolve();
		};
		const watching = setInterval(() => left() && stop(), 500);
		stream.addEventListener("state", ({ data }) => {
			settle(JSON.parse(data));
			if (image.state === "ready" || image.state === "failed") stop();
		});
		stream.onerror = () => setTimeout(stop, 300); // asked again by the caller
	});
}

// Say how far an image is: todo, done, checked, rejected; the note says why.
export async function setStatus(image, status, note = "") {
	const { counts, ...told } = await persistently(() => json("PUT", `${image.path}/status`, { body: { status, note } }));
	Object.assign(image, told);
	set({ counts });
	amend(image.id, { done: told.done, status: told.status });
	changed(image);
}

// The first or last image of the list, or the one of that number.
export async function openAt(index) {
	const there = await entry(index);
	if (there) await open(there.id);
}

export async function step(by) {
	const next = await entry(Math.max(list.position + by, -1));
	if (next) await open(next.id);
	else announce(by > 0 ? "This is the last image" : "This is the first image");
	return Boolean(next);
}
