// The page works without this: it keeps the figures fresh while somebody looks, and
// loads another state of the page without leaving it. The server tells by server-sent
// events that figures have changed; nothing is asked now and then. In the page stand
//   <… id="…" data-live="/v1/live?…" data-gap="30">  what is drawn anew: at once, and every 30 s where much comes
//   <… data-late>                                     what is in it is not all: the rest is still being counted, and asked for again
//   <… id="…" data-part>                              what is drawn anew with it
//   <b data-figure="Visitors@Last5Minutes">           one figure, written at once
//   <… id="asof" data-now data-say-…><time data-moment><span>  as of when, and how far behind
//   <… data-box="pages">                              what stays as it was while it can't be counted: it has a .problem then
// The root element has the class "late" while the page can't be drawn anew.
(() => {
	'use strict';
	const part = () => document.querySelector('[data-live]');
	if (!part() || !window.EventSource) return;
	let from, last, news = 0, figures = [], drawing, asking, began, listen, drawn = Date.now(), pause = 1000, wait = 5000, within = 20;

	// What has the focus is found again by its id, its key, or among its like by where it
	// leads to; a row of a list leads elsewhere once it filters, and is found by its name.
	const like = (e, of) => e.className === of.className && e.parentElement.className === of.parentElement.className && e.parentElement.tagName === of.parentElement.tagName;
	const same = (root, of) => of && [...root.querySelectorAll('a, summary, [tabindex]')].find((e) => of.id ? e.id === of.id : of.dataset.key ? e.dataset.key === of.dataset.key
		: of.tagName === 'SUMMARY' ? e.tagName === 'SUMMARY' && e.parentElement.id && e.parentElement.id === of.parentElement.id : e.getAttribute('href') && like(e, of) && (e.getAttribute('href') === of.getAttribute('href') || of.title && of.closest('.list li') && e.title === of.title));

	// What could not be counted this time stays as it was, and says of when it is.
	const keep = (old, fresh, asof) => {
		let kept = 0;
		for (const box of fresh.querySelectorAll('[data-box]')) {
			const why = box.matches('.problem') ? box : box.querySelector('.problem');
			const was = why && [...old.querySelectorAll('[data-box]')].find((b) => b.dataset.box === box.dataset.box);
			if (!why || !was || was.matches('.problem') || was.querySelector('.problem:not(.kept)')) continue;
			const small = was.matches('.cell');
			let note = was.querySelector('.kept');
			if (!note) {
				(small ? was.querySelector('a') : was).append(note = document.createElement('span'));
				note.className = 'problem kept';
				note.dataset.of = (small ? asof.dataset.saySince : asof.dataset.sayKept).replace('{time}', asof.querySelector('time').textContent);
			}
			note.textContent = small ? note.dataset.of : `${why.textContent} ${note.dataset.of}`;
			if (small) note.title = why.textContent;
			box.replaceWith(was);
			kept++;
		}
		return kept;
	};
	// Tries again what failed: not all boards at the same time, and ever less often.
	const retry = () => {
		soon(wait * (1 + Math.random()));
		wait = Math.min(2 * wait, 60000);
	};

	// What was not there in time is asked for again, and waited for longer each time.
	const hurry = (anew) => {
		const late = part().dataset.late !== undefined;
		within = late ? Math.min(20, anew ? 4 : 2 * within) : 20;
		return late;
	};

	// Old figures stay until all new ones are there; focus, a marked step and what is
	// open stay, too. A menu that led elsewhere closes.
	const put = (page, moved) => {
		const asof = document.getElementById('asof'), kept = moved || !asof ? 0 : keep(part(), page, asof);
		const all = kept && !page.getElementById('asof');
		if (all) page.getElementById('timebar').prepend(asof); // of what is kept
		document.documentElement.classList.remove('late');
		if (!kept) wait = 5000;
		const focused = document.activeElement, marked = [...document.querySelectorAll('.step')].findIndex((s) => s.matches('.at'));
		for (const old of [part(), ...document.querySelectorAll('[data-part]')]) {
			const fresh = page.getElementById(old.id);
			if (!fresh) return location.reload();
			const held = old.contains(focused);
			const open = [...old.querySelectorAll('details')].map((d) => [d.id, d.open]);
			old.replaceWith(document.adoptNode(fresh));
			fresh.querySelectorAll('details').forEach((d, i) => {
				const was = d.id ? open.find(([id]) => id === d.id) : open[i];
				d.open = !!was && was[1] && !(moved && d.matches('[data-part] *, :has(> .menu)'));
			});
			const to = held && (same(fresh, focused) || moved && fresh.querySelector('summary'));
			const shut = to && to.closest('details:not([open])'); // what is in a menu that closed has its name instead
			// What is no more leaves the focus where the figures begin, and not the page.
			if (held) (shut ? shut.firstElementChild : to || fresh).focus({ preventScroll: true });
		}
		const step = marked >= 0 && !moved && document.querySelectorAll('.step')[marked];
		if (step) step.classList.add('at');
		document.title = page.title;
		sayLost();
		news = all ? +asof.querySelector('time').dataset.moment : 0;
		if (!moved) write(); // what was told is newer
		document.dispatchEvent(new Event('drawn'));
		pause = Math.min(Date.now() - drawn > 60000 ? 2000 : 2 * pause, part().dataset.gap * 1000);
		drawn = Date.now();
		if (part().dataset.live !== from) listen();
		const late = hurry(moved);
		const more = drawing || part().dataset.again !== undefined; // something has come that may not be in these figures
		clearTimeout(drawing);
		drawing = 0;
		if (late) soon(300);
		else if (more) due();
		else if (kept) retry();
	};
	const load = async (href, moved) => {
		if (asking) asking.abort();
		const mine = asking = new AbortController();
		began = Date.now();
		// Where much comes, all boards are drawn from figures that are counted now and then.
		const headers = moved ? {} : { 'Cache-Control': `max-age=${within < 20 ? 10 : Math.floor(pause / 3000)}`, Prefer: `wait=${within}` };
		try {
			const answer = await fetch(href, { signal: mine.signal, headers }).catch((err) => { throw err.name === 'AbortError' ? err : new Error('away'); });
			// Who may not see this any more sees no old figures either, but what the server says.
			if ([401, 403, 404].includes(answer.status)) return location.reload();
			if (!answer.ok) throw new Error(answer.status);
			const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
			if (mine === asking) put(page, moved);
		} finally {
			if (mine === asking) asking = null;
		}
	};
	const draw = async () => {
		// What is on its way is waited for: where news come faster than a page, drawings that
		// end one another, or what somebody went to, would never be there.
		if (asking && Date.now() - began < 30000) return due();
		if (document.hidden || document.querySelector('.step:hover, input:focus, :is([data-live], [data-part]) form:focus-within, dialog[open]')) return soon(1000);
		await load(location.href, false);
	};
	const soon = (ms) => {
		if (drawing) return;
		drawing = setTimeout(() => {
			drawing = 0;
			draw().catch((err) => {
				if (err.name === 'AbortError') return;
				document.documentElement.classList.add('late');
				retry();
			});
		}, ms);
	};
	// Boards that were told at the same moment are drawn one after the other.
	const due = () => soon(Math.max(100, drawn + pause - Date.now()) + Math.random() * pause / 10);

	// Another state of this page is loaded into it; if that fails, the browser goes there.
	const go = async (href) => {
		clearTimeout(drawing);
		drawing = 0;
		part().setAttribute('aria-busy', 'true');
		try {
			await load(href, true);
		} catch (err) {
			if (err.message === 'away') { // the browser would show a page of its own instead
				document.documentElement.classList.add('late');
				retry();
			} else if (err.name !== 'AbortError') location.assign(href);
		}
	};
	let shown = location.pathname + location.search;
	const here = (url) => url.origin === location.origin && url.pathname === location.pathname && !url.hash && !['csv', 'add'].some((name) => url.searchParams.has(name)); // a file, and a form that has a page of its own
	document.addEventListener('click', (e) => {
		const link = e.target.closest && e.target.closest('a[href]');
		if (!link || e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey || link.hasAttribute('target') || link.hasAttribute('download')) return;
		const url = new URL(link.getAttribute('href'), location.href); // a link of a drawing has no href of its own
		if (!here(url) || !document.querySelector('[data-part]')) return;
		e.preventDefault();
		history.pushState(null, '', url);
		shown = location.pathname + location.search;
		go(url.href);
	});
	addEventListener('popstate', () => {
		const before = shown;
		shown = location.pathname + location.search;
		if (shown !== before && document.querySelector('[data-part]')) go(location.href); // a place on the page, as of the link that skips to it, is the same state
	});

	// The page is behind what came since it was drawn. As of when it is does not change.
	const behind = () => {
		const line = document.getElementById('asof'), lag = Math.round((Date.now() - skew - news) / 1000);
		if (line && news && lag < 120) line.querySelector('span').textContent = lag < 2 ? line.dataset.sayLive : line.dataset.sayBehind.replace('{n}', lag);
	};
	const clock = document.getElementById('asof');
	const skew = clock ? Date.now() - clock.dataset.now : 0; // how far this clock is before the server's

	// Writes what was told, and tells whether the page said something else.
	const write = () => {
		let other = false;
		for (const f of figures) {
			const text = f.dataset.reduce((n, p) => n + p.value, 0).toLocaleString(document.documentElement.lang);
			for (const at of document.querySelectorAll(`[data-figure="${f.metric}@${f.window}"]`)) {
				other = other || at.textContent !== text;
				at.textContent = text;
			}
		}
		behind();
		return other;
	};
	const told = (event) => {
		const [moment, says] = event.lastEventId.split('-');
		({ figures } = JSON.parse(event.data));
		// The first figures are those that the page was drawn with, unless something came between.
		const first = !last;
		if (!write() && first || says === last) return last = says;
		last = says;
		news = news || +moment;
		behind();
		due();
	};
	listen = hear(() => {
		if (from && part().dataset.live !== from) {
			last = '';
			figures = []; // they are of what was shown before
			news = 0;
		}
		return from = part().dataset.live;
	}, told, () => soon(0));
	if (hurry(true)) soon(300);
})();
