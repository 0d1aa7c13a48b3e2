// Looks at an open dashboard while its server fails, goes away and comes back; /test of the
// server says which. Nothing is loaded by hand. With SHOTS set it saves pictures there.
//   node open.mjs HOST LOGIN
import { launch, open } from './page.mjs'

const [host, login] = process.argv.slice(2)
const browser = await launch()
const { page, seen } = await open(browser, host, host)
page.setDefaultTimeout(20_000)
await page.goto(login)
await page.locator('button').first().click()
await page.waitForURL((url) => !url.search.includes('link='))
const state = (name) => fetch(`${host}/test?state=${name}`)
const expect = (what, so) => { if (!so) throw new Error(`${what}: ${seen.console.join('; ')}`) }
const shot = async (name) => { if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/open-${name}.png`, fullPage: true }) }
const asof = page.locator('#asof')
const sources = page.locator('[data-box="Sources"]')

await page.goto(host + '/?period=Today')
await page.mouse.move(2, 2) // over the chart it would keep the figures as they are
const time = await asof.locator('time').textContent()
const row = await sources.locator('li .n').first().textContent()
await state('fails') // and something new comes
await sources.locator('.kept', { hasText: `These figures are of ${time}.` }).waitFor()
await page.locator('[data-box="chart"] .kept', { hasText: 'could not be counted' }).waitFor()
expect('figures that were known are gone', await sources.locator('li .n').first().textContent() === row && await page.locator('.plot').isVisible())
expect('what can be counted is not drawn anew', await page.locator('[data-box="Pages"] .kept').count() === 0)
await shot('fails')
await state('well')
await page.locator('.kept').first().waitFor({ state: 'detached' })
expect('figures are gone', await page.locator('.problem').count() === 0)

await state('away')
await asof.getByText('no answer from the server').waitFor()
expect('it says to be live', !await asof.getByText('live').isVisible())
await page.keyboard.press('e')
await page.waitForURL((url) => url.searchParams.get('period') === 'Yesterday')
await page.locator(':root.late').waitFor()
expect('figures are gone', await page.locator('.strip .value').first().isVisible())
await shot('away')
await state('well')
await page.locator('#period summary', { hasText: 'Yesterday' }).waitFor()
await page.locator(':root:not(.lost):not(.late)').waitFor()
expect('it does not say to be live', await asof.getByText('live').isVisible())

await state('slow')
const longer = page.waitForRequest((r) => r.headers().prefer === 'wait=8') // behind one that waited for 4 s
await page.reload()
await sources.getByText('Still being counted…').waitFor()
expect('what is known is not there', await page.locator('[data-box="Pages"] li .n').first().isVisible() && await page.locator('.strip .value').first().isVisible())
await shot('slow')
await longer
await state('counted')
await sources.locator('li .n').first().waitFor()
await page.locator(':root:not(:has([data-late]))').waitFor()
expect('it is said to be counted still', await page.locator('.counting').count() === 0)
await browser.close()
console.log('{}')
process.exit(0)
