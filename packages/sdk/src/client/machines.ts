import type { Settings } from './options.ts'
import { about, between, done, idInPath, query, required } from './request.ts'
import { machineIdOf } from './secrets.ts'
import type { Call, Send } from './transport.ts'
import type {
  CreateMachineParams,
  DeleteScopeOptions,
  DeletedObject,
  FinishSecretKeyRotationParams,
  GetMachineListParams,
  Machine,
  MachineScope,
  MachineSecretKey,
  MachineSecretVersion,
  PaginatedList,
  RotateMachineSecretKeyParams,
  UpdateMachineParams,
} from './types.ts'
import {
  toDeleted,
  toFinishedRotation,
  toList,
  toMachine,
  toMachineScope,
  toMachineSecretKey,
  toMachineSecretVersion,
} from './wire.ts'

/** Machines, their scopes and their secrets. Every call needs `secretKey` and throws `CountersignError`. */
export interface MachinesApi {
  /** Newest first unless ordered otherwise. */
  list(params?: GetMachineListParams): Promise<PaginatedList<Machine>>
  /** The answer alone has the machine's `secretKey`. */
  create(params: CreateMachineParams): Promise<Machine>
  get(machineId: string): Promise<Machine>
  /** Changes what is given. */
  update(params: UpdateMachineParams): Promise<Machine>
  /** Ends its secrets, its scopes and its tokens, save JWTs without a status. */
  delete(machineId: string): Promise<DeletedObject>
  getSecretKey(machineId: string): Promise<MachineSecretKey>
  rotateSecretKey(params: RotateMachineSecretKeyParams): Promise<MachineSecretKey>
  /** Every version of its secret key that is kept, the newest first, with how each is used. */
  listSecretKeys(machineId: string): Promise<readonly MachineSecretVersion[]>
  /**
   * Ends every version but the newest, and says which they were. Refused with `secret_in_use` while
   * one of them is still in use, or nobody has used the newest yet.
   */
  finishSecretKeyRotation(params: FinishSecretKeyRotationParams): Promise<readonly number[]>
  /** Lets the first machine call the second. */
  createScope(machineId: string, toMachineId: string): Promise<MachineScope>
  /** Live tokens that were made by it live on, unless it is to reach them. */
  deleteScope(
    machineId: string,
    otherMachineId: string,
    options?: DeleteScopeOptions,
  ): Promise<MachineScope>
}

export function createMachinesApi(settings: Settings, send: Send): MachinesApi {
  const ask = (call: Omit<Call, 'secret' | 'success'>): ReturnType<Send> =>
    send({ ...call, success: 200, secret: required(settings.secretKey(), 'secretKey') })
  const pathOf = (machineId: unknown): string => `/machines/${idInPath('machineId', machineId)}`

  return Object.freeze({
    async list({ limit, offset, orderBy, query: text }: GetMachineListParams = {}) {
      const search = query({ limit, offset, order_by: orderBy, query: text })
      const path = `/machines${search}`
      return toList('data', toMachine)(await ask({ method: 'GET', path, repeatable: true }))
    },

    async create(params: CreateMachineParams) {
      const body = {
        name: params.name,
        scoped_machines: params.scopedMachines,
        default_token_ttl: params.defaultTokenTtl,
        jwt_algorithm: params.jwtAlgorithm,
        stateless: params.stateless,
      }
      const call = { method: 'POST', path: '/machines', body, repeatable: false } as const
      const machine = toMachine(await ask(call))
      return done(machine, machine.secretKey !== undefined, 'the answer to have the secret key')
    },

    async get(machineId: string) {
      const path = pathOf(machineId)
      return about(machineId, toMachine(await ask({ method: 'GET', path, repeatable: true })))
    },

    async update({
      machineId,
      name,
      defaultTokenTtl,
      jwtAlgorithm,
      stateless,
    }: UpdateMachineParams) {
      const path = pathOf(machineId)
      const body = {
        name,
        default_token_ttl: defaultTokenTtl,
        jwt_algorithm: jwtAlgorithm,
        stateless,
      }
      const answer = await ask({ method: 'PATCH', path, body, repeatable: true })
      return about(machineId, toMachine(answer))
    },

    async delete(machineId: string) {
      const path = pathOf(machineId)
      const answer = await ask({ method: 'DELETE', path, repeatable: false })
      return about(machineId, toDeleted('machine')(answer))
    },

    async getSecretKey(machineId: string) {
      const path = `${pathOf(machineId)}/secret_key`
      const answer = await ask({ method: 'GET', path, repeatable: true })
      return secretOf(machineId, toMachineSecretKey(answer))
    },

    async rotateSecretKey({ machineId, previousTokenTtl }: RotateMachineSecretKeyParams) {
      const path = `${pathOf(machineId)}/secret_key/rotate`
      const body = { previous_token_ttl: previousTokenTtl }
      const answer = await ask({ method: 'POST', path, body, repeatable: false })
      return secretOf(machineId, toMachineSecretKey(answer))
    },

    async listSecretKeys(machineId: string) {
      const path = `${pathOf(machineId)}/secrets`
      const answer = await ask({ method: 'GET', path, repeatable: true })
      const { data } = toList('data', toMachineSecretVersion)(answer)
      const isTheirs = data.every((version) => version.machineId === machineId)
      return done(data, isTheirs, `the secret keys of ${machineId}`)
    },

    async finishSecretKeyRotation({
      machineId,
      quietSeconds,
      force,
    }: FinishSecretKeyRotationParams) {
      const path = `${pathOf(machineId)}/secrets/finish`
      const body = { quiet_seconds: quietSeconds, force }
      const answer = await ask({ method: 'POST', path, body, repeatable: false })
      const finished = toFinishedRotation(answer)
      return done(finished.ended, finished.machineId === machineId, `keys of ${machineId} to end`)
    },

    async createScope(machineId: string, toMachineId: string) {
      const path = `${pathOf(machineId)}/scopes`
      const body = { to_machine_id: toMachineId }
      const answer = await ask({ method: 'POST', path, body, repeatable: false })
      const scope = between(machineId, toMachineId, toMachineScope(answer))
      return done(scope, scope.deleted !== true, 'the scope to stand')
    },

    async deleteScope(
      machineId: string,
      otherMachineId: string,
      { applyToLiveTokens }: DeleteScopeOptions = {},
    ) {
      const reach = query({ apply_to_live_tokens: applyToLiveTokens })
      const other = idInPath('otherMachineId', otherMachineId)
      const path = `${pathOf(machineId)}/scopes/${other}${reach}`
      const answer = await ask({ method: 'DELETE', path, repeatable: false })
      const scope = between(machineId, otherMachineId, toMachineScope(answer))
      return done(scope, scope.deleted === true, 'the scope to be deleted')
    },
  })
}

/** A key of ours tells whose it is. */
function secretOf(machineId: string, key: MachineSecretKey): MachineSecretKey {
  const owner = machineIdOf(key.secret)
  return done(key, owner === null || owner === machineId, `the secret key of ${machineId}`)
}
