import { once } from 'node:events'
import { request } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient, type Machine } from 'countersign'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock } from '../support/clock.ts'
import { type Recorder, startRecorder } from '../support/recorder.ts'

/**
 * What every adapter owes its user, asked of a running app of its framework: `testAdapter(name, start)`
 * in a test file. The app has these routes, each for GET, behind the middleware of its adapter:
 *
 * - `/public`: answers `{ ok: true }`, and asks for nobody.
 * - `/machine`: behind `requireMachine()`; answers `{ subject, tokenType }` of `getAuth` for `m2m_token`.
 * - `/from-worker`: behind `requireMachine({ from: [WORKER_ID] })`; the same answer.
 * - `/any`: behind `requireAuth({ acceptsToken: 'any' })`; the same answer, of `getAuth` for `any`.
 * - `/session`: behind `requireAuth({ acceptsToken: 'session_token' })`; answers `{ ok: true }`.
 * - `/whoami`: no guard; asks `getAuth` at once for `m2m_token`, `any` and `['api_key', 'm2m_token']`, and
 *   answers `{ subjects }`, the `subject` of each or `null`.
 * - `/inner/machine`: as `/machine`, in an app that is mounted in the first one, behind a second instance
 *   of the middleware with `INNER_URL` and `INNER_MACHINE_SECRET_KEY`.
 */
export type StartApp = (settings: AppSettings) => Promise<RunningApp>

export interface AppSettings {
  /** The environment of the app; options are for `INNER_…` alone, and the clock. */
  readonly env: AppEnvironment
  /** Epoch milliseconds, for an app in the process of the test: the option `clock`. */
  readonly clock: () => number
}

export interface AppEnvironment extends Readonly<Record<string, string>> {
  readonly COUNTERSIGN_URL: string
  readonly COUNTERSIGN_MACHINE_SECRET_KEY: string
  readonly COUNTERSIGN_SECRET_KEY: string
  readonly WORKER_ID: string
  readonly INNER_URL: string
  readonly INNER_MACHINE_SECRET_KEY: string
}

/** An app that answers on a port. */
export interface RunningApp {
  /** Without a trailing slash. */
  readonly url: string
  close(): Promise<unknown>
}

export interface AdapterTestOptions {
  /** Whether the app takes the clock of the test; without it time is waited for. Default `true`. */
  readonly hasClock?: boolean
}

const STATUS_LISTS = '/status-lists/'
const VERIFY = '/v1/m2m_tokens/verify'
const FORMATS = ['opaque', 'jwt'] as const
type Format = (typeof FORMATS)[number]

