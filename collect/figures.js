/* Footfall's figures for pages of your own. figures.min.js is what is served: change
   both together (docs/embedding.md says how); a test keeps it under 2 kB gzipped.

   <footfall-figure site="example.com" metric="Visitors" window="Last30Days" token="ffe_…" chart></footfall-figure> */
(() => {
  const home = new URL(document.currentScript.src).origin
  const style = new CSSStyleSheet()
  style.replaceSync(`:host{display:inline-block;font-variant-numeric:tabular-nums}:host([theme=dark]){color-scheme:dark}:host([theme=light]){color-scheme:light}:host([hidden]){display:none}
.l,.n,.c{font-size:.85em}.l,.n{display:block;opacity:.75}.v{font-size:1.8em;font-weight:650}.c{margin-left:.5em}.up{color:var(--footfall-up,light-dark(#2b6e3f,#7cc894))}.down{color:var(--footfall-down,light-dark(#a12f2f,#f19a92))}
svg{display:block;width:100%;min-width:8em;height:2.6em;color:var(--footfall-color,light-dark(#b4441a,#f18a58))}path{fill:none;stroke:currentColor;stroke-width:2;vector-effect:non-scaling-stroke}.a{fill:currentColor;stroke:none;opacity:.14}`)

  // What several elements ask at the same time is asked once.
  const asked = {}
  const ask = (server, token, question) => {
    const body = JSON.stringify(question)
    const key = server + token + body
    setTimeout(() => delete asked[key], 5000)
    return asked[key] ??= fetch(server + '/v1/query', { method: 'POST', body, headers: { Authorization: 'Bearer ' + token } }).then(async (answer) => {
      const said = await answer.json()
      if (!answer.ok) throw { why: said.error, over: answer.status < 429, wait: answer.headers.get('Retry-After') }
      return said
    })
  }

  // Only what is seen is asked for again, each at a time of its own.
  const all = new Set()
  const seen = new IntersectionObserver((changed) => {
    for (const { target, isIntersecting } of changed) {
      target.seen = isIntersecting
      target.plan()
    }
  })
  document.addEventListener('visibilitychange', () => all.forEach((e) => e.plan()))

  customElements.define('footfall-figure', class extends HTMLElement {
    static observedAttributes = ['site', 'metric', 'window', 'token', 'server', 'chart', 'compare', 'label', 'refresh']
    constructor() {
      super()
      this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [style]
    }
    connectedCallback() {
      all.add(this)
      seen.observe(this)
      this.attributeChangedCallback()
    }
    disconnectedCallback() {
      all.delete(this)
      seen.unobserve(this)
      this.seen = false
      this.plan()
    }
    attributeChangedCallback() {
      this.at = 0
      this.pause = 60
      this.told = null
      this.plan()
    }
    get(name, usual) {
      return this.getAttribute(name) ?? usual
    }
    plan() {
      clearTimeout(this.timer)
      if (this.seen && !document.hidden && this.at < Infinity) this.timer = setTimeout(() => this.load(), this.at - Date.now())
    }
    async load() {
      const turn = this.turn = {}
      const metric = this.get('metric', 'Visitors')
      const compare = this.get('compare', 'previous_period')
      const question = { site_id: this.get('site'), metrics: [metric], date_range: this.get('window', 'Last30Days') }
      const put = (more) => ask(this.get('server', home), this.get('token'), { ...question, ...more })
      let next = this.get('refresh', 60)
      this.at = Infinity
      if (!this.told) this.show('loading', '…')
      try {
        if (!this.get('token')) throw { why: 'no token', over: 1 }
        const [table, steps] = await Promise.all([
          put(compare != 'none' && { include: { compare } }),
          this.hasAttribute('chart') && put({ dimensions: ['time'], include: { time_labels: true } }),
        ])
        if (turn != this.turn) return
        this.pause = 60
        this.told = table
        const { metrics: [value], comparison } = table.results[0]
        if (value == null) this.show('empty', '–')
        else this.show('ready', this.spell(value, table.meta.units?.[metric]), '', comparison?.change[0], steps && steps.results.map((row) => row.metrics[0]))
      } catch (err) {
        if (turn != this.turn) return
        if (!this.told || err.over) this.show('error', '–', err.why || 'no answer')
        next = err.over ? 0 : err.wait || (this.pause *= 2)
      }
      if (next > 0) this.at = Date.now() + Math.max(15, next) * (800 + 400 * Math.random())
      this.plan()
    }
    // show draws a state: loading, ready, empty or error.
    show(state, value, note, change, steps) {
      const root = this.shadowRoot
      const put = (part, text, more = '') => text && root.append(Object.assign(document.createElement('span'), { part, textContent: text, className: part[0] + more }))
      this.dataset.state = state
      root.innerHTML = note && this.textContent.trim() ? '<slot>' : '' // of an error: what the page says instead
      if (root.firstChild) return
      put('label', this.get('label', this.get('metric', 'Visitors').replace(/\B[A-Z]/g, ' $&')))
      put('value', value)
      if (change != null) put('change', (change < 0 ? '−' : '+') + this.number(Math.abs(change)) + ' %', change < 0 ? ' down' : ' up')
      put('note', note)
      if (!steps) return
      const x = 100 / Math.max(1, steps.length - 1)
      const line = steps.map((n, i) => i * x + ' ' + (30 - 28 * n / Math.max(1, ...steps))).join('L')
      const chart = document.createElement('div')
      chart.innerHTML = `<svg viewBox="0 0 100 30" preserveAspectRatio="none" part="chart" aria-hidden="true"><path class="a" d="M${line}L100 30L0 30"/><path d="M${line}"/></svg>`
      root.append(chart.firstChild)
    }
    number(n, more) {
      return n.toLocaleString(this.closest('[lang]')?.lang, { maximumFractionDigits: 1, ...more })
    }
    spell(n, unit) {
      if (unit == 's') return (n < 60 ? '' : Math.floor(n / 60) + ' min ') + Math.round(n % 60) + ' s'
      return unit == '%' ? this.number(n) + ' %' : this.number(n, unit && { style: 'currency', currency: unit, maximumFractionDigits: 2 })
    }
  })
})()
