import type { Standing } from '../paired.ts'

export interface RowOptions {
  readonly rounds: number
  /** How many opaque tokens the authority holds, where that matters. */
  readonly rows: number
}

/** Contestants that were measured together; the first is the floor. */
export interface Table {
  readonly title: string
  readonly standings: readonly Standing[]
}

/** A row of DESIGN.md's table of speed; one algorithm at a time where there are several. */
export interface Row {
  readonly name: string
  measure(options: RowOptions): AsyncIterable<Table>
}
