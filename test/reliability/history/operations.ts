import { decodeProtectedHeader } from 'jose'
import fc from 'fast-check'
import { expect } from 'vitest'
import { expectAgreement } from './agreement.ts'
import {
  deleteMachine,
  type KnownMachine,
  type KnownSecret,
  machineOf,
  type Model,
  type Predicate,
  revokeKey,
  revokeWhere,
  rotateSecret,
  secretWorks,
  signerAt,
} from './model.ts'
import type { Answer, World } from './world.ts'

/** What may happen to an authority. Each is done to it and to the model, and both must agree on it. */

/** Numbers that stand for one of what there is. */
type Values = Readonly<Record<'process' | 'machine' | 'other' | 'token' | 'number', number>> & {
  readonly flag: boolean
}

interface Stage {
  readonly model: Model
  readonly world: World
  readonly values: Values
  readonly now: number
}

const VALUES: fc.Arbitrary<Values> = fc.record({
  process: fc.nat(1),
  machine: fc.nat(999),
  other: fc.nat(999),
  token: fc.nat(999),
  number: fc.nat(999),
  flag: fc.boolean(),
})

const LIFETIMES_SECONDS = [1, 600, 3_600, 86_400] as const
const GRACES_SECONDS = [0, 1, 60, 28_800] as const
const STEPS_MS = [1, 999, 1_000, 5_000, 14_000, 60_000, 660_000] as const

const MIN_MACHINES = 3
const MAX_MACHINES = 5

const pick = <Value>(values: readonly Value[], number: number): Value => {
  if (values.length === 0) throw new Error('There is nothing to pick from.')
  return values[number % values.length] as Value
}

const living = (model: Model): readonly KnownMachine[] =>
  model.machines.filter(({ isDeleted }) => !isDeleted)

/** Now and then one that is gone: everything must be refused to it. */
const machineIn = ({ model, values }: Stage): KnownMachine =>
  pick(values.machine % 8 === 0 ? model.machines : living(model), values.machine)

/** Often one that is ended. */
const secretIn = ({ secrets }: KnownMachine, number: number): KnownSecret =>
  pick(secrets.slice(-3), number)

