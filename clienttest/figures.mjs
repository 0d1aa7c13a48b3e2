// Goes through the pages of goals, funnels, retention, journeys and notes without
// JavaScript, the way to them by keyboard. Prints what was seen:
//   node figures.mjs HOST LOGIN-LINK
//   {"tabs":[],"tested":[],"goal":[],"own":[],"funnel":[],"kept":"","retention":"","journey":[],"on":"","note":"","wide":[],"nameless":[],"external":[],"console":[]}
import { launch, open, scriptless } from './page.mjs'

const [host, link] = process.argv.slice(2)
const browser = await launch()
const result = { wide: [], nameless: [] }
const texts = async (page, selector) => (await page.locator(selector).allTextContents()).map((t) => t.replace(/\s+/g, ' ').trim())

const quiet = await scriptless(browser)
const page = await quiet.newPage()
await page.goto(link)
await page.click('button')
result.tabs = await texts(page, '.tabs a')

// to follows a tab by keyboard alone.
async function to(label) {
  for (let n = 0; n < 40; n++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => document.activeElement.matches('.tabs a') && document.activeElement.textContent)
    if (at !== label) continue
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
    if (await page.locator('.tabs [aria-current="page"]').textContent() !== label) throw new Error(`${label} does not say that it is the page`)
    return
  }
  throw new Error(`no key leads to ${label}`)
}

await to('Goals')
for (const [name, value] of Object.entries({ name: 'Thanks', what: '/thanks*', value: '2.50' })) await page.fill(`[name=${name}]`, value)
await page.selectOption('[name=worth]', 'fixed')
await page.click('button[value=test]')
result.tested = await texts(page, '.tested dd')
result.unkept = await page.locator('.goals tbody tr').count()
await page.click('button[value=save]')
result.goal = await texts(page, '.goals tbody tr td')
await page.click('.goals tbody a')
result.own = await texts(page, '.told .value')

await to('Funnels')
const kinds = page.locator('[name=kind]'), whats = page.locator('[name=what]')
await whats.nth(0).fill('/')
await kinds.nth(1).selectOption('goal')
await whats.nth(1).fill('Thanks')
await page.click('.steps button')
result.funnel = await texts(page, '.funnel .n, .funnel .rate, .funnel .between')
await page.fill('.keepit [name=name]', 'Way to thanks')
await page.click('.keepit button')
result.kept = await page.locator('.tools .titled > h2').textContent()

await to('Retention')
result.retention = (await texts(page, '.block .nothing')).join()
await to('Journeys')
await page.fill('[name=at]', '/pricing')
await page.click('.search button')
result.journey = await texts(page, '.journey li')
await page.click('.journey .list:last-child li a')
result.on = await page.locator('.place h3').textContent()

await page.click('.others summary')
await page.click('.others a:text("Notes")')
await page.fill('[name=text]', 'New shop')
await page.click('#write button')
await page.goto(host + '/')
result.note = (await texts(page, '.marks li')).join()

// With JavaScript, on a phone and in the dark: nothing is too wide, fields have names.
const seen = { external: [], console: [] }
for (const [width, colorScheme] of [[1280, 'light'], [390, 'dark']]) {
  const own = await open(browser, host, host)
  await own.context.addCookies(await quiet.cookies())
  await own.page.setViewportSize({ width, height: 844 })
  await own.page.emulateMedia({ colorScheme })
  // The step of a note tells it, by keys and by the pointer.
  await own.page.goto(host + '/')
  await own.page.locator('#plot').focus()
  await own.page.keyboard.press('End')
  result[`told at ${width}`] = await own.page.locator('.tip:not([hidden]) em').textContent() + ' | ' + (await own.page.textContent('#said')).split(', ').pop()
  await own.page.keyboard.press('Tab')
  const mark = await own.page.locator('.mark').boundingBox()
  await own.page.mouse.move(mark.x + mark.width / 2, mark.y + mark.height / 2)
  result[`pointed at ${width}`] = await own.page.locator('.tip:not([hidden]) em').textContent()
  await own.page.mouse.move(2, 2)
  for (const path of ['/', '/goals', '/goals/Thanks', '/funnels', '/retention', '/journeys', '/notes']) {
    await own.page.goto(host + path)
    if (await own.page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) result.wide.push(`${path} at ${width}`)
    result.nameless.push(...await own.page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((f) => !f.labels?.length && !f.ariaLabel).map((f) => location.pathname + ' ' + f.name)))
  }
  seen.external.push(...own.seen.external)
  seen.console.push(...own.seen.console.filter((line) => !line.startsWith('log')))
}
await browser.close()
console.log(JSON.stringify({ ...result, ...seen }))
process.exit(0)
