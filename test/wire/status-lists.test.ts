import { inflateSync } from 'node:zlib'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { startWire, useWire, type Wire } from '../support/wire.ts'

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])

interface Reference {
  readonly idx: number
  readonly uri: string
}

const mint = async (machine = worker) => {
  const { id, token = '' } = await machine.client.m2m.createToken({ tokenFormat: 'jwt' })
  const { status } = decodeJwt<{ status: { status_list: Reference } }>(token)
  return { id, token, ...status.status_list }
}

/** Straight to the socket: this is no part of Clerk’s wire. */
const get = (uri: string, headers: Record<string, string> = {}, on: Wire = wire) =>
  fetch(uri.replace(on.url, on.authority.url), {
    headers: { 'accept-encoding': 'identity', ...headers },
  })

const readList = async (uri: string, on: Wire = wire) => {
  const keys = createRemoteJWKSet(new URL(`${on.authority.url}/.well-known/jwks.json`))
  const { payload, protectedHeader } = await jwtVerify<{
    ttl: number
    status_list: { bits: number; lst: string }
  }>(await (await get(uri, {}, on)).text(), keys, { currentDate: new Date(on.clock.now()) })
  const bytes = inflateSync(Buffer.from(payload.status_list.lst, 'base64url'))
  const isRevoked = (index: number): boolean =>
    (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1
  return { payload, protectedHeader, bytes, isRevoked }
}

test('a list is a signed token of its own type about its own address, for a day’s tokens at the most', async () => {
  const { uri } = await mint()
  const { payload, protectedHeader, bytes } = await readList(uri)
  expect(uri).toMatch(new RegExp(`^${wire.url}/status-lists/[\\w-]{12}$`))
  const now = Math.floor(wire.clock.now() / 1000)
  expect(protectedHeader).toMatchObject({ typ: 'statuslist+jwt', alg: 'RS256' })
  expect(payload).toEqual({
    iss: wire.url,
    sub: uri,
    iat: now,
    exp: now + 3_600,
    ttl: 15,
    status_list: { bits: 1, lst: expect.any(String) as string },
  })
  expect(bytes).toHaveLength(131_072 / 8)
})

test('a token that is revoked is in its list at the next look, and no other', async () => {
  const [one, other] = [await mint(), await mint()]
  expect(one.uri).toBe(other.uri)
  expect((await readList(one.uri)).isRevoked(one.idx)).toBe(false)
  await wire.client().m2m.revokeToken({ m2mTokenId: one.id })
  const after = await readList(one.uri)
  expect([after.isRevoked(one.idx), after.isRevoked(other.idx)]).toEqual([true, false])
})

test('no place is given twice, and the places tell nothing of their order', async () => {
  const places = await Promise.all(Array.from({ length: 200 }, () => mint()))
  expect(new Set(places.map(({ uri, idx }) => `${uri} ${idx}`)).size).toBe(200)
  const rising = places.filter(({ idx }, index) => idx > (places[index - 1]?.idx ?? -1)).length
  expect(rising).toBeGreaterThan(50)
  expect(rising).toBeLessThan(150)
})

test('a list is signed as the tokens in it are', async () => {
  const uris = new Set<string>()
  for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
    const machine = await wire.machine(algorithm)
    await wire.call('PATCH', `/machines/${machine.id}`, { body: { jwt_algorithm: algorithm } })
    const { uri } = await mint(machine)
    uris.add(uri)
    expect((await readList(uri)).protectedHeader.alg).toBe(algorithm)
  }
  expect(uris.size).toBe(3)
})

test('an hour later tokens go into another list, and a list ends with its last token', async () => {
  await using wire = await startWire()
  const machine = await wire.machine()
  const first = await mint(machine)
  wire.clock.advance(3_600_000)
  const second = await mint(machine)
  expect(second.uri).not.toBe(first.uri)
  const aggregated = await get(`${wire.url}/status-lists`, {}, wire)
  expect(((await aggregated.json()) as { status_lists: string[] }).status_lists.toSorted()).toEqual(
    [first.uri, second.uri].toSorted(),
  )
  wire.clock.advance(86_400_000)
  expect((await get(first.uri, {}, wire)).status).toBe(404)
  expect((await get(second.uri, {}, wire)).status).toBe(200)
})

test('a list may be kept only as long as a verifier may rely on it', async () => {
  const { uri } = await mint()
  const answer = await get(uri)
  expect(answer.headers.get('content-type')).toBe('application/statuslist+jwt')
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  const [, maxAge] = /^public, max-age=(\d+)$/.exec(answer.headers.get('cache-control') ?? '') ?? []
  expect(Number(maxAge)).toBeLessThanOrEqual(15)
  wire.clock.advance(4_000)
  expect((await get(uri)).headers.get('cache-control')).toBe(
    `public, max-age=${Number(maxAge) - 4}`,
  )
  const again = await readList(uri)
  wire.clock.advance(5_000)
  expect((await readList(uri)).payload.iat).toBeGreaterThan(again.payload.iat ?? 0)
})

test('a list is the same text until it changes or its period is over, with a tag that says so', async () => {
  const { uri, id } = await mint()
  const first = await get(uri)
  const tag = first.headers.get('etag') ?? ''
  const text = await first.text()
  expect(await (await get(uri)).text()).toBe(text)
  for (const header of [tag, `"x", ${tag}`, `W/${tag}`, '*']) {
    const unchanged = await get(uri, { 'if-none-match': header })
    expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])
  }
  await wire.client().m2m.revokeToken({ m2mTokenId: id })
  const changed = await get(uri, { 'if-none-match': tag })
  expect(changed.status).toBe(200)
  expect(await changed.text()).not.toBe(text)
})

test('a list is compressed for who asks, and both copies are kept apart', async () => {
  const { uri } = await mint()
  const plain = await get(uri)
  const answer = await get(uri, { 'accept-encoding': 'br;q=1, gzip' })
  expect(answer.headers.get('content-encoding')).toBe('gzip')
  expect(answer.headers.get('vary')).toBe('accept, accept-encoding')
  expect(answer.headers.get('etag')).not.toBe(plain.headers.get('etag'))
  expect(await answer.text()).toBe(await plain.text())
  expect(
    (await get(uri, { 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding'),
  ).toBeNull()
})

test.each([
  ['application/statuslist+jwt', 200],
  ['Application/*, text/html', 200],
  ['*/*;q=0.1', 200],
  ['application/statuslist+cwt', 406],
  ['application/statuslist+jwt;q=0', 406],
])('who accepts %s gets %i', async (accept, status) => {
  const { uri } = await mint()
  expect((await get(uri, { accept })).status).toBe(status)
})

test('a list of another time, an unknown and a misshapen one are refused', async () => {
  const { uri } = await mint()
  expect((await get(`${uri}?time=1`)).status).toBe(501)
  for (const id of ['AAAAAAAAAAAA', 'x', '%00', '..%2Fmachines']) {
    expect((await get(`${wire.url}/status-lists/${id}`)).status).toBe(404)
  }
})

test('the metadata name the key set and where all lists are', async () => {
  const answer = await get(`${wire.url}/.well-known/oauth-authorization-server`)
  expect(await answer.json()).toMatchObject({
    issuer: wire.url,
    jwks_uri: `${wire.url}/.well-known/jwks.json`,
    status_list_aggregation_endpoint: `${wire.url}/status-lists`,
  })
})
