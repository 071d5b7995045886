import { KEY_SET_MAX_AGE_SECONDS } from '../../domain/key-plan.ts'
import type { SigningKeys } from '../../domain/key-ring.ts'
import type { LeakedCredentials } from '../../domain/leaked-credentials.ts'
import type { Clock } from '../../domain/ports.ts'
import type { StatusEvents } from '../../domain/status-events.ts'
import type { StatusLists } from '../../domain/status-lists.ts'
import type { App } from '../http-app.ts'
import { publicJson } from '../respond.ts'
import { routeLeakedCredentials } from './leaked-credentials.ts'
import { routeStatusEvents } from './status-events.ts'
import { routeStatusLists } from './status-lists.ts'

const METADATA_MAX_AGE_SECONDS = 3_600

export interface WellKnownParts {
  readonly issuer: string
  readonly clock: Clock
  readonly signingKeys: SigningKeys
  readonly statusLists: StatusLists
  readonly statusEvents: StatusEvents
  readonly leakedCredentials: LeakedCredentials
}

/** What anyone may know. */
export function routeWellKnown(app: App, parts: WellKnownParts): void {
  const { issuer, signingKeys } = parts

  app.get('/.well-known/jwks.json', () =>
    publicJson(signingKeys.publicSet(), KEY_SET_MAX_AGE_SECONDS),
  )

  // RFC 8414 §2.
  const metadata = {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: [],
    grant_types_supported: [],
    status_list_aggregation_endpoint: `${issuer}/status-lists`,
  }
  app.get('/.well-known/oauth-authorization-server', () =>
    publicJson(metadata, METADATA_MAX_AGE_SECONDS),
  )

  routeStatusLists(app, parts.statusLists, parts.clock)
  routeLeakedCredentials(app, parts.leakedCredentials, parts.clock)
  routeStatusEvents(app, parts.statusEvents, parts.statusLists)
}
