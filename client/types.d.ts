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
  }
  /** The question as the server understood it. */
  query: Query
}

/** A refusal by the server. */
export declare class FootfallError extends Error {
  readonly status: number
  /** Seconds after which to ask again; 0: not at all. */
  readonly retryAfter: number
}

/** A question for a site's events. */
export interface Export {
  /** Id or domain; needed if the key sees several. */
  site?: string
  /** First day, 2024-01-31. */
  from?: string
  /** Day after the last. */
  to?: string
  format?: 'ndjson' | 'csv' | 'parquet'
}

/** Asks one server with one key. */
export declare class Footfall {
  constructor(address: string, key: string, options?: { fetch?: typeof fetch })
  query(question: Query, options?: { signal?: AbortSignal }): Promise<Result>
  /** Events in the order of their time, as they are read. A stream that fails was broken off: what was read is not whole. */
  export(question?: Export, options?: { signal?: AbortSignal }): Promise<ReadableStream<Uint8Array>>
}
