import {
  createTokenSource,
  isCountersignError,
  type TokenSource,
  type TokenStore,
} from 'countersign'
import type { Suite } from './suite.ts'

/** The token source on whatever cryptography, `Request` and `fetch` a runtime has. */
export const TOKEN_SOURCE_BEHAVIOURS: Readonly<Record<string, (suite: Suite) => Promise<string>>> =
  {
    'a token source that 100 ask at once': async (suite) => {
      const { source, created } = worldOf(suite)
      const tokens = await Promise.all(Array.from({ length: 100 }, () => source.getToken()))
      return `${new Set(tokens).size} token, ${created()} created`
    },

    'a token that processes share': async (suite) => {
      const entries = new Map<string, string>()
      const waiting: Promise<unknown>[] = []
      const store: TokenStore = {
        get: (key) => entries.get(key),
        set: (key, value) => entries.set(key, value),
      }
      const world = worldOf(suite, { store, waiting })
      const token = await world.source.getToken()
      await Promise.all(waiting)
      const [sealed = ''] = entries.values()
      const other = await world.another().getToken()
      const isSealed = sealed !== '' && !sealed.includes(token)
      return `${isSealed ? 'sealed' : 'open'}, ${other === token ? 'shared' : 'not shared'}, ${world.created()} created`
    },

    'a store that holds what nobody sealed': async (suite) => {
      const store = { get: () => `v1.${'A'.repeat(100)}`, set: () => undefined }
      const { source, created } = worldOf(suite, { store })
      await source.getToken()
      return `${created()} created`
    },

    'a call with a token': async (suite) => {
      const { source } = worldOf(suite)
      const response = await source.fetch('https://api.test/a', { method: 'POST', body: 'text' })
      return response.text()
    },

    'a Request with a token': async (suite) => {
      const { source } = worldOf(suite)
      const request = new Request('https://api.test/a', { method: 'POST', body: 'text' })
      return (await source.fetch(request)).text()
    },

    'a call with a token that is stale': async (suite) => {
      const { source, created } = worldOf(suite)
      const response = await source.fetch('https://api.test/stale', {
        method: 'POST',
        body: 'text',
      })
      return `${await response.text()}, ${created()} created`
    },

    'a call that is redirected to where the token may go': async (suite) => {
      const { source } = worldOf(suite)
      const response = await source.fetch('https://api.test/near', { method: 'POST', body: 'text' })
      return response.text()
    },

    'calls to where the token may not go': async (suite) => {
      const { source } = worldOf(suite)
      const urls = [
        'https://evil.test/',
        'https://api.test@evil.test/',
        'https://api.test./',
        'http://api.test/',
        'blob:https://api.test/1',
        'https://api.test/far',
      ]
      const codes = await Promise.all(urls.map((url) => codeOf(source.fetch(url))))
      return [...new Set(codes)].join(', ')
    },
  }

interface World {
  readonly source: TokenSource
  /** Another process of the same machine. */
  readonly another: () => TokenSource
  /** How many tokens the authority has created. */
  readonly created: () => number
}

interface WorldOptions {
  readonly store?: TokenStore
  readonly waiting?: Promise<unknown>[]
}

/** An authority, an API that says what it was sent, and nobody else. */
function worldOf(suite: Suite, { store, waiting = [] }: WorldOptions = {}): World {
  let created = 0
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (url === `${suite.issuer}/v1/m2m_tokens`) return tokenOf(suite, ++created)
    const request = new Request(url, init)
    const { pathname, hostname } = new URL(request.url)
    if (hostname !== 'api.test') return new Response('sent to another')
    if (pathname === '/near') return redirect('/a')
    if (pathname === '/far') return redirect('https://evil.test/')
    const token = request.headers.get('authorization') ?? 'no token'
    if (pathname === '/stale' && token === 'Bearer mt_1') {
      const headers = { 'www-authenticate': 'Bearer error="invalid_token"' }
      return new Response(null, { status: 401, headers })
    }
    return new Response(`${request.method} ${await request.text()} ${token}`)
  }
  const make = (): TokenSource =>
    createTokenSource({
      apiUrl: suite.issuer,
      machineSecretKey: 'ak_of_this_machine',
      clock: () => suite.nowMs,
      origins: ['https://api.test'],
      fetch,
      waitUntil: (work) => waiting.push(work),
      ...(store !== undefined && { store }),
    })
  return { source: make(), another: make, created: () => created }
}

function tokenOf({ nowMs, audience }: Suite, number: number): Response {
  const body = {
    object: 'machine_to_machine_token',
    id: `mt_${number}`,
    subject: audience,
    scopes: [audience],
    claims: null,
    revoked: false,
    revocation_reason: null,
    expired: false,
    expiration: nowMs + 60_000,
    created_at: nowMs,
    updated_at: nowMs,
    token: `mt_${number}`,
  }
  return new Response(JSON.stringify(body), {
    status: 201,
    headers: { 'content-type': 'application/json' },
  })
}

function redirect(location: string): Response {
  return new Response(null, { status: 307, headers: { location } })
}

async function codeOf(work: Promise<Response>): Promise<string> {
  try {
    return `answered: ${await (await work).text()}`
  } catch (error) {
    return isCountersignError(error) ? error.code : `thrown: ${String(error)}`
  }
}
