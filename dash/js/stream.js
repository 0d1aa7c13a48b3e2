// sayLost puts the words there, for the classes "lost" and "late" of the root element to show:
// by hear, and anew by who draws anew.
const sayLost = () => {
	'use strict';
	for (const line of document.querySelectorAll('[data-say-lost]')) {
		if (line.querySelector('b')) continue;
		const words = line.appendChild(document.createElement('b'));
		words.textContent = line.dataset.sayLost;
		words.setAttribute('role', 'status');
	}
};

// hear listens to what the server tells at an address, by server-sent events, while
// somebody looks at the page: told gets each of them. It goes in front of the scripts
// that listen. A lost connection the browser makes again by itself, after as long as the
// server has said, to each another time; not one that was refused, as when too many
// listen: that is tried again here, and refused is called before. As long as nothing can be
// heard the root element has the class "lost", and where data-say-lost stands its words are
// shown. What hear returns begins anew, as when the address is another one.
const hear = (address, told, refused) => {
	'use strict';
	let source, again, silent, wait = 5000;
	const heard = () => {
		clearTimeout(silent);
		silent = 0;
		document.documentElement.classList.remove('lost');
	};
	const leave = () => {
		clearTimeout(again);
		if (source) source.close();
		source = null;
	};
	const listen = () => {
		leave();
		if (document.hidden) return heard(); // nobody looks, and it begins anew
		source = new EventSource(address());
		source.onopen = heard;
		source.onmessage = (event) => {
			wait = 5000;
			told(event);
		};
		source.onerror = () => {
			if (!silent) silent = setTimeout(() => document.documentElement.classList.add('lost'), 2500); // a server that is restarted is back before
			if (!source || source.readyState !== EventSource.CLOSED) return;
			again = setTimeout(() => { refused(); listen(); }, wait * (1 + Math.random())); // not everybody at the same time
			wait = Math.min(2 * wait, 60000);
		};
	};
	document.addEventListener('visibilitychange', listen);
	addEventListener('pagehide', leave);
	addEventListener('pageshow', (e) => { if (e.persisted) listen(); });
	sayLost();
	listen();
	return listen;
};
