import { env } from 'cloudflare:workers'

/** Passes every request on and checks nothing: the floor under the edge gateway. */
export default {
  fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    const target = new URL(env.ORIGIN)
    target.pathname = pathname
    target.search = search
    const { method, headers, body } = request
    return fetch(target, { method, headers, body, redirect: 'manual', cache: 'no-store' })
  },
}
