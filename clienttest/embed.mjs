// Shows a public site's board in a frame, and one of its figures, in a page of another
// origin, light and dark, and looks for what leads out of the frame. Prints what was seen:
//   node embed.mjs HOST DOMAIN TOKEN FOOTFALL DATA
//   {"light":{…},"dark":{…},"over":"","ended":"","out":[],"console":[],"external":[]}
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { launch, open, serve } from './page.mjs'

const [host, domain, token, footfall, data] = process.argv.slice(2)
const browser = await launch()
const figure = (t, instead = '') => `<footfall-figure site="${domain}" metric="PageViews" window="Last7Days" token="${t}" chart>${instead}</footfall-figure>`
const page = (theme) => ({ type: 'text/html', body: `<!doctype html><html lang="en"><meta name="color-scheme" content="${theme}"><title>Portal</title><link rel="icon" href="data:,">
<iframe src="${host}/embed/${domain}?theme=${theme}" width="100%" height="300"></iframe><script async src="${host}/js/frame.js"></script><script async src="${host}/js/figures.js"></script>${figure(token)}${figure(token + 'x')}${figure('')}${figure(token, '<b>many</b>')}${figure(token + 'x', '<b>many</b>')}` })
const origin = await serve({ '/light': page('light'), '/dark': page('dark') })
const result = { out: [] }
const seen = { console: [], external: [] }
for (const theme of ['light', 'dark']) {
  const it = await open(browser, origin, host)
  await it.page.goto(`${origin}/${theme}`)
  await it.page.waitForFunction(() => document.querySelectorAll('footfall-figure:is([data-state=ready], [data-state=error])').length === 5)
  const frame = it.page.frameLocator('iframe')
  await frame.locator('.strip').waitFor()
  await it.page.waitForFunction(() => document.querySelector('iframe').height > 600)
  result[theme] = {
    visitors: await frame.locator('#cell-visitors .value').textContent(),
    paper: await frame.locator('body').evaluate((e) => getComputedStyle(e).backgroundColor),
    said: await it.page.evaluate(() => [...document.querySelectorAll('footfall-figure')].map((e) => (e.shadowRoot.querySelector('[part=note]')?.textContent ?? '') + (e.firstElementChild?.checkVisibility() ? e.textContent : ''))),
    figure: await it.page.evaluate(() => [...document.querySelectorAll('footfall-figure')].slice(0, 2).map((e) => e.shadowRoot.querySelector('[part=value]').textContent + (e.shadowRoot.querySelector('svg') ? getComputedStyle(e.shadowRoot.querySelector('svg')).color : ''))),
  }
  result.out.push(...await frame.locator('a[href]').evaluateAll((all) => all.map((a) => [a.getAttribute('href'), a.target]).filter(([href, target]) => !href.startsWith('#') && !href.startsWith(location.pathname + '?') && target !== '_blank').map(([href]) => href)))
  await frame.locator('#cell-pageviews').click()
  await frame.locator('#cell-pageviews[aria-current]').waitFor()
  result.over = await it.page.evaluate(() => location.pathname)
  await it.page.goto(`${origin}/${theme}`).then(() => it.page.evaluate((src) => { document.querySelector('iframe').src = src }, host + '/login'))
  await it.page.waitForTimeout(300)
  result.framed = await frame.locator('form').count()
  seen.console.push(...it.seen.console.filter((line) => !line.includes('401') && !line.includes('frame-ancestors') && !line.startsWith('log')))
  seen.external.push(...it.seen.external)
}
// A board that is not public any more leaves the frames that show it, by itself.
const { page: last } = await open(browser, origin, host)
await last.goto(`${origin}/light`)
await last.frameLocator('iframe').locator('.strip').waitFor()
await promisify(execFile)(footfall, ['site', 'set', domain, '--public', 'off', '--data', data])
await last.frameLocator('iframe').getByText('There is nothing here').waitFor()
result.ended = await last.frameLocator('iframe').locator('body').innerText()
await browser.close()
console.log(JSON.stringify({ ...result, ...seen }))
process.exit(0)
