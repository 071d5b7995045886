import { cpus } from 'node:os'
import type { Size } from './bundle.ts'
import type { Spread, Standing } from './paired.ts'
import type { SizeTable, Table } from './rows/row.ts'

/** Where the figures come from. */
export interface Machine {
  readonly node: string
  readonly cpu: string
  readonly cores: number
}

export function describeMachine(): Machine {
  const all = cpus()
  return {
    node: process.version,
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
  }
}

const WIDTHS = [-46, 12, 18, 8, 10, 10, 8] as const

export function formatMachine({ node, cpu, cores }: Machine): string {
  return [
    `Node ${node}, ${cores} × ${cpu}`,
    'CPU time, user and system, all threads. Ratio: floor ÷ contestant, median of the rounds (quartiles).',
    '',
    line(['', 'CPU/op', 'ratio', 'target', '', 'alloc/op', 'RSS']),
  ].join('\n')
}

export function formatTable(table: Table): string {
  return [table.title, ...linesOf(table), ''].join('\n')
}

function linesOf(table: Table): string[] {
  if ('standings' in table) return table.standings.map(formatStanding)
  if ('facts' in table) return table.facts.map(([name, value]) => line([`  ${name}`, value]))
  return formatSizes(table)
}

function formatStanding(standing: Standing): string {
  const { name, isFloor, micros, ratio, target, allocatedBytes, rssBytes } = standing
  return line([
    `  ${name}`,
    formatMicros(micros.median),
    isFloor ? 'floor' : formatRatio(ratio),
    target === null ? '' : short(target),
    target === null ? '' : ratio.median >= target ? 'met' : 'missed',
    allocatedBytes === null ? '' : formatKilobytes(allocatedBytes),
    rssBytes === null ? '' : `${Math.round(rssBytes / 2 ** 20)} MB`,
  ])
}

/** The ratio is the peer's size to ours, as a floor's CPU is to ours. */
function formatSizes({ peer, ours, part }: SizeTable): string[] {
  return SIZES.flatMap(([form, sizeOf]) => {
    const [theirs, own] = [sizeOf(peer.whole), sizeOf(ours[part])]
    const ratio = theirs / own
    const verdict = [short(ratio), '> 1', ratio > 1 ? 'met' : 'missed']
    return [
      line([`  ${peer.name}, ${form}`, formatBytes(theirs), 'peer']),
      line([`  ${ours.name}, ${form}`, formatBytes(own), ...verdict]),
    ]
  })
}

const SIZES: readonly (readonly [string, (size: Size) => number])[] = [
  ['minified', ({ minifiedBytes }) => minifiedBytes],
  ['gzip', ({ gzipBytes }) => gzipBytes],
  ['brotli', ({ brotliBytes }) => brotliBytes],
]

function formatKilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}

export function formatMicros(micros: number): string {
  return `${micros.toFixed(micros < 10 ? 2 : 1)} µs`
}

export function formatBytes(bytes: number): string {
  return `${bytes.toLocaleString('en')} B`
}

function formatRatio({ median, lowerQuartile, upperQuartile }: Spread): string {
  return `${short(median)} (${short(lowerQuartile)}–${short(upperQuartile)})`
}

/** At least two digits that count: .93, .061, 7.42, 13.4. */
function short(ratio: number): string {
  const text = ratio.toFixed(ratio < 0.1 ? 3 : ratio < 10 ? 2 : 1)
  return text.startsWith('0') ? text.slice(1) : text
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => {
      const width = WIDTHS[index] ?? 0
      return width < 0 ? cell.padEnd(-width) : cell.padStart(width)
    })
    .join('')
    .trimEnd()
}
