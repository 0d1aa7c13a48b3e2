// Asks a Footfall server for figures and by SQL, keeps funnels, deletes events and erases persons: for browsers and Node 18 or
// later. Its types are in footfall.d.ts.

/** A refusal by the server, or no answer. */
export class FootfallError extends Error {
  constructor(status, message, retryAfter, line = 0, column = 0) {
    super(message)
    this.name = 'FootfallError'
    this.status = status
    this.retryAfter = retryAfter
    this.line = line
    this.column = column
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

  sql(query, params, options) {
    return this.#post('/v1/sql', { query, params }, options)
  }

  async savedFunnels(options = {}) {
    return (await this.#call('GET', ofSite('/v1/funnels', options), undefined, options)).funnels
  }

  async saveFunnel(funnel, options = {}) {
    await this.#call('PUT', ofSite('/v1/funnels/' + encodeURIComponent(funnel.name), options), funnel, options)
  }

  async removeFunnel(name, options = {}) {
    await this.#call('DELETE', ofSite('/v1/funnels/' + encodeURIComponent(name), options), undefined, options)
  }

  lookToDelete(deletion, options) {
    return this.#post('/v1/events/delete', deletion, options)
  }

  deletePlanned(plan, options) {
    return this.#carryOut('/v1/events/delete', plan, options)
  }

  lookToErase(person, options) {
    return this.#post('/v1/persons/erase', person, options)
  }

  erasePlanned(plan, options) {
    return this.#carryOut('/v1/persons/erase', plan, options)
  }

  // What takes long is asked for again: the server answers when it has ended, or half a minute later that it has not.
  async #carryOut(path, plan, options) {
    for (;;) {
      const told = await this.#post(path, { plan }, options)
      if (!told.state) return told
    }
  }

  #post(path, question, options) {
    return this.#call('POST', path, question, options)
  }

  async #call(method, path, body, options = {}) {
    const answer = await this.#send(path, { method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body), signal: options.signal })
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
    throw new FootfallError(answer.status, said.error ?? 'the server answers ' + answer.status, Number(answer.headers.get('Retry-After')) || 0, said.line, said.column)
  }
}

function ofSite(path, options) {
  return options.site ? path + '?site=' + encodeURIComponent(options.site) : path
}
