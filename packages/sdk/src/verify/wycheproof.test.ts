import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeBase64url } from '../token/base64url.ts'
import { decodeUtf8 } from '../token/utf8.ts'
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
/**
 * Defects of the corpus: its other 395 verdicts are right for a verifier that has all algorithms. These
 * are of algorithms that are refused here in any case.
 */
const DEFECTS: Readonly<Record<number, string>> = {
  346: 'the key is for PS256, the token for PS384',
  347: 'the key is for ES521, which is no algorithm, the token for ES512',
  350: 'as 346',
  351: 'as 347',
  372: 'a character in the header that is not base64url (RFC 7515 §2)',
  373: 'a character in the payload that is not base64url (RFC 7515 §2)',
}

const OURS = ['RS256', 'ES256', 'EdDSA']

describe.skipIf(!present)(`the JWS vectors of Wycheproof in ${CORPUS.pathname}`, () => {
  test('all 401 have the right verdict: ten of our algorithms accepted, everything else refused', async () => {
    const accepted: number[] = []
    for (const group of groups) {
      const isOurs = OURS.includes(algorithmOf(group) as string)
      for (const { tcId, comment, jws, result } of group.tests) {
        const isAccepted = await isSignedBy(group.public ?? group.private, jws)
        expect(isAccepted, `${tcId} ${comment}`).toBe(isOurs && result === 'valid')
        if (isAccepted) accepted.push(tcId)
      }
    }
    expect(groups.flatMap(({ tests }) => tests)).toHaveLength(401)
    expect(accepted).toEqual([18, 33, 259, 260, 261, 262, 263, 345, 349, 378])
  })

  test('what the corpus calls valid and no verifier should take is refused', async () => {
    for (const [id, because] of Object.entries(DEFECTS)) {
      const group = groups.find(({ tests }) => tests.some(({ tcId }) => tcId === Number(id)))
      const vector = group?.tests.find(({ tcId }) => tcId === Number(id))
      expect(vector?.result, because).toBe('valid')
      expect(await isSignedBy(group?.public ?? group?.private ?? {}, vector?.jws)).toBe(false)
    }
  })

  test('no private or symmetric key is taken for a public one', async () => {
    for (const { private: secret } of groups.filter((group) => 'private' in group)) {
      expect((await importKeySet(engine, { keys: [secret] })).size).toBe(0)
    }
  })
})

if (!present) test.skip(`SKIPPED: there is no ${CORPUS.pathname}`)
