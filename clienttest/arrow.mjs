// Reads answers as Arrow streams with Apache Arrow's own JavaScript and prints their types
// and values, in a spelling that a test can compare:
//   node arrow.mjs HOST KEY < [{"path":"/v1/sql","body":{…}}]
//   [{"columns":["n Int64"],"batches":1,"rows":[["3"]]}]
import { text } from 'node:stream/consumers'
import { RecordBatchReader, DataType } from 'apache-arrow'

const [host, key] = process.argv.slice(2)

// spelled is a value: moments of UTC to the microsecond, whole and decimal numbers with
// all of their digits, null as it is.
function spelled(type, vector, i) {
  const value = vector.get(i)
  if (value === null) return null
  if (DataType.isTimestamp(type)) {
    const micros = vector.data[0].values[i] // get gives milliseconds, in doubles
    if (type.unit !== 2) throw new Error(`a timestamp in another unit: ${type}`)
    return new Date(Number(micros / 1000n)).toISOString().slice(0, -1) + String(micros % 1000n).padStart(3, '0') + 'Z'
  }
  if (DataType.isDate(type)) return new Date(Number(value)).toISOString().slice(0, 10)
  if (DataType.isDecimal(type)) return decimal(value, type.scale)
  return typeof value === 'bigint' ? String(value) : value
}

// decimal puts the four words of a decimal together, the lowest first.
function decimal(words, scale) {
  let n = 0n
  for (let i = words.length - 1; i >= 0; i--) n = (n << 32n) | BigInt(words[i])
  n = BigInt.asIntN(32 * words.length, n)
  const sign = n < 0n ? '-' : ''
  const digits = String(n < 0n ? -n : n).padStart(scale + 1, '0')
  return sign + digits.slice(0, digits.length - scale) + (scale ? '.' + digits.slice(-scale) : '')
}

const out = []
for (const { path, body } of JSON.parse(await text(process.stdin))) {
  const answer = await fetch(host + path, { method: 'POST', body: JSON.stringify(body), headers: {
    Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', Accept: 'application/vnd.apache.arrow.stream' } })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  const reader = await RecordBatchReader.from(answer)
  await reader.open()
  const table = { media: answer.headers.get('Content-Type'), columns: reader.schema.fields.map((f) => `${f.name} ${f.type}`), batches: 0, rows: [] }
  for await (const batch of reader) {
    table.batches++
    for (let i = 0; i < batch.numRows; i++) {
      table.rows.push(batch.schema.fields.map((f, at) => spelled(f.type, batch.getChildAt(at), i)))
    }
  }
  out.push(table)
}
console.log(JSON.stringify(out))
