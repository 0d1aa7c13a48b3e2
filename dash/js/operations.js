// The page works without this: it keeps moving what the server does. One stream
// tells all who look, by server-sent events; where a text stands says its name:
//   <main data-server="/v1/live?server=true&language=en"> <b data-text="waiting">12</b>
(() => {
	'use strict';
	const main = document.querySelector('[data-server]');
	if (!main || !window.EventSource) return;
	let state;
	hear(() => main.dataset.server, (event) => {
		const { server } = JSON.parse(event.data);
		for (const at of document.querySelectorAll('[data-text]')) {
			const text = server[at.dataset.text];
			if (text !== undefined && at.textContent !== text) at.textContent = text;
		}
		if (state && server.state !== state) location.reload(); // another sentence at the top
		state = server.state;
	}, () => {});
})();
