// Sends an event every 50 ms with rudder-sdk-node and its default options,
// which end this process when the server refuses it for long:
//   node resilient.mjs HOST WRITEKEY SECONDS
//   {"sent":["id",…]}
// "sending" is written to stderr when the first event is on its way.
import { randomUUID } from 'node:crypto'
import Rudder from '@rudderstack/rudder-sdk-node'

const [host, writeKey, seconds] = process.argv.slice(2)
const sdk = new Rudder(writeKey, { dataPlaneUrl: host })
const sent = [] // delivered, as the SDK says
let open = 0

function send(i) {
  open++
  const messageId = randomUUID() // this SDK does not tell the ids it makes
  const page = { url: `https://shop.example/${i}`, path: `/${i}` }
  sdk.page({ messageId, anonymousId: `resilient-${i % 20}`, name: 'Home', properties: page }, (err) => {
    if (err) throw err
    sent.push(messageId)
    open--
  })
}

const end = Date.now() + Number(seconds) * 1000
console.error('sending')
for (let i = 0; Date.now() < end; i++) {
  send(i)
  await new Promise((resolve) => setTimeout(resolve, 50))
}
while (open > 0) {
  await sdk.flush()
  await new Promise((resolve) => setTimeout(resolve, 50))
}
console.log(JSON.stringify({ sent }))
process.exit(0)
