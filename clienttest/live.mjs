// Looks at the dashboard of the operator, the page of a share and an affiliate's
// portal while page views and orders come, a tab is hidden and the server
// restarts. Nothing is loaded by hand after the beginning. With SHOTS set it
// saves pictures there.
//   node live.mjs HOST LOGIN SHARE INVITE WRITEKEY ORDERKEY FOOTFALL DATA
//   {"first":{"ms","text"},"one":{…},"idle":[],"view":{…},"share":{…},"board":{…},"order":{…},"late":{…},"hidden","shown":{…},
//    "restarted":{…},"lost":{},"loads","console":[],"external":[]}
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { launch, open } from './page.mjs'

const [host, login, share, invite, writeKey, orderKey, footfall, data] = process.argv.slice(2)
const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function post(path, authorization, body) {
  const answer = await fetch(host + path, { method: 'POST', headers: { 'Authorization': authorization, 'Content-Type': 'application/json', 'User-Agent': agent }, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
}
let visitors = 0
const visit = () => post('/v1/page', 'Basic ' + btoa(writeKey + ':'), { anonymousId: `visitor-${visitors++}`, properties: { url: 'https://shop.example/', path: '/' } })
let orders = 0
const order = () => post('/v1/orders?site=shop-example', 'Bearer ' + orderKey, { order_id: `10${orders++}`, time: new Date().toISOString(), currency: 'EUR', coupon: 'ANNA15', products: [{ product_id: 'go', name: 'Go course', quantity: 1, net: 84.03 }] })

const now = (page) => page.textContent('[data-figure]')
const today = (page, name) => page.textContent(`section[aria-label=Today] div:has(> dt:text("${name}")) > dd`)

// until waits for what a page shows; it tells how long that took.
async function until(read, want) {
  const began = Date.now()
  for (let text; Date.now() - began < 20_000; await sleep(20)) {
    text = (await read()).trim()
    if (text === want) return { ms: Date.now() - began, text }
  }
  return { ms: -1, text: (await read()).trim() }
}

const shots = process.env.SHOTS
async function picture(page, name) {
  for (const width of shots ? [1280, 375] : []) {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 900 })
      await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: true })
    }
  }
}

const browser = await launch()
const pages = []
for (const [address, button] of [[login, 'button:text("Log in")'], [share, ''], [invite, 'button:text("Set password"), form button']]) {
  const it = await open(browser, host, host)
  await it.page.goto(address)
  if (address === invite) {
    for (const field of await it.page.$$('input[type=password]')) await field.fill('correct horse battery staple')
  }
  if (button) {
    await it.page.locator(button).first().click()
    await it.page.waitForURL((url) => !url.search.includes('link='))
    await it.page.goto(host + (address === invite ? '/portal' : '/'))
  }
  await it.page.mouse.move(2, 2) // over the chart it would keep the figures as they are
  it.page.on('load', () => { result.loads++ })
  pages.push(it)
}
const result = { loads: 0 }
const [dash, shared, portal] = pages

// The page of a site without any page view waits for the first.
await visit()
result.first = await until(() => dash.page.locator('.listening').count().then(String), '0')
result.one = await until(() => now(dash.page), '1')
await sleep(5000)
const before = pages.map((p) => p.seen.requests.length)
await sleep(8000) // longer than the dashboard once polled
result.idle = pages.flatMap((p, i) => p.seen.requests.slice(before[i]))

await visit()
;[result.view, result.share] = await Promise.all([until(() => now(dash.page), '2'), until(() => now(shared.page), '2')])
result.board = await until(() => dash.page.locator('.strip .value').first().textContent(), '2')
await order()
result.order = await until(() => today(portal.page, 'Orders today'), '1')
result.earned = await today(portal.page, 'Earned today')
await sleep(2500)
await order()
result.late = await until(() => today(portal.page, 'Orders today'), '2')
await picture(portal.page, 'portal')
await picture(dash.page, 'dash')
await picture(shared.page, 'share')

const hide = (hidden) => dash.page.evaluate((hidden) => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
}, hidden)
await hide(true)
await visit()
await sleep(3000)
result.hidden = (await now(dash.page)).trim()
await hide(false)
result.shown = await until(() => now(dash.page), '3')

await promisify(execFile)(footfall, ['restart', '--data', data])
for (let up = false; !up; await sleep(50)) up = await fetch(host + '/readyz').then((a) => a.ok, () => false)
await visit()
;[result.restarted, result.restartedShare] = await Promise.all([until(() => now(dash.page), '4'), until(() => now(shared.page), '4')])
await order()
result.restartedOrder = await until(() => today(portal.page, 'Orders today'), '3')

// Where nothing can be heard the pages say so, as long as it is so.
result.lost = {}
for (const [who, path] of [[dash, '/operations'], [portal, '/portal']]) {
  const page = await who.context.newPage()
  await page.route('**/v1/live*', (route) => route.abort('connectionrefused'))
  await page.goto(host + path)
  const said = page.getByText('no answer from the server')
  await said.waitFor()
  await page.unroute('**/v1/live*')
  await said.waitFor({ state: 'hidden' })
  result.lost[path] = await said.count()
}
await browser.close()
for (const list of ['console', 'external']) result[list] = pages.flatMap((p) => p.seen[list])
console.log(JSON.stringify(result))
process.exit(0)
