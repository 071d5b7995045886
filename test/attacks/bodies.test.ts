import { expect, test } from 'vitest'
import { useWire } from '../support/wire.ts'

/** Bodies made to be read wrongly, or to cost much. None may be taken, none may be a defect. */

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])
const key = worker.secretKey

const LARGE: Readonly<Record<string, string>> = {
  'arrays 32,000 deep': `{"claims":${'['.repeat(32_000)}${']'.repeat(32_000)}}`,
  'objects 10,000 deep': `{"claims":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`,
  '6,000 unknown members': `{${members(6_000)}}`,
  '6,000 claims': `{"claims":{${members(6_000)}}}`,
  '30,000 numbers': `{"claims":[${'0,'.repeat(30_000)}0]}`,
  '20,000 empty arrays': `{"claims":[${'[],'.repeat(20_000)}0]}`,
  'one name of 60,000 characters': `{"${'a'.repeat(60_000)}":1}`,
  'a number of 60,000 digits': `{"claims":${'9'.repeat(60_000)}}`,
  '2,000 scopes': JSON.stringify({ scopes: Array.from({ length: 2_000 }, () => api.id) }),
  'white space only': ' '.repeat(60_000),
}

function members(count: number): string {
  return Array.from({ length: count }, (_, index) => `"k${index}":1`).join(',')
}

test.each(Object.entries(LARGE))('%s are refused, and soon', async (_, body) => {
  const begin = performance.now()
  const answer = await wire.call('POST', '/m2m_tokens', { key, body })
  expect([400, 413]).toContain(answer.status)
  expect(answer.text.length).toBeLessThan(70_000 * 3)
  expect(performance.now() - begin).toBeLessThan(1_000)
})

const WRONG: Readonly<Record<string, string | Uint8Array>> = {
  'a byte order mark': '\ufeff{}',
  'a NUL behind': '{}\0',
  'two values': '{}{}',
  'invalid UTF-8': Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d),
  'an overlong quote': Uint8Array.of(0x7b, 0xc0, 0xa2, 0x7d),
  'UTF-16': new Uint8Array(Buffer.from('{}', 'utf16le')),
  'a lone surrogate in a reason': '{"revocation_reason":"\\ud800"}',
  'a NUL in a reason': '{"revocation_reason":"\\u0000"}',
  'an infinite number': '{"claims":1e400}',
  'a comment': '{/**/}',
  'a form': 'token_format=jwt',
  'an array': '[]',
  'a text': '"{}"',
  null: 'null',
  'the member constructor': '{"constructor":{}}',
  'the member toString': '{"toString":1}',
  'a prototype': '{"__proto__":{"token_format":"jwt"}}',
  'a prototype in claims': '{"claims":[{"a":{"__proto__":{}}}]}',
  'an object for a text': '{"token_format":{"toString":"jwt"}}',
  'an array for a text': '{"token_format":["jwt"]}',
  'a text for a number': '{"seconds_until_expiration":"60"}',
}

test.each(Object.entries(WRONG))('%s is refused', async (_, body) => {
  const { id } = await worker.client.m2m.createToken()
  for (const path of ['/m2m_tokens', `/m2m_tokens/${id}/revoke`]) {
    const response = await fetch(wire.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body as BodyInit,
    })
    expect(response.status).toBe(400)
  }
})

test('a refusal quotes no value', async () => {
  const marker = 'mt_CANARY0000'
  const bodies = [
    { token: [marker] },
    { token: marker.repeat(2_000) },
    { secret: marker },
    { claims: { iss: marker }, token_format: 'jwt' },
    { scopes: [marker] },
    { seconds_until_expiration: marker },
  ]
  for (const body of bodies) {
    for (const path of ['/m2m_tokens', '/m2m_tokens/verify']) {
      const answer = await wire.call('POST', path, { key, body })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.text).not.toContain(marker)
    }
  }
  expect(wire.authority.log.lines.join('\n')).not.toContain(marker)
})

test('nothing of this was a defect', () => {
  expect(wire.authority.log.lines.filter((line) => line.startsWith('error'))).toEqual([])
})
