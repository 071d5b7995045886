import { stripVTControlCharacters } from 'node:util'

/** Lays rows out in columns two spaces apart; the last column is wrapped to `width`. */
export function columns(rows: readonly (readonly string[])[], width = Infinity): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, index) =>
    Math.max(...rows.map((row) => visibleLength(row[index] ?? ''))),
  )
  const indent = widths.slice(0, -1).reduce((sum, column) => sum + column + 2, 0)
  return rows.flatMap((row) => {
    const head = row.slice(0, count - 1).map((cell, index) => pad(cell, widths[index] ?? 0))
    const [first = '', ...more] = wrap(row[count - 1] ?? '', width - indent)
    return [
      [...head, first].join('  ').trimEnd(),
      ...more.map((line) => `${' '.repeat(indent)}${line}`),
    ]
  })
}

/** Breaks a text between words. */
export function wrap(text: string, width: number): string[] {
  if (visibleLength(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && visibleLength(line) + 1 + visibleLength(word) > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

/** Pads to a width as it is seen, colours not counted. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleLength(text)))
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length
}
