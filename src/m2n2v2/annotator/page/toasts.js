// Short messages in the corner: what went wrong and what to do about it.

import { byId, el, iconButton } from "./dom.js";

const STAYS = 9000; // ms

// `choices` are buttons: [[label, what it does], ...].
export function tell(message, detail = "", { kind = "info", choices = [] } = {}) {
	const take = (run) => () => {
		toast.remove();
		run();
	};
	const buttons = choices.map(([label, run]) => el("button.small", { onclick: take(run) }, label));
	const toast = el(
		"div",
		{ class: `toast ${kind}` },
		el("div", el("p", message), detail && el("p.dim", detail), buttons.length && el("div.row.tight", ...buttons)),
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
	tell(what || told(error), what ? told(error) : "", { kind: "error" });
}

// An error in sentences: what happened, and what to do about it.
export const told = ({ message, cure }) => (cure ? `${sentence(message)} ${sentence(cure)}` : sentence(message));

function sentence(text) {
	const first = text.charAt(0).toUpperCase() + text.slice(1);
	return /[.!?]$/.test(first) ? first : `${first}.`;
}
