// The page works without this: it keeps the figures fresh while somebody looks.
// The server tells by server-sent events that they have changed; nothing is asked
// now and then. In the page stand
//   <… id="…" data-live="/v1/live?…" data-gap="30">  what is drawn anew: at once, and every 30 s where much comes
//   <b data-figure="Visitors@Last5Minutes">           one figure, written at once
(() => {
	'use strict';
	const part = () => document.querySelector('[data-live]');
	if (!part() || !window.EventSource) return;
	let source, from, last, again, drawing, drawn = Date.now(), pause = 1000, wait = 5000;

	// Old figures stay until all new ones are there; focus and open tables stay, too.
	const draw = async () => {
		const old = part();
		if (document.hidden || old.querySelector('.step:hover, input:focus')) return soon(1000);
		const answer = await fetch(location.href);
		if (answer.status === 401) return location.reload();
		if (!answer.ok) throw new Error(answer.status);
		const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(old.id);
		if (!fresh) return location.reload();
		const focused = document.activeElement, href = old.contains(focused) && focused.getAttribute('href');
		const open = [...old.querySelectorAll('details')].map((d) => d.open);
		old.replaceWith(document.adoptNode(fresh));
		fresh.querySelectorAll('details').forEach((d, i) => { d.open = open[i] || false; });
		const same = href && [...fresh.querySelectorAll('a')].find((a) => a.getAttribute('href') === href);
		if (same) same.focus({ preventScroll: true });
		document.dispatchEvent(new Event('drawn'));
		pause = Math.min(Date.now() - drawn > 60000 ? 2000 : 2 * pause, fresh.dataset.gap * 1000);
		drawn = Date.now();
		if (fresh.dataset.live !== from) listen();
	};
	const soon = (ms) => {
		if (drawing) return;
		drawing = setTimeout(() => {
			drawing = 0;
			draw().catch(() => soon(5000));
		}, ms);
	};

	const told = (event) => {
		wait = 5000;
		for (const f of JSON.parse(event.data).figures) {
			const at = document.querySelector(`[data-figure="${f.metric}@${f.window}"]`);
			if (at) at.textContent = f.dataset.reduce((n, p) => n + p.value, 0).toLocaleString('en-US');
		}
		// The first figures are those that the page was drawn with.
		const says = event.lastEventId.split('-')[1], first = !last;
		if (says === last) return;
		last = says;
		if (!first) soon(Math.max(100, drawn + pause - Date.now()));
	};
	const leave = () => {
		clearTimeout(again);
		if (source) source.close();
		source = null;
	};
	const listen = () => {
		leave();
		if (document.hidden) return;
		if (from && part().dataset.live !== from) last = '';
		from = part().dataset.live;
		source = new EventSource(from);
		source.onmessage = told;
		// A lost connection the browser makes again by itself, but not one that was refused: too many may listen.
		source.onerror = () => {
			if (!source || source.readyState !== EventSource.CLOSED) return;
			again = setTimeout(() => { soon(0); listen(); }, wait * (1 + Math.random()));
			wait = Math.min(2 * wait, 60000);
		};
	};
	document.addEventListener('visibilitychange', listen);
	addEventListener('pagehide', leave);
	addEventListener('pageshow', (e) => { if (e.persisted) listen(); });
	listen();
})();
