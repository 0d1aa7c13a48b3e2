/* Footfall's snippet. footfall.min.js is what is served: change both together,
   a test holds their strings together and the size under 1 kB gzipped.

   <script defer data-site="WRITEKEY" src="https://host/js/footfall.js"></script>
   data-dnt="ignore"  send although the browser asks not to be tracked
   data-404           on the page that stands for a missing one
   data-storage="local"  keep an affiliate's click beyond the tab

   It sets no cookie and stores nothing, but for an affiliate's code or click id
   in the page's address, which stays in session storage until the tab is closed.
   affiliate.js takes it along to other hosts and into forms. */
(() => {
  const page = document;
  const place = location;
  const script = page.currentScript;
  const options = script.dataset;
  const server = new URL(script.src).origin + '/v1/';
  const silent = options.dnt != 'ignore' && (navigator.doNotTrack == 1 || navigator.globalPrivacyControl);
  let referrer = page.referrer;
  let shown; // path and query of the page last sent
  let address; // and its whole address, the referrer of the next

  // An event's id is made once, so that what is sent twice counts once. randomUUID is missing on http pages.
  const random = () => Math.random().toString(36).slice(2);
  const newID = () => (Date.now() + random() + random()).slice(0, 26);

  // Which affiliate brought the visitor: what the address says, or what an earlier page of this visit kept. With a code
  // alone this page is the click. If there is no id of one yet it is made here, as long as a redirect's; it goes with the
  // event of this page, and later with the order.
  let affiliate;
  if (!silent) try {
    const asked = (name) => new URLSearchParams(place.search).get(name);
    const store = window[(options.storage || 'session') + 'Storage'];
    const code = asked('ref') || asked('via') || asked('aff') || asked('a');
    const cid = asked('cid');
    if (store.footfall) affiliate = JSON.parse(store.footfall);
    if (code) affiliate = { code, cid: affiliate ? affiliate.cid : newID() };
    if (/^.{26}$/.test(cid)) affiliate = { cid };
    if (affiliate) store.footfall = JSON.stringify(affiliate);
  } catch {} // storage may be forbidden

  const send = (route, event, properties) => {
    if (silent) return;
    const now = new Date();
    const body = JSON.stringify({
      writeKey: options.site,
      messageId: newID(),
      event,
      properties,
      originalTimestamp: now,
      sentAt: now,
      context: { page: { url: place.href, title: page.title, referrer }, affiliate, library: { name: 'footfall.js' }, screen: { width: screen.width } },
    });
    // A text body needs no preflight; keepalive outlives the page. Older browsers throw, full queues reject.
    const beacon = () => navigator.sendBeacon(server + route, body);
    try {
      fetch(server + route, { method: 'POST', body, keepalive: true }).catch(beacon);
    } catch {
      beacon();
    }
  };
  const track = (event, properties) => send('t', event, properties);

  const view = () => {
    const now = place.pathname + place.search;
    if (now != shown) {
      if (shown) referrer = address;
      shown = now;
      address = place.href;
      send('p');
    }
  };
  const pushState = history.pushState;
  history.pushState = function () {
    pushState.apply(this, arguments);
    view();
  };
  addEventListener('popstate', view);

  const clicked = (click) => {
    const link = click.target.closest && click.target.closest('a[href]');
    if (!link) return;
    const url = link.href;
    if (/\.(pdf|zip|gz|rar|7z|dmg|exe|msi|pkg|apk|iso|csv|txt|docx?|xlsx?|pptx?|epub|mp[34]|mov|avi|wav)$/i.test(link.pathname)) {
      track('File Downloaded', { url, file: link.pathname.split('/').pop() });
    } else if (/^http/.test(url) && link.host != place.host) {
      track('Outbound Link Clicked', { url });
    }
  };
  addEventListener('click', clicked, true);
  addEventListener('auxclick', clicked, true);

  const waiting = window.footfall && footfall.q;
  track.affiliate = () => affiliate;
  window.footfall = track;
  view();
  if ('404' in options) track('Page Not Found', { url: place.href });
  (waiting || []).map((call) => track(...call));
})();
