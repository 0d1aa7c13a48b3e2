// The page works without this: it keeps moving what the server does. One stream
// tells all who look, by server-sent events; where a text stands says its name:
//   <main data-server="/v1/live?server=true&language=en"> <b data-text="waiting">12</b>
(() => {
	'use strict';
	const main = document.querySelector('[data-server]');
	if (!main || !window.EventSource) return;
	let source, again, wait = 5000, state;
	const told = (event) => {
		wait = 5000;
		const { server } = JSON.parse(event.data);
		for (const at of document.querySelectorAll('[data-text]')) {
			const text = server[at.dataset.text];
			if (text !== undefined && at.textContent !== text) at.textContent = text;
		}
		if (state && server.state !== state) location.reload(); // another sentence at the top
		state = server.state;
	};
	const leave = () => {
		clearTimeout(again);
		if (source) source.close();
		source = null;
	};
	const listen = () => {
		leave();
		if (document.hidden) return;
		source = new EventSource(main.dataset.server);
		source.onmessage = told;
		// A lost connection the browser makes again by itself, but not one that was refused.
		source.onerror = () => {
			if (!source || source.readyState !== EventSource.CLOSED) return;
			again = setTimeout(listen, wait * (1 + Math.random()));
			wait = Math.min(2 * wait, 60000);
		};
	};
	document.addEventListener('visibilitychange', listen);
	addEventListener('pagehide', leave);
	addEventListener('pageshow', (e) => { if (e.persisted) listen(); });
	listen();
})();
