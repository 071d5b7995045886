/// <reference lib="esnext.disposable" preserve="true" />
import { type Client, createClient } from '../../client/client.ts'
import type { JwtAlgorithm } from '../../token/algorithms.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { loadEngine } from './engine.ts'
import { createEngineTime } from './engine-time.ts'
import type { TestFailure, TestFailureKind } from './failures.ts'
import { createTestIssuer, type TestIssuer } from './issuer.ts'
import { createNetwork, type SeenRequest, type TestFetch } from './network.ts'
import { answerWithOAuthTokens, createOAuthTokens } from './oauth-tokens.ts'
import type {
  Stranger,
  TestConnection,
  TestOAuthIssuer,
  TestSessionIssuer,
} from './token-sources.ts'
import { createTestTokens, type TestTokens } from './tokens.ts'

export interface TestAuthorityOptions {
  /** Where the clock stands at first: epoch milliseconds, or a date. Default: the present. */
  readonly now?: number | Date | undefined
  /** Signs the JWTs of machines that have no algorithm of their own. Default `RS256`. */
  readonly jwtAlgorithm?: JwtAlgorithm | undefined
}

export interface TestMachineOptions {
  /** The machines that it may call. */
  readonly calls?: readonly TestMachine[] | undefined
  /** Seconds. Default 3600. */
  readonly defaultTokenTtl?: number | undefined
  readonly jwtAlgorithm?: JwtAlgorithm | undefined
  /** Its JWTs have no status, and cannot be revoked. Default `false`. */
  readonly stateless?: boolean | undefined
}

/** A machine, and the options with which code under test acts as it. */
export interface TestMachine {
  readonly id: string
  readonly name: string
  readonly machineSecretKey: string
  /** For whatever takes an `apiUrl`: `createClient`, `createAuthenticator`, `authenticateRequest`, … */
  readonly options: TestConnection & { readonly machineSecretKey: string }
  /** For `createVerifier`: accepts what is meant for this machine. */
  readonly verifierOptions: {
    readonly issuer: string
    readonly audience: string
    readonly fetch: TestFetch
    readonly clock: TestClock
  }
}

/** An authority inside the test process: no socket, no file. */
export interface TestAuthority extends AsyncDisposable {
  /** Where it is reached, by `fetch` alone; also the `iss` of its JWTs. */
  readonly apiUrl: string
  readonly instanceId: string
  /** The instance key. */
  readonly secretKey: string
  /** What the code under test is to be given: a network that holds this authority and nothing else. */
  readonly fetch: TestFetch
  /** Drives the authority, and whatever is given it as `clock`. */
  readonly clock: TestClock
  /** For whatever takes an `apiUrl`, with the instance key. */
  readonly options: TestConnection & { readonly secretKey: string }
  /** The option `session` of an authenticator that is to accept the sessions made here. */
  readonly session: TestSessionIssuer
  /** The option `oauth` of an authenticator that is to accept the access tokens in JWT form made here. */
  readonly oauth: TestOAuthIssuer
  /** Administers it. Is not seen among `requests`, and never fails. */
  readonly client: Client
  readonly tokens: TestTokens
  /** What came through `fetch`, also what went wrong then. */
  readonly requests: readonly SeenRequest[]
  readonly forgetRequests: () => void
  readonly machine: (name: string, options?: TestMachineOptions) => Promise<TestMachine>
  /** Lets one machine call another. */
  readonly allow: (from: TestMachine, to: TestMachine) => Promise<void>
  /** From now on things go wrong. @throws {TypeError} */
  readonly fail: (kind: TestFailureKind, more?: Omit<TestFailure, 'kind'>) => void
  /** From now on nothing does. */
  readonly recover: () => void
  /** Does what is due by the clock: the rotation of keys, the writing down of uses. */
  readonly tick: () => Promise<void>
  readonly close: () => Promise<void>
}

/**
 * Brings up the production engine on memory storage, in a few milliseconds. Two of them have different
 * issuers, names of keys and secrets, and never accept each other's tokens.
 *
 * ```ts
 * await using authority = await createTestAuthority()
 * const api = await authority.machine('api')
 * const worker = await authority.machine('worker', { calls: [api] })
 * const token = await authority.tokens.m2mJwt(worker, { defect: 'expired' })
 * await createVerifier(api.verifierOptions).verify(token) // throws token-expired
 * ```
 *
 * @throws {CountersignError} `configuration-invalid` when `@countersign/authority` is not installed.
 */
