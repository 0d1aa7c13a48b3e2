// Weighs the board as a browser loads it that was never there, and all script of the
// pages: what they are compressed, and what went over the wire.
//   node weight.mjs HOST LOGIN SITE PROGRAMME
//   {"requests":[{"path","kind"}],"bytes":0,"onTheWire":0,"script":0,"paint":0,"external":[],"console":[]}
import { gzipSync } from 'node:zlib'
import { launch, open } from './page.mjs'

const [host, login, site, programme] = process.argv.slice(2)
const browser = await launch()
const first = await open(browser, host, host)
await first.page.goto(login)
await first.page.locator('button').first().click()
await first.page.waitForURL((url) => !url.search.includes('link='))

// Another context has another cache.
const { page, context, seen } = await open(browser, host, host)
await context.addCookies(await first.context.cookies())
const answers = []
page.on('response', (answer) => answers.push(answer))
await page.addInitScript(() => {
  window.paint = 0
  new PerformanceObserver((list) => { for (const e of list.getEntries()) window.paint = e.startTime }).observe({ type: 'largest-contentful-paint', buffered: true })
})
await page.goto(host + '/?site=' + site)
await page.waitForTimeout(1500)
const result = { bytes: 0, onTheWire: 0, paint: await page.evaluate(() => window.paint) }
result.requests = answers.map((a) => ({ path: new URL(a.url()).pathname, kind: a.request().resourceType() }))
for (const answer of answers) {
  if (answer.request().resourceType() === 'eventsource') continue // it never ends
  result.bytes += gzipSync(await answer.body()).length
  const sizes = await answer.request().sizes()
  result.onTheWire += sizes.responseBodySize + sizes.responseHeadersSize
}

// Every script that some page loads.
const scripts = new Set()
for (const path of ['/', '/goals', '/operations', '/sites/' + site, '/shares', '/account', programme + '/webhooks']) {
  await first.page.goto(host + path)
  for (const src of await first.page.evaluate(() => [...document.scripts].map((s) => s.src))) scripts.add(src)
}
result.script = 0
for (const src of scripts) result.script += gzipSync(Buffer.from(await (await fetch(src)).arrayBuffer())).length
result.console = seen.console
result.external = seen.external
await browser.close()
console.log(JSON.stringify(result))
process.exit(0)
