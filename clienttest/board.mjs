// Uses the dashboard's board by the keyboard alone, as a phone, in the dark and without
// script. With SHOTS set it saves pictures there.
//   node board.mjs HOST LOGIN WRITEKEY
//   {"keys":{what was done: where it led},"wide":[…],"dark":"…","plain":{…},"loads":0,"console":[],"external":[]}
import { launch, open, scriptless } from './page.mjs'

const [host, login, writeKey] = process.argv.slice(2)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const visit = (id) => fetch(host + '/v1/page', { method: 'POST', headers: { 'Authorization': 'Basic ' + btoa(writeKey + ':'), 'Content-Type': 'application/json', 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }, body: JSON.stringify({ anonymousId: id, properties: { url: 'https://shop.example/', path: '/' } }) })

const browser = await launch()
const it = await open(browser, host, host)
const page = it.page
const result = { keys: {}, loads: -1 }
await visit('one')
await page.goto(login)
await page.locator('button:text("Log in")').first().click()
await page.waitForURL((url) => !url.search.includes('link='))
await page.goto(host + '/')
for (let n = 0; n < 100 && await page.locator('.strip').count() === 0; n++) await sleep(100) // the first page view turns up by itself
await page.mouse.move(2, 2) // over the chart it would keep the figures as they are
page.on('load', () => { result.loads++ })
result.loads = 0

// settled waits until the page is in a state, and tells how it is then.
async function settled(name, want) {
  for (let n = 0; n < 200; n++, await sleep(25)) {
    const at = await page.evaluate(() => [location.search, document.querySelector('#period summary').textContent.trim(), document.activeElement.id || document.activeElement.tagName, !document.querySelector('[aria-busy]')])
    if (at[3] && want(at[0], at[1])) { result.keys[name] = at.slice(0, 3).join(' | '); return }
  }
  result.keys[name] = 'never: ' + await page.evaluate(() => location.search + document.querySelector('#period summary').textContent)
}
const press = async (name, key, want) => { await page.keyboard.press(key); await settled(name, want) }
await press('today', 'd', (s, t) => s.includes('Today') && t === 'Today')
await press('yesterday', 'ArrowLeft', (s, t) => t === 'Yesterday')
await press('today again', 'ArrowRight', (s, t) => t === 'Today')
await press('no comparison', 'x', (s) => s.includes('compare=none'))
result.alone = await page.locator('.key.was').count()
await press('comparison', 'X', (s) => !s.includes('compare'))
// What is struck while a page is on its way is meant for that one.
await page.keyboard.press('f')
await press('two at once', 'x', (s, t) => t === 'Last 28 days' && s.includes('compare=none'))
await page.keyboard.press('x')
await press('and back', 'd', (s, t) => t === 'Today' && !s.includes('compare'))
await page.keyboard.press('c')
result.days = await page.evaluate(() => document.activeElement.name + document.querySelector('#period').open)
await page.keyboard.press('Escape')
result.closed = await page.evaluate(() => document.activeElement.tagName + document.querySelector('#period').open)
await page.keyboard.press('?')
result.help = await page.locator('dialog[open] kbd').count()
await page.keyboard.press('Escape')
result.helped = await page.locator('dialog[open]').count()
await page.locator('#cell-pageviews').focus()
await press('page views', 'Enter', (s) => s.includes('metric=PageViews'))
await page.locator('#period summary').focus()
await press('28 days', 'f', (s, t) => t === 'Last 28 days')
await page.locator('#plot').focus()
await page.keyboard.press('End')
result.said = await page.textContent('#said')
result.tip = await page.locator('.tip b').textContent()
await press('a day', 'Enter', (s) => s.includes('from='))
await page.goBack()
await settled('back', (s, t) => t === 'Last 28 days')

// What is asked of the API is what the page shows.
await page.locator('#known-PageViews summary').focus()
await page.keyboard.press('Enter')
result.exact = await page.textContent('#known-PageViews dd')
const answer = await page.getAttribute('#known-PageViews .evidence a', 'href')
result.answer = await page.evaluate(async (href) => { const a = await fetch(href); return a.status + ' ' + (await a.json()).dataset.map((p) => p.value).join() }, answer)
result.shut = await page.evaluate(async (href) => (await fetch(href, { credentials: 'omit' })).status, answer)

// Realtime: who comes is there at once.
await page.keyboard.press('Escape')
await press('realtime', 'r', (s, t) => t === 'Realtime')
result.bars = await page.locator('.bars .step').count()
await visit('two')
for (let n = 0; n < 100 && await page.textContent('#cell-now .value') !== '2'; n++) await sleep(50)
result.there = await page.textContent('#cell-now .value')
for (let n = 0; n < 300 && await page.textContent('#cell-visitors .value') !== '2'; n++) await sleep(50)
result.minutes = await page.textContent('#cell-visitors .value')

result.wide = []
const loads = result.loads
for (const [width, path] of [[1280, '/'], [390, '/?period=Last30Minutes'], [320, '/?from=2024-02-29&compare=year&metric=SessionDuration']]) {
  await page.setViewportSize({ width, height: 900 })
  await page.goto(host + path)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    if (over > 0) result.wide.push(`${path} at ${width}: ${over}`)
    result.dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/board-${width}-${colorScheme}${path.length}.png`, fullPage: true })
  }
}
result.loads = loads

// Without script all of it can be read, and chosen.
const context = await scriptless(browser, { storageState: await it.context.storageState() })
const plain = await context.newPage()
await plain.goto(host + '/')
await plain.locator('#period summary').click()
await plain.locator('#period a[data-key=R]').click()
await plain.locator('#known-Visitors summary').click()
result.plain = { visitors: await plain.textContent('#cell-visitors .value'), evidence: await plain.locator('#known-Visitors .evidence').isVisible(), before: await plain.locator('#keys').isVisible() }
await plain.locator('.keyhelp').click()
result.plain.keys = await plain.locator('#keys').isVisible()
await plain.locator('#table summary').click()
result.plain.rows = await plain.locator('#table tbody tr:visible').count()

// Where news come faster than a page, what somebody goes to comes all the same.
await page.goto(host + '/?period=Last30Minutes')
await page.route((url) => url.pathname === '/' && url.origin === host, async (route) => {
  await sleep(2000)
  await route.continue().catch(() => {}) // the page no longer wants it
})
let many = 0
const coming = setInterval(() => visit('more' + many++).catch(() => {}), 200)
await sleep(2500)
await press('in haste', 'd', (s, t) => s.includes('Today') && t === 'Today')
clearInterval(coming)
await page.unrouteAll({ behavior: 'wait' })

// What somebody types is not drawn over, wherever in the form the focus is.
await page.goto(host + '/?detail=page&period=Last30Minutes')
await page.locator('input[type=search]').fill('abc')
await page.locator('form.find button').focus()
await sleep(1500) // it listens
await visit('last')
await sleep(4000)
result.typed = await page.evaluate(() => document.querySelector('input[type=search]').value + ' ' + document.activeElement.tagName)
result.loads = loads
await browser.close()
result.console = it.seen.console
result.external = it.seen.external
console.log(JSON.stringify(result))
process.exit(0)
