import {
  GOOD_PAYLOAD,
  RECEIVER,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../../../packages/sdk/src/testing/tokens.ts'
import type { Case, Suite } from '../portable/suite.ts'
import { algorithms, claims, classes, headers } from './claims.ts'
import { fitKeys, unfitKeys } from './keys.ts'
import { ecdsaRanges, ed25519Ranges, rsaRanges, signatures } from './signatures.ts'
import { ALL, ec, ed, headerOf, type Row, rsa, rsa3072, tokenOf } from './signing.ts'
import { jsons, lookalikes, sizes, spellings } from './spellings.ts'

/**
 * What the runtimes are asked, made with keys of this run, and what is right: each verdict is written
 * here by hand, and none is computed by the library that is tested.
 */

/** Every case there is, by group, and what the behaviours need. */
export function createSuite(): Suite {
  const groups: Readonly<Record<string, readonly Row[]>> = {
    'signatures of RS256 with 2048 bits': signatures(rsa),
    'signatures of RS256 with 3072 bits': signatures(rsa3072),
    'signatures of ES256': signatures(ec),
    'signatures of EdDSA': signatures(ed),
    'the numbers in a signature of ECDSA': ecdsaRanges(),
    'the numbers in a signature of Ed25519': ed25519Ranges(),
    'the number that a signature of RSA is': rsaRanges(),
    algorithms: algorithms(),
    claims: claims(),
    headers: headers(),
    classes: classes(),
    JSON: jsons(),
    base64url: spellings(),
    'characters that look alike': lookalikes(),
    sizes: sizes(),
    'keys that are not fit': unfitKeys(),
    'keys that are unusual': fitKeys(),
  }
  const cases = Object.entries(groups).flatMap(([group, rows]) =>
    rows.map(([name, token, verdict, options = {}]): Case => ({
      group,
      name,
      token,
      verdict,
      ...options,
    })),
  )
  return {
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    nowMs: TEST_NOW_MS,
    keys: ALL.map(({ jwk }) => jwk),
    cases,
    good: ALL.map((key) => tokenOf(key)),
    strangers: Array.from({ length: 20 }, (_, at) =>
      tokenOf(ec, GOOD_PAYLOAD, headerOf(ec, { kid: `stranger-${at}` })),
    ),
    mutated: tokenOf(ec),
  }
}

/** What is right of everything that is more than one verdict. */
export const BEHAVIOURS: Readonly<Record<string, string>> = {
  'a cold verifier that 100 ask at once': '100 accepted; 1 fetched',
  'a flood of unknown keys': '100 token-key-unknown; fetched at most once more',
  'the same token twice': 'equal',
  'the same token once it has expired': 'accepted, then token-expired',
  'a key set that comes in pieces, in the middle of a character': 'accepted',
  'a key set with another media type in front of JSON’s': 'accepted',
  'a fetch that hangs': 'keys-unavailable',
  'a fetch that hangs until it is told to stop': 'keys-unavailable',
  'a body that hangs': 'keys-unavailable',
  'a body that breaks off': 'keys-unavailable',
  'a fetch that fails': 'keys-unavailable',
  'a fetch that throws': 'keys-unavailable',
  'a redirect': 'keys-unavailable',
  'a redirect with a key set in it': 'keys-unavailable',
  'a page in HTML': 'keys-unavailable',
  'a key set that says it is text': 'keys-unavailable',
  'a status other than 200': 'keys-unavailable',
  'an empty answer': 'keys-unavailable',
  'JSON that is no key set': 'keys-unavailable',
  'JSON that is cut off': 'keys-unavailable',
  'a key set of 300 KB': 'keys-unavailable',
  'a key set that is no UTF-8': 'keys-unavailable',
  'a token source that 100 ask at once': '1 token, 1 created',
  'a token that processes share': 'sealed, shared, 1 created',
  'a store that holds what nobody sealed': '1 created',
  'a call with a token': 'POST text Bearer mt_1',
  'a Request with a token': 'POST text Bearer mt_1',
  'a call with a token that is stale': 'POST text Bearer mt_2, 2 created',
  'a call that is redirected to where the token may go': 'POST text Bearer mt_1',
  'calls to where the token may not go': 'origin-not-allowed',
}
