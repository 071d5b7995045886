import type { BundleSize } from '../bundle.ts'
import type { Standing } from '../paired.ts'

export interface RowOptions {
  readonly rounds: number
  /** How many opaque tokens the authority holds, where that matters. */
  readonly rows: number
}

/** What was measured together, or bundled together. */
export type Table = CpuTable | SizeTable | FactsTable

export interface CpuTable {
  readonly title: string
  readonly standings: readonly Standing[]
}

export interface SizeTable {
  readonly title: string
  readonly peer: BundleSize
  /** Meant to be smaller than the peer. */
  readonly ours: BundleSize
  /** What of ours is compared with all of the peer's. */
  readonly part: 'first' | 'whole'
}

/** What is stated and compared with nothing. */
export interface FactsTable {
  readonly title: string
  readonly facts: readonly Fact[]
}

export type Fact = readonly [name: string, value: string]

/** A row of DESIGN.md's table of speed; one algorithm at a time where there are several. */
export interface Row {
  readonly name: string
  measure(options: RowOptions): AsyncIterable<Table>
}
