export type Between = [first: string, last: string]
export type Filter =
  | [op: 'is' | 'is_not' | 'contains' | 'contains_not' | 'matches' | 'matches_not', dimension: Dimension, values: string[], modifiers?: { case_sensitive?: boolean }]
  | [op: 'and' | 'or', filters: Filter[]]
  | [op: 'not' | 'has_done' | 'has_not_done', filter: Filter]

/** One question: some metrics of each combination of values that some dimensions have. */
export interface Query {
  /** Id or domain; needed if the key sees several sites. */
  site_id?: string
  metrics: Metric[]
  /** Both days are included. */
  date_range: RangeName | Between
  dimensions?: (Dimension | TimeDimension)[]
  /** All of them hold. */
  filters?: Filter[]
  order_by?: [what: Metric | Dimension | TimeDimension, way: 'asc' | 'desc'][]
  include?: { imports?: boolean; time_labels?: boolean; total_rows?: boolean; compare?: 'previous_period' | 'year_over_year' | Between }
  pagination?: { limit?: number; offset?: number }
  /** Such as Europe/Berlin; the site's, if it is left out. */
  timezone?: string
  /** Count bots, too. */
  bots?: boolean
}

/** A figure in the unit of its metric; null where there is none, as of a rate of nothing. */
export type Figure = number | null

export interface Row {
  metrics: Figure[]
  dimensions: string[]
  /** The step is not over yet. */
  partial?: boolean
  comparison?: { metrics: Figure[]; dimensions: string[]; change: Figure[] }
}

export interface Result {
  results: Row[]
  meta: {
    /** Of metrics that have one: a currency (ISO 4217), % or s. */
    units: Partial<Record<Metric, string>>
    source: string
    as_of: string
    sealed?: string
    /** Distinct visitors are estimated, to about 1 %. */
    estimate: boolean
    time_labels?: string[]
    total_rows?: number
    warnings?: string[]
    /** Those whose arms were asked for. */
    experiments?: Exposed[]
  }
  /** The question as the server understood it. */
  query: Query
}

/** Who was exposed to an experiment up to the end of the range: left_out of these to several arms, which are in none. */
export interface Exposed {
  experiment: string
  units: number
  left_out: number
}

/** What a visitor does: a page viewed (* is any characters), or an event sent. */
export interface Act {
  page?: string
  event?: string
  /** What else holds of it. */
  filters?: Filter[]
}

/** How many visitors did some things one after another. */
export interface Funnel {
  site_id?: string
  /** The name of one that the site keeps: or else steps, and within. */
  funnel?: string
  /** 2 to 8, each a goal or what is done. */
  steps?: (Act & { goal?: string; name?: string })[]
  date_range: RangeName | Between
  /** Most time from the first step to the last: 30m, 24h, 7d. */
  within?: `${number}${'m' | 'h' | 'd'}`
  filters?: Filter[]
  timezone?: string
  bots?: boolean
}

export interface FunnelStep {
  name: string
  visitors: number
  /** In per cent: of the first step's visitors, of those of the step before, and who of these did not go on. */
  conversion_rate: Figure
  conversion_rate_step: Figure
  dropoff: number
  dropoff_percentage: Figure
}

export interface FunnelResult {
  results: FunnelStep[]
  meta: {
    source: string
    as_of: string
    /** The name by which it was asked. */
    funnel?: string
    /** Those by whose arms it is filtered. */
    experiments?: Exposed[]
  }
  query: Funnel
}

/** How many of those who were first seen in a step came back in those behind it. */
export interface RetentionQuery {
  site_id?: string
  /** Widened to whole steps. */
  date_range: RangeName | Between
  /** A week, if it is left out. */
  step?: 'day' | 'week' | 'month'
  /** What coming back is, all of it in one event; a page view, if it is left out. */
  returning?: Filter[]
  /** Of the visitor's first event. */
  filters?: Filter[]
  timezone?: string
  bots?: boolean
}

export interface Retention {
  cohorts: {
    start: string
    size: number
    /** The step is not over yet. */
    partial?: boolean
    returned: { start: string; visitors: number; rate: Figure; partial?: boolean }[]
  }[]
  /** Of all cohorts for which the step is over. */
  average: { step: number; of: number; visitors: number; rate: Figure }[]
  /** Of the range, whatever the filters: with an id that lasts, and without. */
  visitors: { known: number; left_out: number }
  meta: VisitMeta
  query: RetentionQuery
}

/** Which pages are next to a page or an event in its session. */
export interface JourneyQuery {
  site_id?: string
  date_range: RangeName | Between
  /** A path; or else an event. */
  page?: string
  /** The name of a track event. */
  event?: string
  direction?: 'next' | 'previous'
  /** 1 to 3. */
  depth?: number
  limit?: number
  filters?: Filter[]
  timezone?: string
  bots?: boolean
}

/** Shares are in per cent of the journey's views. Where the depth ends, only the first three are told. */
export interface JourneyPlace {
  page: string
  views: number
  share: Figure
  /** Left here or, looking back, entered here. */
  ended?: number
  ended_share?: Figure
  pages?: JourneyPlace[]
  /** Of pages beyond the limit. */
  others?: number
  others_share?: Figure
  total_pages?: number
}

