import {
  authenticateRequest,
  createClient,
  isCountersignError,
  type RequestState,
  verifyM2MJwt,
} from 'countersign'
import type { VerifierOptions } from 'countersign/verify'
import {
  createTestKey,
  encodeBase64url,
  GOOD_PAYLOAD,
  machineSecretOf,
  RECEIVER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  testId,
  type TestKey,
} from '../../../packages/sdk/src/testing/tokens.ts'
import type { JsonObject } from '../../../packages/sdk/src/token/json.ts'
import { engine as node } from '../../../packages/sdk/src/verify/engine/node.ts'
import { engine as web } from '../../../packages/sdk/src/verify/engine/web.ts'
import { createVerifierOn } from '../../../packages/sdk/src/verify/verifier.ts'

/**
 * Every door by which a token can come in. An attack is tried on all of them at once: they stand on one
 * engine, so they must not only refuse it but refuse it alike.
 */

export const [rsa, ec, ed] = await Promise.all([
  createTestKey('RS256', 'rsa'),
  createTestKey('ES256', 'ec'),
  createTestKey('EdDSA', 'ed'),
])

export const ALL_KEYS: readonly TestKey[] = [rsa, ec, ed]

export const JWKS = { keys: ALL_KEYS.map(({ publicJwk }) => publicJwk) }

/** Good tokens, as many as it takes to be familiar with those of each key. */
const MET: readonly string[] = await Promise.all(
  ALL_KEYS.flatMap((key) =>
    Array.from({ length: 5 }, (_, number) =>
      signToken(key, { ...GOOD_PAYLOAD, jti: testId('m2mToken', number) }),
    ),
  ),
)

/** What a door is told of the keys and of itself; the rest is as in every test. */
export type Told = Partial<VerifierOptions>

type Door = (token: string, told: Told) => Promise<string>

const verifierOptions = (told: Told): VerifierOptions => ({
  issuer: TEST_ISSUER,
  audience: RECEIVER,
  jwks: JWKS,
  clock: () => TEST_NOW_MS,
  ...told,
})

const codeOf = async (verify: () => Promise<unknown>): Promise<string> => {
  try {
    await verify()
    return 'accepted'
  } catch (error) {
    return isCountersignError(error) ? error.code : `thrown: ${String(error)}`
  }
}

const clientOptions = (told: Told) => {
  const { clock, fetch, audience, ...options } = verifierOptions(told)
  return {
    ...options,
    apiUrl: TEST_ISSUER,
    machineSecretKey: machineSecretOf(RECEIVER),
    ...(audience !== RECEIVER && { audience }),
    ...(clock !== undefined && { clock }),
    ...(fetch !== undefined && { fetch }),
  }
}

const requestWith = (token: string): { headers: { get: (name: string) => string | null } } => ({
  headers: { get: (name) => (name === 'authorization' ? `Bearer ${token}` : null) },
})

const cookieWith = (token: string): ReturnType<typeof requestWith> => ({
  headers: { get: (name) => (name === 'cookie' ? `__session=${token}` : null) },
})

const stateCode = (state: RequestState): string => {
  if (state.isAuthenticated) return state.tokenType === 'm2m_token' ? 'accepted' : 'a session'
  return state.error?.code ?? state.reason
}

/** Sessions of the same issuer and by the same keys: only what a token says keeps it from being one. */
const sessionOf = ({ issuer, clock, ...options }: VerifierOptions) => ({
  issuer,
  ...(clock !== undefined && { clock }),
  jwks: options.jwks ?? JWKS,
  audience: null,
  authorizedParties: null,
})

/** Doors for machine tokens: they all say the same. */
const DOORS: Readonly<Record<string, Door>> = {
  'createVerifier on Node': (token, told) =>
    codeOf(() => createVerifierOn(node, verifierOptions(told)).verify(token)),
  'createVerifier on Node, which has met such tokens': async (token, told) => {
    const verifier = createVerifierOn(node, verifierOptions(told))
    for (const met of MET) await codeOf(() => verifier.verify(met))
    return codeOf(() => verifier.verify(token))
  },
  'createVerifier on the web': (token, told) =>
    codeOf(() => createVerifierOn(web, verifierOptions(told)).verify(token)),
  verifyM2MJwt: (token, told) => codeOf(() => verifyM2MJwt(token, verifierOptions(told))),
  'client.m2m.verify': (token, told) =>
    codeOf(() => createClient(clientOptions(told)).m2m.verify({ token })),
  'authenticateRequest, m2m_token': async (token, told) =>
    stateCode(
      await authenticateRequest(requestWith(token), {
        ...clientOptions(told),
        acceptsToken: 'm2m_token',
      }),
    ),
}

/** Doors that take sessions besides, or only: none of these tokens is one. */
const SESSION_DOORS: Readonly<Record<string, Door>> = {
  'authenticateRequest, an array': async (token, told) =>
    stateCode(
      await authenticateRequest(requestWith(token), {
        ...clientOptions(told),
        session: sessionOf(verifierOptions(told)),
        acceptsToken: ['m2m_token', 'session_token'],
      }),
    ),
  'authenticateRequest, any': async (token, told) =>
    stateCode(
      await authenticateRequest(requestWith(token), {
        ...clientOptions(told),
        session: sessionOf(verifierOptions(told)),
        acceptsToken: 'any',
      }),
    ),
  'authenticateRequest, a session in the header': async (token, told) =>
    stateCode(
      await authenticateRequest(requestWith(token), {
        ...clientOptions(told),
        session: sessionOf(verifierOptions(told)),
      }),
    ),
  'authenticateRequest, a session in the cookie': async (token, told) =>
    stateCode(
      await authenticateRequest(cookieWith(token), {
        ...clientOptions(told),
        session: sessionOf(verifierOptions(told)),
      }),
    ),
}

/**
 * What every door says of a token: `accepted`, or the code of the refusal. Where they differ, or where
 * one takes it for a session, what each of them said.
 */
export async function verdict(token: string, told: Told = {}): Promise<string> {
  const said = await saidBy(DOORS, token, told)
  const session = await saidBy(SESSION_DOORS, token, told)
  const [first = ''] = said.values()
  const agree = [...said.values()].every((one) => one === first)
  const isTaken = [...session].some(
    ([door, one]) =>
      one === 'a session' ||
      one.startsWith('thrown') ||
      (one === 'accepted' && (first !== 'accepted' || door.includes('session'))),
  )
  return agree && !isTaken ? first : JSON.stringify(Object.fromEntries([...said, ...session]))
}

async function saidBy(
  doors: Readonly<Record<string, Door>>,
  token: string,
  told: Told,
): Promise<ReadonlyMap<string, string>> {
  const entries = Object.entries(doors)
  const said = await Promise.all(entries.map(([, door]) => door(token, told)))
  return new Map(entries.map(([name], at) => [name, said[at] ?? '']))
}

export const textOf = (part: JsonObject): string => JSON.stringify(part)

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

/** Signs two parts as they are spelled. */
export async function signParts(key: TestKey, header: string, payload: string): Promise<string> {
  const signature = await key.sign(bytesOf(`${header}.${payload}`))
  return `${header}.${payload}.${encodeBase64url(signature)}`
}
