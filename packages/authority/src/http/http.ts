import { Hono } from 'hono'
import type { Origin } from '../domain/actors.ts'
import type { AuditTrail } from '../domain/audit-trail.ts'
import { AuthorityError } from '../domain/errors.ts'
import type { Log, Random, Store } from '../domain/ports.ts'
import type { RefusedCallers } from '../domain/refused-callers.ts'
import type { Revocations } from '../domain/revocations.ts'
import type { Webhooks } from '../domain/webhooks.ts'
import type { StatusLists } from '../domain/status-lists.ts'
import { routeAuditLog } from './admin/audit-log.ts'
import { routeWebhooks } from './admin/webhooks.ts'
import { routeRevocations } from './admin/revocations.ts'
import type { BackendApiParts } from './backend-api/parts.ts'
import { routeBackendApi } from './backend-api/routes.ts'
import { routeHealth } from './health.ts'
import type { App } from './http-app.ts'
import { newRequestId, problem, toAuthorityError } from './problem.ts'
import { createRefusalLog } from './refusal-log.ts'
import { routeWellKnown } from './well-known/routes.ts'

export interface HttpParts extends BackendApiParts {
  readonly issuer: string
  readonly store: Pick<Store, 'ping'>
  readonly random: Random
  readonly log: Log
  readonly revocations: Revocations
  readonly statusLists: StatusLists
  readonly refusedCallers: RefusedCallers
  readonly auditTrail: AuditTrail
  readonly webhooks: Webhooks
}

/** Answers web-standard requests, of which it may be known where they come from; never rejects. */
export type Fetch = (request: Request, origin?: Origin) => Promise<Response>

const UNKNOWN: Origin = Object.freeze({ address: null })

/** Longer than any target that an existing client sends. */
const MAX_TARGET_CHARACTERS = 4096

export function createHttp(parts: HttpParts): Fetch {
  const basePath = new URL(parts.issuer).pathname.replace(/\/$/, '')
  const app: App = new Hono({ getPath: (request) => routePath(request.url, basePath) })

  const noteRefusal = createRefusalLog(parts.log, parts.clock, parts.refusedCallers)

  const refuse = (thrown: unknown, { address }: Origin): Response => {
    const error = toAuthorityError(thrown)
    const requestId = newRequestId(parts.random)
    const answer = problem(error, requestId)
    if (answer.status >= 500) {
      parts.log.error('request failed', { requestId, code: error.code }, error.cause ?? error)
    } else if (answer.status === 401 || answer.status === 403) {
      noteRefusal({ requestId, code: error.code, address })
    }
    return answer
  }

  routeBackendApi(app, parts)
  routeRevocations(app, parts)
  routeAuditLog(app, parts)
  routeWebhooks(app, parts)
  routeWellKnown(app, parts)
  routeHealth(app, parts.store)
  app.notFound((c) => refuse(new AuthorityError('resource_not_found'), c.env))
  app.onError((error, c) => refuse(error, c.env))

  return async (request, origin = UNKNOWN) =>
    request.url.length > MAX_TARGET_CHARACTERS
      ? refuse(new AuthorityError('payload_too_large'), origin)
      : await app.fetch(request, origin)
}

/**
 * Every route answers with and without `/v1` before it, under the path of the issuer and at the
 * root: Clerk's clients send both, and `/v1/v1` where their base URL ends in it.
 */
function routePath(url: string, basePath: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  const end = url.slice(start).search(/[?#]/)
  let path = start < 0 ? '/' : end < 0 ? url.slice(start) : url.slice(start, start + end)
  if (basePath !== '' && path.startsWith(`${basePath}/`)) path = path.slice(basePath.length)
  for (let times = 0; times < 2 && path.startsWith('/v1/'); times++) path = path.slice(3)
  return path
}
