// A long list of which only what is seen exists.

const SPARE = 4; // before and after what is seen

/**
 * Draws a list of `count()` rows of `size` CSS pixels into `into`, which scrolls in `box`. `row`
 * makes one by its place; it is made anew when what it `shows` changes. Returns what draws it, and
 * gives the rows that exist by place.
 */
export function rows({ box, into, size, count, row, shows, across = false, need = () => {} }) {
	const made = new Map(); // place -> element
	return () => {
		const [at, seen] = across ? [box.scrollLeft, box.clientWidth] : [box.scrollTop, box.clientHeight];
		const first = Math.max(0, Math.floor(at / size) - SPARE);
		const last = Math.min(count(), Math.ceil((at + seen) / size) + SPARE) - 1;
		if (last >= first) need(first, last);
		for (const [place, old] of made) {
			if (place >= first && place <= last) continue;
			old.remove();
			made.delete(place);
		}
		for (let place = first; place <= last; place++) {
			const now = shows(place), before = made.get(place);
			if (before?.shows === now) continue;
			const fresh = Object.assign(row(place), { shows: now });
			const picture = fresh.querySelector("img"), old = before?.querySelector("img");
			if (picture && old?.src === picture.src) picture.replaceWith(old); // it would be asked for again
			if (before) before.replaceWith(fresh);
			else into.append(fresh);
			made.set(place, fresh);
		}
		return made;
	};
}
