// Does all that the dashboard is for by the keyboard alone: from setting a password to
// logging out. Then goes through the pages with Tab: every link, button and field is come
// to, none keeps the focus, and what has it is to be seen.
//   node keys.mjs HOST < {"invitation","email","site","key","pages":[{"name","at"}]}
//   {"did":{what: what the page says then},"amiss":[],"stops":0,"seconds":{},"console":[],"external":[]}
import { readFileSync } from 'node:fs'
import { enter, focused, launch, open, tabTo } from './page.mjs'

const [host] = process.argv.slice(2)
const { invitation, email, site, key, pages } = JSON.parse(readFileSync(0, 'utf8'))
const browser = await launch()
const { page, seen } = await open(browser, host, host)
const result = { did: {}, amiss: [], stops: 0, seconds: {} }
const { keyboard } = page
const password = 'correct horse battery staple'
let began = performance.now()

process.on('unhandledRejection', (e) => { console.error(e, JSON.stringify(result)); process.exit(1) })
// did notes what the first place of a selector says, and how long it took to come to it.
async function did(what, selector) {
  const place = page.locator(selector).first()
  result.did[what] = await place.innerText({ timeout: 10_000 }).then((said) => said.trim().replaceAll(/\s+/g, ' '), () => `nothing: there is no ${selector} at ${page.url()}`)
  result.seconds[what] = (performance.now() - began) / 1000
  began = performance.now()
}
// tabs strikes Tab so often, without waiting for each.
const wire = await page.context().newCDPSession(page)
const tabs = (n) => Promise.all(Array.from({ length: 2 * n }, (_, i) => wire.send('Input.dispatchKeyEvent', { type: i % 2 ? 'keyUp' : 'rawKeyDown', key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 })))
// to strikes Tab until what has the focus matches a selector: what is struck behind that
// counts no more.
async function to(selector) {
  await page.evaluate((selector) => {
    const end = new AbortController()
    window.came = false
    document.addEventListener('focusin', (e) => { window.came ||= e.target.matches(selector) }, { signal: end.signal })
    document.addEventListener('keydown', (e) => { if (window.came) e.preventDefault() }, { capture: true, signal: end.signal })
    window.arrived = () => { if (window.came) end.abort(); return window.came }
  }, selector)
  for (let n = 0; n < 12; n++) {
    await tabs(20)
    if (await page.evaluate(() => window.arrived())) return
  }
  throw new Error(`no key leads to ${selector} at ${page.url()}`)
}
const type = (text) => keyboard.type(text)
// write fills the field that Tab leads to, over what is in it.
async function write(selector, text) {
  await to(selector)
  await keyboard.press('Control+A')
  await type(text)
}
// settled waits for another state of the page that is loaded into it.
async function settled(...parts) {
  for (let n = 0; n < 400; n++) {
    if (await page.evaluate((parts) => parts.every((p) => location.search.includes(p)) && !document.querySelector('[aria-busy]'), parts)) return
    await page.waitForTimeout(25)
  }
  throw new Error(`the address is ${page.url()}, want ${parts} in it`)
}
const focus = () => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName)

// In: a password by the link of an invitation, and the log-in.
await page.goto(invitation)
await focused(page, 'input')
await type(password)
if (await page.locator('input[type=password]').count() > 1) {
  await keyboard.press('Tab')
  await type(password)
}
await enter(page)
await page.goto(host + `/?site=${site}`)
await to('.logout button')
await enter(page)
await page.goto(host + `/?site=${site}`)
await to('[name=email]')
await type(email)
await to('[name=password]')
await type(password)
await enter(page)
await did('log in', 'h1')

