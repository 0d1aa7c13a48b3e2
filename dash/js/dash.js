// The page works without this: it adds the tip over the chart, keys, and menus that close.
(() => {
	'use strict';
	const $ = (selector) => document.querySelector(selector);
	const steps = () => [...document.querySelectorAll('.step')];

	// The chart: a step's figures by the pointer and by arrow keys.
	const words = (d, say = $('#plot').dataset) => [d.when + ('unfinished' in d ? ` ${say.sayUnfinished}` : ''), d.value || '–', d.was === undefined ? '' : say.sayBefore.replace('{n}', d.was) + (d.change ? ` · ${d.change}` : ''), d.then || '', ...(d.notes || '').split('\n')];
	const show = (step) => {
		const tip = $('.tip'), plot = $('.plot'), [when, value, was, then, ...notes] = words(step.dataset);
		tip.replaceChildren();
		const say = (tag, text) => text && tip.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
		say('span', when);
		say('b', value);
		say('span', was);
		say('span', then);
		notes.forEach((note) => say('em', note));
		tip.hidden = false;
		const area = step.getBoundingClientRect(), edge = plot.getBoundingClientRect();
		const right = area.right - edge.left + 10;
		const x = right + tip.offsetWidth > edge.width ? area.left - edge.left - tip.offsetWidth - 10 : right;
		tip.style.left = Math.max(0, Math.min(x, edge.width - tip.offsetWidth)) + 'px';
	};
	const unmark = () => {
		const at = $('.step.at');
		if (at) at.classList.remove('at');
		if ($('.tip')) $('.tip').hidden = true;
	};
	const walk = (key) => {
		const all = steps(), now = all.indexOf($('.step.at'));
		const to = { ArrowLeft: now < 0 ? all.length - 1 : now - 1, ArrowRight: now + 1, Home: 0, End: all.length - 1 }[key];
		if (to === undefined || !all[to]) return;
		unmark();
		all[to].classList.add('at');
		show(all[to]);
		$('#said').textContent = words(all[to].dataset).filter(Boolean).join(', ');
	};
	document.addEventListener('pointerover', (e) => {
		const step = e.target.closest && e.target.closest('.step');
		const title = step && step.querySelector('title'); // the browser's own tip would cover ours
		if (title) title.remove();
		if (step) { unmark(); show(step); } else if (!$('.step.at') && $('.tip')) $('.tip').hidden = true;
	});
	addEventListener('resize', unmark); // a phone that is turned
	document.addEventListener('focusout', (e) => { if (e.target.id === 'plot') unmark(); });

	// Menus close by a click elsewhere and by Escape; one is open at a time.
	const menus = () => [...document.querySelectorAll('details[open]:has(> .menu), .known[open]')];
	document.addEventListener('click', (e) => {
		for (const menu of menus()) if (!menu.contains(e.target)) menu.open = false;
	});

	// Keys are those of the links: what a link does, its key does.
	const keys = $('#keys');
	const open = (e) => {
		e.preventDefault();
		keys.showModal();
	};
	document.addEventListener('click', (e) => {
		const link = e.target.closest && e.target.closest('a[href="#keys"], #keys .close');
		if (link && link.classList.contains('close')) { e.preventDefault(); keys.close(); } else if (link) open(e);
	});
	// Keys of one character can be switched off, as who speaks to the browser or strikes keys
	// by chance needs it (WCAG 2.1.4). This browser remembers it, if it may keep anything.
	const letters = $('#letters');
	const wanted = (on) => {
		letters.checked = on;
		document.documentElement.classList.toggle('unlettered', !on);
	};
	if (letters) {
		letters.closest('label').hidden = false;
		try { wanted(localStorage.getItem('letters') !== 'off'); } catch { wanted(true); }
		letters.addEventListener('change', () => {
			wanted(letters.checked);
			try { localStorage.setItem('letters', letters.checked ? 'on' : 'off'); } catch { /* until the page is left */ }
		});
	}

	document.addEventListener('keydown', (e) => {
		if (e.key === 'Escape') {
			for (const menu of menus()) { menu.open = false; menu.firstElementChild.focus(); }
			return;
		}
		const typing = e.target.closest('input, textarea, select, [contenteditable]');
		if (typing || e.ctrlKey || e.metaKey || e.altKey || keys.open) return;
		if (e.target.id === 'plot') {
			const link = $('.plot a:has(.step.at)');
			if (e.key === 'Enter' && link) return link.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
			if (/^(Arrow(Left|Right)|Home|End)$/.test(e.key)) { e.preventDefault(); return walk(e.key); }
		}
		if (/^Arrow/.test(e.key) && e.target.closest('[tabindex="0"]')) return; // they move what is wider than its place
		if (e.key.length === 1 && letters && !letters.checked) return;
		if (e.key === 'c' || e.key === 'C') {
			$('#period').open = true;
			e.preventDefault();
			return $('#period input[name=from]').focus();
		}
		const link = linkOf(e.key);
		if (!link) return;
		e.preventDefault();
		if ($('[data-live][aria-busy]')) held.push(e.key);
		else link.click();
	});
	// What is struck while another state of the page is on its way is meant for that one:
	// links of the page that goes would leave it out.
	const held = [];
	const linkOf = (key) => document.querySelector(`[data-key="${CSS.escape(key.length === 1 ? key.toUpperCase() : key)}"]`);
	document.addEventListener('drawn', () => {
		while (held.length && !$('[data-live][aria-busy]')) {
			const link = linkOf(held.shift());
			if (link) link.click();
		}
	});
})();
