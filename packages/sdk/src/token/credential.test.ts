import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CREDENTIAL_PATTERNS,
  CREDENTIAL_SECRET_BYTES,
  type CredentialKind,
  formatCredential,
  parseCredential,
} from './credential.ts'
import { formatId, type IdKind } from './ids.ts'

interface Kind {
  readonly kind: CredentialKind
  readonly prefix: string
  readonly id: IdKind
  readonly idLength: number
}

const KINDS: readonly Kind[] = [
  { kind: 'm2m-token', prefix: 'mt_', id: 'm2mToken', idLength: 16 },
  { kind: 'machine-secret', prefix: 'ak_', id: 'machine', idLength: 20 },
  { kind: 'api-key', prefix: 'ak_', id: 'apiKey', idLength: 16 },
  { kind: 'instance-secret', prefix: 'sk_test_', id: 'instanceKey', idLength: 20 },
  { kind: 'instance-secret', prefix: 'sk_live_', id: 'instanceKey', idLength: 20 },
]

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

const CHARACTERS = [
  ...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. ',
  'é',
  '\u{130}',
  '\u0000',
]

describe.each(KINDS)('$kind $prefix', ({ kind, prefix, id, idLength }) => {
  const credential = fc
    .record({
      keyVersion: fc.integer({ min: 0, max: 0xffff }),
      idBytes: bytes(idLength),
      secretVersion: fc.integer({ min: 0, max: 0xffff_ffff }),
      secret: bytes(CREDENTIAL_SECRET_BYTES),
      check: bytes(8),
    })
    .map((parts) => ({
      ...parts,
      text: formatCredential({ kind, prefix, ...parts }, () => parts.check),
    }))

  test('what is put into it comes out of it', () => {
    fc.assert(
      fc.property(credential, ({ text, keyVersion, idBytes, secretVersion, secret, check }) => {
        const read = parseCredential(text)
        expect(read).toMatchObject({ kind, prefix, keyVersion, secret, check })
        expect(read?.id).toBe(formatId(id, idBytes))
        expect(read?.secretVersion).toBe(kind === 'machine-secret' ? secretVersion : 0)
        const again = formatCredential(
          { kind, prefix, keyVersion, idBytes, secretVersion, secret },
          () => check,
        )
        expect(again).toBe(text)
      }),
    )
  })

  test('the check covers the prefix and everything before it', () => {
    fc.assert(
      fc.property(credential, ({ keyVersion, idBytes, secretVersion, secret, text }) => {
        let covered: unknown
        formatCredential({ kind, prefix, keyVersion, idBytes, secretVersion, secret }, (...all) => {
          covered = [all[0], Uint8Array.from(all[1])]
          return new Uint8Array(32)
        })
        expect(covered).toEqual([prefix, parseCredential(text)?.body])
      }),
      { numRuns: 20 },
    )
  })

  test('every change of one character is refused', () => {
    const [sample] = fc.sample(credential, { numRuns: 1, seed: 42 })
    const text = sample?.text ?? ''
    expect(parseCredential(text)).not.toBeNull()
    for (let position = 0; position < text.length; position++) {
      for (const character of CHARACTERS) {
        if (character === text[position]) continue
        const changed = text.slice(0, position) + character + text.slice(position + 1)
        expect(parseCredential(changed), `${character} at ${position}`).toBeNull()
      }
      expect(parseCredential(text.slice(0, position) + text.slice(position + 1))).toBeNull()
      expect(parseCredential(`${text.slice(0, position)}0${text.slice(position)}`)).toBeNull()
    }
  })

  test('neighbours that changed places are refused', () => {
    fc.assert(
      fc.property(credential, fc.nat(), ({ text }, place) => {
        const at = place % (text.length - 1)
        const [a, b] = [text[at] ?? '', text[at + 1] ?? '']
        fc.pre(a !== b)
        expect(parseCredential(text.slice(0, at) + b + a + text.slice(at + 2))).toBeNull()
      }),
    )
  })
})

test('no text makes it throw', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('', 'mt_', 'ak_', 'sk_test_', 'sk_live_', 'sk_'),
      fc.string({ unit: 'binary', maxLength: 200 }),
      (prefix, rest) => {
        expect(parseCredential(prefix + rest)).toBeNull()
      },
    ),
  )
  expect(parseCredential(`mt_${'0'.repeat(10_000_000)}`)).toBeNull()
})

test('what is no text is no credential', () => {
  for (const odd of [undefined, null, 1, {}, ['mt_'], Symbol('mt_'), new String('mt_')]) {
    expect(parseCredential(odd as string)).toBeNull()
  }
})

test('there is a pattern for each prefix of each kind, which fits all of its credentials and no more', () => {
  expect(CREDENTIAL_PATTERNS.map(({ kind, prefix }) => [kind, prefix])).toEqual(
    KINDS.map(({ kind, prefix }) => [kind, prefix]),
  )
  for (const { kind, prefix, pattern } of CREDENTIAL_PATTERNS) {
    const { idLength } = KINDS.find((one) => one.kind === kind) ?? { idLength: 0 }
    const made = (byte: number): string =>
      formatCredential(
        {
          kind,
          prefix,
          keyVersion: 0x0102,
          idBytes: new Uint8Array(idLength).fill(byte),
          secret: new Uint8Array(CREDENTIAL_SECRET_BYTES).fill(byte),
        },
        () => new Uint8Array(32).fill(byte),
      )
    for (const text of [made(0), made(255)]) {
      expect(parseCredential(text)).toMatchObject({ kind, prefix, keyVersion: 0x0102 })
      expect(`in a text: ${text}.`.match(new RegExp(pattern))?.[0]).toBe(text)
      expect(text.slice(0, -1)).not.toMatch(new RegExp(pattern))
    }
  }
})

test('the parts lie where they are said to lie', () => {
  const [keyVersion, secretVersion] = [0x0102, 0x03040506]
  const idBytes = new Uint8Array(20).fill(7)
  const secret = new Uint8Array(CREDENTIAL_SECRET_BYTES).fill(8)
  const prefix = 'ak_'
  const parts = {
    kind: 'machine-secret',
    prefix,
    keyVersion,
    idBytes,
    secretVersion,
    secret,
  } as const
  const read = parseCredential(formatCredential(parts, () => new Uint8Array(32).fill(9)))
  expect([...(read?.body ?? [])]).toEqual([2, 1, 2, ...idBytes, 3, 4, 5, 6, ...secret])
  expect(read?.check).toEqual(new Uint8Array(8).fill(9))
  const { secretVersion: _, ...unsaid } = parts
  expect(parseCredential(formatCredential(unsaid, () => new Uint8Array(8)))?.secretVersion).toBe(0)
})

test('a credential of one kind does not pass for another of the same prefix and length', () => {
  const idBytes = new Uint8Array(16)
  const parts = { keyVersion: 1, idBytes, secret: new Uint8Array(CREDENTIAL_SECRET_BYTES) }
  const key = formatCredential(
    { ...parts, kind: 'api-key', prefix: 'mt_' },
    () => new Uint8Array(8),
  )
  // Its checksum is right, and it has the length of a token; the tag inside says what it is.
  expect(key).toHaveLength(
    formatCredential({ ...parts, kind: 'm2m-token', prefix: 'mt_' }, () => new Uint8Array(8))
      .length,
  )
  expect(parseCredential(key)).toBeNull()
})
