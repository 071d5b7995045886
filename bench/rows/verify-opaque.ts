import { parseCredential } from 'countersign/token'
import { overHttp, startServer } from '../http.ts'
import { type Exchange, post } from '../load.ts'
import { type Contestant, WARM_UP_ROUNDS } from '../paired.ts'
import type { CountersignFacts, CountersignOptions } from '../servers/countersign.ts'
import type { OidcFacts, OidcOptions } from '../servers/oidc-provider.ts'
import { besideFloor, expecting, REQUESTS } from './http-floor.ts'
import type { Row } from './row.ts'

const TARGET = 0.55

/** Verifying an opaque token over HTTP, by the machine that it is meant for. */
export const verifyOpaque: Row = {
  name: 'verify-opaque',
  async *measure({ rounds, rows }) {
    const fresh = (rounds + WARM_UP_ROUNDS) * REQUESTS
    const servers = await Promise.all([
      startServer<CountersignFacts>('countersign', {
        rows,
        tokens: fresh + REQUESTS,
      } satisfies CountersignOptions),
      startServer<OidcFacts>('oidc-provider', {
        format: 'opaque',
        tokens: REQUESTS,
      } satisfies OidcOptions),
    ])
    const [authority, oidc] = servers
    const contestants = [...ours(authority, fresh), peer(oidc)]
    yield {
      title: `verify an opaque token over HTTP, ${rows.toLocaleString('en')} rows`,
      standings: await besideFloor(contestants, servers, rounds),
    }
  },
}

/**
 * A use is written down at most once a minute for each token: `first use` presents tokens that nobody
 * presented before, and pays for that write every time; the other presents the same ones every round.
 */
function ours(
  server: Awaited<ReturnType<typeof startServer<CountersignFacts>>>,
  fresh: number,
): readonly Contestant[] {
  const { receiverSecret, tokens } = server.facts
  const exchanges = tokens.map((token) => verifying(receiverSecret, token))
  const fair = {
    server,
    requestsPerRound: REQUESTS,
    target: TARGET,
    exchangeOf: (number: number) => exchanges[number] as Exchange,
  }
  return [
    overHttp({ ...fair, name: 'countersign', firstOf: () => fresh }),
    overHttp({
      ...fair,
      name: 'countersign, first use',
      firstOf: (round) => (round + WARM_UP_ROUNDS) * REQUESTS,
    }),
  ]
}

function verifying(secret: string, token: string): Exchange {
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
  const id = parseCredential(token)?.id
  if (id === undefined) throw new Error('The authority issued a token that is not one of its kind.')
  return {
    request: post('/v1/m2m_tokens/verify', headers, JSON.stringify({ token })),
    check: expecting(200, 'id', new RegExp(`^${id}$`)),
  }
}

function peer(server: Awaited<ReturnType<typeof startServer<OidcFacts>>>): Contestant {
  const { authorization, tokens } = server.facts
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
  const exchanges = tokens.map((token) => ({
    request: post('/token/introspection', headers, `token=${token}`),
    check: expecting(200, 'active', /^true$/),
  }))
  return overHttp({
    name: 'oidc-provider introspection, in memory',
    server,
    requestsPerRound: REQUESTS,
    exchangeOf: (number) => exchanges[number] as Exchange,
    firstOf: () => 0,
  })
}
