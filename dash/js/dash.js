// The page works without this: it adds the tip over the chart.
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
		const menu = $('details[open]:has(> .menu)');
		if (menu && !menu.contains(e.target)) menu.open = false;
	});
	document.addEventListener('keydown', (e) => {
		const menu = $('details[open]:has(> .menu)');
		if (e.key === 'Escape' && menu) { menu.open = false; menu.firstElementChild.focus(); }
	});
})();
