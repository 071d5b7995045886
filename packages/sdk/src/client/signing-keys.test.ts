import { describe, expect, test } from 'vitest'
import { json, type ScriptedFetch, scriptedFetch } from '../testing/scripted-fetch.ts'
import { instanceSecret } from '../testing/tokens.ts'
import { type Client, createClient } from './client.ts'

const KEY = {
  object: 'signing_key',
  kid: 'key_1',
  algorithm: 'ES256',
  state: 'revoked',
  created_at: 1,
  active_from: null,
  retires_at: null,
  published_until: 5,
  revoked_at: 5,
  revocation_reason: null,
}
const SIGNER = { ...KEY, kid: 'key_2', state: 'active', active_from: 5, revoked_at: null }
const REVOCATION = {
  object: 'signing_key_revocation',
  revoked: KEY,
  signer: SIGNER,
  key_set_max_age: 300,
}

function answered(body: unknown): ScriptedFetch & { readonly signingKeys: Client['signingKeys'] } {
  const scripted = scriptedFetch(json(body))
  const apiUrl = 'https://authority.test'
  const { fetch } = scripted
  const client = createClient({ apiUrl, secretKey: instanceSecret(), fetch, retry: { retries: 0 } })
  return { ...scripted, signingKeys: client.signingKeys }
}

const UNEXPECTED = { code: 'answer-unexpected' }

describe('signing keys', () => {
  test('are listed, rotated and revoked by the calls of the authority', async () => {
    const list = answered({ data: [SIGNER], total_count: 1 })
    await expect(list.signingKeys.list()).resolves.toMatchObject({ data: [{ kid: 'key_2' }] })
    const rotation = answered({ data: [SIGNER], total_count: 1 })
    await rotation.signingKeys.rotate({ algorithm: 'ES256' })
    await rotation.signingKeys.rotate()
    const revocation = answered(REVOCATION)
    await expect(
      revocation.signingKeys.revoke({ kid: 'key_1', revocationReason: 'stolen' }),
    ).resolves.toMatchObject({ revoked: { kid: 'key_1' }, keySetMaxAge: 300 })
    const sent = [...list.sent, ...rotation.sent, ...revocation.sent].map((request) => [
      request.method,
      new URL(request.url).pathname,
      request.body,
    ])
    expect(sent).toEqual([
      ['GET', '/v1/signing_keys', undefined],
      ['POST', '/v1/signing_keys/rotate', { algorithm: 'ES256' }],
      ['POST', '/v1/signing_keys/rotate', {}],
      ['POST', '/v1/signing_keys/key_1/revoke', { revocation_reason: 'stolen' }],
    ])
  })

  test('an answer that does not say that this key is revoked is an error', async () => {
    for (const body of [
      { ...REVOCATION, revoked: { ...KEY, kid: 'key_3' } },
      { ...REVOCATION, revoked: { ...KEY, state: 'retired' } },
      { ...REVOCATION, signer: null },
      KEY,
    ]) {
      const call = answered(body).signingKeys.revoke({ kid: 'key_1' })
      await expect(call).rejects.toMatchObject(UNEXPECTED)
    }
  })

  test('a key id that could lead elsewhere is never put into a path', async () => {
    const { signingKeys, sent } = answered(REVOCATION)
    const call = signingKeys.revoke({ kid: '../machines' })
    await expect(call).rejects.toMatchObject({ code: 'argument-invalid' })
    expect(sent).toEqual([])
  })
})