export async function createTestAuthority(
  options: TestAuthorityOptions = {},
): Promise<TestAuthority> {
  const module = await loadEngine()
  const clock = createTestClock(Number(options.now ?? Date.now()))
  const name = globalThis.crypto.randomUUID().slice(0, 8)
  const apiUrl = `https://authority-${name}.test`
  const session: TestSessionIssuer = Object.freeze({
    issuer: `https://sessions-${name}.test`,
    audience: 'https://app.test',
    authorizedParties: Object.freeze(['https://app.test']),
  })
  const oauth: TestOAuthIssuer = Object.freeze({
    issuer: `https://oauth-${name}.test`,
    audience: 'https://api.test',
  })

  const time = createEngineTime(clock, (request) => engine.fetch(request))
  const engine = await module.createEmulator({
    issuer: apiUrl,
    clock: time,
    ...(options.jwtAlgorithm !== undefined && { jwtAlgorithm: options.jwtAlgorithm }),
  })
  engine.keep()
  const { secretKey, instanceId } = engine
  const failures = module.createFailures()
  const oauthTokens = createOAuthTokens()
  const sessions = once(() => createTestIssuer(`session_${name}`))
  const accessJwts = once(() => createTestIssuer(`oauth_${name}`))
  const issuedBy = (issuer: () => Promise<TestIssuer>) => async (request: Request) =>
    (await issuer()).answer(request)
  const network = createNetwork([
    {
      origin: apiUrl,
      failures,
      answer: (request) =>
        answerWithOAuthTokens(request, oauthTokens, clock(), (one) => time.answer(one)),
    },
    { origin: session.issuer, answer: issuedBy(sessions) },
    { origin: oauth.issuer, answer: issuedBy(accessJwts) },
  ])
  const { fetch, requests, forgetRequests } = network
  const connection: TestConnection = { apiUrl, fetch: network.quietFetch, clock }
  const client = createClient({ ...connection, secretKey })
  // What is done at another time must not wait until that time is over.
  const ungated: TestConnection = {
    apiUrl,
    fetch: (input, init) => engine.fetch(new Request(input, init)),
    clock: () => time.now(),
  }

  let other: TestAuthority | undefined
  const stranger = once(async (): Promise<Stranger> => {
    const another = await createTestAuthority({ now: clock() })
    other = another
    const { tokens } = another
    return {
      m2m: async (more) =>
        tokens.m2m(await another.machine('stranger'), { ...more, defect: undefined }),
      apiKey: (more) => tokens.apiKey({ ...more, defect: undefined }),
    }
  })

  const close = async (): Promise<void> => {
    failures.lift()
    engine.endStreams()
    await engine.close()
    await other?.close()
  }

  return Object.freeze({
    apiUrl,
    instanceId,
    secretKey,
    fetch,
    clock,
    options: Object.freeze({ apiUrl, secretKey, fetch, clock }),
    session,
    oauth,
    client,
    requests,
    forgetRequests,
    tokens: createTestTokens({
      now: clock,
      secretKey,
      client,
      connection,
      at: (nowMs, work) => time.at(nowMs, () => work(ungated)),
      sign: (kid, data) => engine.sign(kid, data),
      oauthTokens,
      sessions,
      accessJwts,
      session,
      oauth,
      stranger,
    }),

    async machine(machineName: string, { calls = [], ...more }: TestMachineOptions = {}) {
      const created = await client.machines.create({
        name: machineName,
        scopedMachines: calls.map(({ id }) => id),
        ...definedIn(more),
      })
      const { id, secretKey: machineSecretKey = '' } = created
      return Object.freeze({
        id,
        name: machineName,
        machineSecretKey,
        options: Object.freeze({ apiUrl, machineSecretKey, fetch, clock }),
        verifierOptions: Object.freeze({ issuer: apiUrl, audience: id, fetch, clock }),
      })
    },

    async allow(from: TestMachine, to: TestMachine) {
      await client.machines.createScope(from.id, to.id)
    },

    fail(kind: TestFailureKind, more: Omit<TestFailure, 'kind'> = {}) {
      failures.add({ ...more, kind })
    },
    recover() {
      failures.lift()
    },
    tick: () => engine.tick(),
    close,
    [Symbol.asyncDispose]: close,
  })
}

/** Makes a thing when it is first asked for. */
function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => (made ??= make())
}

function definedIn(options: Omit<TestMachineOptions, 'calls'>): {
  readonly defaultTokenTtl?: number
  readonly jwtAlgorithm?: JwtAlgorithm
  readonly stateless?: boolean
} {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
