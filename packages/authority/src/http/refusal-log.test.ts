import { expect, it } from 'vitest'
import type { Log, LogFields } from '../domain/ports.ts'
import { createRefusalLog } from './refusal-log.ts'

it('a flood of refused callers is counted, and does not flood the log', () => {
  const lines: (LogFields | undefined)[] = []
  const log: Log = {
    info: () => undefined,
    warn: (_, fields) => lines.push(fields),
    error: () => undefined,
  }
  let now = 5_000
  const refused = createRefusalLog(log, { now: () => now })
  for (let index = 0; index < 100_000; index++) refused(`req_${index}`, 'unauthorized')
  expect(lines).toHaveLength(10)
  now += 1_000
  refused('req_last', 'unauthorized')
  expect(lines.slice(10)).toEqual([
    { count: 99_990 },
    { requestId: 'req_last', code: 'unauthorized' },
  ])
})
