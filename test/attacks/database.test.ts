import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatCredential, formatId } from 'countersign/token'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../packages/authority/src/storage/sqlite/driver.ts'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'

/**
 * What docs/design/0002-credentials.md promises against somebody who reads, writes or copies the
 * database, or reads the log, and does not have the root key.
 */

interface Cast {
  readonly api: { readonly id: string; readonly secret: string }
  readonly worker: { readonly id: string; readonly secret: string }
  readonly stranger: { readonly id: string; readonly secret: string }
}

let folder: string
let file: string
let authority: TestAuthority
let cast: Cast

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-'))
  file = join(folder, 'countersign.db')
  authority = await startTestAuthority({ storage: file })
  const api = await createMachine('api')
  const worker = await createMachine('worker', [api.id])
  cast = { api, worker, stranger: await createMachine('stranger') }
})

afterEach(async () => {
  await authority.close()
  await rm(folder, { recursive: true })
})

async function createMachine(
  name: string,
  scopes: string[] = [],
): Promise<{ id: string; secret: string }> {
  const { body } = await call(authority, 'POST', '/v1/machines', authority.secretKey, {
    name,
    scoped_machines: scopes,
  })
  return { id: body['id'] as string, secret: body['secret_key'] as string }
}

async function createToken(
  secret: string,
  more: object = {},
): Promise<{ id: string; text: string }> {
  const { body } = await call(authority, 'POST', '/m2m_tokens', secret, more)
  return { id: body['id'] as string, text: body['token'] as string }
}

async function verify(secret: string, token: string): Promise<number> {
  return (await call(authority, 'POST', '/m2m_tokens/verify', secret, { token })).status
}

/** What somebody with a shell on the database host can do. */
async function asDatabaseWriter(
  text: string,
  ...values: (string | number | Uint8Array)[]
): Promise<void> {
  const connection = await connect(file)
  const { changes } = connection.prepare(text).run(...values)
  connection.close()
  expect(changes).toBeGreaterThan(0)
}

/** What they kept of a row's proof. */
async function copyOf(text: string): Promise<Uint8Array> {
  const connection = await connect(file)
  const row = connection.prepare(text).get() as { mac: Uint8Array }
  connection.close()
  return row.mac
}

