import { startServer } from '../http.ts'
import type { CountersignFacts, CountersignOptions } from '../servers/countersign.ts'
import type { OidcFacts, OidcOptions } from '../servers/oidc-provider.ts'
import { besideFloor } from './http-floor.ts'
import { issuing, issuingPeer } from './issuing.ts'
import type { Row } from './row.ts'

const TARGETS = { RS256: 0.06, ES256: 0.26 } as const

/** Issuing a JWT over HTTP. */
export const issueJwt: Row = {
  name: 'issue-jwt',
  async *measure({ rounds }) {
    for (const algorithm of ['RS256', 'ES256'] as const) {
      const servers = await Promise.all([
        startServer<CountersignFacts>('countersign', {
          jwtAlgorithm: algorithm,
        } satisfies CountersignOptions),
        startServer<OidcFacts>('oidc-provider', { format: 'jwt', algorithm } satisfies OidcOptions),
      ])
      const [authority, oidc] = servers
      const contestants = [issuing(authority, 'jwt', TARGETS[algorithm]), issuingPeer(oidc, 'jwt')]
      yield {
        title: `issue a JWT over HTTP, ${algorithm}`,
        standings: await besideFloor(contestants, servers, rounds),
      }
    }
  },
}
