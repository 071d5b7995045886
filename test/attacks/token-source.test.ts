import { inspect } from 'node:util'
import { type Client, createClient, createTokenSource, type TokenStore } from 'countersign'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'

/** Somebody wants a token that is not for them, or wants us to present one of theirs. */

let authority: TestAuthority
let admin: Client
let machineSecretKey: string
let machineId: string

/** Where the token may go, and what it answers. */
let api: Receiver
let answer: () => Response
/** Where it must never be seen. */
let evil: Receiver

beforeAll(async () => {
  authority = await startTestAuthority()
  admin = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const machine = await admin.machines.create({ name: 'worker' })
  machineId = machine.id
  machineSecretKey = machine.secretKey ?? ''
  api = await startReceiver(() => answer())
  evil = await startReceiver(() => new Response('thanks'))
})

afterAll(async () => {
  await authority.close()
  await api[Symbol.asyncDispose]()
  await evil[Symbol.asyncDispose]()
})

const sourceOf = (options: { readonly store?: TokenStore; readonly apiUrl?: string } = {}) =>
  createTokenSource({
    apiUrl: authority.url,
    machineSecretKey,
    origins: [api.url],
    retry: { retries: 0 },
    ...options,
  })

const ok = (): Response => new Response('ok')

const thrownBy = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.fail('It was not refused.'),
    (error: unknown) => error,
  )

describe('the token is not sent to another place', () => {
  test('by any spelling of its URL', async () => {
    answer = ok
    const { fetch } = sourceOf()
    const { host: good, port } = new URL(api.url)
    const { host: bad, port: badPort } = new URL(evil.url)
    for (const url of [
      evil.url,
      `http://${good}@${bad}/`,
      `http://${good}%2f@${bad}/`,
      `http://${bad}\\@${good}/`,
      `http://${bad}#@${good}/`,
      `http://${bad}?@${good}/`,
      `http://${bad}/${good}`,
      `http://127.0.0.1:${port}@127.0.0.1:${badPort}`,
      `http://user:password@${good}/`,
      `http://127.0.0.1.:${badPort}/`,
      `http://127.1:${badPort}/`,
      `http://2130706433:${badPort}/`,
      `http://LOCALHOST:${port}/`,
      `http://localhost.:${port}/`,
      `\thttp://127.0.0.1:${badPort}/`,
      `https://${good}/`,
    ]) {
      for (const input of [url, new URL(url)]) {
        expect(await thrownBy(fetch(input)), url).toMatchObject({ code: 'origin-not-allowed' })
      }
    }
    expect(evil.received).toEqual([])
    expect(api.received).toEqual([])
  })

  test('by an object that says another thing each time it is asked', async () => {
    answer = ok
    const before = api.received.length
    const { fetch } = sourceOf()
    const texts = [api.url, evil.url]
    const shifting = { toString: () => texts.shift() ?? evil.url }
    await fetch(shifting as unknown as URL)
    class Liar extends Request {
      override get url(): string {
        return api.url
      }
    }
    expect(await thrownBy(fetch(new Liar(evil.url)))).toMatchObject({ code: 'origin-not-allowed' })
    expect(api.received).toHaveLength(before + 1)
    expect(evil.received).toEqual([])
  })

  test.each([301, 302, 303, 307, 308])('by a redirect with %i', async (status) => {
    const { fetch } = sourceOf()
    const { host } = new URL(evil.url)
    for (const location of [
      evil.url,
      `//${host}/`,
      `\\\\${host}/`,
      `${api.url}@${host}/`,
      `http://localhost:${new URL(api.url).port}/`,
    ]) {
      answer = () => new Response(null, { status, headers: { location } })
      for (const init of [{}, { method: 'POST', body: 'text' }]) {
        const error = await thrownBy(fetch(api.url, init))
        expect(error).toMatchObject({ code: 'origin-not-allowed' })
        expect(await thrownBy(fetch(new Request(api.url, init)))).toMatchObject({
          code: 'origin-not-allowed',
        })
      }
    }
    expect(evil.received).toEqual([])
  })

  test('by a redirect after a redirect, or after a new token', async () => {
    const { fetch } = sourceOf()
    const stale = { 'www-authenticate': 'Bearer error="invalid_token"' }
    const answers = [
      new Response(null, { status: 302, headers: { location: '/next' } }),
      new Response(null, { status: 401, headers: stale }),
      new Response(null, { status: 302, headers: { location: evil.url } }),
    ]
    answer = () => answers.shift() ?? ok()
    expect(await thrownBy(fetch(api.url))).toMatchObject({ code: 'origin-not-allowed' })
    expect(answers).toEqual([])
    expect(evil.received).toEqual([])
  })

  test('nor is the key of the machine, by an authority that redirects', async () => {
    const headers = { location: `${evil.url}/v1/m2m_tokens` }
    await using moved = await startReceiver(() => new Response(null, { status: 307, headers }))
    const { getToken } = sourceOf({ apiUrl: moved.url })
    expect(await thrownBy(getToken())).toMatchObject({ code: 'answer-unexpected' })
    expect(evil.received).toEqual([])
  })
})

