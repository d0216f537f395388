// The folder's images, of which only the parts that were looked at are fetched.

import { json, persistently } from "./api.js";
import { set, state } from "./state.js";

const PAGE = 200;

export const list = { filter: "all", query: "", more: {}, total: 0, known: false, entries: new Map(), position: -1 };
let fetching = new Map(); // page -> promise, of the present filter and query
let asked = new AbortController();

// Whether the list shows all that is to do in the folder.
export const isWhole = () => ["all", "todo"].includes(list.filter) && !list.query && !Object.keys(list.more).length;

// `more`: parameters besides, {class_id} or {person}.
export async function choose({ filter = list.filter, query = list.query, more = list.more } = {}) {
	asked.abort();
	asked = new AbortController();
	fetching = new Map();
	Object.assign(list, { filter, query, more, known: false, entries: new Map(), position: -1 });
	await page(0);
	if (state.image) locate(state.image.id);
}

export async function entry(index) {
	if (index < 0 || (list.known && index >= list.total)) return undefined;
	if (!list.entries.has(index)) await page(Math.floor(index / PAGE));
	return list.entries.get(index);
}

export function need(first, last) {
	for (let number = Math.floor(first / PAGE); number <= Math.floor(last / PAGE); number++) page(number);
}

function page(number) {
	if (!fetching.has(number)) fetching.set(number, load(number, asked.signal));
	return fetching.get(number);
}

async function load(number, signal) {
	const { filter, query, more } = list;
	const parameters = new URLSearchParams({ filter, query, ...more, offset: number * PAGE, limit: PAGE });
	if (state.image) parameters.set("open", state.image.id);
	const ask = () => json("GET", `/api/images?${parameters}`, { signal });
	const told = await persistently(ask, signal).catch((error) => {
		if (signal.aborted) return null;
		throw error;
	});
	if (!told || signal.aborted) return;
	told.images.forEach((image, i) => list.entries.set(number * PAGE + i, image));
	Object.assign(list, { total: told.total, known: true });
	if (list.position < 0 && told.position !== null) list.position = told.position;
	set({ counts: told.counts ?? state.counts, list });
}

export function locate(id) {
	for (const [index, image] of list.entries) {
		if (image.id === id) {
			list.position = index;
			return index;
		}
	}
	return -1;
}

// How far the folder is, as the server counts it now.
export async function recount() {
	const { counts } = await json("GET", "/api/images?limit=1");
	set({ counts });
}

export function amend(id, patch) {
	for (const image of list.entries.values()) if (image.id === id) Object.assign(image, patch);
	set({ list });
}

/**
 * The next image from the open one that is not done, forwards, then from the start. Those that
 * somebody else is at are passed while there are others.
 */
export async function nextTodo() {
	const start = Math.max(list.position, 0);
	const taken = new Set(state.others.map(({ image }) => image));
	let busy;
	for (let i = 1; i <= list.total; i++) {
		const image = await entry((start + i) % list.total);
		if (!image || image.done || image.problem) continue;
		if (!taken.has(image.id)) return image;
		busy ??= image;
	}
	return busy;
}
