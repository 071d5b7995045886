import { withSignal } from '../../client/waiting.ts'
import type { EngineFailures } from './engine.ts'

/** A request that the code under test has sent. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly path: string
}

/** As the platform's `fetch`. */
export type TestFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Answers requests to one origin. */
export interface Host {
  readonly origin: string
  readonly answer: (request: Request) => Promise<Response>
  /** What can be made to go wrong with it. */
  readonly failures?: EngineFailures
}

export interface Network {
  /** Every request is remembered, and goes wrong when it is told to. */
  readonly fetch: TestFetch
  /** Neither; for what the kit itself needs. */
  readonly quietFetch: TestFetch
  readonly requests: readonly SeenRequest[]
  readonly forgetRequests: () => void
}

/** A network in which there are these hosts and no others: nothing ever leaves the process. */
export function createNetwork(hosts: readonly Host[]): Network {
  const requests: SeenRequest[] = []

  const send = async (request: Request, canFail: boolean): Promise<Response> => {
    const { signal, url } = request
    signal.throwIfAborted()
    const { origin, host: name } = new URL(url)
    const host = hosts.find((one) => one.origin === origin)
    try {
      if (host === undefined) throw new Error(`getaddrinfo ENOTFOUND ${name}`)
      const { answer, failures } = host
      const answered =
        canFail && failures !== undefined ? failures.answer(request, answer) : answer(request)
      // An engine takes no notice of who has gone; `fetch` does.
      return await withSignal(answered, signal)
    } catch (cause) {
      signal.throwIfAborted()
      throw new TypeError('fetch failed', { cause })
    }
  }

  return Object.freeze({
    requests,
    forgetRequests: () => void requests.splice(0),
    quietFetch: async (input: string | URL | Request, init?: RequestInit) =>
      send(new Request(input, init), false),
    async fetch(input: string | URL | Request, init?: RequestInit) {
      const request = new Request(input, init)
      const { method, url, signal } = request
      if (!signal.aborted)
        requests.push(Object.freeze({ method, url, path: new URL(url).pathname }))
      return send(request, true)
    },
  })
}
