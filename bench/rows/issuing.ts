import { type BenchServer, overHttp } from '../http.ts'
import { type Exchange, post } from '../load.ts'
import type { Contestant } from '../paired.ts'
import type { CountersignFacts } from '../servers/countersign.ts'
import type { OidcFacts } from '../servers/oidc-provider.ts'
import { expecting, REQUESTS } from './http-floor.ts'

type Format = 'opaque' | 'jwt'

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** `POST /m2m_tokens`. */
export function issuing(
  server: BenchServer<CountersignFacts>,
  format: Format,
  target: number,
): Contestant {
  const body = JSON.stringify({ token_format: format, seconds_until_expiration: 3600 })
  const headers = {
    authorization: `Bearer ${server.facts.issuerSecret}`,
    'content-type': 'application/json',
  }
  const exchange = {
    request: post('/v1/m2m_tokens', headers, body),
    check: expecting(201, 'token', format === 'jwt' ? JWT : /^mt_\w{40,}$/),
  }
  return contestant('countersign', server, exchange, target)
}

/** The grant of client credentials (RFC 6749 §4.4). */
export function issuingPeer(server: BenchServer<OidcFacts>, format: Format): Contestant {
  const { authorization } = server.facts
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
  const exchange = {
    request: post('/token', headers, 'grant_type=client_credentials'),
    check: expecting(200, 'access_token', format === 'jwt' ? JWT : /^[\w-]{40,}$/),
  }
  return contestant('oidc-provider client_credentials, in memory', server, exchange)
}

function contestant(
  name: string,
  server: BenchServer<unknown>,
  exchange: Exchange,
  target?: number,
): Contestant {
  return overHttp({
    name,
    server,
    requestsPerRound: REQUESTS,
    exchangeOf: () => exchange,
    firstOf: () => 0,
    ...(target !== undefined && { target }),
  })
}
