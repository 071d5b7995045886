import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeBase64url } from '../token/base64url.ts'
import { decodeUtf8 } from '../token/codec.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from '../token/json.ts'
import { engine } from '#engine'
import { importKeySet } from './jwk.ts'

/** C2SP/wycheproof, which is read in place and absent in a plain clone. */
const CORPUS = new URL(
  '../../../../../shared/corpora/wycheproof-json_web_signature_test.json',
  import.meta.url,
)

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly jws: unknown
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

interface Group {
  readonly public?: JsonObject
  readonly private: JsonObject
  readonly tests: readonly Vector[]
}

const present = existsSync(CORPUS)
const groups = present
  ? (JSON.parse(readFileSync(CORPUS, 'utf8')) as { readonly testGroups: readonly Group[] })
      .testGroups
  : []

/** These texts are no JWTs, so only the signature of each is judged: header, key, and what is signed. */
const isSignedBy = async (jwk: JsonObject, jws: unknown): Promise<boolean> => {
  const [key] = [...(await importKeySet(engine, { keys: [jwk] })).values()]
  if (key === undefined || typeof jws !== 'string') return false
  const parts = jws.split('.')
  const [header = null, payload = null, signature = null] = parts.map(decodeBase64url)
  if (parts.length !== 3 || header === null || payload === null || signature === null) return false
  const members = parseJsonObject(decodeUtf8(header) ?? '')
  if (!isJsonObject(members) || members['alg'] !== key.algorithm) return false
  const input = new TextEncoder().encode(`${parts[0]}.${parts[1]}`)
  return signature.length === key.signatureLength && key.check(input, signature)
}

const algorithmOf = ({ public: jwk, private: secret }: Group): unknown => (jwk ?? secret)['alg']
const OURS = ['RS256', 'ES256', 'EdDSA']

describe.skipIf(!present)(`the JWS vectors of Wycheproof in ${CORPUS.pathname}`, () => {
  test('what is invalid is refused, and what is valid of our algorithms is accepted', async () => {
    const counted = { accepted: 0, refused: 0 }
    for (const group of groups) {
      const isOurs = OURS.includes(algorithmOf(group) as string)
      for (const { tcId, comment, jws, result } of group.tests) {
        const accepted = await isSignedBy(group.public ?? group.private, jws)
        expect(accepted, `${tcId} ${comment}`).toBe(isOurs && result === 'valid')
        counted[accepted ? 'accepted' : 'refused']++
      }
    }
    expect(counted.accepted + counted.refused).toBe(401)
    expect(counted.accepted).toBeGreaterThan(8)
  })

  test('no private or symmetric key is taken for a public one', async () => {
    for (const { private: secret } of groups.filter((group) => 'private' in group)) {
      expect((await importKeySet(engine, { keys: [secret] })).size).toBe(0)
    }
  })
})

if (!present) test.skip(`SKIPPED: there is no ${CORPUS.pathname}`)
