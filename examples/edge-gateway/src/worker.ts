import { env, waitUntil } from 'cloudflare:workers'
import { createGateway } from './gateway.ts'

// Made when the Worker is loaded: one that is not configured does not start, and its caches of the key
// set and of the status lists serve all requests.
const gateway = createGateway({
  issuer: env.ISSUER,
  audience: env.AUDIENCE,
  origin: env.ORIGIN,
  originKey: env.ORIGIN_KEY,
  claims: (env.CLAIMS ?? '').split(',').filter((name) => name !== ''),
  onRefused: (code) => {
    console.log(JSON.stringify({ event: 'refused', code }))
  },
  waitUntil,
})

export default { fetch: gateway }
