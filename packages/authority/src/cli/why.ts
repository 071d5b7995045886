import {
  type CountersignError,
  type CountersignErrorCode,
  explainError,
  isCountersignError,
  JWT_ALGORITHMS,
  judgeAudience,
  judgeHeader,
  judgeIssuer,
  judgeTimes,
  type Jws,
  M2M_HEADER,
  parseCredential,
  parseJws,
} from 'countersign/token'
import { createVerifier, type Fetch } from 'countersign/verify'

/** One thing that a verifier looks at, and what it finds. */
export interface Step {
  readonly name: string
  /** `unknown` where it could not be looked at. */
  readonly verdict: 'passed' | 'failed' | 'unknown'
  readonly what: string
}

/** The whole story of a token, in the order in which a verifier tells it (docs/verification.md). */
export interface Story {
  readonly steps: readonly Step[]
  /** What a verifier throws; `null` when it accepts the token. */
  readonly refusal: CountersignError | null
}

/** Who is to accept a machine JWT, and by which keys. */
export interface JwtVerification {
  readonly issuer: string
  readonly jwksUri: string
  /** `null` where every receiver will do. */
  readonly audience: string | null
  readonly clockToleranceSeconds: number
  readonly now: () => number
  readonly fetch?: Fetch
}

type Say = (jws: Jws) => string

/** Tells of every step, also of those after the first that fails; the refusal is the verifier's own. */
export async function whyJwt(text: string, verification: JwtVerification): Promise<Story> {
  const { issuer, audience, clockToleranceSeconds, now } = verification
  const refusal = await refusalOf(() => verifierFor(verification).verify(text))
  let jws: Jws
  try {
    jws = parseJws(text)
  } catch (error) {
    return { steps: [{ name: 'form', verdict: 'failed', what: expectedOf(error) }], refusal }
  }
  const step = (name: string, judge: () => unknown, say: Say): Step => {
    try {
      judge()
      return { name, verdict: 'passed', what: say(jws) }
    } catch (error) {
      return { name, verdict: 'failed', what: `${say(jws)}; ${expectedOf(error)}` }
    }
  }
  const { header, payload } = jws
  const nowMs = now()
  const steps = [
    step(
      'form',
      () => undefined,
      () => `three parts, ${text.length} characters`,
    ),
    step('class', () => judgeHeader(header, M2M_HEADER, JWT_ALGORITHMS), sayClass),
    await signatureStep(text, jws, verification),
    step(
      'issuer',
      () => judgeIssuer(payload, issuer),
      () => show(payload['iss']),
    ),
    step(
      'receivers',
      () => judgeAudience(payload, audience === null ? null : [audience]),
      () => `${show(payload['aud'])}${audience === null ? '; any receiver will do' : ''}`,
    ),
    step(
      'times',
      () => judgeTimes(payload, nowMs, clockToleranceSeconds, false),
      () => sayTimes(jws, nowMs),
    ),
    ...(Object.hasOwn(payload, 'cnf') ? [BOUND] : []),
    ...(Object.hasOwn(payload, 'status') ? [statusStep(jws, refusal)] : []),
  ]
  return { steps, refusal }
}

const BOUND: Step = { name: 'cnf', verdict: 'failed', what: 'is there, and cannot be checked' }

/** Looked up last, and only for a token that is good in all else. */
function statusStep({ payload }: Jws, refusal: CountersignError | null): Step {
  const place = show(payload['status'])
  const step = (verdict: Step['verdict'], what: string): Step => ({
    name: 'status',
    verdict,
    what: `${what}; ${place}`,
  })
  if (refusal === null) return step('passed', 'not revoked')
  if (refusal.code === 'token-revoked') return step('failed', 'revoked')
  if (refusal.code === 'status-unavailable') return step('unknown', 'its list is not to be had')
  return step('unknown', 'not looked up, since the token is refused without it')
}

/** What an opaque token tells without its authority. */
export function opaqueSteps(text: string): readonly Step[] {
  const credential = parseCredential(text)
  if (credential === null) {
    return [{ name: 'checksum', verdict: 'failed', what: 'wrong: it was cut, altered or invented' }]
  }
  const isToken = credential.kind === 'm2m-token'
  return [
    { name: 'checksum', verdict: 'passed', what: 'right' },
    {
      name: 'class',
      verdict: isToken ? 'passed' : 'failed',
      what: isToken ? credential.id : 'a key, and no token',
    },
  ]
}

/**
 * A verifier that expects what the token says of itself, at a time when it was valid: what it still
 * refuses before the claims is the key's.
 */
async function signatureStep(
  text: string,
  { header, payload }: Jws,
  verification: JwtVerification,
): Promise<Step> {
  const { iss, iat } = payload
  const verifier = verifierFor({
    ...verification,
    issuer: typeof iss === 'string' && iss !== '' ? iss : verification.issuer,
    audience: null,
    ...(typeof iat === 'number' && { now: () => iat * 1000 }),
  })
  const error = await refusalOf(() => verifier.verify(text))
  const key = `${show(header['alg'])} by key ${show(header['kid'])}`
  const verdict = error === null ? undefined : KEY_VERDICTS[error.code]
  // Whatever else is refused is refused after the signature.
  if (error === null || verdict === undefined)
    return { name: 'signature', verdict: 'passed', what: key }
  return { name: 'signature', verdict, what: `${key}; ${explainError(error)}` }
}

/** What a refusal before the claims says of the key and its signature. */
const KEY_VERDICTS: Readonly<Partial<Record<CountersignErrorCode, Step['verdict']>>> = {
  'keys-unavailable': 'unknown',
  'token-malformed': 'unknown',
  'token-class-mismatch': 'unknown',
  'token-key-unknown': 'failed',
  'token-algorithm-not-allowed': 'failed',
  'token-signature-invalid': 'failed',
}

function verifierFor(verification: JwtVerification) {
  const { issuer, jwksUri, audience, clockToleranceSeconds, now, fetch } = verification
  return createVerifier({
    issuer,
    audience,
    jwksUri,
    clockToleranceSeconds,
    clock: now,
    ...(fetch !== undefined && { fetch }),
  })
}

async function refusalOf(verify: () => Promise<unknown>): Promise<CountersignError | null> {
  try {
    await verify()
    return null
  } catch (error) {
    if (isCountersignError(error)) return error
    throw error
  }
}

const sayClass: Say = ({ header, payload }) =>
  `typ ${show(header['typ'])}, cat ${show(header['cat'])}, sub ${show(payload['sub'])}`

function sayTimes({ payload }: Jws, nowMs: number): string {
  return (['iat', 'nbf', 'exp'] as const)
    .map((name) => {
      const value = payload[name]
      return `${name} ${typeof value === 'number' ? fromNow(value - nowMs / 1000) : show(value)}`
    })
    .join(', ')
}

function fromNow(seconds: number): string {
  const whole = Math.round(Math.abs(seconds))
  return seconds < 0 ? `${whole} s ago` : `in ${whole} s`
}

const MAX_SHOWN = 200

function show(value: unknown): string {
  if (value === undefined) return 'absent'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

function expectedOf(error: unknown): string {
  if (!isCountersignError(error)) throw error
  const { expected } = error
  return expected === undefined ? explainError(error) : `expected ${expected}`
}
