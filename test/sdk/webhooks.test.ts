import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Client, createClient } from 'countersign'
import { Webhook as Oracle } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPostWebhook } from '../../packages/authority/src/outbound.ts'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

interface Delivery {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let clock: TestClock
let authority: TestAuthority
let client: Client
let receiver: Server
let deliveries: Delivery[]
let url: string
/** What the receiver answers; `null` for nothing at all. */
let status: number | null

beforeEach(async () => {
  clock = createTestClock()
  authority = await startTestAuthority({ clock, webhooksAllowPrivate: true })
  client = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  deliveries = []
  status = 200
  receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      deliveries.push({ headers: request.headers, body })
      if (status !== null) response.writeHead(status, { location: `${url}/elsewhere` }).end('said')
    })
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
})

afterEach(async () => {
  await authority.close()
  receiver.closeAllConnections()
  receiver.close()
})

/** Ticks until the receiver was called so often. */
async function delivered(count: number): Promise<void> {
  await expect
    .poll(
      async () => {
        await authority.tick()
        return deliveries.length
      },
      { timeout: 5_000 },
    )
    .toBe(count)
}

/** Ticks until what is kept of the only webhook fits. */
async function becomes(expected: object): Promise<void> {
  await expect
    .poll(async () => {
      await authority.tick()
      return (await client.webhooks.list())[0]
    })
    .toMatchObject(expected)
}

const eventOf = (
  { body }: Delivery | undefined = { headers: {}, body: '{}' },
): {
  readonly type: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
} => JSON.parse(body)

