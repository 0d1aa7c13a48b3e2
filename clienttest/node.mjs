// Sends n events of every kind with both Node SDKs and prints the ids sent:
//   node node.mjs HOST WRITEKEY [N]
//   {"segment-node":["id",…],"rudder-node":["id",…]}
import { randomUUID } from 'node:crypto'
import { Analytics as Segment } from '@segment/analytics-node'
import Rudder from '@rudderstack/rudder-sdk-node'

const [host, writeKey, count = '5'] = process.argv.slice(2)
const n = Number(count)

// calls makes one call of every kind for each i. id gives a message its id, if
// the SDK is not to make it, and callback hears of its delivery.
function calls(sdk, prefix, id, callback) {
  for (let i = 0; i < n; i++) {
    const who = { anonymousId: `${prefix}-anon-${i}`, userId: `${prefix}-user-${i}` }
    const context = { userAgent: 'ClientTest/1.0', ip: '203.0.113.9' }
    sdk.page({ ...who, ...id(), context, name: 'Home', properties: { url: `https://shop.example/${prefix}/${i}`, path: `/${prefix}/${i}`, title: 'Home' } }, callback)
    sdk.track({ ...who, ...id(), context, event: 'Product Added', properties: { product_id: `p${i}`, price: 12.5 } }, callback)
    sdk.identify({ ...who, ...id(), context, traits: { plan: 'pro' } }, callback)
    sdk.group({ ...who, ...id(), context, groupId: `${prefix}-group`, traits: { name: 'ACME' } }, callback)
    sdk.screen({ ...who, ...id(), context, name: 'Basket', properties: { items: i } }, callback)
    sdk.alias({ userId: who.userId, previousId: `${prefix}-old-${i}`, ...id(), context }, callback)
  }
}

async function segment() {
  const ids = []
  const sdk = new Segment({ writeKey, host, flushAt: 7 })
  sdk.on('error', (e) => { throw new Error(`segment-node: ${JSON.stringify(e)}`) })
  calls(sdk, 'segment-node', () => ({}), (err, ctx) => {
    if (err) throw err
    ids.push(ctx.event.messageId)
  })
  await sdk.closeAndFlush()
  return ids
}

async function rudder() {
  const ids = [] // this SDK does not tell the ids it makes
  const sdk = new Rudder(writeKey, { dataPlaneUrl: host, flushAt: 7 })
  const withId = () => {
    const messageId = randomUUID()
    ids.push(messageId)
    return { messageId }
  }
  await new Promise((resolve) => {
    let open = 6 * n
    calls(sdk, 'rudder-node', withId, (err) => {
      if (err) throw err
      if (--open === 0) resolve()
    })
    sdk.flush()
  })
  return ids
}

const sent = { 'segment-node': await segment(), 'rudder-node': await rudder() }
for (const [sdk, ids] of Object.entries(sent)) {
  if (new Set(ids).size !== 6 * n) throw new Error(`${sdk}: ${ids.length} ids of ${6 * n} calls`)
}
console.log(JSON.stringify(sent))
process.exit(0)
