// Goes through the dashboard by the keyboard alone: Tab, Enter, Space and what is typed.
// Somebody who is invited sets a password and logs in with it, chooses a figure, opens a
// list, filters, looks at details and goes back, changes the period and a site's settings,
// and switches off the keys of one character. At each stop the focus has to be seen.
//   node keyboard.mjs HOST INVITATION EMAIL SITE
//   {"did":["what: where it led"],"unseen":[],"stops":0}
import { launch, open } from './page.mjs'

const [host, invitation, email, site] = process.argv.slice(2)
const password = 'correct horse battery'
const browser = await launch()
const { page, seen } = await open(browser, host, host)
await page.setViewportSize({ width: 1280, height: 900 })
const result = { did: [], unseen: [], stops: 0 }

// What has the focus is on the screen and not covered, and something marks it.
const mark = () => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e)
  const name = `${location.pathname} ${e.tagName}${e.id && '#' + e.id}.${e.className.baseVal ?? e.className}`
  if (e === document.body) return ''
  if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) return name + ' has no outline'
  const x = (Math.max(0, box.left) + Math.min(innerWidth, box.right)) / 2, y = (Math.max(0, box.top) + Math.min(innerHeight, box.bottom)) / 2
  const top = document.elementFromPoint(x, y)
  if (!top || !(e.contains(top) || top.contains(e) || top.closest('label')?.contains(e))) return `${name} is covered by ${top?.tagName}.${top?.className}`
  return ''
}
async function press(key) {
  await page.keyboard.press(key)
  const missed = await page.evaluate(mark)
  result.stops++
  if (missed && !result.unseen.includes(missed)) result.unseen.push(missed)
}
const at = (selector) => page.evaluate((s) => document.activeElement.matches(s), selector)
async function tabTo(selector, key = 'Tab') {
  for (let n = 0; n < 200; n++) {
    await press(key)
    if (await at(selector)) return
  }
  throw new Error(`no key leads to ${selector} at ${page.url()}`)
}
const settled = (want) => page.waitForFunction((s) => !document.querySelector('[aria-busy]') && (location.pathname + location.search).includes(s), want)
const did = async (what, at) => result.did.push(`${what}: ${typeof at === 'string' ? at : await at}`)
const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim() || document.activeElement.tagName)
const enter = () => Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])

await page.goto(host + invitation)
await page.waitForFunction(() => document.activeElement.name === 'password')
await page.keyboard.type(password)
await enter()
await tabTo('.logout button')
await enter()
await page.goto(host + '/?site=' + site)
await tabTo('[name=email]')
await page.keyboard.type(email)
await tabTo('[name=password]')
await page.keyboard.type(password)
await enter()
await page.goto(host + '/?site=' + site)
await did('logged in', page.locator('.me').textContent())

await press('Tab')
await did('first stop', focused())
await page.keyboard.press('Enter')
await did('skipped to', page.evaluate(() => document.activeElement.id))
await tabTo('#cell-pageviews')
await page.keyboard.press('Enter')
await settled('metric=PageViews')
await did('chose', focused())
await tabTo('.list .split a[href*="tab=entry_page"]')
await page.keyboard.press('Enter')
await settled('tab=entry_page')
await did('opened', page.locator('.split [aria-current]').first().textContent())
await tabTo('.add summary', 'Shift+Tab')
await page.keyboard.press('Enter')
await tabTo('.add a[href*="add=device"]')
await enter()
await tabTo('.asking .tick input')
await page.keyboard.press('Space')
await tabTo('.asking button')
await enter()
await did('filtered', page.locator('.chips .what').textContent())
await tabTo('.list .more')
await enter()
await did('details', page.locator('.details [aria-current], .details h2').first().textContent())
await tabTo('a.back')
await enter()
await did('back', page.locator('.board .name').first().textContent())
await tabTo('#period summary')
await page.keyboard.press('Enter')
await tabTo('#period a[data-key="W"], #period nav a:nth-child(3)')
const period = await page.evaluate(() => document.activeElement.querySelector('span').textContent)
await page.keyboard.press('Enter')
await settled('period=')
await did('period', page.locator('#period summary').textContent().then((text) => text.trim() === period ? 'as chosen' : text))
await did('the menu', page.evaluate(() => `${document.querySelector('#period').open} ${document.activeElement.closest('#period') ? 'its name has the focus' : document.activeElement.tagName}`))

// Keys of one character can be switched off, and stay so.
const shown = () => page.locator('#period summary').textContent().then((text) => text.trim())
await tabTo('.keyhelp', 'Shift+Tab')
await page.keyboard.press('Enter')
await tabTo('#letters')
await page.keyboard.press('Space')
await page.keyboard.press('Escape')
await page.keyboard.press('d')
await page.keyboard.press('?')
await page.waitForTimeout(300)
await did('d, switched off', (await shown() === period && await page.locator('dialog[open]').count() === 0) ? 'nothing' : shown())
await page.reload()
await page.keyboard.press('d')
await page.waitForTimeout(300)
await did('d, after a reload', await shown() === period ? 'nothing' : shown())
await tabTo('.keyhelp')
await page.keyboard.press('Enter')
await tabTo('#letters')
await page.keyboard.press('Space')
await page.keyboard.press('Escape')
await page.keyboard.press('d')
await settled('period=Today')
await did('d, switched on', shown())

await tabTo('.others summary')
await page.keyboard.press('Enter')
await tabTo('.others a[href^="/sites"]')
await enter()
await tabTo(`main a[href="/sites/${site}"]`)
await enter()
await tabTo(`main a[href="/sites/${site}/settings"]`)
await enter()
await tabTo('[name=internal]')
await page.keyboard.type('www.shop.example')
await tabTo('main form .button')
await enter()
await did('settings', page.locator('[role=status]').textContent())
result.console = seen.console
await browser.close()
console.log(JSON.stringify(result))
process.exit(0)
