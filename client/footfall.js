// Asks a Footfall server for figures: POST /v1/query and /v1/funnel, GET /v1/export, for browsers and Node 18 or
// later. Its types are in footfall.d.ts.

/** A refusal by the server, or no answer. */
export class FootfallError extends Error {
  constructor(status, message, retryAfter) {
    super(message)
    this.name = 'FootfallError'
    this.status = status
    this.retryAfter = retryAfter
  }
}

/** Asks one server with one key. */
export class Footfall {
  #address
  #key
  #fetch

  constructor(address, key, options = {}) {
    this.#address = address.replace(/\/$/, '')
    this.#key = key
    this.#fetch = options.fetch ?? ((...all) => fetch(...all))
  }

  query(question, options) {
    return this.#post('/v1/query', question, options)
  }

  funnel(question, options) {
    return this.#post('/v1/funnel', question, options)
  }

  retention(question, options) {
    return this.#post('/v1/retention', question, options)
  }

  journey(question, options) {
    return this.#post('/v1/journey', question, options)
  }

  async #post(path, question, options = {}) {
    const answer = await this.#send(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(question), signal: options.signal })
    return answer.json()
  }

  async export(question = {}, options = {}) {
    const answer = await this.#send('/v1/export?' + new URLSearchParams(Object.entries(question).filter(([, value]) => value)), { signal: options.signal })
    return answer.body
  }

  async #send(path, request) {
    const answer = await this.#fetch(this.#address + path, { ...request, headers: { ...request.headers, Authorization: 'Bearer ' + this.#key } })
    if (answer.ok) return answer
    const said = await answer.json().catch(() => ({}))
    throw new FootfallError(answer.status, said.error ?? 'the server answers ' + answer.status, Number(answer.headers.get('Retry-After')) || 0)
  }
}
