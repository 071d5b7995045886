const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

/** Reads `90`, `90s`, `15m`, `1h` or `30d` as seconds; `null` for anything else. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})([smhd]?)$/.exec(text)
  if (match === null) return null
  return Number(match[1]) * (SECONDS[match[2] ?? ''] ?? 1)
}

const UNITS = [
  { seconds: 86_400, letter: 'd' },
  { seconds: 3600, letter: 'h' },
  { seconds: 60, letter: 'm' },
  { seconds: 1, letter: 's' },
] as const

/** Writes seconds in at most two units: `45s`, `1h`, `2d 3h`. Negative ones lose their sign. */
export function formatDuration(seconds: number): string {
  let rest = Math.round(Math.abs(seconds))
  const parts: string[] = []
  for (const { seconds: unit, letter } of UNITS) {
    const count = Math.floor(rest / unit)
    if (count === 0 || parts.length === 2) continue
    parts.push(`${count}${letter}`)
    rest -= count * unit
  }
  return parts.length === 0 ? '0s' : parts.join(' ')
}