/** Defines the tests of one adapter. The authority is real, and each call to it is counted. */
export function testAdapter(name: string, start: StartApp, options: AdapterTestOptions = {}): void {
  const { hasClock = true } = options
  const clock = createTestClock()
  let recorder: Recorder
  let outer: Instance
  let inner: Instance
  let app: RunningApp

  beforeAll(async () => {
    recorder = await startRecorder()
    const clocked = hasClock ? { clock } : {}
    outer = await createInstance({ ...clocked, publicUrl: recorder.url })
    inner = await createInstance(clocked)
    recorder.forwardTo(outer.authority.url)
    app = await start({
      env: {
        COUNTERSIGN_URL: recorder.url,
        COUNTERSIGN_MACHINE_SECRET_KEY: outer.api.secretKey ?? '',
        COUNTERSIGN_SECRET_KEY: outer.authority.secretKey,
        WORKER_ID: outer.worker.id,
        INNER_URL: inner.authority.url,
        INNER_MACHINE_SECRET_KEY: inner.api.secretKey ?? '',
      },
      clock: () => clock.now(),
    })
  }, 180_000)

  afterAll(async () => {
    await app.close()
    await recorder.close()
    await Promise.all([outer.authority.close(), inner.authority.close()])
  })

  const get = (path: string, token?: string, headers: Record<string, string> = {}) =>
    getFrom(app.url + path, token === undefined ? headers : { ...headers, ...bearer(token) })

  /** What the authority is asked while the work is done. */
  const callsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const before = recorder.exchanges.length
    await work()
    return recorder.exchanges.slice(before).map(({ target }) => target)
  }

  const machineAnswer = (machine: Machine) => ({
    status: 200,
    body: { subject: machine.id, tokenType: 'm2m_token' },
  })

  const refused = (path: string, isPresented = true) => ({
    path,
    status: 401,
    challenge: isPresented ? 'Bearer error="invalid_token"' : 'Bearer',
    text: '',
  })

  /** The path is in it, so that a failure tells the route. */
  const refusal = async (path: string, token?: string, headers?: Record<string, string>) => {
    const { status, challenge, text } = await get(path, token, headers)
    return { path, status, challenge, text }
  }

  describe(`behind the adapter of ${name}`, { timeout: 60_000 }, () => {
    test('a hundred first requests at once fetch one key set and one status list', async () => {
      const tokens = await Promise.all([mint(outer, 'worker', 'jwt'), mint(outer, 'other', 'jwt')])
      const calls = await callsOf(async () => {
        const answers = await Promise.all(
          Array.from({ length: 100 }, (_, index) => get('/machine', tokens[index % 2])),
        )
        for (const [index, answer] of answers.entries()) {
          expect(answer).toMatchObject(machineAnswer(index % 2 === 0 ? outer.worker : outer.other))
        }
      })
      expect(calls.filter((target) => target.includes('jwks'))).toHaveLength(1)
      expect(calls.filter((target) => target.includes(STATUS_LISTS))).toHaveLength(1)
      expect(calls).toHaveLength(2)
    })

    test('a hundred requests at once with an opaque token are a hundred questions, and right', async () => {
      const tokens = [await mint(outer, 'worker', 'opaque'), await mint(outer, 'other', 'opaque')]
      const calls = await callsOf(async () => {
        const answers = await Promise.all(
          Array.from({ length: 100 }, (_, index) => get('/machine', tokens[index % 2])),
        )
        for (const [index, answer] of answers.entries()) {
          expect(answer).toMatchObject(machineAnswer(index % 2 === 0 ? outer.worker : outer.other))
        }
      })
      expect(calls).toEqual(Array.from({ length: 100 }, () => VERIFY))
    })

    test.each(FORMATS)('the %s token of a scoped machine is let in', async (format) => {
      const token = await mint(outer, 'worker', format)
      for (const path of ['/machine', '/from-worker', '/any']) {
        expect(await get(path, token)).toMatchObject(machineAnswer(outer.worker))
      }
    })

    test.each(FORMATS)('the %s token of an unscoped machine is a 401', async (format) => {
      const token = await mint(outer, 'stranger', format)
      for (const path of ['/machine', '/from-worker', '/any']) {
        expect(await refusal(path, token)).toEqual(refused(path))
      }
    })

    test.each(FORMATS)('a machine outside from is a 403, by its %s token', async (format) => {
      const token = await mint(outer, 'other', format)
      expect(await get('/machine', token)).toMatchObject({ status: 200 })
      expect(await refusal('/from-worker', token)).toEqual({
        path: '/from-worker',
        status: 403,
        challenge: 'Bearer error="insufficient_scope"',
        text: '',
      })
    })

    test('no token, and what is none, is a 401 that costs no call', async () => {
      const calls = await callsOf(async () => {
        for (const path of ['/machine', '/from-worker', '/any', '/session']) {
          expect(await refusal(path)).toEqual(refused(path, false))
          for (const garbage of ['garbage', 'mt_xxx', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.AA']) {
            expect(await refusal(path, garbage)).toEqual(refused(path))
          }
        }
      })
      expect(calls).toEqual([])
    })

    test('an API key or an OAuth token on a route for machines is a 401 that costs no call', async () => {
      const subject = `user_${'6'.repeat(27)}`
      const { secret = '' } = await outer.admin.apiKeys.create({ name: 'key', subject })
      const calls = await callsOf(async () => {
        for (const path of ['/machine', '/from-worker', '/session']) {
          for (const token of [secret, `oat_${'b'.repeat(32)}`]) {
            expect(await refusal(path, token)).toEqual(refused(path))
          }
        }
      })
      expect(calls).toEqual([])
      const body = { subject, tokenType: 'api_key' }
      expect(await get('/any', secret)).toMatchObject({ status: 200, body })
    })

    test('a machine’s JWT is no session: neither in the header nor in the cookie', async () => {
      const token = await mint(outer, 'worker', 'jwt')
      expect(await refusal('/session', token)).toEqual(refused('/session'))
      const cookie = { cookie: `__session=${token}` }
      for (const path of ['/session', '/any']) {
        expect(await refusal(path, undefined, cookie)).toEqual(refused(path))
      }
      expect(await refusal('/machine', undefined, cookie)).toEqual(refused('/machine', false))
    })

    test('a public route costs no call, whatever is presented', async () => {
      const token = await mint(outer, 'worker', 'opaque')
      const calls = await callsOf(async () => {
        for (const presented of [undefined, 'mt_garbage', token]) {
          expect(await get('/public', presented)).toMatchObject({ status: 200, body: { ok: true } })
        }
      })
      expect(calls).toEqual([])
    })

    test('a token is verified once, however many ask and for whatever classes', async () => {
      const token = await mint(outer, 'worker', 'opaque')
      const calls = await callsOf(async () => {
        const subjects = [outer.worker.id, outer.worker.id, outer.worker.id]
        expect(await get('/whoami', token)).toMatchObject({ status: 200, body: { subjects } })
      })
      expect(calls).toEqual([VERIFY])
      const nobody = { subjects: [null, null, null] }
      expect(await get('/whoami')).toMatchObject({ status: 200, body: nobody })
    })

    test('of two tokens in two headers none counts', async () => {
      const token = await mint(outer, 'worker', 'jwt')
      for (const pair of [
        [token, 'mt_garbage'],
        ['mt_garbage', token],
      ]) {
        expect(await statusOfTwo(`${app.url}/machine`, pair)).toBe(401)
      }
    })

    test.each(FORMATS)('two instances never accept each other’s %s tokens', async (format) => {
      const ours = await mint(outer, 'worker', format)
      const theirs = await mint(inner, 'worker', format)
      // Twice, so that what the first round left in a cache is met by the second.
      for (let round = 0; round < 2; round++) {
        const [own, foreign, inside, outside] = await Promise.all([
          get('/machine', ours),
          refusal('/machine', theirs),
          get('/inner/machine', theirs),
          refusal('/inner/machine', ours),
        ])
        expect(own).toMatchObject(machineAnswer(outer.worker))
        expect(inside).toMatchObject(machineAnswer(inner.worker))
        expect([foreign, outside]).toEqual([refused('/machine'), refused('/inner/machine')])
      }
    })

    test('a revoked opaque token is a 401 at once, a revoked JWT within the lifetime of the list', async () => {
      const opaque = await mintWithId(outer, 'worker', 'opaque')
      const jwt = await mintWithId(outer, 'worker', 'jwt')
      for (const { id, token } of [opaque, jwt]) {
        expect(await get('/machine', token)).toMatchObject({ status: 200 })
        await outer.admin.m2m.revokeToken({ m2mTokenId: id })
      }
      expect(await refusal('/machine', opaque.token)).toEqual(refused('/machine'))
      if (hasClock) {
        clock.advance(15_000)
      } else {
        for (
          let tries = 0;
          tries < 75 && (await get('/machine', jwt.token)).status === 200;
          tries++
        )
          await sleep(200)
      }
      expect(await refusal('/machine', jwt.token)).toEqual(refused('/machine'))
    })

    test('without the authority an opaque token is a 503, and a JWT is let in', async () => {
      const [opaque, jwt] = [
        await mint(outer, 'worker', 'opaque'),
        await mint(outer, 'worker', 'jwt'),
      ]
      expect(await get('/machine', jwt)).toMatchObject({ status: 200 })
      await recorder.close()
      for (const path of ['/machine', '/from-worker', '/any']) {
        expect(await get(path, opaque)).toMatchObject({
          status: 503,
          challenge: null,
          retryAfter: expect.stringMatching(/^\d+$/) as string,
          text: '',
        })
        expect(await get(path, jwt)).toMatchObject(machineAnswer(outer.worker))
        expect(await refusal(path)).toEqual(refused(path, false))
      }
      expect(await get('/public', opaque)).toMatchObject({ status: 200 })
      const nobody = { subjects: [null, null, null] }
      expect(await get('/whoami', opaque)).toMatchObject({ status: 200, body: nobody })
    })
  })
}

