import type { Fetch } from '../verify/fetch-json.ts'

/** What a scripted server was sent. */
export interface SentRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** A network with one server, which answers as it is told. */
export interface ScriptedFetch {
  readonly fetch: Fetch
  readonly sent: readonly SentRequest[]
}

/** What the server does with a request: an answer, or an error for a broken connection. */
export type Answer = (request: SentRequest) => Response | Promise<Response>

/** Answers the first request by the first answer and so on; the last answers all that follow. */
export function scriptedFetch(...answers: readonly Answer[]): ScriptedFetch {
  const sent: SentRequest[] = []
  const fetch: Fetch = async (url, init) => {
    const request = {
      url,
      method: init.method ?? 'GET',
      headers: init.headers as Record<string, string>,
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
    }
    sent.push(request)
    const answer = answers[Math.min(sent.length, answers.length) - 1]
    if (answer === undefined) throw new TypeError('fetch failed')
    return answer(request)
  }
  return { fetch, sent }
}

/** An answer in JSON. */
export function json(
  body: unknown,
  status: number = 200,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const type = { 'content-type': 'application/json' }
  return () => new Response(JSON.stringify(body), { status, headers: { ...type, ...headers } })
}

/** A connection that breaks as Node's `fetch` tells it. */
export function broken(code: string): Answer {
  return () => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
  }
}

/** A server that takes the request and says nothing, to whom no signal gets through either. */
export const silent: Answer = () => new Promise(() => undefined)
