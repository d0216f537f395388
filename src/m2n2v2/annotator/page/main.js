// The page: put the parts together, then open the folder.

import { Refused, json, persistently } from "./api.js";
import "./input.js";
import { amend, choose, list, nextTodo } from "./list.js";
import { clicksOf, current, objectsOf } from "./model.js";
import { open } from "./open.js";
import * as classes from "./panels/classes.js";
import { applyTheme } from "./panels/dialogs.js";
import * as images from "./panels/images.js";
import * as notice from "./panels/notice.js";
import * as objects from "./panels/objects.js";
import * as shape from "./panels/shape.js";
import * as tools from "./panels/tools.js";
import * as topBar from "./panels/top.js";
import "./panels/help.js";
import { changedModel } from "./panels/models.js";
import "./panels/numbers.js";
import "./panels/pick.js";
import "./panels/review.js";
import * as views from "./panels/views.js";
import * as why from "./panels/why.js";
import { colorOf, set, state, watch } from "./state.js";
import { showMarkers, showObjects, start as startView } from "./view.js";

watch(["theme"], applyTheme);
startView();
for (const part of [topBar, tools, images, classes, objects, shape, why, views, notice]) part.start();

watch(["image", "selection", "classes", "pickedClick"], () => {
	const { image } = state;
	if (!image || image.problem) return showObjects([]), showMarkers([]);
	const chosen = current();
	const shown = objectsOf(image).filter(({ hidden, shape }) => !hidden && shape && !shape.empty);
	showObjects(shown.map((object) => {
		const current = object.id === chosen?.id;
		return { shape: object.shape, color: colorOf(object), current, thin: !current && (object.finished || Boolean(chosen)) };
	}));
	showMarkers(chosen?.hidden ? [] : clicksOf(image, chosen).map((click, i) => ({ ...click, picked: state.pickedClick === i })));
});

// Somebody else may have chosen another model.
watch(["model"], () => state.project && state.model && state.model !== state.project.preset && changedModel());

let told = "";
watch(["image"], () => {
	const { image } = state;
	const now = image && image.revision >= 0 && !image.problem ? `${image.id} ${image.objects.length}` : "";
	if (!now || now === told) return;
	told = now;
	amend(image.id, { objects: image.objects.length });
});

async function begin() {
	try {
		const project = await persistently(() => json("GET", "/api/project"));
		const { classes: known, counts } = project;
		const classId = known.some(({ id }) => id === state.classId) ? state.classId : (known[0]?.id ?? null);
		set({ project, classes: known, counts, classId });
		document.title = `${project.folder} · m2n2v2`;
		await choose({});
		if (project.sequence) await import("./panels/timeline.js");
		const before = Number(sessionStorage.getItem("image"));
		const first = [...list.entries.values()].find(({ id }) => id === before) ?? (await firstTodo());
		if (first) await open(first.id);
	} catch (error) {
		if (!(error instanceof Refused)) throw error;
		set({ refusal: `${error.message}. ${error.cure}` });
	}
}

async function firstTodo() {
	const first = list.entries.get(0);
	if (!first || (!first.done && !first.problem)) return first;
	list.position = 0;
	return (await nextTodo()) ?? first;
}

begin();
