// Runs both browser SDKs, each in a page of its own, and prints what they sent:
//   node browser.mjs HOST WRITEKEY
//   {"rudder-js":{"sent":["id",…],"external":[],"console":[],"requests":[…]},"segment-next":{…}}
// "sent" are the ids that the SDK told its caller, not those seen on the wire.
import { readFileSync, readdirSync } from 'node:fs'
import { launch, open, serve, settle } from './page.mjs'

const [host, writeKey] = process.argv.slice(2)
const script = (path) => ({ type: 'text/javascript', body: readFileSync(new URL(`node_modules/${path}`, import.meta.url)) })
const html = (body) => ({ type: 'text/html', body: `<!doctype html><title>Shop</title><link rel="icon" href="data:,">${body}` })

const segment = '@segment/analytics-next/dist/umd/'
const files = {
  '/rudder.html': html('<script src="/rudder.js"></script>'),
  '/rudder.js': script('@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js'),
  // The SDK loads its own parts from the place that _cdn names.
  '/segment.html': html('<script>window.analytics = { _cdn: location.origin }</script><script src="/segment.js"></script>'),
  '/segment.js': script(segment + 'index.js'),
}
for (const name of readdirSync(new URL(`node_modules/${segment}`, import.meta.url))) {
  if (name.endsWith('.js')) files[`/analytics-next/bundles/${name}`] = script(segment + name)
}

// These run in the page and resolve to the ids of the messages.
async function rudder([host, writeKey]) {
  const sdk = new window.rudderanalytics.RudderAnalytics()
  await new Promise((resolve) => {
    sdk.load(writeKey, host, { configUrl: host, onLoaded: resolve, sendAdblockPage: false })
  })
  const call = (method, ...args) => new Promise((resolve) => sdk[method](...args, (m) => resolve(m.messageId)))
  return [
    await call('page', 'shop', 'Home', { promo: 'a' }, {}),
    await call('track', 'Product Added', { product_id: 'p1', price: 12.5 }, {}),
    await call('identify', 'user-1', { plan: 'pro' }, {}),
    await call('group', 'group-1', { name: 'ACME' }, {}),
    await call('alias', 'user-2', 'user-1', {}),
  ]
}

async function segmentNext([host, writeKey]) {
  const sdk = window.AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL: host })
  const done = [
    await sdk.page('shop', 'Home', { promo: 'a' }),
    await sdk.track('Product Added', { product_id: 'p1', price: 12.5 }),
    await sdk.identify('user-1', { plan: 'pro' }),
    await sdk.group('group-1', { name: 'ACME' }),
    await sdk.alias('user-2', 'user-1'),
  ]
  return done.map((ctx) => ctx.event.messageId)
}

const origin = await serve(files)
const browser = await launch()
const result = {}
for (const [sdk, path, run] of [['rudder-js', '/rudder.html', rudder], ['segment-next', '/segment.html', segmentNext]]) {
  const { context, page, seen } = await open(browser, origin, host)
  await page.goto(`${origin}${path}?utm_source=news`)
  const sent = await page.evaluate(run, [host, writeKey])
  await settle(seen)
  result[sdk] = { sent, ...seen }
  await context.close()
}
await browser.close()
console.log(JSON.stringify(result))
process.exit(0)