const byOwner = (
  { world, values }: Stage,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> => world.ask(values.process, method, path, world.secretKey, body)

async function createMachine(stage: Stage): Promise<void> {
  const { model, values } = stage
  const receivers = living(model).filter((_, index) => ((values.other >> index) & 1) === 1)
  const scoped_machines = receivers.map(({ id }) => id)
  const wanted = { name: 'machine', scoped_machines, stateless: values.number % 4 === 0 }
  const { status, body } = await byOwner(stage, 'POST', '/machines', wanted)
  expect(status).toBe(200)
  const key = String(body['secret_key'])
  model.machines.push({
    id: String(body['id']),
    secrets: [{ key, version: 1, endsAt: Number.POSITIVE_INFINITY }],
    scopes: new Set(scoped_machines),
    stateless: wanted.stateless,
    isDeleted: false,
  })
}

async function makeStateless(stage: Stage): Promise<void> {
  const machine = machineIn(stage)
  const stateless = stage.values.flag
  const { status } = await byOwner(stage, 'PATCH', `/machines/${machine.id}`, { stateless })
  expect(status).toBe(machine.isDeleted ? 404 : 200)
  if (status === 200) machine.stateless = stateless
}

async function removeMachine(stage: Stage): Promise<void> {
  const machine = machineIn(stage)
  const { status } = await byOwner(stage, 'DELETE', `/machines/${machine.id}`)
  expect(status).toBe(machine.isDeleted ? 404 : 200)
  if (status === 200) deleteMachine(stage.model, machine, stage.now)
}

async function addScope(stage: Stage): Promise<void> {
  const [from, to] = [machineIn(stage), pick(stage.model.machines, stage.values.other)]
  const path = `/machines/${from.id}/scopes`
  const { status } = await byOwner(stage, 'POST', path, { to_machine_id: to.id })
  const isNew = !from.isDeleted && !to.isDeleted && !from.scopes.has(to.id)
  expect(status === 200).toBe(isNew)
  if (isNew) from.scopes.add(to.id)
}

async function removeScope(stage: Stage): Promise<void> {
  const { model, values, now } = stage
  const [from, to] = [machineIn(stage), pick(model.machines, values.other)]
  const path = `/machines/${from.id}/scopes/${to.id}?apply_to_live_tokens=${values.flag}`
  const { status } = await byOwner(stage, 'DELETE', path)
  expect(status).toBe(from.scopes.has(to.id) ? 200 : 404)
  if (status !== 200) return
  from.scopes.delete(to.id)
  if (values.flag) revokeWhere(model, { machine_id: from.id, receiver_id: to.id }, now)
}

async function issue(stage: Stage, format: 'opaque' | 'jwt'): Promise<void> {
  const { model, world, values, now } = stage
  const machine = machineIn(stage)
  const secret = secretIn(machine, values.other)
  const lifetime = pick(LIFETIMES_SECONDS, values.number)
  const wanted = { token_format: format, seconds_until_expiration: lifetime }
  // Now and then for one of its receivers alone.
  const granted = [...machine.scopes]
  const receivers = values.flag && granted.length > 0 ? [pick(granted, values.token)] : granted
  const body = values.flag && granted.length > 0 ? { ...wanted, scopes: receivers } : wanted
  const answer = await world.ask(values.process, 'POST', '/m2m_tokens', secret.key, body)
  expect(answer.status).toBe(secretWorks(machine, secret, now) ? 201 : 401)
  if (answer.status !== 201) return
  expect(new Set(answer.body['scopes'] as string[])).toEqual(new Set(receivers))
  const text = String(answer.body['token'])
  const kid = format === 'jwt' ? String(decodeProtectedHeader(text).kid) : null
  if (kid !== null) expect(kid, 'the key that signs').toBe(signerAt(model, now))
  const issuedAt = format === 'jwt' ? Math.floor(now / 1000) * 1000 : now
  model.tokens.push({
    id: String(answer.body['id']),
    text,
    machineId: machine.id,
    secretVersion: secret.version,
    receivers,
    createdAt: issuedAt,
    expiresAt: issuedAt + lifetime * 1000,
    kid,
    isKept: format === 'opaque' || !machine.stateless,
    endedAt: null,
  })
}

/** By the owner, by the machine whose token it is, or by one that it does not concern. */
async function revoke(stage: Stage): Promise<void> {
  const { model, world, values, now } = stage
  if (model.tokens.length === 0) return
  const token = pick(model.tokens, values.token)
  const machine = machineIn(stage)
  const secret = secretIn(machine, values.other)
  const byMachine = values.flag
  const key = byMachine ? secret.key : world.secretKey
  const { status } = await world.ask(values.process, 'POST', `/m2m_tokens/${token.id}/revoke`, key)
  const isCaller = !byMachine || secretWorks(machine, secret, now)
  const isOwn = !byMachine || machine.id === token.machineId
  const isForgotten = token.expiresAt + FORGOTTEN_AFTER_MS <= now
  if (isCaller && isOwn && isForgotten && status === 404) return
  // Of a machine that is gone nothing is told any more.
  const isKnown = token.isKept && !machineOf(model, token.machineId).isDeleted
  expect(status).toBe(isCaller ? (isOwn && isKnown ? 200 : 404) : 401)
  if (status === 200) token.endedAt ??= now
}

/** Rows of what has long expired are removed at some time after this. */
const FORGOTTEN_AFTER_MS = 86_400_000

async function revokeMany(stage: Stage): Promise<void> {
  const { model, world, values, now } = stage
  const machine = machineIn(stage)
  const { kid } = model.tokens.length === 0 ? { kid: null } : pick(model.tokens, values.token)
  const issued_before = now - (values.other % 3) * 1000
  const predicates: readonly Predicate[] = [
    { machine_id: machine.id },
    { machine_id: machine.id, secret_version: secretIn(machine, values.other).version },
    { machine_id: machine.id, issued_before },
    { receiver_id: machine.id },
    { receiver_id: machine.id, issued_before },
    ...(kid === null ? [] : [{ kid }]),
    ...(values.token % 4 === 0 ? [{}] : []),
  ]
  const predicate = pick(predicates, values.number)
  const scope = Object.keys(predicate).length === 0 ? { entire_instance: true } : predicate
  // A machine may end its own and no others.
  const secret = secretIn(machine, values.other)
  const key = values.flag ? secret.key : world.secretKey
  const dry = await world.ask(values.process, 'POST', '/m2m_tokens/revoke', key, {
    ...scope,
    dry_run: true,
  })
  const { status, body } = await world.ask(values.process, 'POST', '/m2m_tokens/revoke', key, scope)
  const isCaller = !values.flag || secretWorks(machine, secret, now)
  const mayEnd = !values.flag || predicate.machine_id === machine.id
  expect(status === 200).toBe(isCaller && mayEnd)
  if (status !== 200) return
  const count = revokeWhere(model, predicate, now)
  expect([dry.body['count'], body['count']]).toEqual([count, count])
}

async function rotate(stage: Stage): Promise<void> {
  const machine = machineIn(stage)
  const grace = pick(GRACES_SECONDS, stage.values.number)
  const path = `/machines/${machine.id}/secret_key/rotate`
  const { status, body } = await byOwner(stage, 'POST', path, { previous_token_ttl: grace })
  expect(status).toBe(machine.isDeleted ? 404 : 200)
  if (status === 200) rotateSecret(machine, String(body['secret']), grace, stage.now)
}

async function finish(stage: Stage): Promise<void> {
  const { values, now } = stage
  const machine = machineIn(stage)
  const path = `/machines/${machine.id}/secrets/finish`
  const wanted = { force: values.flag, quiet_seconds: 0 }
  const { status, body } = await byOwner(stage, 'POST', path, wanted)
  if (machine.isDeleted) {
    expect(status).toBe(404)
    return
  }
  const older = machine.secrets.slice(0, -1).filter(({ endsAt }) => now < endsAt)
  // One that is in use stays, unless it is said that it is to end all the same.
  if (status === 409) {
    expect([values.flag, older.length > 0]).toEqual([false, true])
    return
  }
  expect(status).toBe(200)
  const ended = (body['ended'] as number[]).toSorted((a, b) => a - b)
  expect(ended).toEqual(older.map(({ version }) => version))
  for (const secret of older) secret.endsAt = 0
}

async function rotateKeys(stage: Stage): Promise<void> {
  const { model, now } = stage
  const { status, body } = await byOwner(stage, 'POST', '/signing_keys/rotate', {
    algorithm: 'ES256',
  })
  // So many keys are published already.
  if (status === 409) return
  expect(status).toBe(200)
  const data = body['data'] as { readonly kid: string; readonly active_from: number }[]
  const settled = data.map(({ kid, active_from }) => ({ kid, from: active_from }))
  expect(settled.length).toBeGreaterThan(0)
  model.signers = [
    ...model.signers.filter(({ from }) => from <= now),
    ...settled.toSorted((a, b) => a.from - b.from),
  ]
}

async function endKey(stage: Stage): Promise<void> {
  const { model, world, values, now } = stage
  const known = [...model.tokens.flatMap(({ kid }) => kid ?? []), signerAt(model, now)]
  const kid = pick(known, values.token)
  const { status, body } = await byOwner(stage, 'POST', `/signing_keys/${kid}/revoke`)
  if (status === 404) {
    // A key is forgotten a day after all that it signed has expired.
    expect(model.tokens.filter((one) => one.kid === kid && now < one.expiresAt)).toEqual([])
    return
  }
  expect(status).toBe(200)
  const signer = body['signer'] as { readonly kid: string }
  revokeKey(model, kid, signer.kid, now)
  // What is recorded is dead on every process at once, before the other has looked for its keys.
  for (const token of model.tokens) {
    if (token.kid !== kid || !token.isKept) continue
    for (const process of [0, 1]) {
      const answer = await verify(stage, process, token.text)
      expect(answer.status).toBe(404)
    }
  }
  await world.tick()
}

const verify = ({ world }: Stage, process: number, token: string): Promise<Answer> =>
  world.ask(process, 'POST', '/m2m_tokens/verify', world.secretKey, { token })

/** Often to the very millisecond at which something ends, or to the one before. */
async function passTime({ model, world, values, now }: Stage): Promise<void> {
  const ends = [
    ...model.tokens.map(({ expiresAt }) => expiresAt),
    ...model.machines.flatMap(({ secrets }) => secrets.map(({ endsAt }) => endsAt)),
    ...model.signers.map(({ from }) => from),
  ].filter((end) => end > now && Number.isFinite(end))
  const next = Math.min(...ends)
  const isExact = values.flag && Number.isFinite(next)
  const step = isExact ? next - now - (values.other % 2) : pick(STEPS_MS, values.number)
  world.clock.advance(step)
  await world.tick()
}

const OPERATIONS = {
  createMachine,
  makeStateless,
  removeMachine,
  addScope,
  removeScope,
  issueOpaque: (stage: Stage) => issue(stage, 'opaque'),
  issueJwt: (stage: Stage) => issue(stage, 'jwt'),
  revoke,
  revokeMany,
  rotate,
  finish,
  rotateKeys,
  endKey,
  passTime,
  restart: ({ world, values }: Stage) => world.restart(values.process),
} as const

type Name = keyof typeof OPERATIONS

/** What happens more often than the rest. */
const OFTEN: readonly Name[] = [
  ...(['issueOpaque', 'issueOpaque', 'issueJwt', 'issueJwt', 'issueJwt'] as const),
  ...(['createMachine', 'addScope', 'addScope', 'revokeMany', 'passTime'] as const),
]

type HistoryCommand = fc.AsyncCommand<Model, World>

function commandOf(name: Name, values: Values): HistoryCommand {
  return {
    check: () => true,
    async run(model, world) {
      const stage = { model, world, values, now: world.clock.now() }
      const { length } = living(model)
      // Without machines nothing else happens, and with many they have little to do with one another.
      for (let more = length; more < MIN_MACHINES; more++) await createMachine(stage)
      if (name !== 'createMachine' || length < MAX_MACHINES) await OPERATIONS[name](stage)
      // Asked by one machine at each step; by all of them at the end.
      const asking = model.machines.filter(
        (_, index) => index === values.other % model.machines.length,
      )
      await expectAgreement(model, world, values.process, asking)
    },
    toString: () => `${name}(${JSON.stringify(values)})`,
  }
}

export const COMMANDS: fc.Arbitrary<HistoryCommand>[] = [
  ...(Object.keys(OPERATIONS) as Name[]),
  ...OFTEN,
].map((name) => VALUES.map((values) => commandOf(name, values)))
