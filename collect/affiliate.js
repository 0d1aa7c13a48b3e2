/* Takes an affiliate's click along to where the order is made. affiliate.min.js
   is what is served: change both together, a test holds their strings together
   and the size under 1 kB gzipped. It stands behind the snippet, which knows the
   click:

   <script defer data-site="WRITEKEY" src="https://host/js/footfall.js"></script>
   <script defer data-hosts="checkout.example other.example" src="https://host/js/affiliate.js"></script>
   data-hosts         of the programme; links to them get the click's id as cid

   Form fields named affiliate_cid are filled with it. For what is neither link
   nor field, such as a checkout's custom data, footfall.affiliate() is {cid, code},
   or undefined if no affiliate brought the visitor. */
(() => {
  const page = document;
  const hosts = (page.currentScript.dataset.hosts || '').toLowerCase().match(/[^\s,]+/g) || [];
  const clickID = () => window.footfall && footfall.affiliate && (footfall.affiliate() || {}).cid;

  // A link gets it when it is about to be used: so it does not matter who wrote or changed it when.
  const mark = (use) => {
    const link = use.target.closest && use.target.closest('a[href]');
    const cid = clickID();
    if (!cid || !link || !hosts.includes(link.hostname) || /[?&]cid=/.test(link.search)) return;
    link.search += (link.search ? '&' : '?') + 'cid=' + cid;
  };
  for (const use of ['mousedown', 'touchstart', 'click', 'auxclick']) addEventListener(use, mark, true);

  const fill = () => {
    const cid = clickID();
    if (!cid) return;
    for (const field of page.querySelectorAll('input[name=affiliate_cid]')) field.value = cid;
  };
  new MutationObserver(fill).observe(page, { childList: true, subtree: true });
  for (const moment of ['load', 'submit']) addEventListener(moment, fill, true);
  fill();
})();
