import { CountersignError } from 'countersign'
import { defineCommand, type Noun } from './shell/command.ts'
import { findAuthority, TARGET_FLAGS } from './shell/remote.ts'
import { safe, table } from './shell/show.ts'

export const keys: Noun = {
  about: 'The public keys that the JWTs of an authority are verified with.',
  commands: {
    list: defineCommand({
      about: 'Lists the key set. It is public: no key is needed.',
      examples: [
        ['keys list', 'of a running dev'],
        ['keys list --url https://auth.example.com --json', 'the key set itself (RFC 7517)'],
      ],
      words: {},
      flags: TARGET_FLAGS,
      async run(input, shell) {
        const { url } = await findAuthority(input, shell)
        const keySet = await fetchKeySet(`${url}/.well-known/jwks.json`)
        const rows = keySet.keys.map((key) =>
          ['kid', 'alg', 'kty', 'use'].map((name) => textOf(key[name])),
        )
        return { data: keySet, lines: table(['kid', 'alg', 'kty', 'use'], rows, shell) }
      },
    }),
  },
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
