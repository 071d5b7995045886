/**
 * Answers. The media type is exactly `application/json`: existing clients compare it as a string, and
 * take a body with parameters behind it for text.
 */

const NO_STORE = { 'content-type': 'application/json', 'cache-control': 'no-store' }

/** An answer for its caller alone. */
export function json(body: unknown, status = 200, headers?: Record<string, string>): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: headers === undefined ? NO_STORE : { ...NO_STORE, ...headers },
  })
}

/** An answer that anyone may read and keep for a while. */
export function publicJson(body: unknown, maxAgeSeconds: number): Response {
  return json(body, 200, {
    'cache-control': `public, max-age=${maxAgeSeconds}`,
    'access-control-allow-origin': '*',
  })
}
