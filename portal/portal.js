// The pages work without this: it lets buttons copy what stands beside them.
(() => {
	'use strict';
	if (!navigator.clipboard) return; // only pages over https have one: without it there is no button
	const show = () => document.querySelectorAll('[data-copy]').forEach((button) => { button.hidden = false; });
	document.addEventListener('click', async (e) => {
		const button = e.target.closest && e.target.closest('[data-copy]');
		if (!button) return;
		try {
			await navigator.clipboard.writeText(button.dataset.copy);
			button.textContent = 'Copied';
		} catch {
			button.textContent = 'Not copied';
		}
		setTimeout(() => { button.textContent = 'Copy'; }, 2000);
	});
	document.addEventListener('drawn', show); // by live.js
	show();
})();
