import { connect } from 'node:net'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'

/**
 * Who holds back the rest of a request keeps its key from being looked at too early: a key that is
 * rolled or revoked meanwhile must not act when the rest arrives.
 */

/** Sends the head of a request, lets something happen, and sends the body. Gives the status. */
async function holdBack(
  { url }: TestAuthority,
  secret: string,
  path: string,
  body: string,
  meanwhile: () => Promise<unknown>,
): Promise<number> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${secret}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n` +
      body.slice(0, 1),
  )
  // An answer to something else says that the head has been seen.
  await fetch(`${url}/livez`)
  await meanwhile()
  socket.write(body.slice(1))
  const [head] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return Number(head.toString().split(' ')[1])
}

it('a machine secret that is rolled while its request is held back issues nothing', async () => {
  await using authority = await startTestAuthority()
  const { secretKey } = authority
  const { body: machine } = await call(authority, 'POST', '/machines', secretKey, { name: 'm' })
  const secret = machine['secret_key'] as string
  const path = `/machines/${machine['id'] as string}/secret_key/rotate`
  const rotate = () => call(authority, 'POST', path, secretKey, { previous_token_ttl: 0 })
  const nothing = () => Promise.resolve()
  expect(await holdBack(authority, secret, '/m2m_tokens', '{}', nothing)).toBe(201)
  expect(await holdBack(authority, secret, '/m2m_tokens', '{}', rotate)).toBe(401)
})

it('an instance key that is revoked while its request is held back changes nothing', async () => {
  await using authority = await startTestAuthority()
  const { secretKey, store } = authority
  const [key] = await store.instanceKeys()
  const revoke = () =>
    store.write({ type: 'revoke-instance-key', id: key?.id ?? '', at: Date.now() })
  const body = JSON.stringify({ name: 'planted' })
  expect(await holdBack(authority, secretKey, '/machines', body, revoke)).toBe(401)
  const query = {
    text: 'planted',
    orderBy: 'name',
    descending: false,
    limit: 1,
    offset: 0,
  } as const
  expect((await store.machines(query)).totalCount).toBe(0)
})