describe('a store that an attacker writes to', () => {
  const stored = async (key: string) => {
    const entries = new Map<string, string>()
    const store: TokenStore = {
      get: (name) => entries.get(name),
      set: (name, value) => entries.set(name, value),
    }
    const source = createTokenSource({ apiUrl: authority.url, machineSecretKey: key, store })
    const token = await source.getToken()
    await expect.poll(() => entries.size).toBe(1)
    const [[name = '', value = ''] = []] = entries
    return { token, name, value }
  }

  test('does not have a live token of another machine presented as ours', async () => {
    const theirs = await admin.machines.create({ name: 'attacker' })
    const planted = await stored(theirs.secretKey ?? '')
    const plain = JSON.stringify({ token: planted.token, lifetimeMs: null, expiresAtMs: null })
    for (const value of [planted.value, planted.token, plain, `v1.${btoa(plain)}`]) {
      const { getToken } = sourceOf({ store: { get: () => value, set: () => undefined } })
      const { subject } = await admin.m2m.verify({ token: await getToken() })
      expect(subject).toBe(machineId)
    }
  })

  test('gets nothing to read that is of use elsewhere', async () => {
    const ours = await stored(machineSecretKey)
    const bytes = Buffer.from(ours.value.replace('v1.', ''), 'base64url')
    for (const text of [ours.name, ours.value, bytes.toString('latin1'), bytes.toString('utf8')]) {
      expect(text).not.toContain(ours.token.slice(0, 12))
      expect(text).not.toContain(machineSecretKey.slice(3, 20))
    }
  })

  test('has no revoked token brought back for longer than one refusal', async () => {
    const ours = await stored(machineSecretKey)
    const { id } = await admin.m2m.verify({ token: ours.token })
    await admin.m2m.revokeToken({ m2mTokenId: id })
    const { getToken, invalidate } = sourceOf({
      store: { get: () => ours.value, set: () => undefined },
    })
    expect(await getToken()).toBe(ours.token)
    invalidate(ours.token)
    const live = await getToken()
    expect(live).not.toBe(ours.token)
    await expect(admin.m2m.verify({ token: live })).resolves.toMatchObject({ subject: machineId })
  })
})

test('a store that never answers keeps no request of a platform open', async () => {
  const works: Promise<unknown>[] = []
  const { getToken } = createTokenSource({
    apiUrl: authority.url,
    machineSecretKey,
    waitUntil: (work) => works.push(work),
    store: { get: () => null, set: () => new Promise(() => undefined) },
  })
  await getToken()
  expect(works).toHaveLength(1)
  await Promise.all(works)
})

test('a receiver that refuses every token does not have the authority flooded', async () => {
  answer = () =>
    new Response(null, {
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    })
  const machine = await admin.machines.create({ name: 'unlucky' })
  const { fetch } = createTokenSource({
    apiUrl: authority.url,
    machineSecretKey: machine.secretKey,
    origins: [api.url],
  })
  const responses = await Promise.all(Array.from({ length: 500 }, () => fetch(api.url)))
  expect(responses.every(({ status }) => status === 401)).toBe(true)
  const { totalCount } = await admin.m2m.list({ subject: machine.id, revoked: true })
  expect(totalCount).toBeLessThan(10)
})

test('neither token nor key is in anything that is thrown, printed or logged', async () => {
  const source = sourceOf()
  const token = await source.getToken()
  await using mirror = await startReceiver(({ headers, body }) =>
    Response.json(
      { errors: [{ code: 'x', message: JSON.stringify({ headers, body }) }] },
      { status: 422 },
    ),
  )
  answer = () => new Response(null, { status: 302, headers: { location: `${evil.url}?${token}` } })
  const headers = { authorization: `Bearer ${token}` }
  const told: unknown[] = [
    source,
    await thrownBy(source.fetch(evil.url)),
    await thrownBy(source.fetch(`http://${token}:${machineSecretKey}@${new URL(api.url).host}/`)),
    await thrownBy(source.fetch(`not a url ${token}`)),
    await thrownBy(source.fetch(api.url)),
    await thrownBy(source.fetch(api.url, { headers })),
    await thrownBy(sourceOf({ apiUrl: mirror.url }).getToken()),
    await thrownBy(sourceOf({ apiUrl: 'http://127.0.0.1:1' }).getToken()),
  ]
  for (const one of told) {
    const stack = one instanceof Error ? one.stack : ''
    for (const text of [inspect(one, { depth: 20, showHidden: true }), String(one), stack]) {
      expect(text).not.toContain(token)
      expect(text).not.toContain(machineSecretKey)
    }
  }
  expect(authority.log.lines.join('\n')).not.toContain(token)
  expect(evil.received).toEqual([])
})
