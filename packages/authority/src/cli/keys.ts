import { CountersignError, isCountersignError, type SigningKey } from 'countersign'
import { ALGORITHMS } from '../domain/records.ts'
import { choiceFlag, defineCommand, type Noun, textFlag, yes } from './shell/command.ts'
import { formatDuration } from './shell/duration.ts'
import {
  connectAsOwner,
  connectWithAnyKey,
  findAuthority,
  REMOTE_FLAGS,
  type RemoteInput,
} from './shell/remote.ts'
import { facts, safe, showTime, table } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'

export const keys: Noun = {
  about:
    'The keys that an authority signs JWTs with. They roll by themselves (docs/key-rotation.md).',
  commands: {
    list: defineCommand({
      about: 'Lists the key set. It is public: no key is needed.',
      details:
        'With the instance key it also tells which keys sign, which are to follow and since when, and which were revoked. With --json it is the key set (RFC 7517), and beside its keys, with the instance key, signingKeys.',
      examples: [
        ['keys list', 'of a running dev'],
        ['keys list --url https://auth.example.com --json', 'the key set itself (RFC 7517)'],
      ],
      words: {},
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        const { url } = await findAuthority(input, shell)
        const keySet = await fetchKeySet(`${url}/.well-known/jwks.json`)
        const known = await signingKeysOf(input, shell)
        if (known.data === null) {
          const rows = keySet.keys.map((key) =>
            ['kid', 'alg', 'kty', 'use'].map((name) => textOf(key[name])),
          )
          const lines = table(['kid', 'alg', 'kty', 'use'], rows, shell)
          return { data: keySet, lines, notes: known.notes }
        }
        return {
          data: { ...keySet, signingKeys: known.data },
          lines: table(
            HEADINGS,
            known.data.map((key) => rowOf(key, shell)),
            shell,
          ),
        }
      },
    }),

    rotate: defineCommand({
      about: 'Lets the next key take over, as soon as every verifier has it.',
      details:
        'Nobody notices: the next key has been published for long, or is given the time that verifiers may keep the key set; the old one stays published until the last token that it signed has expired. Asked for twice, it happens once. For a stolen key use keys revoke.',
      examples: [
        ['keys rotate', 'every algorithm'],
        ['keys rotate --algorithm ES256', 'one algorithm'],
      ],
      words: {},
      flags: {
        algorithm: choiceFlag(ALGORITHMS, 'The keys of this algorithm. Default: of every one.'),
        ...REMOTE_FLAGS,
      },
      async run({ algorithm, ...input }, shell) {
        const client = await connectAsOwner(input, shell)
        const rotation = await client.signingKeys.rotate(
          algorithm === undefined ? {} : { algorithm },
        )
        const lines = rotation.data.map(
          ({ algorithm: of, kid, activeFrom }) =>
            `${safe(of)}: ${safe(kid)} signs ${showTime(activeFrom, shell)}.`,
        )
        return { data: rotation, lines }
      },
    }),

    revoke: defineCommand({
      about: 'Ends a stolen key at once, and every token that it signed.',
      details:
        'It leaves the key set and is never published again; the next key signs from this moment on, and a new next one is made. Verifiers know as soon as they fetch the key set again, which this command says. For a key that is not stolen use keys rotate, which nobody notices.',
      examples: [
        [
          'keys revoke key_1qj4hgHJy5Pi4NsoZSYFHrG2tMI --reason stolen',
          'asks first, on a terminal',
        ],
      ],
      words: { kid: 'The id of the key, key_… from keys list, or kid in the header of a token.' },
      flags: {
        reason: textFlag('TEXT', 'Why; is kept with the key.'),
        yes,
        ...REMOTE_FLAGS,
      },
      async run({ kid, reason, yes, ...input }, shell) {
        const client = await connectAsOwner(input, shell)
        if (!yes) await shell.confirm(`Revoke ${kid}? Every token that it signed ends.`)
        const revocation = await client.signingKeys.revoke({
          kid,
          ...(reason !== undefined && { revocationReason: reason }),
        })
        const { revoked, signer, keySetMaxAge } = revocation
        const lines = facts(
          [
            ['revoked', safe(revoked.kid)],
            ['signs now', safe(signer.kid)],
            ['known to every verifier', `in ${formatDuration(keySetMaxAge)} at the latest`],
          ],
          shell,
        )
        return { data: revocation, lines, notes: youngSignerNote(signer, keySetMaxAge) }
      },
    }),
  },
}

/** A successor that not every verifier can have yet. */
function youngSignerNote(signer: SigningKey, maxAgeSeconds: number): string[] {
  const age = ((signer.activeFrom ?? 0) - signer.createdAt) / 1000
  if (age >= 2 * maxAgeSeconds) return []
  return [
    `The key that signs now was published only ${formatDuration(age)} before. A verifier that does not have it yet fetches the key set again: the SDK's at the first token by it, or 30s after it last did.`,
  ]
}

const HEADINGS = ['kid', 'alg', 'state', 'since', 'until']

function rowOf(key: SigningKey, shell: Shell): readonly string[] {
  const [since, until] = spanOf(key)
  const time = (at: number | null): string => (at === null ? '' : showTime(at, shell))
  return [safe(key.kid), safe(key.algorithm), safe(key.state), time(since), time(until)]
}

/** From when to when it is in its state; `null`: not settled yet, or for ever. */
function spanOf(key: SigningKey): readonly [since: number | null, until: number | null] {
  if (key.state === 'next') return [key.createdAt, key.activeFrom]
  if (key.state === 'active') return [key.activeFrom, key.retiresAt]
  if (key.state === 'retired') return [key.retiresAt, key.publishedUntil]
  return [key.revokedAt, null]
}

/** What the instance key opens, where there is one that is good. The key set is public without it. */
async function signingKeysOf(
  input: RemoteInput,
  shell: Shell,
): Promise<{ readonly data: readonly SigningKey[] | null; readonly notes: readonly string[] }> {
  const { client, secretKey } = await connectWithAnyKey(input, shell)
  if (secretKey === null) return { data: null, notes: [] }
  try {
    return { data: (await client.signingKeys.list()).data, notes: [] }
  } catch (error) {
    if (!isCountersignError(error) || error.code !== 'request-refused') throw error
    return { data: null, notes: ['Which of them signs is told to a good instance key only.'] }
  }
}

function textOf(member: unknown): string {
  return typeof member === 'string' ? safe(member) : ''
}

interface KeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

const TIMEOUT_MS = 10_000

/** @throws {CountersignError} `authority-unreachable`, `answer-unexpected` */
async function fetchKeySet(url: string): Promise<KeySet> {
  const answer = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw new CountersignError('authority-unreachable', { expected: `an answer of ${url}`, cause })
  })
  const body: unknown = answer.ok ? await answer.json().catch(() => null) : null
  if (isKeySet(body)) return body
  throw new CountersignError('answer-unexpected', {
    expected: `a key set at ${url}`,
    status: answer.status,
  })
}

function isKeySet(body: unknown): body is KeySet {
  if (typeof body !== 'object' || body === null || !('keys' in body)) return false
  return (
    Array.isArray(body.keys) && body.keys.every((key) => typeof key === 'object' && key !== null)
  )
}
