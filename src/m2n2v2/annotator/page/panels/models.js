// What prepares the photographs: shown, and changed among the presets whose weights are here.

import { json } from "../api.js";
import { cards, el } from "../dom.js";
import { prepare } from "../open.js";
import { dialogs, set, state } from "../state.js";
import { complain } from "../toasts.js";
import { dialog } from "./dialogs.js";

const cost = ({ seconds }) => (seconds === null ? "not used here yet" : `about ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s for a photograph, here`);

dialogs.models = async () => {
	const models = await json("GET", "/api/models").catch(complain);
	if (!models) return;
	const presets = cards("Model", Object.fromEntries(models.map((model) => [model.name, [model.name, [model.note, cost(model)], model.chosen]])));
	dialog("What finds the masks", {
		body: [el("p.dim", "Another one prepares each photograph anew when it is opened, for everybody in this folder. What is prepared already is kept, and so is every mask; further clicks on an object are answered by the new one."), presets],
		confirm: "Use it",
		async done() {
			await json("PUT", "/api/model", { body: { name: presets.chosen() } });
			await changedModel();
		},
	});
};

// The model is another one: say so, and have the open photograph prepared by it.
export async function changedModel() {
	const project = await json("GET", "/api/project");
	set({ project });
	const { image } = state;
	if (!image || image.problem) return;
	image.state = "none";
	prepare(image).catch(complain);
}
