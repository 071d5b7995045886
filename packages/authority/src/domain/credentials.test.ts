import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { checksum, type CredentialKind, type IdKind, parseCredential } from 'countersign/token'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../system.ts'
import { createCredentials, type Credentials, type Minted } from './credentials.ts'
import { createDataKeys, openDataKeys } from './data-keys.ts'
import { createIdSource } from './id-source.ts'
import { createRootKey } from './root-key.ts'

const ports = { clock: systemClock, random: systemRandom }
const ids = createIdSource(ports)
const rootKeys = [createRootKey(randomBytes(32))]

function credentialsOf(instanceId: string): Credentials {
  const records = createDataKeys(instanceId, rootKeys, ports)
  return createCredentials(
    instanceId,
    openDataKeys(instanceId, records, rootKeys, { clock: systemClock, random: systemRandom }),
    systemRandom,
  )
}

const KINDS: Readonly<Record<CredentialKind, { prefix: string; idKind: IdKind }>> = {
  'm2m-token': { prefix: 'mt_', idKind: 'm2mToken' },
  'machine-secret': { prefix: 'ak_', idKind: 'machine' },
  'api-key': { prefix: 'ak_', idKind: 'apiKey' },
  'instance-secret': { prefix: 'sk_test_', idKind: 'instanceKey' },
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function mint(credentials: Credentials, kind: CredentialKind, secretVersion = 0): Minted {
  const { prefix, idKind } = KINDS[kind]
  const idBytes = ids.bytes(idKind)
  return credentials.mint({ kind, prefix, idKind, idBytes, secretVersion, bound: ['rights'] })
}

describe.each(Object.keys(KINDS) as CredentialKind[])('a credential of kind %s', (kind) => {
  const credentials = credentialsOf('ins_1')

  it('is recognised, as its own kind only', () => {
    const secretVersion = kind === 'machine-secret' ? 4_000_000_000 : 0
    const minted = mint(credentials, kind, secretVersion)
    for (const other of Object.keys(KINDS) as CredentialKind[]) {
      const recognised = credentials.recognise(other, minted.text)
      if (other !== kind) expect(recognised).toBeNull()
      else expect(recognised).toEqual({ kind, id: minted.id, secretVersion, digest: minted.digest })
    }
  })

  it('is refused after any change of one character', () => {
    const { text } = mint(credentials, kind)
    for (let position = 0; position < text.length; position++) {
      for (const character of [...BASE62, '_', '-', ' ', 'é']) {
        if (text[position] === character) continue
        const changed = text.slice(0, position) + character + text.slice(position + 1)
        expect(parseCredential(changed)).toBeNull()
      }
    }
  })

  it('is refused after any change, though its checksum be made anew', () => {
    const { text } = mint(credentials, kind)
    const { prefix } = KINDS[kind]
    fc.assert(
      fc.property(
        fc.integer({ min: prefix.length, max: text.length - 7 }),
        fc.constantFrom(...BASE62),
        (position, character) => {
          fc.pre(text[position] !== character)
          const covered = text.slice(0, position) + character + text.slice(position + 1, -6)
          expect(credentials.recognise(kind, covered + checksum(covered))).toBeNull()
        },
      ),
    )
  })

  it('of another instance under the same root key is refused', () => {
    expect(credentialsOf('ins_2').recognise(kind, mint(credentials, kind).text)).toBeNull()
  })

  it('is not recognised in arbitrary text, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 120 }), (text) => {
        expect(credentials.recognise(kind, KINDS[kind].prefix + text)).toBeNull()
      }),
    )
  })
})

describe('an instance secret', () => {
  it('of a test instance cannot be respelled as a live one', () => {
    const credentials = credentialsOf('ins_1')
    const covered = mint(credentials, 'instance-secret')
      .text.replace('sk_test_', 'sk_live_')
      .slice(0, -6)
    const respelled = covered + checksum(covered)
    expect(parseCredential(respelled)?.prefix).toBe('sk_live_')
    expect(credentials.recognise('instance-secret', respelled)).toBeNull()
  })
})

describe('the binding of a row', () => {
  const credentials = credentialsOf('ins_1')
  const minted = mint(credentials, 'm2m-token')

  it('holds for the rights it was made for', () => {
    expect(credentials.isBound(minted, minted.mac, ['rights'])).toBe(true)
  })

  it.each([
    ['other rights', minted, ['more rights']],
    ['further rights', minted, ['rights', null]],
    ['rights run together otherwise', minted, ['rig', 'hts']],
    ['another id', { ...minted, id: 'mt_0' }, ['rights']],
    ['another secret', { ...minted, digest: 'x' }, ['rights']],
    ['another kind', { ...minted, kind: 'api-key' as const }, ['rights']],
  ])('does not hold for %s', (_, identity, bound) => {
    expect(credentials.isBound(identity, minted.mac, bound)).toBe(false)
  })

  it('does not hold when it is empty, cut short, or names a key that does not exist', () => {
    const { mac } = minted
    for (const forged of [
      new Uint8Array(),
      mac.subarray(0, 20),
      Uint8Array.of(0, 1),
      Buffer.concat([Buffer.of(0, 9), mac.subarray(2)]),
    ]) {
      expect(credentials.isBound(minted, forged, ['rights'])).toBe(false)
    }
  })

  it('cannot be made with a key that is known from anywhere else', () => {
    const guesses = [Buffer.alloc(32), Buffer.from('ins_1'.padEnd(32, '\0'))]
    for (const guess of guesses) {
      const content = JSON.stringify(['ins_1', minted.kind, minted.id, minted.digest, 'rights'])
      const forged = createHmac('sha256', createSecretKey(guess)).update(`row\n${content}`).digest()
      const mac = Buffer.concat([Buffer.of(0, 1), forged])
      expect(credentials.isBound(minted, mac, ['rights'])).toBe(false)
    }
  })
})
