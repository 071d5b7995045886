import type { Failure } from './failures.ts'

/** The request header that says what is to go wrong with that request. */
export const EMULATE_HEADER = 'countersign-emulate'

const COUNT = /^\d{1,6}$/

const DIRECTIVES: Readonly<Record<string, (value: string) => Failure | null>> = {
  status: (value) => (/^[45]\d\d$/.test(value) ? { kind: 'error', status: Number(value) } : null),
  delay: (value) => (COUNT.test(value) ? { kind: 'slow', delayMs: Number(value) } : null),
  down: (value) => (value === '' ? { kind: 'down' } : null),
  malformed: (value) => (value === '' ? { kind: 'malformed' } : null),
  'stale-lists': (value) => (value === '' ? { kind: 'staleLists' } : null),
}

/** How each is written. */
export const DIRECTIVE_FORMS = 'status=400…599, delay=MILLISECONDS, down, malformed, stale-lists'

/** What `status=500; delay=200` asks for; `null` when it asks for what there is not. */
export function parseDirectives(header: string | null): readonly Failure[] | null {
  if (header === null || header.trim() === '') return []
  const failures = header.split(';').map((part) => {
    const [name = '', value = '', ...rest] = part.trim().toLowerCase().split('=')
    if (rest.length > 0 || !Object.hasOwn(DIRECTIVES, name)) return null
    return DIRECTIVES[name]?.(value) ?? null
  })
  const known = failures.filter((failure) => failure !== null)
  return known.length === failures.length ? known : null
}
