import type { Authenticate, Caller } from '../domain/callers.ts'
import { AuthorityError, type ErrorCode } from '../domain/errors.ts'

export type InstanceCaller = Extract<Caller, { kind: 'instance' }>
export type MachineCaller = Extract<Caller, { kind: 'machine' }>

/** Lets callers in, by the secret key in their `Authorization` header (RFC 6750 §2.1). */
export interface Doorkeeper {
  /** An instance key or a machine's. */
  anyone(request: Request, refusal?: ErrorCode): Promise<Caller>
  instance(request: Request): Promise<InstanceCaller>
  machine(request: Request): Promise<MachineCaller>
}

/** Longer than every secret that is issued. */
const MAX_HEADER_CHARACTERS = 256

export function createDoorkeeper(authenticate: Authenticate): Doorkeeper {
  const anyone = async (request: Request, refusal: ErrorCode = 'unauthorized'): Promise<Caller> => {
    const secret = bearerSecret(request)
    const caller = secret === null ? null : await authenticate(secret)
    if (caller === null) throw new AuthorityError(refusal)
    return caller
  }

  return Object.freeze({
    anyone,
    async instance(request: Request): Promise<InstanceCaller> {
      const caller = await anyone(request)
      if (caller.kind !== 'instance') throw new AuthorityError('instance_key_required')
      return caller
    },
    async machine(request: Request): Promise<MachineCaller> {
      const caller = await anyone(request, 'machine_secret_key_invalid')
      if (caller.kind !== 'machine') throw new AuthorityError('machine_secret_key_invalid')
      return caller
    },
  })
}

/** The scheme in any case (RFC 9110 §11.1), then exactly one credential. */
function bearerSecret(request: Request): string | null {
  const header = request.headers.get('authorization')
  if (header === null || header.length > MAX_HEADER_CHARACTERS) return null
  const [scheme, secret, ...rest] = header.split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || secret === undefined || rest.length > 0) return null
  return secret
}