describe('who writes the database', () => {
  it('cannot widen a token that they hold to another receiver', async () => {
    const token = await createToken(cast.stranger.secret)
    expect(await verify(authority.secretKey, token.text)).toBe(200)
    await asDatabaseWriter('UPDATE m2m_tokens SET scopes = ? WHERE id = ?', cast.api.id, token.id)
    expect(await verify(cast.api.secret, token.text)).toBe(404)
    expect(await verify(authority.secretKey, token.text)).toBe(404)
  })

  it('cannot pass a token that they hold off as another machine’s', async () => {
    const token = await createToken(cast.stranger.secret)
    await asDatabaseWriter('UPDATE m2m_tokens SET machine_id = ?', cast.worker.id)
    expect(await verify(authority.secretKey, token.text)).toBe(404)
  })

  it('cannot give a token other claims or a longer life', async () => {
    const token = await createToken(cast.worker.secret, { claims: { role: 'reader' } })
    await asDatabaseWriter(
      'UPDATE m2m_tokens SET expires_at = expires_at + 1 WHERE id = ?',
      token.id,
    )
    expect(await verify(cast.api.secret, token.text)).toBe(404)
    await asDatabaseWriter(
      'UPDATE m2m_tokens SET expires_at = expires_at - 1 WHERE id = ?',
      token.id,
    )
    expect(await verify(cast.api.secret, token.text)).toBe(200)
    await asDatabaseWriter('UPDATE m2m_tokens SET claims = ?', '{"role":"admin"}')
    expect(await verify(cast.api.secret, token.text)).toBe(404)
  })

  it('cannot plant a token by copying the proof of one into the row of another', async () => {
    const theirs = await createToken(cast.stranger.secret)
    const good = await createToken(cast.worker.secret)
    await asDatabaseWriter(
      `UPDATE m2m_tokens SET mac = (SELECT mac FROM m2m_tokens WHERE id = ?2),
        scopes = (SELECT scopes FROM m2m_tokens WHERE id = ?2),
        machine_id = (SELECT machine_id FROM m2m_tokens WHERE id = ?2),
        expires_at = (SELECT expires_at FROM m2m_tokens WHERE id = ?2) WHERE id = ?1`,
      theirs.id,
      good.id,
    )
    expect(await verify(cast.api.secret, theirs.text)).toBe(404)
  })

  it('cannot have a planted token handed out by token reuse', async () => {
    const theirs = await createToken(cast.stranger.secret)
    await asDatabaseWriter(
      'UPDATE m2m_tokens SET machine_id = ?, scopes = ? WHERE id = ?',
      cast.worker.id,
      cast.api.id,
      theirs.id,
    )
    const good = await createToken(cast.worker.secret)
    await asDatabaseWriter(
      'UPDATE m2m_tokens SET expires_at = expires_at + 9, likeness = (SELECT likeness FROM m2m_tokens WHERE id = ?) WHERE id = ?',
      good.id,
      theirs.id,
    )
    const next = await createToken(cast.worker.secret, { min_remaining_ttl_seconds: 1 })
    expect(next.id).not.toBe(theirs.id)
    expect(await verify(cast.api.secret, next.text)).toBe(200)
  })

  it('cannot have a token handed out again for claims that are not its own', async () => {
    const strong = await createToken(cast.worker.secret, { claims: { role: 'admin' } })
    const weak = await createToken(cast.worker.secret, { claims: { role: 'reader' } })
    await asDatabaseWriter(
      'UPDATE m2m_tokens SET likeness = (SELECT likeness FROM m2m_tokens WHERE id = ?), created_at = 0 WHERE id = ?',
      weak.id,
      strong.id,
    )
    await asDatabaseWriter('DELETE FROM m2m_tokens WHERE id = ?', weak.id)
    const next = await createToken(cast.worker.secret, {
      claims: { role: 'reader' },
      min_remaining_ttl_seconds: 1,
    })
    expect(next.id).not.toBe(strong.id)
  })

  it('cannot make their machine secret another machine’s', async () => {
    await asDatabaseWriter('DELETE FROM machine_secrets WHERE machine_id = ?', cast.worker.id)
    await asDatabaseWriter(
      'UPDATE machine_secrets SET machine_id = ? WHERE machine_id = ?',
      cast.worker.id,
      cast.stranger.id,
    )
    const { status } = await call(authority, 'POST', '/m2m_tokens', cast.stranger.secret)
    expect(status).toBe(401)
  })

  it('cannot plant an instance key', async () => {
    const idBytes = new Uint8Array(20).fill(1)
    const forged = formatCredential(
      {
        kind: 'instance-secret',
        prefix: 'sk_test_',
        keyVersion: 1,
        idBytes,
        secret: new Uint8Array(24),
      },
      () => new Uint8Array(8),
    )
    await asDatabaseWriter(
      'INSERT INTO instance_keys SELECT ?, mac, sealed, created_at, revoked_at FROM instance_keys',
      formatId('instanceKey', idBytes),
    )
    expect((await call(authority, 'GET', '/v1/machines', forged)).status).toBe(401)
  })

  it('cannot grant a scope: a token gets none from it', async () => {
    await asDatabaseWriter(
      'INSERT INTO scopes SELECT ?, to_machine_id, created_at, mac FROM scopes',
      cast.stranger.id,
    )
    const token = await createToken(cast.stranger.secret)
    expect(await verify(authority.secretKey, token.text)).toBe(200)
    expect(await verify(cast.api.secret, token.text)).toBe(404)
    const narrowed = { scopes: [cast.api.id] }
    const { status } = await call(authority, 'POST', '/m2m_tokens', cast.stranger.secret, narrowed)
    expect(status).toBe(400)
  })

  it('cannot publish a signing key of their own: the authority does not start with it', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const planted = { ...publicKey.export({ format: 'jwk' }), kid: 'key_evil', alg: 'ES256' }
    await asDatabaseWriter(
      `INSERT INTO signing_keys SELECT 'key_evil', 'ES256', ?, handle, mac, created_at, active_from,
        retires_at, revoked_at, revocation_reason
        FROM signing_keys WHERE algorithm = 'ES256' AND active_from IS NOT NULL`,
      JSON.stringify(planted),
    )
    await expect(startTestAuthority({ storage: file })).rejects.toMatchObject({
      code: 'signing-key-altered',
    })
  })

  it('cannot bring a revoked signing key back, nor let another sign before its time', async () => {
    const { body } = await call(authority, 'GET', '/signing_keys', authority.secretKey)
    const [{ kid } = { kid: '' }] = body['data'] as { kid: string }[]
    const before = await copyOf(`SELECT * FROM signing_keys WHERE kid = '${kid}'`)
    await call(authority, 'POST', `/signing_keys/${kid}/revoke`, authority.secretKey, {})
    const altered = async (
      text: string,
      ...values: (string | number | Uint8Array)[]
    ): Promise<void> => {
      const version = 'UPDATE signing_key_set SET version = version + 1'
      await asDatabaseWriter(text, ...values)
      await expect(startTestAuthority({ storage: file })).rejects.toMatchObject({
        code: 'signing-key-altered',
      })
      await asDatabaseWriter(version)
      // The one that runs does not believe it either, and goes on with what it knows.
      await expect(authority.tick()).rejects.toMatchObject({ code: 'signing-key-altered' })
      const { body: set } = await call(authority, 'GET', '/.well-known/jwks.json')
      expect((set['keys'] as { kid: string }[]).map((key) => key.kid)).not.toContain(kid)
    }
    await altered('UPDATE signing_keys SET revoked_at = NULL WHERE kid = ?', kid)
    await altered('UPDATE signing_keys SET active_from = 1 WHERE active_from IS NULL')
    await altered('UPDATE signing_keys SET mac = ?, revoked_at = NULL WHERE kid = ?', before, kid)
  })

  it('cannot turn an API key into somebody else’s, nor have the change blessed', async () => {
    const subject = `user_${'a'.repeat(27)}`
    const { body: key } = await call(authority, 'POST', '/api_keys', authority.secretKey, {
      name: 'key',
      subject,
    })
    const verifyKey = async (): Promise<number> =>
      (
        await call(authority, 'POST', '/api_keys/verify', authority.secretKey, {
          secret: key['secret'],
        })
      ).status
    expect(await verifyKey()).toBe(200)
    await asDatabaseWriter('UPDATE api_keys SET subject = ?', `user_${'b'.repeat(27)}`)
    expect(await verifyKey()).toBe(404)
    const path = `/api_keys/${key['id'] as string}`
    const patched = await call(authority, 'PATCH', path, authority.secretKey, { scopes: [] })
    expect(patched.status).toBe(404)
    expect(await verifyKey()).toBe(404)
  })
})

