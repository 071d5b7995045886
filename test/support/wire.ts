import { type ClerkClient, createClerkClient, type Machine } from '@clerk/backend'
import { afterAll, afterEach } from 'vitest'
import { startTestAuthority, type TestAuthority, type TestAuthorityOptions } from './authority.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { openSpecification } from './openapi.ts'
import { type Exchange, startRecorder } from './recorder.ts'

/** Accepted by Clerk's client as one of a development instance. */
export const PUBLISHABLE_KEY = `pk_test_${btoa('clerk.example.com$')}`

const specification = openSpecification()

/** The real authority as Clerk's real client meets it: over sockets, every answer recorded and judged. */
export interface Wire extends AsyncDisposable {
  /** Where callers reach it: the issuer of its JWTs. */
  readonly url: string
  readonly authority: TestAuthority
  readonly clock: TestClock
  readonly secretKey: string
  readonly exchanges: readonly Exchange[]
  /** Clerk's client, unchanged; with the instance key when no key is named. */
  client(options?: ClientOptions): ClerkClient
  /** A request that Clerk's client would not send. */
  call(method: string, target: string, options?: CallOptions): Promise<Answer>
  /** A new machine that may call `scopedMachines`, with its secret. */
  machine(name?: string, scopedMachines?: readonly string[], more?: object): Promise<TestMachine>
  /** The last exchange whose target ends so. */
  last(method: string, target: string | RegExp): Exchange
  /** Fails when an answer since the last call was not as Clerk's wire has it. */
  check(): void
  close(): Promise<void>
}

export interface ClientOptions {
  /** `null` for none. */
  readonly secretKey?: string | null
  readonly machineSecretKey?: string
  readonly apiUrl?: string
}

export interface CallOptions {
  /** Default: the instance key; `null` for no `Authorization` header at all. */
  readonly key?: string | null
  /** Sent as it is when a string, else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON. */
  readonly json: Readonly<Record<string, unknown>>
  /** The code of the first error. */
  readonly code: string | undefined
  /** Its parameter and its long message. */
  readonly parameter: string | undefined
  readonly explanation: string | undefined
}

/** What this suite needs of a machine; `client` acts with its key alone. */
export interface TestMachine {
  readonly id: string
  readonly secretKey: string
  readonly machine: Machine
  readonly client: ClerkClient
}

/** Starts one for a test file: ended after it, and each answer judged after the test that caused it. */
export async function useWire(options: TestAuthorityOptions = {}): Promise<Wire> {
  const wire = await startWire(options)
  afterEach(() => {
    wire.check()
  })
  afterAll(() => wire.close())
  return wire
}

/** Starts one for a test: `await using wire = await startWire()`. */
export async function startWire(options: TestAuthorityOptions = {}): Promise<Wire> {
  const clock = createTestClock()
  const recorder = await startRecorder()
  const authority = await startTestAuthority({ clock, publicUrl: recorder.url, ...options })
  const url = recorder.url + (options.path ?? '')
  recorder.forwardTo(authority.url)
  let checked = 0

  const check = (): void => {
    const answers = recorder.exchanges.slice(checked)
    checked = recorder.exchanges.length
    const departures = answers.flatMap((exchange) =>
      [...wireDepartures(exchange), ...(specification?.departures(exchange) ?? [])].map(
        (departure) => `${exchange.method} ${exchange.target} ${exchange.status}: ${departure}`,
      ),
    )
    if (departures.length > 0) throw new Error(`Not Clerk’s wire:\n${departures.join('\n')}`)
  }

  const close = async (): Promise<void> => {
    await recorder.close()
    await authority.close()
  }

  const client = ({ secretKey, machineSecretKey, apiUrl = url }: ClientOptions = {}): ClerkClient =>
    createClerkClient({
      apiUrl,
      publishableKey: PUBLISHABLE_KEY,
      telemetry: { disabled: true },
      ...(secretKey !== null && { secretKey: secretKey ?? authority.secretKey }),
      ...(machineSecretKey !== undefined && { machineSecretKey }),
    })

  return {
    url,
    authority,
    clock,
    secretKey: authority.secretKey,
    exchanges: recorder.exchanges,
    client,
    check,
    close,

    async call(method, target, { key = authority.secretKey, body, headers } = {}) {
      const response = await fetch(url + target, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(key !== null && { authorization: `Bearer ${key}` }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      return toAnswer(response, await response.text())
    },

    async machine(name = 'machine', scopedMachines = [], more = {}) {
      const created = await client().machines.create({
        name,
        scopedMachines: [...scopedMachines],
        ...more,
      })
      const secretKey = created.secretKey ?? ''
      const own = client({ secretKey: null, machineSecretKey: secretKey })
      return { id: created.id, secretKey, machine: created, client: own }
    },

    last(method, target) {
      const found = recorder.exchanges.findLast(
        (exchange) =>
          exchange.method === method &&
          (typeof target === 'string'
            ? exchange.target.endsWith(target)
            : target.test(exchange.target)),
      )
      if (found === undefined) throw new Error(`No ${method} ${String(target)} was seen.`)
      return found
    },

    async [Symbol.asyncDispose]() {
      await close()
      check()
    },
  }
}

/** What must hold of every answer, and no schema says: W2, W4, W7 of the contract. */
function wireDepartures({ headers, body, status }: Exchange): string[] {
  const departures: string[] = []
  if (status === 204) return departures
  if (headers['content-type'] !== 'application/json') {
    departures.push(`W2: the content type is ${headers['content-type'] ?? 'missing'}`)
  }
  try {
    const parsed = JSON.parse(body) as Record<string, unknown>
    if ('object' in parsed && 'deleted' in parsed && parsed['deleted'] !== true) {
      departures.push('W4: a live object has a member `deleted`')
    }
  } catch {
    departures.push('W7: the body is not JSON')
  }
  return departures
}

function toAnswer(response: Response, text: string): Answer {
  const json = JSON.parse(text) as Record<string, unknown>
  const errors = json['errors'] as
    { code: string; long_message: string; meta: { param_name?: string } }[] | undefined
  const error = errors?.[0]
  return {
    status: response.status,
    headers: response.headers,
    text,
    json,
    code: error?.code,
    parameter: error?.meta.param_name,
    explanation: error?.long_message,
  }
}
