// The page works without this: it adds the tip over the chart, the live figure
// and fresh figures while somebody looks.
(() => {
	'use strict';
	const $ = (selector) => document.querySelector(selector);

	const show = (step) => {
		const tip = $('.tip'), plot = $('.plot'), d = step.dataset;
		tip.replaceChildren();
		const say = (tag, text) => tip.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
		say('span', d.when + ('unfinished' in d ? ' (not over yet)' : ''));
		say('b', d.value);
		say('span', d.was + ' before' + (d.change ? ' · ' + d.change : ''));
		tip.hidden = false;
		const area = step.querySelector('rect').getBoundingClientRect(), edge = plot.getBoundingClientRect();
		const right = area.right - edge.left + 10;
		const x = right + tip.offsetWidth > edge.width ? area.left - edge.left - tip.offsetWidth - 10 : right;
		tip.style.left = Math.max(0, Math.min(x, edge.width - tip.offsetWidth)) + 'px';
	};
	document.addEventListener('pointerover', (e) => {
		const step = e.target.closest && e.target.closest('.step');
		const title = step && step.querySelector('title'); // the browser's own tip would cover ours
		if (title) title.remove();
		if (step) show(step);
		else if ($('.tip')) $('.tip').hidden = true;
	});
	document.addEventListener('click', (e) => {
		const menu = $('header details[open]');
		if (menu && !menu.contains(e.target)) menu.open = false;
	});
	document.addEventListener('keydown', (e) => {
		const menu = $('header details[open]');
		if (e.key === 'Escape' && menu) { menu.open = false; menu.firstElementChild.focus(); }
	});

	const every = (seconds, ask) => setInterval(() => { if (!document.hidden) ask().catch(() => {}); }, seconds * 1000);
	every(5, async () => {
		const live = $('[data-live]');
		const answer = live && await fetch(live.dataset.live);
		if (answer && answer.ok) live.textContent = (await answer.json()).visitors;
	});
	// Old figures stay until all new ones are there; focus and open tables stay, too.
	const refresh = async () => {
		if ($('.step:hover')) return;
		const answer = await fetch(location.href);
		if (answer.status === 401) return location.reload();
		if (!answer.ok) return;
		const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('#figures');
		if (!fresh) return;
		const focused = document.activeElement, href = $('#figures').contains(focused) && focused.getAttribute('href');
		const open = $('.table[open]');
		$('#figures').replaceWith(document.adoptNode(fresh));
		if (open && $('.table')) $('.table').open = true;
		const again = href && [...document.querySelectorAll('#figures a')].find((a) => a.getAttribute('href') === href);
		if (again) again.focus({ preventScroll: true });
	};
	every(30, refresh);
	every(3, async () => { if ($('.listening')) await refresh(); });
})();
