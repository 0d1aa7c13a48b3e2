// The page works without this: it puts a button beside what is to be pasted elsewhere.
// Its words stand at its own element: <script src="…" data-copy="Copy" data-copied="Copied">
(() => {
	'use strict';
	const words = document.currentScript.dataset;
	for (const code of document.querySelectorAll('main pre > code, .copy > code')) {
		const box = code.parentElement, button = document.createElement('button');
		button.type = 'button';
		button.className = 'copies';
		button.textContent = words.copy;
		button.addEventListener('click', async () => {
			// Only what came by https, or from this machine, may write to the clipboard;
			// elsewhere the text is marked, for the keys that copy.
			try {
				await navigator.clipboard.writeText(code.textContent);
			} catch {
				return getSelection().selectAllChildren(code);
			}
			button.textContent = words.copied;
			setTimeout(() => { button.textContent = words.copy; }, 2000);
		});
		if (box.matches('pre')) box.prepend(button);
		else box.append(button);
	}
})();
