// Short messages in the corner: what went wrong and what to do about it.

import { byId, el, iconButton } from "./dom.js";

const STAYS = 9000; // ms

export function tell(message, detail = "", kind = "info") {
	const toast = el(
		"div",
		{ class: `toast ${kind}` },
		el("div", el("p", message), detail && el("p.dim", detail)),
		iconButton("close", "Dismiss", { onclick: () => toast.remove() }),
	);
	const box = byId("toasts");
	for (const old of box.children) if (old.textContent === toast.textContent) old.remove();
	box.append(toast);
	while (box.children.length > 3) box.firstChild.remove();
	setTimeout(() => toast.remove(), STAYS);
}

export function complain(error, what = "") {
	if (error.name === "AbortError") return;
	const cure = error.cure ? `${sentence(error.message)} ${sentence(error.cure)}` : sentence(error.message);
	tell(what || cure, what ? cure : "", "error");
}

function sentence(text) {
	const first = text.charAt(0).toUpperCase() + text.slice(1);
	return /[.!?]$/.test(first) ? first : `${first}.`;
}
