// Tells the page around this one how high it is, whenever that changes: /js/frame.js
// listens there. The page works without it, in a frame that is high enough.
(() => {
	'use strict';
	if (parent === self) return;
	new ResizeObserver(() => parent.postMessage({ footfall: { height: document.documentElement.offsetHeight } }, '*')).observe(document.documentElement);
})();
