import { outcomeOf, verifierOf } from './outcome.ts'
import type { Suite } from './suite.ts'
import { TOKEN_SOURCE_BEHAVIOURS } from './token-source.ts'

/** What cannot be said as a token and a verdict: each of them gives a sentence. */
export const BEHAVIOURS: Readonly<Record<string, (suite: Suite) => Promise<string>>> = {
  ...TOKEN_SOURCE_BEHAVIOURS,

  'a cold verifier that 100 ask at once': async (suite) => {
    let fetches = 0
    const fetch: Answer = async () => {
      fetches++
      await Promise.resolve()
      return jsonOf({ keys: suite.keys })
    }
    const verifier = verifierOf(suite, { fetch })
    const tokens = Array.from({ length: 100 }, (_, at) => suite.good[at % suite.good.length] ?? '')
    const outcomes = await Promise.all(
      tokens.map((token) => outcomeOf(() => verifier.verify(token))),
    )
    return `${countOf(outcomes.map(({ verdict }) => verdict))}; ${fetches} fetched`
  },

  'a flood of unknown keys': async (suite) => {
    let fetches = 0
    let nowMs = suite.nowMs
    const fetch: Answer = async () => {
      fetches++
      return jsonOf({ keys: suite.keys })
    }
    const verifier = verifierOf(suite, { fetch, clock: () => nowMs })
    await verifier.verify(first(suite))
    // Past the time in which a key that is not there is not asked for again.
    nowMs += 31_000
    const before = fetches
    const verdicts: string[] = []
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.all(
        suite.strangers.map((token) => outcomeOf(() => verifier.verify(token))),
      )
      verdicts.push(...outcomes.map(({ verdict }) => verdict))
    }
    const more = fetches - before
    return `${countOf(verdicts)}; ${more <= 1 ? 'fetched at most once more' : `fetched ${more} times more`}`
  },

  'the same token twice': async (suite) => {
    const verifier = verifierOf(suite, { jwks: { keys: suite.keys } })
    for (const token of suite.good) {
      const outcomes = [
        await outcomeOf(() => verifier.verify(token)),
        await outcomeOf(() => verifier.verify(token)),
        await outcomeOf(() => verifierOf(suite, { jwks: { keys: suite.keys } }).verify(token)),
      ]
      const texts = new Set(outcomes.map((outcome) => JSON.stringify(outcome)))
      if (texts.size !== 1) return `different: ${[...texts].join(' ')}`
    }
    return 'equal'
  },

  'the same token once it has expired': async (suite) => {
    let nowMs = suite.nowMs
    const verifier = verifierOf(suite, {
      jwks: { keys: suite.keys },
      clock: () => nowMs,
    })
    const before = await outcomeOf(() => verifier.verify(first(suite)))
    nowMs += 3_600_000
    const after = await outcomeOf(() => verifier.verify(first(suite)))
    return `${before.verdict}, then ${after.verdict}`
  },

  'a key set that comes in pieces, in the middle of a character': answered(async ({ keys }) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ comment: 'é𝄞', keys }))
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
        controller.close()
      },
    })
    return new Response(body, { headers: { 'content-type': 'application/jwk-set+json' } })
  }),
  'a key set with another media type in front of JSON’s': answered(async ({ keys }) =>
    jsonOf({ keys }, { headers: { 'content-type': 'Application/JSON ; charset=utf-8' } }),
  ),
  'a fetch that hangs': answered(() => new Promise(() => undefined)),
  'a fetch that hangs until it is told to stop': answered(
    (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('aborted')))
      }),
  ),
  'a body that hangs': answered(
    async () =>
      new Response(new ReadableStream({ pull: () => new Promise(() => undefined) }), {
        headers: { 'content-type': 'application/json' },
      }),
  ),
  'a body that breaks off': answered(
    async () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode('{"keys":'))
            controller.error(new Error('broken'))
          },
        }),
        { headers: { 'content-type': 'application/json' } },
      ),
  ),
  'a fetch that fails': answered(() => Promise.reject(new TypeError('fetch failed'))),
  'a fetch that throws': answered(() => {
    throw new TypeError('fetch failed')
  }),
  'a redirect': answered(
    async () => new Response(null, { status: 302, headers: { location: 'https://other.test/' } }),
  ),
  'a redirect with a key set in it': answered(async ({ keys }) =>
    jsonOf({ keys }, { status: 302, headers: { location: 'https://other.test/' } }),
  ),
  'a page in HTML': answered(
    async () =>
      new Response('<!doctype html><title>Log in</title>', {
        headers: { 'content-type': 'text/html' },
      }),
  ),
  'a key set that says it is text': answered(async ({ keys }) =>
    jsonOf({ keys }, { headers: { 'content-type': 'text/plain' } }),
  ),
  'a status other than 200': answered(async ({ keys }) => jsonOf({ keys }, { status: 203 })),
  'an empty answer': answered(async () => new Response(null, { status: 200 })),
  'JSON that is no key set': answered(async () => jsonOf({ keys: 'none' })),
  'JSON that is cut off': answered(
    async () => new Response('{"keys":[', { headers: { 'content-type': 'application/json' } }),
  ),
  'a key set of 300 KB': answered(async ({ keys }) => jsonOf({ keys, more: 'x'.repeat(300_000) })),
  'a key set that is no UTF-8': answered(
    async () =>
      new Response(Uint8Array.of(0x7b, 0xff, 0x7d), {
        headers: { 'content-type': 'application/json' },
      }),
  ),
}

type Answer = (url: string, init: RequestInit) => Promise<Response>

/** What is said of a good token when the key set is answered like this. */
function answered(
  answer: (suite: Suite, init: RequestInit) => Promise<Response>,
): (suite: Suite) => Promise<string> {
  return async (suite) => {
    const fetch: Answer = (_url, init) => answer(suite, init)
    const { verdict } = await outcomeOf(() => verifierOf(suite, { fetch }).verify(first(suite)))
    return verdict
  }
}

function first({ good: [token = ''] }: Suite): string {
  return token
}

function jsonOf(value: unknown, init: ResponseInit = {}): Response {
  const headers = { 'content-type': 'application/json', ...init.headers }
  return new Response(JSON.stringify(value), { ...init, headers })
}

function countOf(values: readonly string[]): string {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  const entries = Object.entries(counts).sort(([one], [other]) => one.localeCompare(other))
  return entries.map(([value, count]) => `${count} ${value}`).join(', ')
}
