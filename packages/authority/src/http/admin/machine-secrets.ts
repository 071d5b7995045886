import * as v from 'valibot'
import { isLive, type MachineSecrets } from '../../domain/machine-secrets.ts'
import type { Clock } from '../../domain/ports.ts'
import type { MachineSecretRecord } from '../../domain/records.ts'
import type { Doorkeeper } from '../caller.ts'
import type { App } from '../http-app.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody, parseId } from '../validate.ts'

export interface MachineSecretsParts {
  readonly clock: Clock
  readonly doorkeeper: Doorkeeper
  readonly machineSecrets: MachineSecrets
}

const DEFAULT_QUIET_SECONDS = 600
const MAX_QUIET_SECONDS = 2_592_000

const finishBody = rule.body({
  quiet_seconds: v.optional(rule.wholeSeconds(0, MAX_QUIET_SECONDS)),
  force: v.optional(v.boolean('must be true or false')),
})

/** The versions of a machine's secret key: how each is used, and how the old ones end; for the instance key alone. */
export function routeMachineSecrets(app: App, parts: MachineSecretsParts): void {
  const { doorkeeper, machineSecrets, clock } = parts
  const machineId = (text: string): string => parseId('machine', text, 'resource_not_found')

  app.get('/machines/:id/secrets', async (c) => {
    await doorkeeper.instance(c)
    const versions = await machineSecrets.list(machineId(c.req.param('id')))
    const now = clock.now()
    const data = versions.map((version) => versionToWire(version, now))
    return json({ data, total_count: data.length })
  })

  app.post('/machines/:id/secrets/finish', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const id = machineId(c.req.param('id'))
    const { quiet_seconds: quietSeconds = DEFAULT_QUIET_SECONDS, force = false } = checkBody(
      finishBody,
      body,
    )
    const ended = await machineSecrets.finishRotation(caller, id, { quietSeconds, force })
    return json({ object: 'machine_secret_rotation', machine_id: id, ended })
  })
}

/** Times are epoch milliseconds. */
function versionToWire(secret: MachineSecretRecord, now: number): object {
  return {
    object: 'machine_secret_version',
    machine_id: secret.machineId,
    version: secret.version,
    live: isLive(secret, now),
    created_at: secret.createdAt,
    expires_at: secret.expiresAt,
    last_used_at: secret.lastUsedAt,
    use_count: secret.useCount,
    callers: secret.callers.map(({ address, lastUsedAt }) => ({
      address,
      last_used_at: lastUsedAt,
    })),
  }
}
