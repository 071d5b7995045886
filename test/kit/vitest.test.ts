import { expect, test as base } from 'vitest'
import { testAuthorityFixture, TOKEN_DEFECTS, type TestAuthority } from 'countersign/testing'
import { api, requestWith } from './api.ts'

/** The examples of docs/testing.md for vitest. */

const test = base.extend<{ authority: TestAuthority }>({ authority: testAuthorityFixture() })

test('a machine that may call is let in', async ({ authority }) => {
  const receiver = await authority.machine('api')
  const worker = await authority.machine('worker', { calls: [receiver] })
  const token = await authority.tokens.m2mJwt(worker)
  const response = await api(requestWith(token), receiver.options)
  expect(await response.json()).toEqual({ caller: worker.id })
})

test.for(Object.keys(TOKEN_DEFECTS.m2mJwt) as (keyof typeof TOKEN_DEFECTS.m2mJwt)[])(
  'a JWT with the defect %s is 401',
  async (defect, { authority }) => {
    const receiver = await authority.machine('api')
    const worker = await authority.machine('worker', { calls: [receiver] })
    const token = await authority.tokens.m2mJwt(worker, { defect })
    expect((await api(requestWith(token), receiver.options)).status).toBe(401)
  },
)

test('a token ends with its time', async ({ authority }) => {
  const receiver = await authority.machine('api')
  const worker = await authority.machine('worker', { calls: [receiver] })
  const token = await authority.tokens.m2mJwt(worker, { ttlSeconds: 60 })
  expect((await api(requestWith(token), receiver.options)).status).toBe(200)
  authority.clock.advance(65_000)
  expect((await api(requestWith(token), receiver.options)).status).toBe(401)
})

test('a revoked JWT is refused within 15 seconds', async ({ authority }) => {
  const receiver = await authority.machine('api')
  const worker = await authority.machine('worker', { calls: [receiver] })
  const token = await authority.tokens.m2mJwt(worker)
  expect((await api(requestWith(token), receiver.options)).status).toBe(200)
  await authority.tokens.revoke(token)
  authority.clock.advance(15_000)
  expect((await api(requestWith(token), receiver.options)).status).toBe(401)
})

test('an authority that is down is 503 for an opaque token', async ({ authority }) => {
  const receiver = await authority.machine('api')
  const worker = await authority.machine('worker', { calls: [receiver] })
  const token = await authority.tokens.m2m(worker)
  authority.fail('down')
  expect((await api(requestWith(token), receiver.options)).status).toBe(503)
  authority.recover()
  expect((await api(requestWith(token), receiver.options)).status).toBe(200)
})

test('the second verification of a JWT asks nobody', async ({ authority }) => {
  const receiver = await authority.machine('api')
  const worker = await authority.machine('worker', { calls: [receiver] })
  const token = await authority.tokens.m2mJwt(worker)
  await api(requestWith(token), receiver.options)
  authority.forgetRequests()
  await api(requestWith(token), receiver.options)
  expect(authority.requests).toEqual([])
})
