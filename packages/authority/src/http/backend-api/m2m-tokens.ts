import * as v from 'valibot'
import { MAX_SCOPES } from '../../domain/machines.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody, parseId, parseQuery } from '../validate.ts'
import type { BackendApiParts } from './parts.ts'
import { m2mTokenToWire } from './wire.ts'
import type { App } from '../http-app.ts'

/** Beyond every token that is issued; a body may be no larger anyway. */
const MAX_TOKEN_CHARACTERS = 16_384

const MAX_REMAINING_SECONDS = 315_360_000

const createBody = rule.body({
  token_format: v.optional(v.picklist(['opaque', 'jwt'], 'must be opaque or jwt'), 'opaque'),
  seconds_until_expiration: v.optional(rule.lifetime),
  claims: v.optional(v.unknown()),
  min_remaining_ttl_seconds: v.optional(rule.wholeSeconds(0, MAX_REMAINING_SECONDS)),
  scopes: v.optional(rule.machineIds(MAX_SCOPES)),
})

const verifyBody = rule.body({ token: rule.text(1, MAX_TOKEN_CHARACTERS) })

const listQuery = v.object({
  subject: rule.machineId,
  token_format: v.optional(
    v.picklist(['opaque', 'jwt', 'all'], 'must be opaque, jwt or all'),
    'opaque',
  ),
  revoked: v.optional(rule.flag, 'false'),
  expired: v.optional(rule.flag, 'false'),
  limit: v.optional(rule.count(1, 100), '10'),
  offset: v.optional(rule.offset, '0'),
})

/** Machine tokens; for machines, and all but creation for the instance key. */
export function routeM2MTokens(app: App, parts: BackendApiParts): void {
  const { doorkeeper, m2mTokens, clock } = parts

  app.post('/m2m_tokens', async (c) => {
    const { caller, body } = await doorkeeper.machine(c)
    const input = checkBody(createBody, body)
    const { token, text } = await m2mTokens.create(caller, {
      format: input.token_format,
      lifetimeSeconds: input.seconds_until_expiration ?? undefined,
      claims: input.claims,
      minRemainingSeconds: input.min_remaining_ttl_seconds,
      scopes: input.scopes,
    })
    return json(m2mTokenToWire(token, clock.now(), text), 201)
  })

  app.get('/m2m_tokens', async (c) => {
    const { caller } = await doorkeeper.anyone(c)
    const query = parseQuery(listQuery, c.req.raw)
    const page = await m2mTokens.list(caller, {
      machineId: query.subject,
      format: query.token_format,
      includeRevoked: query.revoked,
      includeExpired: query.expired,
      limit: query.limit,
      offset: query.offset,
    })
    const now = clock.now()
    return json({
      m2m_tokens: page.rows.map((token) => ({
        ...m2mTokenToWire(token, now),
        // Who does not ask for JWTs does not know the field.
        ...(query.token_format !== 'opaque' && { token_format: token.format }),
      })),
      total_count: page.totalCount,
    })
  })

  app.post('/m2m_tokens/verify', async (c) => {
    const { caller, body } = await doorkeeper.anyone(c)
    const { token } = checkBody(verifyBody, body)
    return json(m2mTokenToWire(await m2mTokens.verify(caller, token), clock.now()))
  })

  app.post('/m2m_tokens/:id/revoke', async (c) => {
    const { caller, body } = await doorkeeper.anyone(c)
    const id = parseId('m2mToken', c.req.param('id').toLowerCase(), 'token_not_found')
    const { revocation_reason: reason } = checkBody(rule.revocation, body)
    return json(m2mTokenToWire(await m2mTokens.revoke(caller, id, reason ?? null), clock.now()))
  })
}
