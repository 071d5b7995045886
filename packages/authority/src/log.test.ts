import { expect, it } from 'vitest'
import { createLog } from './log.ts'

function capture(level: 'info' | 'warn'): {
  lines: Record<string, unknown>[]
  log: ReturnType<typeof createLog>
} {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  return { lines, log: createLog({ level, stream }) }
}

it('writes an event and its fields as one line of JSON', () => {
  const { lines, log } = capture('info')
  log.info('listening', { port: 4100 })
  expect(lines).toEqual([
    { level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), msg: 'listening', port: 4100 },
  ])
})

it('leaves out what is below its level', () => {
  const { lines, log } = capture('warn')
  log.info('listening')
  log.warn('caller refused')
  expect(lines.map(({ msg }) => msg)).toEqual(['caller refused'])
})

it('logs the stack of an error and of its causes, and none of their other members', () => {
  const { lines, log } = capture('info')
  const cause = Object.assign(new Error('disk full'), { request: { authorization: 'Bearer ak_1' } })
  log.error('request failed', { code: 'internal_error' }, new Error('outer', { cause }))
  expect(lines[0]?.['stack']).toMatch(/Error: outer[^]*caused by: Error: disk full/)
  expect(JSON.stringify(lines)).not.toContain('Bearer')
})

it('does not print a value that was thrown in place of an error', () => {
  const { lines, log } = capture('info')
  log.error('request failed', {}, 'ak_secret')
  expect(lines[0]?.['stack']).toBe('thrown: string')
})

it('follows a circle of causes only so far', () => {
  const { lines, log } = capture('info')
  const error = new Error('round')
  error.cause = error
  log.error('request failed', {}, error)
  expect(String(lines[0]?.['stack']).match(/Error: round/g)).toHaveLength(5)
})