describe('a webhook', () => {
  it('is told of what happens from its creation on, signed as Standard Webhooks say', async () => {
    await client.machines.create({ name: 'before' })
    const { id, secret = '' } = await client.webhooks.create({ url })
    const machine = await client.machines.create({ name: 'after' })
    await delivered(2)
    const [first, second] = deliveries
    expect(eventOf(first)).toMatchObject({ type: 'webhook.created', data: { target: id } })
    const verified = new Oracle(secret).verify(
      second?.body ?? '',
      second?.headers as Record<string, string>,
    )
    expect(verified).toMatchObject({
      type: 'machine.created',
      timestamp: new Date(clock.now()).toISOString(),
      data: { seq: 4, target: machine.id, by: { kind: 'instance' }, from: '127.0.0.1' },
    })
    const text = JSON.stringify([deliveries, await client.webhooks.list()])
    for (const one of [secret, authority.secretKey, machine.secretKey]) {
      expect(text).not.toContain(one)
    }
    const log = JSON.stringify(await client.auditLog.list())
    expect(log).not.toContain(secret.slice(6))
    await becomes({ deliveredThrough: 4, failures: 0, secret: undefined })
  })

  it('is told of the actions that it asked for alone, and of each once', async () => {
    await client.webhooks.create({ url, actions: ['machine.deleted'] })
    const { id } = await client.machines.create({ name: 'a' })
    await client.machines.delete(id)
    await delivered(1)
    expect(eventOf(deliveries[0])).toMatchObject({ type: 'machine.deleted', data: { target: id } })
    await becomes({ deliveredThrough: 4 })
    await authority.tick()
    expect(deliveries).toHaveLength(1)
  })

  it('that fails is tried again, later each time, with the same id and a new signature', async () => {
    status = 500
    const { secret = '' } = await client.webhooks.create({ url })
    await delivered(1)
    await becomes({ failures: 1 })
    await authority.tick()
    expect(deliveries).toHaveLength(1)
    clock.advance(5_001)
    await delivered(2)
    await becomes({ failures: 2 })
    clock.advance(4_999)
    await authority.tick()
    clock.advance(5_002)
    status = 204
    await delivered(3)
    await becomes({ failures: 0, deliveredThrough: 2 })
    expect(new Set(deliveries.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    const [, , last] = deliveries
    const oracle = new Oracle(secret)
    expect(() =>
      oracle.verify(last?.body ?? '', last?.headers as Record<string, string>),
    ).not.toThrow()
  })

  it('that fails for a day is disabled, and the log says so; a replay enables it', async () => {
    status = 503
    const { id } = await client.webhooks.create({ url })
    await becomes({ failures: 1 })
    clock.advance(86_400_000)
    await becomes({ disabledAt: clock.now(), disabledReason: 'every delivery failed for a day' })
    const { data } = await client.auditLog.list({ action: 'webhook.disabled' })
    expect(data).toMatchObject([{ target: id, by: { kind: 'authority' } }])
    const { length } = deliveries
    clock.advance(86_400_000)
    await authority.tick()
    expect(deliveries).toHaveLength(length)
    status = 200
    await client.webhooks.replay({ webhookId: id, from: 1 })
    await delivered(length + 4)
    expect(deliveries.slice(length).map((one) => eventOf(one).data['seq'])).toEqual([1, 2, 3, 4])
    await becomes({ disabledAt: null, deliveredThrough: 4 })
  })

  it('that answers 410 is disabled at once', async () => {
    status = 410
    await client.webhooks.create({ url })
    await becomes({ disabledReason: 'the endpoint answered 410 Gone', failures: 1 })
    expect(deliveries).toHaveLength(1)
  })

  it.each([301, 302, 307])('that answers %i is not followed', async (redirect) => {
    status = redirect
    await client.webhooks.create({ url })
    await becomes({ failures: 1, deliveredThrough: 1 })
    expect(deliveries).toHaveLength(1)
  })

  it('that does not answer holds up nobody, and does not hold up the end', async () => {
    status = null
    await client.webhooks.create({ url })
    await delivered(1)
    await client.machines.create({ name: 'meanwhile' })
    await authority.tick()
    const start = performance.now()
    await authority.close()
    expect(performance.now() - start).toBeLessThan(3_000)
  })

  it('is told of an event once by two processes', async () => {
    const { createAuthority } = await import('@countersign/authority')
    const { TEST_ROOT_KEY } = await import('../support/authority.ts')
    const config = { issuer: authority.url, rootKeys: [TEST_ROOT_KEY], webhooksAllowPrivate: true }
    const other = await createAuthority(config, { store: authority.store, clock })
    await client.webhooks.create({ url })
    for (let round = 0; round < 5; round++) {
      await client.machines.create({ name: 'm' })
      await Promise.all([authority.tick(), other.tick()])
    }
    await becomes({ deliveredThrough: 7 })
    expect(deliveries.map((one) => eventOf(one).data['seq'])).toEqual([2, 3, 4, 5, 6, 7])
    await other.close()
  })

  it('that somebody in the database pointed elsewhere is not called', async () => {
    const { id } = await client.webhooks.create({ url })
    const { store } = authority
    const webhook = await store.webhook(id)
    if (webhook === null) throw new Error('There is no webhook.')
    await store.write({ type: 'delete-webhook', id })
    const moved = { ...webhook, url: `${url}/mine`, version: 1 }
    await store.write({ type: 'create-webhook', webhook: moved, limit: 9 })
    await becomes({ disabledReason: 'the record in the database was altered' })
    expect(deliveries).toEqual([])
  })
})

describe('the webhooks of an instance', () => {
  it('are made, listed and deleted', async () => {
    const { id, secret } = await client.webhooks.create({ url, actions: ['machine.created'] })
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(await client.webhooks.list()).toMatchObject([{ id, url, disabledAt: null }])
    expect(await client.webhooks.delete(id)).toEqual({ id })
    expect(await client.webhooks.list()).toEqual([])
    await expect(client.webhooks.delete(id)).rejects.toMatchObject({ status: 404 })
    await expect(client.webhooks.replay({ webhookId: id, from: 1 })).rejects.toMatchObject({
      status: 404,
    })
  })

  it.each([
    { url: 'http://example.com/hook' },
    { url: 'ftp://127.0.0.1/' },
    { url: 'file:///etc/passwd' },
    { url: 'https://user:password@example.com/' },
    { url: 'hook' },
    { url: 'https://example.com', actions: ['everything'] },
    { url: 'https://example.com', secret: 'whsec_mine' },
    {},
  ])('are not made of %j', async (body) => {
    const { status: code } = await call(authority, 'POST', '/webhooks', authority.secretKey, body)
    expect(code).toBe(400)
    expect(await client.webhooks.list()).toEqual([])
  })

  it('are at most twenty', async () => {
    for (let index = 0; index < 20; index++) await client.webhooks.create({ url })
    await expect(client.webhooks.create({ url })).rejects.toMatchObject({
      status: 422,
      errors: [{ code: 'webhooks_full' }],
    })
  })

  it('are for the instance key alone', async () => {
    const { secretKey } = await client.machines.create({ name: 'm' })
    const id = `whk_${'1'.repeat(27)}`
    for (const [method, path] of [
      ['GET', '/webhooks'],
      ['POST', '/webhooks'],
      ['DELETE', `/webhooks/${id}`],
      ['POST', `/webhooks/${id}/replay`],
    ] as const) {
      expect((await call(authority, method, path)).status).toBe(401)
      expect((await call(authority, method, path, secretKey)).status).toBe(403)
    }
  })
})

describe('what stands beside the authority', () => {
  const post = createPostWebhook({ allowPrivate: false })
  const { signal } = new AbortController()

  it.each([
    ...['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1', '0177.0.0.1', '127.1'],
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '0.0.0.0', '[::]', '127.0.0.1.'],
  ])('is not called as %s', async (host) => {
    const { port } = new URL(url)
    const result = await post({ url: `http://${host}:${port}/hook`, headers: {}, body: '', signal })
    expect(result).toEqual({ failure: 'address-not-allowed' })
    expect(deliveries).toEqual([])
  })

  it.each(['169.254.169.254', '10.0.0.1', '192.168.0.1', '[fd00:ec2::254]', '[64:ff9b::a00:1]'])(
    'is not called as %s either',
    async (host) => {
      const result = await post({ url: `https://${host}/`, headers: {}, body: '', signal })
      expect(result).toEqual({ failure: 'address-not-allowed' })
    },
  )
})
