import type { HasHeaders } from './presented-token.ts'

/** The part of Node's `IncomingMessage` that is looked at. */
export interface NodeRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly rawHeaders?: readonly string[]
}

/**
 * A request of Node, to be asked as one of the web. Of two `Authorization` headers Node shows the first
 * and drops the other; whoever stands before this process may have gone by the other, so both are given.
 */
export function fromNode(request: NodeRequest): HasHeaders {
  return {
    headers: {
      get(name) {
        const value = request.headers[name]
        if (value === undefined) return null
        if (typeof value !== 'string') return value.join(', ')
        const sent = valuesOf(name, request.rawHeaders ?? [])
        // What somebody set in between counts, and so does how Node joins cookies.
        return sent.length > 1 && sent[0] === value ? sent.join(', ') : value
      },
    },
  }
}

/** For frameworks whose requests are the web's in one place and Node's in another. */
export function fromAny(request: HasHeaders | NodeRequest): HasHeaders {
  return isOfTheWeb(request) ? request : fromNode(request)
}

/** Whether its headers are to be asked, as the web's are. */
export function isOfTheWeb(request: HasHeaders | NodeRequest): request is HasHeaders {
  // A header of that name would be a text.
  return typeof request.headers.get === 'function'
}

/** @param rawHeaders Names and values by turns. */
function valuesOf(name: string, rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  )
}
