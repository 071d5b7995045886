import type { Context } from './context.ts'
import type { Log } from './ports.ts'

/** Callers who were not let in, in the audit log. Nobody waits for it, and nobody is let in by its failure. */
export interface RefusedCallers {
  record(refusal: {
    readonly code: string
    readonly requestId: string
    readonly address: string | null
  }): void
  /** That many more, of which nothing else is kept. */
  omitted(count: number): void
}

export function createRefusedCallers(
  { store, audit }: Pick<Context, 'store' | 'audit'>,
  log: Log,
): RefusedCallers {
  const write = (address: string | null, details: Readonly<Record<string, unknown>>): void => {
    const entry = audit('caller.refused', { kind: 'stranger', address }, { target: null, details })
    store.write({ type: 'record-event' }, entry).catch((error: unknown) => {
      log.error('a refused caller is not in the audit log', {}, error)
    })
  }
  return Object.freeze({
    record({ code, requestId, address }: Parameters<RefusedCallers['record']>[0]) {
      write(address, { code, requestId })
    },
    omitted(count: number) {
      write(null, { omitted: count })
    },
  })
}
