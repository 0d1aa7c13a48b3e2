// A page with Footfall's own snippet: events before it is loaded, a page view, single-page navigation, a
// click that leaves, a download and an event of the page's own; then the same
// page for a visitor who objects (Global Privacy Control). Prints what was
// asked of the server and what the browser keeps:
//   node snippet.mjs HOST WRITEKEY
//   {"requests":[{method,path,body}],"external":[],"visits":[],"console":[],
//    "cookies":[],"storage":{"local":0,"session":0},"objecting":[{method,path,body}]}
import { launch, open, serve, settle } from './page.mjs'

const [host, writeKey] = process.argv.slice(2)

const html = `<!doctype html><title>Shop</title><link rel="icon" href="data:,">
<script defer data-site="${writeKey}" src="${host}/js/footfall.js"></script>
<script>function footfall(){(footfall.q=footfall.q||[]).push(arguments)}</script>
<script>footfall('early', { plan: 'free' }); footfall('early', { plan: 'none' })</script>
<a id="leave" href="https://elsewhere.example/offer">leave</a>
<a id="file" href="/files/size-guide.pdf" download>size guide</a>`

// By a name of the site's own, on the page that stands for a missing one.
const gone = `<!doctype html><title>Gone</title><link rel="icon" href="data:,">
<script defer data-404 data-site="${writeKey}" src="${host}/n/menu.js"></script>`

const origin = await serve({
  '/gone': { type: 'text/html', body: gone },
  '/first': { type: 'text/html', body: html },
  '/files/size-guide.pdf': { type: 'application/pdf', body: '%PDF-1.4\n%%EOF\n' },
})
const browser = await launch()
const { context, page, seen } = await open(browser, origin, host)
await page.goto(`${origin}/first?utm_source=news`, { waitUntil: 'load' })
await settle(seen, 500)
await page.evaluate(() => { history.pushState({}, '', '/second'); document.title = 'Second' })
await settle(seen, 500)
await page.evaluate(() => window.footfall('signup', { plan: 'pro' }))
await page.click('#leave')
await settle(seen, 500)
await page.click('#file')
await settle(seen, 500)
await page.goto(`${origin}/gone`, { waitUntil: 'load' })
await settle(seen)
const cookies = await context.cookies()
const storage = await page.evaluate(() => ({ local: localStorage.length, session: sessionStorage.length }))
await context.close()

const objector = await open(browser, origin, host)
await objector.context.addInitScript(() => {
  Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })
})
await objector.page.goto(`${origin}/first`, { waitUntil: 'load' })
await settle(objector.seen)
await browser.close()
console.log(JSON.stringify({ ...seen, cookies, storage, objecting: objector.seen.requests }))
process.exit(0)
