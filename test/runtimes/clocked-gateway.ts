import { env, waitUntil } from 'cloudflare:workers'
import { createGateway } from '../../examples/edge-gateway/src/gateway.ts'

/** The gateway of the example with a clock that a test can move, and little patience with its origin. */

let skippedMs = 0

const gateway = createGateway({
  issuer: env.ISSUER,
  audience: env.AUDIENCE,
  origin: env.ORIGIN,
  originKey: env.ORIGIN_KEY,
  originTimeoutMs: 500,
  onRefused: (code) => {
    console.log(code)
  },
  waitUntil,
  clock: () => Date.now() + skippedMs,
})

export default {
  async fetch(request: Request): Promise<Response> {
    const skip = request.headers.get('x-test-skip-seconds')
    if (skip === null) return gateway(request)
    skippedMs += Number(skip) * 1000
    return new Response()
  },
}
