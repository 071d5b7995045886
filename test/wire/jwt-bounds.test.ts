import { expect, test } from 'vitest'
import { useWire } from '../support/wire.ts'

/** Whatever the authority signs at its own bounds is accepted by every verifier that it speaks to. */

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])
const clerk = wire.client({ machineSecretKey: api.secretKey })

const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) })

const CLAIMS: Readonly<Record<string, unknown>> = {
  'at the most bytes': { text: 'x'.repeat(4096 - JSON.stringify({ text: '' }).length) },
  'at the most levels': nested(16),
  'with a very long list': { list: Array.from({ length: 1500 }, () => 1) },
  'named like what every object has': { constructor: 1, toString: 'x', hasOwnProperty: null },
  'with names that are odd': { '': 0, ' ': 1, 'ü😀': 2, 'a.b': 3, 'https://x.example/claim': 4 },
  'with numbers at the edge': { a: Number.MAX_SAFE_INTEGER, b: -0.1, c: 1e-300, d: 1e300 },
  'with text that is no Unicode': { lone: '\ud800' },
  'with control characters': { text: '\u0000\u001f\u2028"\\' },
}

test.each(Object.entries(CLAIMS))(
  'a JWT %s is verified by the API and by Clerk’s client',
  async (_, claims) => {
    const made = await wire.call('POST', '/m2m_tokens', {
      key: worker.secretKey,
      body: { token_format: 'jwt', claims },
    })
    expect(made).toMatchObject({ status: 201, json: { claims } })
    const token = String(made.json['token'])
    const answer = await wire.call('POST', '/m2m_tokens/verify', {
      key: api.secretKey,
      body: { token },
    })
    expect(answer).toMatchObject({ status: 200, json: { id: made.json['id'], claims } })
    expect((await clerk.m2m.verify({ token })).claims).toMatchObject(claims as object)
  },
)

test.each([100, 240, 248, 249, 300, 450])(
  'a JWT with %i claims is refused at creation or accepted by whoever verifies it',
  async (count) => {
    const claims = Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, 0]))
    const made = await wire.call('POST', '/m2m_tokens', {
      key: worker.secretKey,
      body: { token_format: 'jwt', claims },
    })
    if (made.status !== 201) {
      expect(made).toMatchObject({ status: 400, code: 'claims_invalid' })
      return
    }
    const answer = await wire.call('POST', '/m2m_tokens/verify', {
      key: api.secretKey,
      body: { token: made.json['token'] },
    })
    expect(answer.status).toBe(200)
  },
)

test('a JWT for 64 receivers with the most claims is verified by the last of them', async () => {
  const receivers = await Promise.all(
    Array.from({ length: 64 }, async () => wire.machine('one of many')),
  )
  const caller = await wire.machine(
    'caller',
    receivers.map(({ id }) => id),
  )
  const made = await wire.call('POST', '/m2m_tokens', {
    key: caller.secretKey,
    body: { token_format: 'jwt', claims: CLAIMS['at the most bytes'] },
  })
  const { token } = made.json
  const scopes = made.json['scopes'] as string[]
  expect(scopes).toHaveLength(64)
  const last = receivers.find(({ id }) => id === scopes.at(-1))
  const answer = await wire.call('POST', '/m2m_tokens/verify', {
    key: last?.secretKey ?? '',
    body: { token },
  })
  expect(answer).toMatchObject({ status: 200, json: { subject: caller.id, scopes } })
  // As a header it must pass Node's own limit of 16 KiB for all headers.
  expect(String(token).length).toBeLessThan(12_288)
})
