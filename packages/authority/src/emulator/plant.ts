import type { Emulator } from './emulator.ts'
import type { FixedSecrets } from './fixed-secrets.ts'
import type { MovableClock } from './movable-clock.ts'
import { type Seed, SeedError } from './seed.ts'

/** A machine that a seed has made. */
export interface PlantedMachine {
  readonly id: string
  readonly name: string
  readonly secretKey: string
}

/** What a seed is planted in. */
export interface Ground {
  readonly emulator: Emulator
  readonly clock: MovableClock
  readonly secrets: FixedSecrets
}

type Answer = Readonly<Record<string, unknown>>

const DEFAULT_LIFETIME_SECONDS = 3_600

/**
 * Makes what a seed asks for, by the API of the engine, as anybody would.
 *
 * @throws {SeedError} with what the engine says against it.
 */
export async function plant(seed: Seed, ground: Ground): Promise<readonly PlantedMachine[]> {
  const { emulator, secrets } = ground
  if (seed.secretKey !== undefined) secrets.fix(seed.secretKey, emulator.secretKey)

  const machines = new Map<string, PlantedMachine>()
  const find = (where: string, nameOrId: string): PlantedMachine => {
    const found = machines.get(nameOrId) ?? [...machines.values()].find(({ id }) => id === nameOrId)
    if (found === undefined) throw new SeedError(where, `names no machine of the seed.`)
    return found
  }

  for (const [at, machine] of seed.machines.entries()) {
    if (machine.id !== undefined) emulator.ids.fix('machine', machine.id)
    const made = await ask(ground, `machines.${at}`, '/machines', emulator.secretKey, {
      name: machine.name,
      default_token_ttl: machine.defaultTokenTtl,
      jwt_algorithm: machine.jwtAlgorithm,
      stateless: machine.stateless,
    })
    const [id, secretKey] = [String(made['id']), String(made['secret_key'])]
    if (machine.secretKey !== undefined) secrets.fix(machine.secretKey, secretKey)
    machines.set(machine.name, { id, name: machine.name, secretKey })
  }

  for (const [at, { name, scopedMachines }] of seed.machines.entries()) {
    const where = `machines.${at}.scopedMachines`
    for (const receiver of scopedMachines) {
      const path = `/machines/${find(where, name).id}/scopes`
      await ask(ground, where, path, emulator.secretKey, {
        to_machine_id: find(where, receiver).id,
      })
    }
  }

  for (const [at, token] of seed.tokens.entries()) {
    const where = `tokens.${at}`
    const { secretKey } = find(`${where}.machine`, token.machine)
    const made = await inItsTime(ground, token, () => {
      if (token.id !== undefined) emulator.ids.fix('m2mToken', token.id)
      return ask(ground, where, '/m2m_tokens', secretKey, {
        claims: token.claims,
        seconds_until_expiration: lifetimeOf(token),
      })
    })
    if (token.token !== undefined) secrets.fix(token.token, String(made['token']))
    if (token.state === 'revoked') {
      await ask(ground, where, `/m2m_tokens/${String(made['id'])}/revoke`, emulator.secretKey, {})
    }
  }

  for (const [at, key] of seed.apiKeys.entries()) {
    const where = `apiKeys.${at}`
    const made = await inItsTime(ground, key, () => {
      if (key.id !== undefined) emulator.ids.fix('apiKey', key.id)
      return ask(ground, where, '/api_keys', emulator.secretKey, {
        name: key.name,
        subject: key.subject,
        scopes: key.scopes,
        claims: key.claims,
        seconds_until_expiration: lifetimeOf(key),
      })
    })
    if (key.secret !== undefined) secrets.fix(key.secret, String(made['secret']))
    if (key.state === 'revoked') {
      await ask(ground, where, `/api_keys/${String(made['id'])}/revoke`, emulator.secretKey, {})
    }
  }

  return [...machines.values()].map((machine) => ({
    ...machine,
    secretKey: secrets.shown(machine.secretKey),
  }))
}

interface Mortal {
  readonly state?: string | undefined
  readonly secondsUntilExpiration?: number | undefined
}

/** In seconds; what is to be over must not live as long as its machine says. */
function lifetimeOf({ state, secondsUntilExpiration }: Mortal): number | undefined {
  return secondsUntilExpiration ?? (state === 'expired' ? DEFAULT_LIFETIME_SECONDS : undefined)
}

/** What is to have expired is made so long ago that it has. */
async function inItsTime(
  { clock }: Ground,
  thing: Mortal,
  make: () => Promise<Answer>,
): Promise<Answer> {
  if (thing.state !== 'expired') return make()
  const ago = ((lifetimeOf(thing) ?? 0) + DEFAULT_LIFETIME_SECONDS) * 1000
  clock.advance(-ago)
  return make().finally(() => {
    clock.advance(ago)
  })
}

/** @throws {SeedError} */
async function ask(
  { emulator }: Ground,
  where: string,
  path: string,
  secret: string,
  body: object,
): Promise<Answer> {
  const response = await emulator.fetch(
    new Request(new URL(path, emulator.issuer), {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  )
  const answer = (await response.json()) as Answer
  if (response.ok) return answer
  const [error] = answer['errors'] as readonly { readonly long_message: string }[]
  throw new SeedError(where, `cannot be made: ${error?.long_message ?? response.status}`)
}
