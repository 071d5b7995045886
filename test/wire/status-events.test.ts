import { expect, test } from 'vitest'
import { startWire, useWire } from '../support/wire.ts'

const wire = await useWire()
const worker = await wire.machine('worker')

const listen = async (url: string) => {
  const end = new AbortController()
  const answer = await fetch(`${url}/.well-known/status-events`, { signal: end.signal })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  return {
    answer,
    next: async () => (await reader?.read())?.value,
    leave: () => {
      end.abort()
    },
  }
}

test('a revocation is told to all who listen, as the address of the list that changed', async () => {
  const { id } = await worker.client.m2m.createToken({ tokenFormat: 'jwt' })
  const stream = await listen(wire.authority.url)
  expect(stream.answer.headers.get('content-type')).toBe('text/event-stream')
  expect(await stream.next()).toBe('retry: 2000\n\n')
  const event = new RegExp(
    `^event: status-list\\ndata: {"uri":"${wire.url}/status-lists/[\\w-]{12}"}\\n\\n$`,
  )
  await wire.authority.tick()
  expect(await stream.next()).toMatch(event)
  await wire.client().m2m.revokeToken({ m2mTokenId: id })
  await wire.authority.tick()
  expect(await stream.next()).toMatch(event)
  stream.leave()
})

test('an authority that stops ends its streams at once', async () => {
  const wire = await startWire()
  const stream = await listen(wire.authority.url)
  await stream.next()
  const closed = wire.close()
  expect(await stream.next()).toBeUndefined()
  await closed
})
