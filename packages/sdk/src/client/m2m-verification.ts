import { CountersignError } from '../token/errors.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import { judgeAudience } from '../token/registered-claims.ts'
import type { JwtVerifier } from '../verify/jwt-verifier.ts'
import { createM2MVerifier } from '../verify/verifier.ts'
import type { Settings } from './options.ts'
import { idOfPresented } from './presented.ts'
import { about, done, notFoundAsInvalid, required } from './request.ts'
import { checkMachineSecretKey, machineIdOf } from './secrets.ts'
import type { Send } from './transport.ts'
import type { WithMachineSecretKey } from './types.ts'
import { toM2MToken } from './wire.ts'

/** How a machine token of either format is verified, by whoever asks. */
export interface M2MVerification {
  /** The verifier of JWTs meant for the caller. @throws {CountersignError} `configuration-invalid` */
  local(params: WithMachineSecretKey): JwtVerifier<M2MToken>
  /** Asks the authority about an opaque token. */
  opaque(params: WithMachineSecretKey, token: string): Promise<M2MToken>
}

/** The key that a call is made with, and what it is the key of. */
interface Caller {
  readonly secret: string
  readonly of: 'machine' | 'instance'
}

/** Verifiers are kept for this many machine keys of one client. */
const MAX_VERIFIERS = 64

export function createM2MVerification(settings: Settings, send: Send): M2MVerification {
  const callerOf = createCallers(settings)
  const { jwt, keys } = settings
  const verifiers = new Map<string, JwtVerifier<M2MToken>>()

  const verifierFor = (name: string, audience: () => readonly string[] | null) => {
    const known = verifiers.get(name)
    if (known !== undefined) return known
    const verifier = createM2MVerifier({ ...jwt, audience: audience() }, keys)
    if (verifiers.size < MAX_VERIFIERS) verifiers.set(name, verifier)
    return verifier
  }

  return Object.freeze({
    local(params: WithMachineSecretKey) {
      const { audience } = settings
      // What was said of the receivers holds for every key.
      if (audience !== undefined) return verifierFor('', () => audience)
      const { secret, of } = callerOf(params)
      // Never by a machine's key what was made for the instance's, though somebody gave one as the other.
      return verifierFor(of === 'instance' ? '' : secret, () =>
        of === 'instance' ? null : [machineOf(secret)],
      )
    },
    opaque: async (params: WithMachineSecretKey, token: string) =>
      judged(settings, await verifyOpaque(send, callerOf(params).secret, token)),
  })
}

/** With both keys given the machine's counts, since it is the one that says who is asking. */
export function createCallers(settings: Settings): (params: WithMachineSecretKey) => Caller {
  return (params) => {
    const machine = checkMachineSecretKey(params.machineSecretKey) ?? settings.machineSecretKey()
    if (machine !== undefined) return { secret: machine, of: 'machine' }
    const secret = required(settings.secretKey(), 'machineSecretKey or secretKey')
    return { secret, of: 'instance' }
  }
}

/** @throws {CountersignError} `configuration-invalid` */
function machineOf(secret: string): string {
  const machineId = machineIdOf(secret)
  if (machineId !== null) return machineId
  throw new CountersignError('configuration-invalid', {
    expected:
      'machineSecretKey to be a key of this authority, which tells its machine’s id, or audience to ' +
      'be given; without either the receivers of a JWT cannot be checked',
  })
}

/** What the authority says is judged as what a JWT says. @throws {CountersignError} */
function judged({ audience, jwt }: Settings, verified: M2MToken): M2MToken {
  if (audience) judgeAudience({ aud: verified.scopes }, audience)
  const { expiration } = verified
  const isLive = expiration === null || jwt.now() < expiration + jwt.clockToleranceSeconds * 1000
  return done(verified, isLive, 'a token that has not expired')
}

async function verifyOpaque(send: Send, secret: string, token: string): Promise<M2MToken> {
  const id = idOfPresented(secret, token, 'm2m-token')
  const verified = toM2MToken(await askAuthority(send, secret, token))
  if (id !== null) about(id, verified)
  const isLive = !verified.revoked && !verified.expired
  return done(verified, isLive, 'a token that is neither revoked nor expired')
}

async function askAuthority(send: Send, secret: string, token: string): ReturnType<Send> {
  const path = '/m2m_tokens/verify'
  const body = { token }
  try {
    return await send({ method: 'POST', path, body, secret, success: 200, repeatable: true })
  } catch (error) {
    throw notFoundAsInvalid(error)
  }
}
