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
export function createNetwork(hosts: readonly Host[], failures: EngineFailures): Network {
  const requests: SeenRequest[] = []

  const answerOf = (request: Request): Host['answer'] => {
    const { origin } = new URL(request.url)
    const host = hosts.find((one) => one.origin === origin)
    if (host !== undefined) return host.answer
    return () => Promise.reject(new Error(`getaddrinfo ENOTFOUND ${new URL(request.url).host}`))
  }

  const send = async (
    input: string | URL | Request,
    init: RequestInit | undefined,
    carry: (request: Request, answer: Host['answer']) => Promise<Response>,
  ): Promise<Response> => {
    const request = new Request(input, init)
    request.signal.throwIfAborted()
    try {
      return await untilAborted(carry(request, answerOf(request)), request.signal)
    } catch (cause) {
      request.signal.throwIfAborted()
      throw new TypeError('fetch failed', { cause })
    }
  }

  return Object.freeze({
    requests,
    forgetRequests: () => void requests.splice(0),
    quietFetch: (input: string | URL | Request, init?: RequestInit) =>
      send(input, init, (request, answer) => answer(request)),
    fetch: (input: string | URL | Request, init?: RequestInit) =>
      send(input, init, (request, answer) => {
        const { method, url } = request
        requests.push(Object.freeze({ method, url, path: new URL(url).pathname }))
        return failures.answer(request, answer)
      }),
  })
}

/** An engine takes no notice of who has gone; `fetch` does. */
function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort)
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort)
    })
  })
}
