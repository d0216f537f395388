/**
 * Talking to the server: one place for the token, for errors and for the connection's state.
 *
 * A call ends in one of three ways: an answer; `Refused`, the server understood and said no, so
 * asking again is of no use; `Failing`, nothing is known, so asking again is right.
 */

import { set, state } from "./state.js";

const PATIENCE = 30_000; // ms without an answer after which a call counts as failed
const FIRST_PAUSE = 400, LONGEST_PAUSE = 10_000; // ms between attempts

export class Refused extends Error {
	constructor(status, { kind = "Error", message = "refused", cure = "" }, body = {}) {
		super(message);
		Object.assign(this, { status, kind, cure, body });
	}
}

export class Failing extends Error {
	constructor(message, { after = 0, status = 0 } = {}) {
		super(message);
		this.after = after; // ms the server asks to wait
		this.status = status;
	}
}

// What may happen to any call, and is said; other errors are faults of the page.
export const isAnswer = (error) => error instanceof Refused || error instanceof Failing;

// One attempt. Returns the response, which is a good one.
export async function attempt(method, path, { body, signal, type, patience = PATIENCE } = {}) {
	const headers = { "X-Person": encodeURIComponent(state.person) };
	if (body !== undefined) headers["Content-Type"] = type ?? "application/json";
	const limit = AbortSignal.timeout(patience);
	let response;
	try {
		response = await fetch(path, {
			method,
			headers,
			body: body === undefined || type ? body : JSON.stringify(body),
			signal: signal ? AbortSignal.any([signal, limit]) : limit,
		});
	} catch (error) {
		if (signal?.aborted) throw error;
		throw new Failing(limit.aborted ? "no answer came in time" : "the server cannot be reached");
	}
	if (response.ok) return response;
	const told = await response.json().catch(() => ({}));
	if (response.status >= 500 || response.status === 429) {
		const after = 1000 * Number(response.headers.get("Retry-After") ?? 0);
		const message = told.error?.message ?? `the server answers ${response.status}`;
		throw new Failing(message, { after, status: response.status });
	}
	throw new Refused(response.status, told.error ?? {}, told);
}

export async function json(method, path, options) {
	const response = await attempt(method, path, options);
	try {
		return await response.json();
	} catch (error) {
		if (options?.signal?.aborted) throw error;
		throw new Failing("the answer broke off");
	}
}

// Ask until there is an answer or a refusal, or `signal` says to stop.
export async function persistently(ask, signal) {
	for (let failures = 0; ; failures++) {
		try {
			const answer = await ask(failures);
			reached();
			return answer;
		} catch (error) {
			if (error instanceof Refused) reached();
			if (!(error instanceof Failing) || signal?.aborted) throw error;
			await pause(error, failures);
			if (signal?.aborted) throw error;
		}
	}
}

let wake = new Set();

export function hurry() {
	for (const resolve of wake) resolve();
}
addEventListener("online", hurry);

function pause(error, failures) {
	const backoff = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
	const wait = Math.max(error.after, backoff * (0.8 + 0.4 * Math.random()));
	set({ connection: { lost: true, message: error.message, status: error.status } });
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			wake.delete(done);
			resolve();
		};
		const timer = setTimeout(done, wait);
		wake.add(done);
	});
}

function reached() {
	if (state.connection.lost) set({ connection: { lost: false, message: "", status: 0 } });
}

export async function bitmap(path, signal, resize) {
	const response = await attempt("GET", path, { signal });
	try {
		return await createImageBitmap(await response.blob(), resize);
	} catch (error) {
		if (signal?.aborted) throw error;
		throw new Refused(422, { kind: "ImageError", message: "the browser cannot show this picture" });
	}
}
