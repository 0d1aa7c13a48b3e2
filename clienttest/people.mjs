// Goes through the pages about people and access without JavaScript: the operator
// invites somebody by keyboard alone, who sets a password and signs a token for
// embedding, whose snippet a page of another host shows. Prints what was seen:
//   node people.mjs HOST LOGIN-LINK
//   {"invited":"PATH","tabs":[],"wide":[],"nameless":[],"shop":"","snippet":{…},"loggedOut":"","log":"","external":[],"console":[]}
import { enter, focused, launch, open, scriptless, serve, settle, tabTo } from './page.mjs'

const [host, link] = process.argv.slice(2)
const browser = await launch()
const result = { wide: [], nameless: [] }


const operator = await scriptless(browser)
const page = await operator.newPage()
await page.goto(link)
await focused(page, 'button')
await enter(page)
await tabTo(page, 'a.me')
await enter(page)
result.tabs = await page.locator('.tabs a').allTextContents()
await tabTo(page, '.tabs a[href="/people"]')
await enter(page)
await tabTo(page, 'form.stack [name=email]')
await page.keyboard.type('ada@example.com')
await page.keyboard.press('Tab')
await page.keyboard.type('Ada')
await page.keyboard.press('Tab')
await page.keyboard.type('owner')
await tabTo(page, 'form.stack button')
await enter(page)
const invitation = await page.locator('.copy code').textContent()
result.invited = new URL(invitation).pathname

const own = await scriptless(browser)
const ada = await own.newPage()
await ada.goto(invitation)
await focused(ada, 'input')
await ada.keyboard.type('correct horse battery')
await enter(ada)

// Every page fits a phone, in both schemes, and every field has a name.
const person = await page.goto(host + '/people').then(() => page.getAttribute('.rows th a', 'href'))
for (const colorScheme of ['light', 'dark']) {
  await ada.emulateMedia({ colorScheme })
  for (const width of [375, 1280]) {
    await ada.setViewportSize({ width, height: 800 })
    for (const path of ['/account', '/people', person, '/keys', '/shares', '/changes']) {
      await ada.goto(host + path)
      const seen = await ada.evaluate(() => ({
        wide: document.documentElement.scrollWidth > innerWidth,
        nameless: [...document.querySelectorAll('input:not([type=hidden]):not([hidden]), select, textarea, button')].filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length,
      }))
      if (seen.wide) result.wide.push(`${path} at ${width}`)
      if (seen.nameless) result.nameless.push(`${seen.nameless} of ${path}`)
    }
  }
}

// A programme's settings, with every shop opened, and one of them set up.
await ada.goto(host + '/program')
await ada.click('text=Settings')
for (const shop of await ada.locator('.shop summary').all()) await shop.click()
for (const width of [375, 1280]) {
  await ada.setViewportSize({ width, height: 800 })
  if (await ada.evaluate(() => document.documentElement.scrollWidth > innerWidth || [...document.querySelectorAll('.shop *')].some((e) => e.getBoundingClientRect().right > innerWidth))) result.wide.push(`settings at ${width}`)
}
const paddle = ada.locator('.shop', { hasText: 'Paddle' })
await paddle.locator('[name=secret]').fill('pdl_ntfset_of_a_browser_that_tests')
await paddle.locator('button.button').click()
result.shop = await ada.locator('.shop summary .tag').count() + await ada.locator('[role=status]').textContent()

await ada.goto(host + '/shares')
await ada.click('text=Sign a token')
await ada.click('text=Sign it')
const snippet = await ada.locator('pre code').textContent()
const origin = await serve({ '/': { type: 'text/html', body: `<!doctype html><title>Portal</title><link rel="icon" href="data:,">${snippet}` } })
const portal = await open(browser, origin, host)
await portal.page.goto(origin)
await settle(portal.seen, 300)
await portal.page.locator('footfall-figure[data-state=ready] >> nth=1').waitFor()
result.snippet = await portal.page.evaluate(() => Object.fromEntries([...document.querySelectorAll('footfall-figure')].map((e) => [e.getAttribute('metric'), e.shadowRoot.querySelector('[part=value]').textContent])))

await page.goto(host + '/people')
await page.click('text=Ada')
await page.click('text=Log out everywhere')
await ada.goto(host + '/people')
result.loggedOut = await ada.locator('h1').textContent()
await page.goto(host + '/changes')
result.log = (await page.locator('.log td:nth-child(3)').allTextContents()).join(', ')
result.console = portal.seen.console
result.external = portal.seen.external
await browser.close()
console.log(JSON.stringify(result))
process.exit(0)
