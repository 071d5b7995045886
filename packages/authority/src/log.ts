import { type DestinationStream, destination, pino } from 'pino'
import type { Log, LogFields } from './domain/ports.ts'
import type { LogLevel } from './settings.ts'

export interface LogOptions {
  readonly level: LogLevel
  /** Default: standard error, written at once, so that nothing is lost when the process ends. */
  readonly stream?: DestinationStream
}

/** Events as JSON lines: `time` in ISO form, `level`, `msg` the event, then its fields. */
export function createLog({ level, stream = destination({ fd: 2, sync: true }) }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(Date.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  )
  return Object.freeze({
    info(event: string, fields: LogFields = {}) {
      logger.info(fields, event)
    },
    warn(event: string, fields: LogFields = {}) {
      logger.warn(fields, event)
    },
    error(event: string, fields: LogFields = {}, error?: unknown) {
      logger.error({ ...fields, ...(error !== undefined && { stack: stackOf(error) }) }, event)
    },
  })
}

/** How deep the causes of an error are followed. */
const MAX_CAUSES = 5

/** Stacks only: the other members of a foreign error may hold a request, and so a token. */
function stackOf(error: unknown): string {
  const stacks: string[] = []
  for (let at = error; at !== undefined && stacks.length < MAX_CAUSES;) {
    stacks.push(at instanceof Error ? (at.stack ?? at.message) : `thrown: ${typeof at}`)
    at = at instanceof Error ? at.cause : undefined
  }
  return stacks.join('\ncaused by: ')
}