export interface Journey {
  views: number
  /** In no session. */
  apart: number
  apart_share: Figure
  from: JourneyPlace
  meta: VisitMeta
  query: JourneyQuery
}

export interface VisitMeta {
  source: string
  as_of: string
  warnings?: string[]
}

/** A funnel that a site keeps under a name. */
export interface SavedFunnel {
  name: string
  steps: NonNullable<Funnel['steps']>
  within?: Funnel['within']
}

/** Which events of a site should never have counted. */
export interface Deletion {
  /** Id or domain; needed if the key sees several sites. */
  site_id?: string
  date_range: Between
  /** All of them hold; none: all events of the range, bots among them. */
  filters?: Filter[]
}

/** What a deletion would take, or took. */
export interface Deleted {
  /** Of a look: names it to deletePlanned. Without it there is nothing to delete. */
  plan?: string
  dry_run: boolean
  site: string
  from: string
  /** Not included. */
  to: string
  /** Earlier dates are left alone, as their events are removed. */
  frozen_before?: string
  events: number
  page_views: number
  bots: number
  visitors: number
  days: { date: string; events: number; page_views: number; bots: number; visitors: number }[]
  archive: number
  set_aside: number
  /** That the ledger has of the time, and keeps. */
  orders: number
  touches: number
}

/** Somebody who is to be erased, named by one of user_id, anonymous_id, email and order. */
export interface Person {
  site_id?: string
  user_id?: string
  anonymous_id?: string
  email?: string
  order?: string
  /** The shop that has the order, if it has a name. */
  store?: string
  /** Follow no links from there to other ids. */
  only?: boolean
}

/** What there is of a person, or was. */
export interface Erased {
  /** Of a look: names it to erasePlanned. */
  plan?: string
  dry_run: boolean
  site: string
  /** All ids that are the person's, each with its kind: user:u1. */
  keys: string[]
  places: { place: string; count: number; what: string }[]
  /** By then the queue has expired what it has. */
  queue_until?: string
  /** Files that nobody can look into. */
  left_to_look: string[]
}

/** The answer to SQL: a value for each column. Times are texts such as 2024-03-01 14:30:00.000, in UTC. */
export interface Rows {
  columns: { name: string; type: string }[]
  rows: unknown[][]
}

/** A refusal by the server. */
export declare class FootfallError extends Error {
  readonly status: number
  /** Seconds after which to ask again; 0: not at all. */
  readonly retryAfter: number
  /** Of the SQL where it is wrong, from 1; 0 is nowhere in particular. */
  readonly line: number
  readonly column: number
}

/** A question for a site's events. */
export interface Export {
  /** Id or domain; needed if the key sees several. */
  site?: string
  /** First day, 2024-01-31. */
  from?: string
  /** Day after the last. */
  to?: string
  format?: 'ndjson' | 'csv' | 'parquet' | 'arrow'
}

/** Asks one server with one key. */
export declare class Footfall {
  constructor(address: string, key: string, options?: { fetch?: typeof fetch })
  query(question: Query, options?: { signal?: AbortSignal }): Promise<Result>
  funnel(question: Funnel, options?: { signal?: AbortSignal }): Promise<FunnelResult>
  retention(question: RetentionQuery, options?: { signal?: AbortSignal }): Promise<Retention>
  journey(question: JourneyQuery, options?: { signal?: AbortSignal }): Promise<Journey>
  /** Asks in SQL (docs/sql.md), with a key of the scope sql. params are the values of $name in the query. */
  sql(query: string, params?: Record<string, string | number | boolean | null>, options?: { signal?: AbortSignal }): Promise<Rows>
  savedFunnels(options?: { site?: string; signal?: AbortSignal }): Promise<SavedFunnel[]>
  /** Keeps a funnel under its name, new or not: with a key of the scope admin, as removeFunnel. */
  saveFunnel(funnel: SavedFunnel, options?: { site?: string; signal?: AbortSignal }): Promise<void>
  removeFunnel(name: string, options?: { site?: string; signal?: AbortSignal }): Promise<void>
  /** Tells what would go, and deletes nothing: with a key of the scope admin, as deletePlanned. */
  lookToDelete(deletion: Deletion, options?: { signal?: AbortSignal }): Promise<Deleted>
  /** Deletes, for good, what a look of the last 15 minutes told, and waits for it. */
  deletePlanned(plan: string, options?: { signal?: AbortSignal }): Promise<Deleted>
  /** Tells what there is of a person, and erases nothing: with a key of the scope erase, as erasePlanned. */
  lookToErase(person: Person, options?: { signal?: AbortSignal }): Promise<Erased>
  /** Erases who was looked for in the last 15 minutes, and waits for it. */
  erasePlanned(plan: string, options?: { signal?: AbortSignal }): Promise<Erased>
  /** Events in the order of their time, as they are read. A stream that fails was broken off: what was read is not whole. */
  export(question?: Export, options?: { signal?: AbortSignal }): Promise<ReadableStream<Uint8Array>>
}
