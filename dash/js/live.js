// The page works without this: it keeps the figures fresh while somebody looks, and
// loads another state of the page without leaving it. The server tells by server-sent
// events that figures have changed; nothing is asked now and then. In the page stand
//   <… id="…" data-live="/v1/live?…" data-gap="30">  what is drawn anew: at once, and every 30 s where much comes
//   <… id="…" data-part>                              what is drawn anew with it
//   <b data-figure="Visitors@Last5Minutes">           one figure, written at once
//   <… id="asof" data-now data-zone data-say-…><time data-moment><span>  as of when, and how far behind
(() => {
	'use strict';
	const part = () => document.querySelector('[data-live]');
	if (!part() || !window.EventSource) return;
	let from, last, heard, figures = [], drawing, asking, began, listen, drawn = Date.now(), pause = 1000;

	// What has the focus is found again by its id, its key, or among its like by where it
	// leads to; a row of a list leads elsewhere once it filters, and is found by its name.
	const like = (e, of) => e.className === of.className && e.parentElement.className === of.parentElement.className && e.parentElement.tagName === of.parentElement.tagName;
	const same = (root, of) => of && [...root.querySelectorAll('a, summary, [tabindex]')].find((e) => of.id ? e.id === of.id : of.dataset.key ? e.dataset.key === of.dataset.key
		: of.tagName === 'SUMMARY' ? e.tagName === 'SUMMARY' && e.parentElement.id && e.parentElement.id === of.parentElement.id : e.getAttribute('href') && like(e, of) && (e.getAttribute('href') === of.getAttribute('href') || of.title && of.closest('.list li') && e.title === of.title));

	// Old figures stay until all new ones are there; focus, a marked step and what is
	// open stay, too. A menu that led elsewhere closes.
	const put = (page, moved) => {
		const focused = document.activeElement, marked = [...document.querySelectorAll('.step')].findIndex((s) => s.matches('.at'));
		for (const old of [part(), ...document.querySelectorAll('[data-part]')]) {
			const fresh = page.getElementById(old.id);
			if (!fresh) return location.reload();
			const held = old.contains(focused);
			const open = [...old.querySelectorAll('details')].map((d) => [d.id, d.open]);
			old.replaceWith(document.adoptNode(fresh));
			fresh.querySelectorAll('details').forEach((d, i) => {
				const was = d.id ? open.find(([id]) => id === d.id) : open[i];
				d.open = !!was && was[1] && !(moved && d.closest('[data-part]'));
			});
			const to = held && (same(fresh, focused) || moved && fresh.querySelector('summary'));
			const shut = to && to.closest('details:not([open])'); // what is in a menu that closed has its name instead
			// What is no more leaves the focus where the figures begin, and not the page.
			if (held) (shut ? shut.firstElementChild : to || fresh).focus({ preventScroll: true });
		}
		const step = marked >= 0 && !moved && document.querySelectorAll('.step')[marked];
		if (step) step.classList.add('at');
		document.title = page.title;
		if (!moved) write(); // what was told is newer
		document.dispatchEvent(new Event('drawn'));
		pause = Math.min(Date.now() - drawn > 60000 ? 2000 : 2 * pause, part().dataset.gap * 1000);
		drawn = Date.now();
		if (part().dataset.live !== from) listen();
		const more = drawing || part().dataset.again !== undefined; // something has come that may not be in these figures
		clearTimeout(drawing);
		drawing = 0;
		if (more) due();
	};
	const load = async (href, moved) => {
		if (asking) asking.abort();
		const mine = asking = new AbortController();
		began = Date.now();
		// Where much comes, all boards are drawn from figures that are counted now and then.
		const headers = moved ? {} : { 'Cache-Control': `max-age=${Math.floor(pause / 3000)}` };
		try {
			const answer = await fetch(href, { signal: mine.signal, headers });
			if (answer.status === 401) return location.reload();
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
			draw().catch((err) => { if (err.name !== 'AbortError') soon(5000); });
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
			if (err.name !== 'AbortError') location.assign(href);
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

	const asOf = (ms) => {
		const line = document.getElementById('asof');
		if (!line || !ms) return;
		const time = line.querySelector('time'), before = +time.dataset.moment;
		if (ms <= before) return;
		time.dataset.moment = ms;
		time.textContent = new Date(ms).toLocaleTimeString('en-GB', { timeZone: line.dataset.zone });
		const lag = Math.round((Date.now() - skew - ms) / 1000);
		line.querySelector('span').textContent = lag < 2 ? line.dataset.sayLive : line.dataset.sayBehind.replace('{n}', lag);
	};
	const clock = document.getElementById('asof');
	const skew = clock ? Date.now() - clock.dataset.now : 0; // how far this clock is before the server's

	const write = () => {
		for (const f of figures) {
			for (const at of document.querySelectorAll(`[data-figure="${f.metric}@${f.window}"]`)) at.textContent = f.dataset.reduce((n, p) => n + p.value, 0).toLocaleString(document.documentElement.lang);
		}
		asOf(heard);
	};
	const told = (event) => {
		const [moment, says] = event.lastEventId.split('-');
		({ figures } = JSON.parse(event.data));
		heard = +moment;
		write();
		// The first figures are those that the page was drawn with.
		const first = !last;
		if (says === last) return;
		last = says;
		if (!first) due();
	};
	listen = hear(() => {
		if (from && part().dataset.live !== from) {
			last = '';
			figures = []; // they are of what was shown before
		}
		return from = part().dataset.live;
	}, told, () => soon(0));
})();
