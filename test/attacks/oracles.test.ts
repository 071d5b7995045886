import { expect, test } from 'vitest'
import { createTestClock } from '../support/clock.ts'
import { startWire } from '../support/wire.ts'

/** Whatever is wrong with a credential, the answer is the same to the letter (A17, O5). */

/** Everything of an answer but what names the one answer. */
function sayingOf(answer: { status: number; headers: Headers; text: string }): unknown {
  const named = answer.headers.get('x-request-id') ?? ''
  const headers = [...answer.headers].filter(([name]) => !['date', 'x-request-id'].includes(name))
  return [answer.status, headers, answer.text.replace(named, '')]
}

function bent(text: string): string {
  const other = text.at(-10) === 'a' ? 'b' : 'a'
  return text.slice(0, -10) + other + text.slice(-9)
}

test('unknown, expired, revoked, bent, foreign and orphaned tokens are one answer', async () => {
  const clock = createTestClock()
  await using wire = await startWire({ clock })
  const api = await wire.machine('api')
  const worker = await wire.machine('worker', [api.id])
  const lonely = await wire.machine('lonely')
  const gone = await wire.machine('gone', [api.id])
  const issue = async (of: typeof worker, more = {}) =>
    (await of.client.m2m.createToken(more)).token ?? ''

  const expired = await issue(worker, { secondsUntilExpiration: 1 })
  const expiredJwt = await issue(worker, { secondsUntilExpiration: 1, tokenFormat: 'jwt' })
  const revoked = await worker.client.m2m.createToken()
  await worker.client.m2m.revokeToken({ m2mTokenId: revoked.id })
  const orphans = [await issue(gone), await issue(gone, { tokenFormat: 'jwt' })]
  await wire.client().machines.delete(gone.id)
  const good = await issue(worker)
  const goodJwt = await issue(worker, { tokenFormat: 'jwt' })
  clock.advance(1000)

  const tokens = [
    'x',
    'mt_',
    'a.b.c',
    good.slice(0, -1),
    bent(good),
    bent(goodJwt),
    goodJwt.replace(/\.[^.]*$/, '.'),
    goodJwt.toUpperCase(),
    `${good} `,
    `${goodJwt}=`,
    worker.secretKey,
    wire.secretKey,
    expired,
    expiredJwt,
    revoked.token ?? '',
    ...orphans,
    await issue(lonely),
    await issue(lonely, { tokenFormat: 'jwt' }),
  ]
  const sayings = new Set<string>()
  for (const token of tokens) {
    const body = { token }
    const answer = await wire.call('POST', '/m2m_tokens/verify', { key: api.secretKey, body })
    sayings.add(JSON.stringify(sayingOf(answer)))
  }
  expect([...sayings]).toHaveLength(1)
  expect([...sayings][0]).toContain('token_not_found')
})

test('no, bent, rotated, deleted and foreign keys are one answer', async () => {
  await using wire = await startWire()
  const rotated = await wire.machine('rotated')
  await wire.client().machines.rotateSecretKey({ machineId: rotated.id, previousTokenTtl: 0 })
  const gone = await wire.machine('gone')
  await wire.client().machines.delete(gone.id)
  const live = await wire.machine('live')
  const token = (await live.client.m2m.createToken()).token ?? ''
  const subject = `mch_${'a'.repeat(27)}`
  const created = await wire.client().apiKeys.create({ name: 'key', subject })
  const keys = [
    null,
    'ak_x',
    bent(live.secretKey),
    bent(wire.secretKey),
    rotated.secretKey,
    gone.secretKey,
    token,
    created.secret ?? '',
  ]
  for (const [method, path] of [
    ['GET', '/v1/machines'],
    ['POST', '/m2m_tokens'],
    ['POST', '/m2m_tokens/verify'],
    ['GET', '/v1/jwks'],
    ['GET', '/signing_keys'],
    ['POST', '/signing_keys/rotate'],
  ] as const) {
    const sayings = new Set<string>()
    for (const key of keys) {
      sayings.add(JSON.stringify(sayingOf(await wire.call(method, path, { key }))))
    }
    expect([path, sayings.size]).toEqual([path, 1])
    expect([...sayings][0]).toContain('401')
  }
})
