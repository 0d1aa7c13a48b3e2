// A page in headless Chromium that can reach nothing but loopback. What it
// tries to reach elsewhere is refused and recorded.
import { createServer } from 'node:http'
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

// As people's browsers call themselves: "HeadlessChrome" would be a bot.
const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36'

// serve answers loopback requests: files maps a path to {type, body}. It
// resolves to the page's origin, another one than the server's under test.
export async function serve(files) {
  const server = createServer((req, res) => {
    const file = files[new URL(req.url, 'http://localhost').pathname]
    res.writeHead(file ? 200 : 404, { 'Content-Type': file?.type ?? 'text/plain' })
    res.end(file?.body ?? '')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://localhost:${server.address().port}`
}

// launch starts the browser.
export async function launch() {
  const executablePath = places.find((p) => p && existsSync(p))
  if (!executablePath) throw new Error('no Chromium: run install.sh or set CHROMIUM')
  return chromium.launch({
    executablePath,
    args: ['--disable-background-networking', '--no-first-run',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'],
  })
}

// scriptless makes a profile without scripts, whose pages wait until all figures are there.
export const scriptless = (browser, options = {}) => browser.newContext({ javaScriptEnabled: false, extraHTTPHeaders: { Prefer: 'wait=20' }, ...options })

// open makes a fresh profile and a page in it. seen.requests holds what went to
// host (the server under test), seen.external what was meant for other hosts,
// seen.visits where the visitor's own clicks would have gone. Further origins are
// pages, too.
export async function open(browser, origin, host, ...further) {
  const context = await browser.newContext({ userAgent })
  const seen = { requests: [], external: [], visits: [], console: [] }
  const page = await context.newPage()
  await context.route('**/*', (route) => {
    const request = route.request()
    const url = new URL(request.url())
    if (url.origin === origin || url.origin === host || further.includes(url.origin)) {
      return route.continue().catch(() => {}) // a page that went elsewhere no longer wants it
    }
    if (request.isNavigationRequest()) {
      seen.visits.push(request.url())
      return route.fulfill({ status: 204 }) // the page stays
    }
    seen.external.push(request.url())
    return route.abort()
  })
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== host) return
    seen.requests.push({ method: request.method(), path: new URL(request.url()).pathname, body: request.postData() })
  })
  page.on('console', (message) => seen.console.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => seen.console.push(`pageerror: ${error.message}`))
  return { context, page, seen }
}

// settle waits until the page has asked the server nothing for a while.
export async function settle(seen, quiet = 1500, longest = 20_000) {
  const end = Date.now() + longest
  for (let before = -1; before !== seen.requests.length && Date.now() < end;) {
    before = seen.requests.length
    await new Promise((resolve) => setTimeout(resolve, quiet))
  }
}

// tabTo presses Tab, or another key, until what has the focus matches a selector.
export async function tabTo(page, selector, key = 'Tab') {
  for (let n = 0; n < 250; n++) {
    await page.keyboard.press(key)
    if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return
  }
  throw new Error(`no key leads to ${selector} at ${page.url()}`)
}

// focused waits for what has the focus by itself: a page gives it when it is drawn.
export async function focused(page, selector) {
  for (let n = 0; n < 250; n++) {
    if (await page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return
    await page.waitForTimeout(20)
  }
  throw new Error(`${selector} does not get the focus at ${page.url()}`)
}

// enter strikes a key that leads to another page, and waits for that.
export async function enter(page, key = 'Enter') {
  await Promise.all([page.waitForNavigation(), page.keyboard.press(key)])
}
