// Sets a site up: adds it by keyboard alone, sees its page listen until the first
// event comes by the snippet that the page shows, runs the commands that it shows,
// and looks at what the server does while more comes. Then all of it without
// JavaScript, on phone and desktop, light and dark. With SHOTS set it saves pictures there.
//   node setup.mjs HOST LOGIN
//   {"site":"PATH","listening":"","first":"","copied":true,"channels":{},"commands":[],"moved":"","requests":[],"wide":[],"nameless":[],"plain":{},"external":[],"console":[]}
import { execFileSync } from 'node:child_process'
import { launch, open, scriptless, serve, settle, tabTo } from './page.mjs'

const [host, login] = process.argv.slice(2)
const browser = await launch()
const result = { wide: [], nameless: [], commands: [] }

const { page, seen, context } = await open(browser, host, host)
await page.goto(login)
await page.locator('button').first().click()
await page.waitForURL((url) => !url.search.includes('link='))
await page.goto(host + '/sites')
await tabTo(page, '[name=domain]')
await page.keyboard.type('new.example')
await tabTo(page, '[name=timezone]')
await page.keyboard.press('Control+A')
await page.keyboard.type('Europe/Berlin')
await tabTo(page, 'main .button')
await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
const site = new URL(page.url()).pathname
result.site = site
result.listening = (await page.textContent('.listening')).trim()

// The first event comes from a page of the site, by the snippet as its button copies it.
await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: host })
const snippet = await page.locator('main pre code').first().textContent()
await tabTo(page, 'main pre .copies')
await page.keyboard.press('Enter')
await page.waitForFunction(() => document.activeElement.textContent === 'Copied')
result.copied = await page.evaluate(() => navigator.clipboard.readText()) === snippet
const origin = await serve({ '/': { type: 'text/html', body: `<!doctype html><title>New</title><link rel="icon" href="data:,">${snippet}` } })
const visitor = await open(browser, origin, host)
await visitor.page.goto(origin)
await page.waitForSelector('#came .verdict', { timeout: 15_000 })
result.first = (await page.textContent('#came .verdict')).trim()

// What the page says to type is typed.
await page.goto(host + site + '/libraries')
for (const command of await page.locator('code.try').allTextContents()) result.commands.push(execFileSync('/bin/sh', ['-c', command.replace(/^curl /, 'curl -sS ')]).toString())
const pixel = await page.locator('pre code', { hasText: '/pixel/' }).textContent()
const picture = await fetch(pixel.match(/src="([^"]+)"/)[1].replaceAll('&amp;', '&'), { headers: { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' } })
result.commands.push(picture.headers.get('content-type'))

// The page about the server moves by one stream, without asking again and again.
await page.goto(host + '/operations')
const accepted = page.locator('.wide [data-text="accepted-short"]')
const before = await accepted.textContent()
await settle(seen, 500)
const asked = seen.requests.length
await visitor.page.goto(origin + '/?again')
for (let n = 0; n < 200 && await accepted.textContent() === before; n++) await page.waitForTimeout(50)
result.moved = before + ' → ' + await accepted.textContent()
await page.waitForTimeout(4000)
result.requests = seen.requests.slice(asked).filter((r) => !r.path.startsWith('/v1/batch') && r.path !== '/js/footfall.js')
const channels = async (at) => Object.fromEntries(await at.locator('.came table').first().locator('tr').evaluateAll((rows) => rows.map((r) => [r.cells[0].textContent, r.cells[1].textContent])))

// Without JavaScript every number is there, and every page fits.
const cookies = await context.cookies()
const plain = await scriptless(browser)
await plain.addCookies(cookies)
const bare = await plain.newPage()
bare.on('console', (m) => seen.console.push(m.text()))
await bare.goto(host + site)
result.channels = await channels(bare)
await bare.goto(host + '/operations')
result.plain = Object.fromEntries(await bare.locator('table [data-text]').evaluateAll((all) => all.map((e) => [e.dataset.text, e.textContent])))
for (const colorScheme of ['light', 'dark']) {
  await bare.emulateMedia({ colorScheme })
  for (const width of [390, 1280]) {
    await bare.setViewportSize({ width, height: 900 })
    for (const path of ['/sites', site, site + '/libraries', site + '/settings', site + '/privacy', site + '/erase', '/connection', '/operations', '/operations/aside']) {
      await bare.goto(host + path)
      const found = await bare.evaluate(() => ({
        wide: document.documentElement.scrollWidth > innerWidth,
        nameless: [...document.querySelectorAll('input:not([type=hidden]):not([hidden]), select, textarea, button')].filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length,
      }))
      if (found.wide) result.wide.push(`${path} at ${width}`)
      if (found.nameless) result.nameless.push(`${found.nameless} of ${path}`)
      if (process.env.SHOTS) await bare.screenshot({ path: `${process.env.SHOTS}/setup${path.replaceAll('/', '_')}-${width}-${colorScheme}.png`, fullPage: true })
    }
  }
}
result.external = [...seen.external, ...visitor.seen.external]
result.console = [...seen.console, ...visitor.seen.console]
await browser.close()
console.log(JSON.stringify(result))
process.exit(0)
