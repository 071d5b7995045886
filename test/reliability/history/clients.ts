import { isCountersignError } from 'countersign'
import { createLedger, type Ledger, type RecordedToken, type Span } from './ledger.ts'
import type { Answer, World } from './world.ts'

/** Clients that do what they like at the same time, and write down what they were told. */

export interface Traffic {
  readonly world: World
  /** From 0 to below 1, the same each time. */
  readonly random: () => number
  readonly clients: number
  /** How much each of them does. */
  readonly steps: number
}

/** A machine as its client knows it: nobody else changes it. */
interface Own {
  readonly index: number
  readonly id: string
  readonly keys: string[]
  isDeleted: boolean
  /** Whether a rotation was not answered: then nobody knows its newest key. */
  isLost: boolean
}

export async function runTraffic({ world, random, clients, steps }: Traffic): Promise<Ledger> {
  const ledger = createLedger()
  let counter = 0

  const owner = (method: string, path: string, body?: object): Promise<Answer> =>
    world.ask(Math.floor(random() * 2), method, path, world.secretKey, body)

  const record = async <Value>(work: Promise<Value>): Promise<Span & { readonly value: Value }> => {
    const begin = ++counter
    const value = await work
    return { begin, end: ++counter, value }
  }

  const machines: Own[] = []
  for (let index = 0; index < clients; index++) {
    const { body } = await settled(() => owner('POST', '/machines', { name: `machine ${index}` }))
    const keys = [String(body['secret_key'])]
    machines.push({ index, id: String(body['id']), keys, isDeleted: false, isLost: false })
  }

  const pick = <Value>(values: readonly Value[]): Value | undefined =>
    values[Math.floor(random() * values.length)]

  const issue = async (): Promise<void> => {
    const machine = pick(machines)
    if (machine === undefined) return
    const { index, keys } = machine
    // Often one that has ended.
    const version = Math.max(1, keys.length - (random() < 0.3 ? 1 : 0))
    const format = random() < 0.5 ? 'opaque' : 'jwt'
    const key = keys[version - 1] ?? ''
    const process = Math.floor(random() * 2)
    const wanted = { token_format: format, seconds_until_expiration: 3_600 }
    const asked = await record(world.ask(process, 'POST', '/m2m_tokens', key, wanted))
    const { begin, end, value } = asked
    if (value.status !== 201 && value.status !== 401) return
    const isAccepted = value.status === 201
    ledger.presented.push({ begin, end, machine: index, version, isAccepted })
    if (!isAccepted) return
    const { id, token, scopes } = value.body
    ledger.tokens.push({
      ...{ begin, end, format, machine: index, version },
      ...{ id: String(id), text: String(token), receivers: scopes as string[] },
    })
  }

  const verify = async (): Promise<void> => {
    const token = pick(ledger.tokens.slice(-30))
    if (token === undefined) return
    const process = Math.floor(random() * 2)
    const isLocal = token.format === 'jwt' && random() < 0.3
    const { begin, end, value } = await record(
      isLocal ? verifyLocally(world, process, token) : verifyByCall(world, process, token),
    )
    if (value !== null) ledger.verdicts.push({ begin, end, token, isAccepted: value })
  }

  const change = async (work: Promise<Answer>) => {
    const { begin, end, value } = await record(work)
    const isDone = value.status < 500 ? (true as const) : null
    return { begin, end, isDone, body: value.body, status: value.status }
  }

  const revoke = async (): Promise<void> => {
    const token = pick(ledger.tokens.slice(-30))
    if (token === undefined) return
    const { id, machine } = token
    const { begin, end, isDone } = await change(owner('POST', `/m2m_tokens/${id}/revoke`))
    ledger.endings.push({ begin, end, isDone, machine, id, isFinal: true })
  }

  const revokeAll = async ({ id, index }: Own): Promise<void> => {
    const work = owner('POST', '/m2m_tokens/revoke', { machine_id: id })
    const { begin, end, isDone } = await change(work)
    ledger.endings.push({ begin, end, isDone, machine: index, isFinal: false })
  }

  const toggleScope = async ({ id, index }: Own): Promise<void> => {
    const receiver = machines[(index + 1) % machines.length]?.id ?? ''
    const isAdding = random() < 0.5
    const path = `/machines/${id}/scopes`
    const { begin, end, isDone, status } = await change(
      isAdding
        ? owner('POST', path, { to_machine_id: receiver })
        : owner('DELETE', `${path}/${receiver}`),
    )
    // There is none to a machine that is gone.
    const isGranted = isAdding && status !== 404
    ledger.scopeChanges.push({ begin, end, isDone, machine: index, receiver, isGranted })
  }

  /** As after a leak: the old secret ends at once, and then all that it has made. */
  const replaceSecret = async (own: Own): Promise<void> => {
    if (own.isLost) return
    const { id, index: machine, keys } = own
    const version = keys.length
    const rotation = owner('POST', `/machines/${id}/secret_key/rotate`, { previous_token_ttl: 0 })
    const { begin, end, isDone, body } = await change(rotation)
    ledger.secretEnds.push({ begin, end, isDone, machine, version })
    if (isDone === null) {
      own.isLost = true
      return
    }
    keys.push(String(body['secret']))
    const predicate = { machine_id: id, secret_version: version }
    const ending = await change(owner('POST', '/m2m_tokens/revoke', predicate))
    ledger.endings.push({
      ...{ begin: ending.begin, end: ending.end, isDone: ending.isDone },
      ...{ machine, version, isFinal: true },
    })
  }

  const removeMachine = async (own: Own): Promise<void> => {
    own.isDeleted = true
    const { begin, end, isDone } = await change(owner('DELETE', `/machines/${own.id}`))
    const { index: machine } = own
    ledger.endings.push({ begin, end, isDone, machine, isFinal: true })
    ledger.secretEnds.push({ begin, end, isDone, machine, version: null })
    // Its scopes are gone too, and those of the one that could call it.
    const before = (machine + machines.length - 1) % machines.length
    const scope = { machine: before, receiver: own.id, isGranted: false, isFinal: true } as const
    ledger.scopeChanges.push({ begin, end, isDone, ...scope })
  }

  const client = async (own: Own): Promise<void> => {
    for (let step = 0; step < steps; step++) {
      const chance = random()
      if (chance < 0.35) await issue()
      else if (chance < 0.75) await verify()
      else if (chance < 0.85) await revoke()
      else if (own.isDeleted) continue
      else if (chance < 0.87) await revokeAll(own)
      else if (chance < 0.94) await toggleScope(own)
      else if (chance < 0.985) await replaceSecret(own)
      else if (chance < 0.99) await removeMachine(own)
      else await world.restart(own.index)
    }
  }
  await Promise.all(machines.map(client))
  return ledger
}

async function verifyByCall(
  world: World,
  process: number,
  { text }: RecordedToken,
): Promise<boolean | null> {
  const body = { token: text }
  const { status } = await world.ask(process, 'POST', '/m2m_tokens/verify', world.secretKey, body)
  return status === 200 ? true : status === 404 ? false : null
}

/** By a verifier that knows nothing yet. `null` where it could learn nothing. */
async function verifyLocally(
  world: World,
  process: number,
  { text }: RecordedToken,
): Promise<boolean | null> {
  try {
    await world.verifier(process).verify(text)
    return true
  } catch (error) {
    if (!isCountersignError(error)) throw error
    return error.code.startsWith('token-') ? false : null
  }
}

/** Asks until it is answered. */
async function settled(asked: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await asked()
    if (answer.status < 500) return answer
  }
}