// The board: period, metric, comparison, filters.
await to('#period summary')
await keyboard.press('Enter')
await to('#period [data-key=D]')
await keyboard.press('Enter')
await settled('period=Today')
await did('period', '#period summary')
await to('#cell-pageviews')
await keyboard.press('Enter')
await settled('metric=PageViews')
await did('metric', 'figcaption b')
result.did['focus stays'] = await focus()
await to('#compare summary')
await keyboard.press('Space')
await to('#compare a')
await keyboard.press('Escape')
result.did['menu closes'] = await focus() + await page.locator('details[open] > .menu').count()
await keyboard.press('a')
await settled('period=')
await to('.list ol a')
await keyboard.press('Enter')
await settled('metric=PageViews')
await page.locator('.chips').waitFor()
await did('filter', '.chips .what')
result.did['focus after a filter'] = await page.evaluate(() => document.activeElement.matches('.list li a[aria-current]') ? 'the row' : document.activeElement.outerHTML.slice(0, 200))
await to('.filters .more')
await enter(page)
await write('#keep [name=name]', 'My filter')
await keyboard.press('Tab')
await keyboard.press('ArrowDown') // the other radio button
await to('#keep button')
await enter(page)
await did('save a filter', '[role=status]')
await page.goBack()
await page.goBack()
await page.locator('.chips').waitFor()
await to('.chips .away')
await keyboard.press('Enter')
await page.locator('.chips').waitFor({ state: 'detached' })
result.did['focus after it is taken away'] = await page.evaluate(() => document.activeElement.matches('.add summary') ? 'the menu of filters' : document.activeElement.outerHTML.slice(0, 200))

// A list with all its rows: searched and ordered.
await to('.list .more')
await keyboard.press('Enter')
await page.locator('.details').waitFor()
await to('.details [type=search]')
await type('a')
await enter(page)
await did('search', '.details .count')
await to('.columns thead th:first-child a')
await keyboard.press('Enter')
await page.locator('.details [aria-sort=ascending]').waitFor()
await did('sort', '.details [aria-sort]')
await to('.details .back')
await keyboard.press('Enter')
await page.locator('.board').waitFor()

// What has the focus keeps it while figures come in; a row that is no more leaves it on
// the figures, and not at the page's beginning.
const visit = () => fetch(host + '/v1/page', { method: 'POST', headers: { 'Authorization': 'Basic ' + btoa(key + ':'), 'Content-Type': 'application/json', 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }, body: JSON.stringify({ anonymousId: 'keys' + Math.random(), properties: { url: 'https://shop.example/', path: '/' } }) })
for (const [what, selector, href] of [['a figure', '#cell-visitors'], ['evidence', '#known-Visitors summary'], ['a row', '.list ol a'], ['a row that is no more', '.list ol a', '/?gone']]) {
  await page.goto(host + `/?site=${site}&period=Today`) // anew: what comes again and again is drawn less often
  await page.locator(selector).first().focus()
  const before = await focus()
  if (href) await page.evaluate((href) => Object.assign(document.activeElement, { href, title: 'gone' }), href)
  await page.evaluate(() => { window.drawn = new Promise((resolve) => document.addEventListener('drawn', resolve, { once: true })) })
  await page.waitForTimeout(300) // it listens
  await visit()
  const came = await page.evaluate(() => Promise.race([window.drawn.then(() => true), new Promise((resolve) => setTimeout(resolve, 15_000))]))
  const after = await focus()
  result.did['drawn anew: ' + what] = !came ? 'never' : after === before ? 'kept' : after
}
began = performance.now()

// What is kept: a goal, a funnel, a note.
await page.goto(host + `/goals?site=${site}`)
await write('#define [name=name]', 'By keys')
await to('#define [name=kind]')
await keyboard.press('ArrowDown')
await write('#define [name=what]', 'Sign-up')
await to('#define button[value=save]')
await enter(page)
await did('define a goal', '[role=status]')
await page.goto(host + `/funnels?site=${site}`)
for (const [n, step] of ['/', '/shop/*'].entries()) await write(`form.steps .row:nth-of-type(${n + 1}) [name=what]`, step)
await to('form.steps > .row button')
await enter(page)
await did('a funnel', '.funnel')
await write('.keepit [name=name]', 'By keys')
await to('.keepit button')
await enter(page)
await did('keep the funnel', '[role=status]')
await page.goto(host + `/notes?site=${site}`)
await write('#write [name=text]', 'Written by keys')
await to('#write .button')
await enter(page)
await did('a note', '[role=status]')

