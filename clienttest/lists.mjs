// Goes through the lists of the dashboard by keyboard, without JavaScript: a filter is
// added by its form, changed and taken away, a list is opened, searched, ordered and
// saved. Then looks at every state on a phone and a desktop, light and dark, with it.
//   node lists.mjs HOST LOGIN
//   {"form":"","chips":[],"changed":[],"rows":[],"order":"","search":"","away":0,"file":"","closed":true,"burst":0,"wide":[],"nameless":[],"external":[],"console":[]}
import { readFileSync } from 'node:fs'
import { enter, launch, open, scriptless, tabTo } from './page.mjs'

const [host, login] = process.argv.slice(2)
const browser = await launch()
const result = { wide: [], nameless: [] }

const chips = (page) => page.locator('.chips .what').allTextContents()
const rows = (page) => page.locator('.details tbody tr').evaluateAll((all) => all.map((r) => [...r.children].map((c) => c.textContent.trim()).join(' ')))

const bare = await scriptless(browser, { acceptDownloads: true })
const page = await bare.newPage()
await page.goto(login)
await Promise.all([page.waitForNavigation(), page.click('button')])

await tabTo(page, '.add summary')
await page.keyboard.press('Enter')
await tabTo(page, '.add a:has-text("Country")').catch(() => tabTo(page, '.add a[href*="add=country"]'))
await enter(page)
result.form = await page.locator('.asking h2').textContent()
await tabTo(page, '.asking .tick input')
await page.keyboard.press('Space')
await tabTo(page, '.asking button')
await enter(page)
result.chips = await chips(page)
await tabTo(page, '.chips .what')
await enter(page)
await tabTo(page, '.asking [name=how]')
await page.keyboard.press('ArrowDown')
await tabTo(page, '.asking button')
await enter(page)
result.changed = await chips(page)
await tabTo(page, '.chips .away')
await enter(page)
result.away = (await chips(page)).length

await tabTo(page, '.list .more')
await enter(page)
result.rows = await rows(page)
await tabTo(page, '.columns thead th:first-child a')
await enter(page)
result.order = await page.locator('[aria-sort]').getAttribute('aria-sort') + ' ' + (await rows(page))[0]
await tabTo(page, '[type=search]')
await page.keyboard.type('cour')
await enter(page)
result.search = (await rows(page)).join('; ')
const [file] = await Promise.all([page.waitForEvent('download'), page.click('a[download]')])
result.file = readFileSync(await file.path(), 'utf8')

// With JavaScript: no state is wider than the page, and every field has a name.
const state = await bare.storageState()
const it = await open(browser, host, host)
await it.context.addCookies(state.cookies)
await it.page.goto(host + '/')
await it.page.locator('.add summary').click()
await it.page.keyboard.press('Escape')
result.closed = await it.page.locator('.add').evaluate((d) => !d.open && d.contains(document.activeElement))
// A menu that led to other figures closes, and a long name stays within it and its list.
await it.page.goto(host + '/filters?country=DE')
await it.page.fill('[name=name]', 'W'.repeat(100))
await Promise.all([it.page.waitForNavigation(), it.page.locator('#keep button').click()])
await it.page.goto(host + '/')
await it.page.locator('.add summary').click()
result.burst = await it.page.locator('.add .menu a').evaluateAll((all) => all.filter((a) => a.scrollWidth > a.clientWidth).length)
await it.page.locator('.add .menu a', { hasText: 'WWW' }).click()
await it.page.locator('.chips li').waitFor()
result.closed = result.closed && await it.page.locator('.add[open]').count() === 0
const long = 'x'.repeat(1500)
for (const colorScheme of ['light', 'dark']) {
  await it.page.emulateMedia({ colorScheme })
  for (const width of process.env.SHOTS ? [390, 1280] : colorScheme === 'dark' ? [390] : [1280]) {
    await it.page.setViewportSize({ width, height: 900 })
    for (const query of ['', '?detail=page', '?detail=product', '?add=event&how=contains', `?page.contains=${long}&page.is_not=${long}`, '?affiliate=x&tab=entry_page&tab=city', 'filters?country=DE']) {
      await it.page.goto(host + '/' + query)
      const seen = await it.page.evaluate(() => ({
        wide: document.documentElement.scrollWidth > innerWidth,
        nameless: [...document.querySelectorAll('input:not([type=hidden]):not([hidden]), select, button')].filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length,
      }))
      if (seen.wide) result.wide.push(`${query.slice(0, 40)} at ${width}`)
      if (seen.nameless) result.nameless.push(`${seen.nameless} of ${query.slice(0, 40)}`)
      if (process.env.SHOTS) await it.page.screenshot({ path: `${process.env.SHOTS}/lists${query.slice(0, 16).replace(/\W/g, '-')}-${width}-${colorScheme}.png`, fullPage: true })
    }
  }
}
result.console = it.seen.console
result.external = it.seen.external
await browser.close()
console.log(JSON.stringify(result))
process.exit(0)
