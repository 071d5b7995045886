/** The header in which the origin finds who calls. */
export const IDENTITY_HEADER = 'x-countersign-identity'

/**
 * Headers about one connection, which is not the next one (RFC 9110 §7.6.1), and those that say how long
 * a body is: the runtime frames each message anew, and no header of a client's may contradict it (request
 * smuggling).
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * What only something in front of an origin may say (who and where a client is), and what makes some
 * origins see another request.
 */
const SPOOFABLE =
  /^(x-countersign-|(x-)?forwarded(-|$)|x-real-ip$|(.+-)?client-?ip$|cf-connecting-|(x-)?remote-|x-http-method|x-method-override$|x-original-|x-rewrite-)/

/** The token has done its work: an origin that never sees it cannot leak it. */
const OURS: ReadonlySet<string> = new Set(['authorization', 'host'])

/** The headers of a client as they go to the origin. */
export function requestHeaders(incoming: Headers): Headers {
  // Many origins make the same variable of X-A and X_A.
  return endToEnd(incoming, (name) => !OURS.has(name) && !SPOOFABLE.test(name.replaceAll('_', '-')))
}

/** The headers of the origin as they go to the client. */
export function responseHeaders(outgoing: Headers): Headers {
  return endToEnd(outgoing, (name) => name !== IDENTITY_HEADER)
}

function endToEnd(from: Headers, isWanted: (name: string) => boolean): Headers {
  const connection = from.get('connection') ?? ''
  const named = connection.split(',').map((name) => name.trim().toLowerCase())
  const headers = new Headers()
  for (const [name, value] of from) {
    if (!HOP_BY_HOP.has(name) && !named.includes(name) && isWanted(name)) {
      // Set-Cookie comes once for each.
      headers.append(name, value)
    }
  }
  return headers
}