// Access: a site, a key, a person, a link.
await page.goto(host + '/sites')
await write('[name=domain]', 'keys.example')
await to('main .button')
await enter(page)
await did('add a site', '.listening')
await page.goto(host + '/keys')
await to('[name=scope]')
await keyboard.press('Space')
const already = await page.locator('[name=scope]:checked').count()
if (!already) await keyboard.press('Space')
await to('main .button')
await enter(page)
await did('add a key', '.copy code')
await to('form[action^="/keys/"] button')
await enter(page)
await did('revoke a key', '[role=status]')
await page.goto(host + '/people')
await write('form.stack [name=email]', 'invited@example.com')
await to('form.stack .button')
await enter(page)
await did('invite', '.copy code')
await page.goto(host + '/people?search=invited')
await to('.rows th a')
await enter(page)
await to('.acts summary')
await keyboard.press('Enter')
await to('.acts .danger')
await enter(page)
await did('remove a person', '[role=status]')
await page.goto(host + '/shares')
await to('details.go summary')
if (!await page.evaluate(() => document.activeElement.parentElement.open)) await keyboard.press('Enter') // it is open where there is no link yet
await write('form[action="/shares"] [name=name]', 'whoever has keys')
await to('form[action="/shares"] .button')
await enter(page)
await did('share', '.copy code')
await page.goto(host + '/operations/aside')
await to('[name=item]')
await keyboard.press('Space')
await to('button[value=drop]')
await enter(page)
await did('what is set aside', '[role=status]')

// Every page, by Tab from its beginning to its end.
const walk = () => {
  const shown = (e) => !e.disabled && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true }) && !e.closest('[inert]')
  const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')].filter(shown)
  // Of radio buttons of one name one is come to, and arrow keys lead to the others.
  const wanted = all.filter((e) => e.type !== 'radio' || e === [...all].filter((r) => r.type === 'radio' && r.name === e.name && r.form === e.form).sort((a, b) => b.checked - a.checked)[0])
  window.come = { wanted, at: new Set(), covered: new Set() }
  document.addEventListener('keyup', () => {
    const e = document.activeElement, box = e.getBoundingClientRect()
    if (e === document.body) return
    window.come.at.add(e)
    const over = document.elementFromPoint(Math.min(innerWidth - 1, Math.max(0, box.x + box.width / 2)), Math.min(innerHeight - 1, Math.max(0, box.y + Math.min(box.height, 40) / 2)))
    if (!over || !(e.contains(over) || over.contains(e) || over.closest('label')?.control === e)) window.come.covered.add(e)
  })
}
const walked = () => {
  const name = (e) => `${e.tagName.toLowerCase()}${e.id && '#' + e.id} ${e.name ?? ''} ${e.getAttribute('href') ?? ''} ${e.textContent.trim().slice(0, 30)}`
  const { wanted, at, covered } = window.come
  return { stops: at.size, amiss: [...wanted.filter((e) => !at.has(e)).map((e) => 'no key leads to ' + name(e)), ...[...covered].map((e) => 'covered or out of sight: ' + name(e))] }
}
await page.setViewportSize({ width: 1280, height: 900 })
await page.route('**/v1/live*', () => {}) // what is drawn anew has been looked at
began = performance.now()
for (const p of pages) {
  await page.goto(host + p.at)
  // What is closed opens by its summary, as above; menus cover what is under them.
  await page.evaluate(() => document.querySelectorAll('details:not(.known):not(:has(> .menu))').forEach((d) => { d.removeAttribute('name'); d.open = true }))
  await page.evaluate(() => { document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0) })
  await page.evaluate(walk)
  // A date is several stops, and so is what can be scrolled: as long as new ones come.
  for (let came = 0, n = 0; ; n = came) {
    await tabs(30)
    came = await page.evaluate(() => window.come.at.size)
    const frame = await page.evaluate(() => document.activeElement.tagName === 'IFRAME') // its stops are on the way
    if (came === n && !frame || await page.evaluate(() => window.come.wanted.every((e) => window.come.at.has(e)))) break
  }
  const { stops, amiss } = await page.evaluate(walked)
  result.stops += stops
  result.amiss.push(...amiss.map((what) => `${p.name}: ${what}`))
}
result.seconds.walk = (performance.now() - began) / 1000

await page.goto(host + '/account')
await tabTo(page, '.logout button', 'Shift+Tab')
await enter(page)
await did('log out', 'h1')
result.console = seen.console
result.external = seen.external
await browser.close()
console.log(JSON.stringify(result))
process.exit(0)
