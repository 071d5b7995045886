import * as v from 'valibot'
import { MAX_SCOPES } from '../../domain/machines.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody, parseId, parseQuery } from '../validate.ts'
import type { BackendApiParts } from './parts.ts'
import {
  deletedScopeToWire,
  deletedToWire,
  machineSecretToWire,
  machineToWire,
  scopeToWire,
} from './wire.ts'
import type { App } from '../http-app.ts'

const DEFAULT_TOKEN_TTL_SECONDS = 3600
const MAX_GRACE_SECONDS = 28_800

const listQuery = v.object({
  limit: v.optional(rule.count(1, 500), '10'),
  offset: v.optional(rule.offset, '0'),
  query: v.optional(rule.text(0, 255), ''),
  // An unencoded plus sign arrives as a space.
  order_by: v.optional(
    rule.pattern(/^[+ -]?(name|created_at)$/, 'must be name or created_at, with + or - before it'),
    '-created_at',
  ),
})

const createBody = rule.body({
  name: rule.text(1, 255),
  scoped_machines: v.optional(rule.machineIds(MAX_SCOPES)),
  default_token_ttl: v.optional(rule.defaultTokenTtl),
  jwt_algorithm: v.optional(rule.jwtAlgorithm),
  stateless: v.optional(v.boolean('must be true or false')),
})

const updateBody = rule.body({
  name: v.optional(rule.text(1, 255)),
  default_token_ttl: v.optional(rule.defaultTokenTtl),
  jwt_algorithm: v.optional(rule.jwtAlgorithm),
  stateless: v.optional(v.boolean('must be true or false')),
})

const rotateBody = rule.body({ previous_token_ttl: rule.wholeSeconds(0, MAX_GRACE_SECONDS) })

const removeScopeQuery = v.object({ apply_to_live_tokens: v.optional(rule.flag, 'false') })

const scopeBody = rule.body({ to_machine_id: rule.machineId })

/** Machines, their scopes and their secret keys; for the instance key alone. */
export function routeMachines(app: App, parts: BackendApiParts): void {
  const { doorkeeper, machines, machineSecrets, instanceId } = parts
  const machineId = (text: string): string => parseId('machine', text, 'resource_not_found')

  app.get('/machines', async (c) => {
    await doorkeeper.instance(c)
    const query = parseQuery(listQuery, c.req.raw)
    const page = await machines.list({
      limit: query.limit,
      offset: query.offset,
      text: query.query,
      orderBy: query.order_by.endsWith('name') ? 'name' : 'created_at',
      descending: query.order_by.startsWith('-'),
    })
    const data = page.rows.map((machine) => machineToWire(instanceId, machine))
    return json({ data, total_count: page.totalCount })
  })

  app.post('/machines', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const input = checkBody(createBody, body)
    const { machine, secret } = await machines.create(caller, {
      name: input.name,
      receiverIds: input.scoped_machines ?? [],
      defaultTokenTtlSeconds: input.default_token_ttl ?? DEFAULT_TOKEN_TTL_SECONDS,
      jwtAlgorithm: input.jwt_algorithm ?? null,
      stateless: input.stateless ?? false,
    })
    return json(machineToWire(instanceId, machine, secret))
  })

  app.get('/machines/:id', async (c) => {
    await doorkeeper.instance(c)
    return json(machineToWire(instanceId, await machines.get(machineId(c.req.param('id')))))
  })

  app.patch('/machines/:id', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const id = machineId(c.req.param('id'))
    const input = checkBody(updateBody, body)
    const machine = await machines.update(caller, id, {
      name: input.name,
      defaultTokenTtlSeconds: input.default_token_ttl,
      jwtAlgorithm: input.jwt_algorithm,
      stateless: input.stateless,
    })
    return json(machineToWire(instanceId, machine))
  })

  app.delete('/machines/:id', async (c) => {
    const { caller } = await doorkeeper.instance(c)
    const id = machineId(c.req.param('id'))
    await machines.delete(caller, id)
    return json(deletedToWire('machine', id))
  })

  app.get('/machines/:id/secret_key', async (c) => {
    const { caller } = await doorkeeper.instance(c)
    const id = machineId(c.req.param('id'))
    return json(machineSecretToWire(await machineSecrets.readBack(caller, id)))
  })

  app.post('/machines/:id/secret_key/rotate', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const id = machineId(c.req.param('id'))
    const input = checkBody(rotateBody, body)
    const secret = await machineSecrets.rotate(caller, id, input.previous_token_ttl)
    return json(machineSecretToWire(secret))
  })

  app.post('/machines/:id/scopes', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const id = machineId(c.req.param('id'))
    const input = checkBody(scopeBody, body)
    return json(scopeToWire(await machines.addScope(caller, id, input.to_machine_id)))
  })

  app.delete('/machines/:id/scopes/:other', async (c) => {
    const { caller } = await doorkeeper.instance(c)
    const query = parseQuery(removeScopeQuery, c.req.raw)
    const [id, other] = [machineId(c.req.param('id')), machineId(c.req.param('other'))]
    await machines.removeScope(caller, id, other, query.apply_to_live_tokens)
    return json(deletedScopeToWire(id, other))
  })
}
