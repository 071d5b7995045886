import type { Shell } from './shell.ts'
import { formatDuration } from './duration.ts'
import { columns } from './text.ts'

/** Rows under dim headings; a sentence when there are none. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  shell: Shell,
): string[] {
  const { dim } = shell.style
  if (rows.length === 0) return [dim('none')]
  return columns([headings.map((heading) => dim(heading)), ...rows])
}

/** Names and values, one a line. */
export function facts(rows: readonly (readonly [string, string])[], shell: Shell): string[] {
  return columns(rows.map(([name, value]) => [shell.style.dim(name), value]))
}

/** How long ago, or in how long. */
export function showTime(epochMs: number | null, shell: Shell): string {
  if (epochMs === null) return 'never'
  const seconds = (epochMs - shell.now()) / 1000
  return seconds > 0 ? `in ${formatDuration(seconds)}` : `${formatDuration(seconds)} ago`
}

/** A text from elsewhere, without the control characters that could command a terminal. */
export function safe(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '·')
}

/** Says that there is more than the page that is shown. */
export function pageNote(
  page: { readonly data: readonly unknown[]; readonly totalCount: number },
  offset: number,
): string[] {
  const shown = page.data.length
  if (shown === page.totalCount || shown === 0) return []
  return [
    `${offset + 1}–${offset + shown} of ${page.totalCount}; --offset ${offset + shown} goes on.`,
  ]
}