describe('who reads the database, a backup of it, or the log', () => {
  it('finds no credential and no private key, in any encoding', async () => {
    const token = await createToken(cast.worker.secret)
    const { body: key } = await call(authority, 'POST', '/api_keys', authority.secretKey, {
      name: 'key',
      subject: `user_${'a'.repeat(27)}`,
    })
    await verify(cast.api.secret, token.text)
    await verify(cast.api.secret, `${token.text}x`)
    await call(authority, 'GET', '/v1/machines', `${authority.secretKey}x`)
    const secrets = [authority.secretKey, cast.api.secret, token.text, key['secret'] as string]
    const stored = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name))),
    )
    const haystack = Buffer.concat([...stored, Buffer.from(authority.log.lines.join('\n'))])
    expect(authority.log.lines.length).toBeGreaterThan(0)
    for (const secret of secrets) {
      // Any run of the part that is not the id would do.
      const part = secret.slice(-40)
      for (const encoding of ['utf8', 'base64', 'hex'] as const) {
        const needle = Buffer.from(part).toString(encoding).slice(0, 40)
        expect(haystack.includes(needle)).toBe(false)
      }
    }
    expect(haystack.includes('PRIVATE KEY')).toBe(false)
    // The start of every PKCS #8 key: SEQUENCE, version 0, algorithm.
    expect(haystack.includes(Buffer.from('02010030', 'hex'))).toBe(false)
    expect(haystack.includes('"d":')).toBe(false)
  })
})
