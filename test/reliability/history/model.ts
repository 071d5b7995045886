/** What an authority must do, as plainly as it can be said: a few lists, and the clock. */

export interface KnownSecret {
  readonly key: string
  readonly version: number
  /** It works before this instant. */
  endsAt: number
}

export interface KnownMachine {
  readonly id: string
  /** The newest is the last. */
  readonly secrets: KnownSecret[]
  /** The machines that it may call. */
  readonly scopes: Set<string>
  stateless: boolean
  isDeleted: boolean
}

export interface KnownToken {
  readonly id: string
  readonly text: string
  readonly machineId: string
  readonly secretVersion: number
  readonly receivers: readonly string[]
  readonly createdAt: number
  readonly expiresAt: number
  /** The key that signed it; `null` for an opaque token. */
  readonly kid: string | null
  /** Whether there is a record of it: a stateless JWT leaves none. */
  readonly isKept: boolean
  /** When it was revoked; `null` while it is not. */
  endedAt: number | null
}

/** From an instant on this key signs. */
export interface Signer {
  readonly kid: string
  readonly from: number
}

export interface Model {
  readonly machines: KnownMachine[]
  readonly tokens: KnownToken[]
  /** By their beginning. */
  signers: readonly Signer[]
  /** When a key was revoked. */
  readonly endedKeys: Map<string, number>
}

export function createModel(signer: Signer): Model {
  return { machines: [], tokens: [], signers: [signer], endedKeys: new Map() }
}

/** Which tokens are meant; what is given narrows. */
export interface Predicate {
  readonly machine_id?: string
  readonly secret_version?: number
  readonly issued_before?: number
  readonly kid?: string
  readonly receiver_id?: string
}

export function secretWorks(machine: KnownMachine, secret: KnownSecret, now: number): boolean {
  return !machine.isDeleted && now < secret.endsAt
}

export function machineOf(model: Model, id: string): KnownMachine {
  const machine = model.machines.find((one) => one.id === id)
  if (machine === undefined) throw new Error('The model does not know this machine.')
  return machine
}

/** When a token ceased to be good for whoever asks the authority; `null` while it is good. */
export function endOf(model: Model, token: KnownToken, now: number): number | null {
  const { machineId, kid, endedAt, expiresAt } = token
  const keyEnd = kid === null ? undefined : model.endedKeys.get(kid)
  const ends = [endedAt, keyEnd, now < expiresAt ? null : expiresAt]
  // Nothing is written of a stateless token, but its machine is known to be gone.
  if (machineOf(model, machineId).isDeleted && endedAt === null) ends.push(now)
  const all = ends.filter((end) => end !== null && end !== undefined)
  return all.length === 0 ? null : Math.min(...all)
}

/** The same for whoever verifies a JWT by itself, with what the authority publishes now. */
export function publishedEndOf(model: Model, token: KnownToken, now: number): number | null {
  if (token.isKept || now >= token.expiresAt) return endOf(model, token, now)
  return token.kid === null ? null : (model.endedKeys.get(token.kid) ?? null)
}

export function signerAt({ signers }: Model, now: number): string {
  const signer = signers.findLast(({ from }) => from <= now)
  if (signer === undefined) throw new Error('No key signs.')
  return signer.kid
}

/** Revokes what the predicate fits, and says how many tokens that were. */
export function revokeWhere(model: Model, predicate: Predicate, now: number): number {
  const { machine_id, secret_version, issued_before, kid, receiver_id } = predicate
  const ended = model.tokens.filter(
    (token) =>
      token.isKept &&
      token.endedAt === null &&
      now < token.expiresAt &&
      (machine_id === undefined || token.machineId === machine_id) &&
      (secret_version === undefined || token.secretVersion === secret_version) &&
      (issued_before === undefined || token.createdAt < issued_before) &&
      (kid === undefined || token.kid === kid) &&
      (receiver_id === undefined || token.receivers.includes(receiver_id)),
  )
  for (const token of ended) token.endedAt = now
  return ended.length
}

export function deleteMachine(model: Model, machine: KnownMachine, now: number): void {
  revokeWhere(model, { machine_id: machine.id }, now)
  machine.isDeleted = true
  machine.scopes.clear()
  for (const other of model.machines) other.scopes.delete(machine.id)
}

/** Every older secret works for so long; at once means for ever, also for a clock that is set back. */
export function rotateSecret(
  { secrets }: KnownMachine,
  key: string,
  graceSeconds: number,
  now: number,
): void {
  const endsAt = graceSeconds === 0 ? 0 : now + graceSeconds * 1000
  for (const secret of secrets) secret.endsAt = Math.min(secret.endsAt, endsAt)
  secrets.push({ key, version: secrets.length + 1, endsAt: Number.POSITIVE_INFINITY })
}

/** @param signer The key that signs from now on. */
export function revokeKey(model: Model, kid: string, signer: string, now: number): void {
  if (model.endedKeys.has(kid)) return
  revokeWhere(model, { kid }, now)
  model.endedKeys.set(kid, now)
  const left = model.signers.filter((one) => one.kid !== kid)
  const before = left.filter(({ from }) => from <= now)
  const after = left.filter(({ from }) => from > now)
  const isKnown = before.at(-1)?.kid === signer
  model.signers = isKnown
    ? left
    : [...before, { kid: signer, from: now }, ...after.filter((one) => one.kid !== signer)]
}
