import { readdir, readFile } from 'node:fs/promises'
import process from 'node:process'
import { createClient } from 'countersign'
import { expect, test } from 'vitest'
import { startTestAuthority } from '../support/authority.ts'
import { startReceiver } from '../support/receiver.ts'

const EXAMPLES = new URL('../../examples/calling-a-service/', import.meta.url)

test('the code of docs/calling.md is the code of its examples, which are compiled', async () => {
  const page = await readFile(new URL('../../docs/calling.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/```ts\n(.*?)\n```/gs)].map(([, block]) => block)
  const files = await readdir(EXAMPLES)
  const sources = await Promise.all(
    files.map(async (file) => (await readFile(new URL(file, EXAMPLES), 'utf8')).trim()),
  )
  expect(blocks.toSorted()).toEqual(sources.toSorted())
})

test('the first example calls a service as that machine', async () => {
  await using authority = await startTestAuthority()
  const { machines, m2m } = createClient({
    apiUrl: authority.url,
    secretKey: authority.secretKey,
  })
  await using service = await startReceiver(async ({ target, authorization = '' }) => {
    const { subject } = await m2m.verify({ token: authorization.replace('Bearer ', '') })
    return Response.json({ target, subject })
  })
  const worker = await machines.create({ name: 'worker' })
  process.env['COUNTERSIGN_URL'] = authority.url
  process.env['COUNTERSIGN_MACHINE_SECRET_KEY'] = worker.secretKey
  process.env['ORDERS_URL'] = service.url
  const { getOrder } = await import('../../examples/calling-a-service/orders.ts')
  expect(await getOrder('7/8')).toEqual({ target: '/orders/7%2F8', subject: worker.id })
})
