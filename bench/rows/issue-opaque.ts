import { startServer } from '../http.ts'
import type { CountersignFacts } from '../servers/countersign.ts'
import type { OidcFacts, OidcOptions } from '../servers/oidc-provider.ts'
import { besideFloor } from './http-floor.ts'
import { issuing, issuingPeer } from './issuing.ts'
import type { Row } from './row.ts'

const TARGET = 0.5

/** Issuing an opaque token over HTTP: answered once it is on the disk. */
export const issueOpaque: Row = {
  name: 'issue-opaque',
  async *measure({ rounds }) {
    const servers = await Promise.all([
      startServer<CountersignFacts>('countersign'),
      startServer<OidcFacts>('oidc-provider', { format: 'opaque' } satisfies OidcOptions),
    ])
    const [authority, oidc] = servers
    const contestants = [issuing(authority, 'opaque', TARGET), issuingPeer(oidc, 'opaque')]
    yield {
      title: 'issue an opaque token over HTTP, durable',
      standings: await besideFloor(contestants, servers, rounds),
    }
  },
}
