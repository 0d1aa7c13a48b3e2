// The pages work without this: it lets buttons copy what stands beside them.
(() => {
	'use strict';
	for (const button of document.querySelectorAll('[data-copy]')) {
		if (!navigator.clipboard) break; // only pages over https have one: without it there is no button
		button.hidden = false;
		button.addEventListener('click', async () => {
			try {
				await navigator.clipboard.writeText(button.dataset.copy);
				button.textContent = 'Copied';
			} catch {
				button.textContent = 'Not copied';
			}
			setTimeout(() => { button.textContent = 'Copy'; }, 2000);
		});
	}
})();
