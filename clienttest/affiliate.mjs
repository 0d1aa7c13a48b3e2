// Follows an affiliate's link to a shop and on to a checkout on another host; then
// reaches the shop by a code alone, and once as a visitor who objects. The pages
// are those of affiliate_test.go. Prints what they had:
//   node affiliate.mjs HOST SHOP CHECKOUT
//   {"landing":{"url","field","late","told","same","link"},"checkout":{"url","field","told"},
//    "thanks":{"url","told"},"byCode":{…as landing},"objecting":{"told","storage"},
//    "cookies":[],"local":0,"console":[],"external":[]}
import { launch, open, settle } from './page.mjs'

const [host, shop, checkout] = process.argv.slice(2)
const told = (page) => page.evaluate(() => window.footfall.affiliate())
const value = (page, which) => page.evaluate((w) => document.querySelector(w)?.value, which)

// look reads what a landing page had, and leaves by its link to the checkout.
async function look(page, seen) {
  await settle(seen, 300)
  const first = { url: page.url(), field: await value(page, '[name=affiliate_cid]'), told: await told(page) }
  await page.evaluate(() => {
    const late = document.createElement('div')
    late.innerHTML = '<form id="late"><input name="affiliate_cid"></form>'
    document.body.append(late)
  })
  await page.waitForFunction(() => document.querySelector('#late input').value).catch(() => {})
  first.late = await value(page, '#late input')
  await page.hover('#same')
  await page.evaluate(() => document.querySelector('#same').dispatchEvent(new MouseEvent('mousedown', { bubbles: true })))
  first.same = await page.evaluate(() => document.querySelector('#same').href)
  await page.evaluate(() => document.querySelector('#other').addEventListener('click', (e) => e.preventDefault(), { once: true }))
  await page.click('#other')
  first.link = await page.evaluate(() => document.querySelector('#other').href)
  await page.click('#other')
  await page.waitForURL('**/checkout*')
  return first
}

const browser = await launch()
const { context, page, seen } = await open(browser, shop, host, checkout)
const result = {}
await page.goto(`${host}/r/ANNA?src=email&sub=blog`)
result.landing = await look(page, seen)
await settle(seen, 300)
result.checkout = { url: page.url(), field: await value(page, '[name=affiliate_cid]'), told: await told(page) }
await page.click('#next')
await page.waitForURL('**/thanks')
await page.waitForFunction(() => window.footfall?.affiliate)
await page.evaluate(() => window.footfall('Order Completed', { order_id: 'o1', revenue: '100.00', currency: 'EUR' }))
await settle(seen, 500)
result.thanks = { url: page.url(), told: await told(page) }
result.cookies = await context.cookies()
result.local = await page.evaluate(() => localStorage.length)
await context.close()

const second = await open(browser, shop, host, checkout)
await second.page.goto(`${shop}/course?ref=anna`)
result.byCode = await look(second.page, second.seen)
await settle(second.seen, 500)
await second.context.close()

const objector = await open(browser, shop, host, checkout)
await objector.context.addInitScript(() => {
  Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })
})
await objector.page.goto(`${shop}/course?ref=anna`, { waitUntil: 'load' })
result.objecting = { told: await told(objector.page), storage: await objector.page.evaluate(() => sessionStorage.length + localStorage.length) }
await browser.close()

for (const list of ['console', 'external']) result[list] = [...seen[list], ...second.seen[list], ...objector.seen[list]]
console.log(JSON.stringify(result))
process.exit(0)
