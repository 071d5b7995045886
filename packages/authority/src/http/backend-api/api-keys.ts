import * as v from 'valibot'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody, parseId, parseQuery } from '../validate.ts'
import type { BackendApiParts } from './parts.ts'
import { apiKeyToWire, deletedToWire } from './wire.ts'
import type { App } from '../http-app.ts'

const MAX_SECRET_CHARACTERS = 512
const MAX_KEY_SCOPES = 100

const subject = rule.pattern(
  /^(user|org|mch|scim)_\w{27}$/,
  'must be a user, organization, machine or SCIM id (27 characters after the prefix)',
)

const type = rule.text(3, 25)

const scopes = v.pipe(
  v.array(rule.text(1, 255), `must be an array of at most ${MAX_KEY_SCOPES} strings`),
  v.maxLength(MAX_KEY_SCOPES, `must be an array of at most ${MAX_KEY_SCOPES} strings`),
)

const description = v.nullable(rule.text(0, 255))

const createBody = rule.body({
  name: v.pipe(
    rule.text(3, 255),
    v.regex(/^\S(.*\S)?$/s, 'must not begin or end with white space'),
  ),
  subject,
  type: v.optional(type, 'api_key'),
  description: v.optional(description),
  claims: v.optional(v.unknown()),
  scopes: v.optional(scopes),
  created_by: v.optional(
    v.nullable(rule.pattern(/^user_\w{27}$/, 'must be a user id (user_ and 27 characters)')),
  ),
  seconds_until_expiration: v.optional(rule.lifetime),
})

const updateBody = rule.body({
  subject: v.optional(subject),
  description: v.optional(description),
  claims: v.optional(v.unknown()),
  scopes: v.optional(scopes),
  seconds_until_expiration: v.optional(rule.lifetime),
})

const verifyBody = rule.body({ secret: rule.text(1, MAX_SECRET_CHARACTERS) })

const listQuery = v.object({
  subject,
  type: v.optional(type, 'api_key'),
  include_invalid: v.optional(rule.flag, 'false'),
  limit: v.optional(rule.count(1, 100), '10'),
  offset: v.optional(rule.offset, '0'),
  query: v.optional(rule.text(0, 255), ''),
})

/** API keys; for the instance key alone. */
export function routeApiKeys(app: App, parts: BackendApiParts): void {
  const { doorkeeper, apiKeys, clock } = parts
  // An id may be written with the older prefix and in capitals.
  const apiKeyId = (text: string): string =>
    parseId('apiKey', text.replace(/^api_key_/, 'ak_').toLowerCase(), 'api_key_not_found')

  app.post('/api_keys', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const input = checkBody(createBody, body)
    const { apiKey, secret } = await apiKeys.create(caller, {
      name: input.name,
      subject: input.subject,
      type: input.type,
      description: input.description ?? null,
      claims: input.claims,
      scopes: input.scopes ?? [],
      createdBy: input.created_by ?? null,
      lifetimeSeconds: input.seconds_until_expiration ?? null,
    })
    return json(apiKeyToWire(apiKey, clock.now(), secret))
  })

  app.get('/api_keys', async (c) => {
    await doorkeeper.instance(c)
    const query = parseQuery(listQuery, c.req.raw)
    const page = await apiKeys.list({
      subject: query.subject,
      type: query.type,
      includeInvalid: query.include_invalid,
      text: query.query,
      limit: query.limit,
      offset: query.offset,
    })
    const now = clock.now()
    return json({
      data: page.rows.map((key) => apiKeyToWire(key, now)),
      total_count: page.totalCount,
    })
  })

  app.post('/api_keys/verify', async (c) => {
    const { body } = await doorkeeper.instance(c)
    const { secret } = checkBody(verifyBody, body)
    return json(apiKeyToWire(await apiKeys.verify(secret), clock.now()))
  })

  app.get('/api_keys/:id', async (c) => {
    await doorkeeper.instance(c)
    return json(apiKeyToWire(await apiKeys.get(apiKeyId(c.req.param('id'))), clock.now()))
  })

  app.patch('/api_keys/:id', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const id = apiKeyId(c.req.param('id'))
    const input = checkBody(updateBody, body)
    const { seconds_until_expiration: lifetimeSeconds, ...change } = input
    const apiKey = await apiKeys.update(caller, id, { ...change, lifetimeSeconds })
    return json(apiKeyToWire(apiKey, clock.now()))
  })

  app.delete('/api_keys/:id', async (c) => {
    const { caller } = await doorkeeper.instance(c)
    const id = apiKeyId(c.req.param('id'))
    await apiKeys.delete(caller, id)
    return json(deletedToWire('api_key', id))
  })

  app.get('/api_keys/:id/secret', async (c) => {
    const { caller } = await doorkeeper.instance(c)
    const id = apiKeyId(c.req.param('id'))
    return json({ secret: await apiKeys.readBack(caller, id) })
  })

  app.post('/api_keys/:id/revoke', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const id = apiKeyId(c.req.param('id'))
    const { revocation_reason: reason } = checkBody(rule.revocation, body)
    const apiKey = await apiKeys.revoke(caller, id, reason ?? null)
    return json(apiKeyToWire(apiKey, clock.now()))
  })
}
