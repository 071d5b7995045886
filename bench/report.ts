import { cpus } from 'node:os'
import type { Spread, Standing } from './paired.ts'
import type { Table } from './rows/row.ts'

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

const WIDTHS = [-46, 12, 18, 8, 10, 8] as const

export function formatMachine({ node, cpu, cores }: Machine): string {
  return [
    `Node ${node}, ${cores} × ${cpu}`,
    'CPU time, user and system, all threads. Ratio: floor ÷ contestant, median of the rounds (quartiles).',
    '',
    line(['', 'CPU/op', 'ratio', 'target', '', 'RSS']),
  ].join('\n')
}

export function formatTable({ title, standings }: Table): string {
  return [title, ...standings.map(formatStanding), ''].join('\n')
}

function formatStanding(
  { name, micros, ratio, target, rssBytes }: Standing,
  index: number,
): string {
  return line([
    `  ${name}`,
    `${micros.median.toFixed(1)} µs`,
    index === 0 ? 'floor' : formatRatio(ratio),
    target === null ? '' : short(target),
    target === null ? '' : ratio.median >= target ? 'met' : 'missed',
    rssBytes === null ? '' : `${Math.round(rssBytes / 2 ** 20)} MB`,
  ])
}

function formatRatio({ median, lowerQuartile, upperQuartile }: Spread): string {
  return `${short(median)} (${short(lowerQuartile)}–${short(upperQuartile)})`
}

/** Two digits that count: .93, .061. */
function short(ratio: number): string {
  const text = ratio.toFixed(ratio < 0.1 ? 3 : 2)
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