/** An authority with its machines: `worker` and `other` may call `api`, and `stranger` may not. */
interface Instance {
  readonly authority: TestAuthority
  /** Where its tokens say that they are from. */
  readonly url: string
  readonly admin: Client
  readonly api: Machine
  readonly worker: Machine
  readonly other: Machine
  readonly stranger: Machine
}

async function createInstance(
  options: Parameters<typeof startTestAuthority>[0] = {},
): Promise<Instance> {
  const authority = await startTestAuthority(options)
  const admin = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const api = await admin.machines.create({ name: 'api' })
  const scopedMachines = [api.id]
  return {
    authority,
    url: authority.url,
    admin,
    api,
    worker: await admin.machines.create({ name: 'worker', scopedMachines }),
    other: await admin.machines.create({ name: 'other', scopedMachines }),
    stranger: await admin.machines.create({ name: 'stranger' }),
  }
}

async function mintWithId(
  instance: Instance,
  sender: 'worker' | 'other' | 'stranger',
  tokenFormat: Format,
): Promise<{ readonly id: string; readonly token: string }> {
  const machineSecretKey = instance[sender].secretKey
  // Not through the recorder: what it counts are the calls of the app.
  const { m2m } = createClient({ apiUrl: instance.url, machineSecretKey })
  const { id, token = '' } = await m2m.createToken({ tokenFormat, secondsUntilExpiration: 3_600 })
  return { id, token }
}

async function mint(
  instance: Instance,
  sender: 'worker' | 'other' | 'stranger',
  format: Format,
): Promise<string> {
  return (await mintWithId(instance, sender, format)).token
}

function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` }
}

interface Answered {
  readonly status: number
  readonly challenge: string | null
  readonly retryAfter: string | null
  readonly text: string
  readonly body: unknown
}

async function getFrom(url: string, headers: Readonly<Record<string, string>>): Promise<Answered> {
  const response = await fetch(url, { headers, redirect: 'manual' })
  const text = await response.text()
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    retryAfter: response.headers.get('retry-after'),
    text,
    body: response.ok ? (JSON.parse(text) as unknown) : null,
  }
}

/** The platform's `fetch` would make one header of two. */
async function statusOfTwo(url: string, tokens: readonly string[]): Promise<number | undefined> {
  const sent = request(url, { agent: false })
  sent.setHeader(
    'authorization',
    tokens.map((token) => bearer(token).authorization),
  )
  sent.end()
  const [answer] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
  await textOf(answer)
  return answer.statusCode
}
