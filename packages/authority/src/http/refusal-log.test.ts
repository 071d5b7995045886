import { expect, it } from 'vitest'
import type { Log, LogFields } from '../domain/ports.ts'
import type { RefusedCallers } from '../domain/refused-callers.ts'
import { createRefusalLog } from './refusal-log.ts'

it('a flood of refused callers is counted, and floods neither the log nor the audit log', () => {
  const lines: (LogFields | undefined)[] = []
  const log: Log = {
    info: () => undefined,
    warn: (_, fields) => lines.push(fields),
    error: () => undefined,
  }
  const recorded: unknown[] = []
  const refusedCallers: RefusedCallers = {
    record: ({ requestId }) => recorded.push(requestId),
    omitted: (count) => recorded.push(count),
  }
  let now = 5_000
  const note = createRefusalLog(log, { now: () => now }, refusedCallers)
  const refusal = { code: 'unauthorized', address: '192.0.2.1' } as const
  for (let index = 0; index < 100_000; index++) note({ ...refusal, requestId: `req_${index}` })
  expect(lines).toHaveLength(10)
  expect(recorded).toHaveLength(10)
  now += 1_000
  note({ ...refusal, requestId: 'req_last' })
  expect(lines.slice(10)).toEqual([
    { count: 99_990 },
    { requestId: 'req_last', code: 'unauthorized' },
  ])
  expect(recorded.slice(10)).toEqual([99_990, 'req_last'])
})
