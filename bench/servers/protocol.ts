/** What the benchmark and a contestant's server say to each other. */

export interface Usage {
  /** User and system time of all threads since the process began. */
  readonly cpuMicros: number
  readonly rssBytes: number
}

export type ToServer = { readonly type: 'report' } | { readonly type: 'stop' }

export type FromServer =
  | { readonly type: 'ready'; readonly port: number; readonly facts: unknown }
  | ({ readonly type: 'usage' } & Usage)

/** What a module in this folder starts. */
export interface Started {
  readonly port: number
  readonly facts: unknown
  /** Does what was put off while requests were answered, so that it is counted. */
  readonly settle?: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** What a module in this folder exports. */
export interface ServerModule {
  readonly start: (options: never) => Promise<Started>
}
