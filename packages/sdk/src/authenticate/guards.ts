import { isMachineId } from '../token/ids.ts'
import { checkNames, invalidOption } from '../verify/options.ts'
import { acceptedTypes, type AcceptsToken } from './options.ts'
import type { RequestAuth } from './request-auth.ts'

/** Guards answer by themselves whoever may not pass. An adapter writes the answer as its framework does. */

/** Passes, or gives the answer. */
export type Guard = (auth: RequestAuth) => Promise<Denial | null>

/** An answer without a body: a stranger is told no reason. Never a redirect: machines follow none. */
export interface Denial {
  /** 401 for nobody, 403 for a machine that is known and may not, 503 when nothing could be learned. */
  readonly status: 401 | 403 | 503
  /** `www-authenticate`, or `retry-after`. */
  readonly headers: Readonly<Record<string, string>>
}

export interface RequireMachineOptions {
  /** The ids of the machines that may pass. Default every machine whose token is good here. */
  readonly from?: readonly string[]
}

export interface RequireAuthOptions {
  /** The classes of token that may pass. */
  readonly acceptsToken: AcceptsToken
}

/** RFC 6750 §3.1: the token is good, and not enough. */
export const FORBIDDEN: Denial = Object.freeze({
  status: 403,
  headers: Object.freeze({ 'www-authenticate': 'Bearer error="insufficient_scope"' }),
})

/** @throws {CountersignError} `configuration-invalid` */
export function createMachineGuard(options: RequireMachineOptions = {}): Guard {
  const from = checkFrom(options)
  return async (auth) => {
    const state = await auth.authenticate({ acceptsToken: 'm2m_token' })
    if (!state.isAuthenticated) return denialOf(state)
    return from === null || from.has(state.toAuth().machineId) ? null : FORBIDDEN
  }
}

/** @throws {CountersignError} `configuration-invalid` */
export function createAuthGuard(options: RequireAuthOptions): Guard {
  checkNames('options of requireAuth', options, ['acceptsToken'])
  const accepts = options.acceptsToken
  const types = acceptedTypes(accepts)
  return async (auth) => {
    const state = await auth.authenticate({
      acceptsToken: typeof accepts === 'string' ? accepts : types,
    })
    return state.isAuthenticated ? null : denialOf(state)
  }
}

/** The answer to the web's requests. */
export function toResponse({ status, headers }: Denial): Response {
  return new Response(null, { status, headers })
}

/** The answer to whoever is nobody. */
export function denialOf({
  httpStatus,
  headers,
}: {
  readonly httpStatus: 401 | 503
  readonly headers: Headers
}): Denial {
  return { status: httpStatus, headers: Object.fromEntries(headers) }
}

/** Nobody is meant by an empty list, and nobody knows who by one that is not set: both are mistakes. */
function checkFrom(options: RequireMachineOptions): ReadonlySet<string> | null {
  checkNames('options of requireMachine', options, ['from'])
  return 'from' in options ? machinesOf('requireMachine', options.from) : null
}

/** @throws {CountersignError} `configuration-invalid` */
export function machinesOf(guard: string, from: unknown): ReadonlySet<string> {
  const ids: readonly unknown[] = Array.isArray(from) ? from : []
  if (ids.length > 0 && ids.every((id) => typeof id === 'string' && isMachineId(id))) {
    return new Set(ids as readonly string[])
  }
  throw invalidOption(`from of ${guard} to be ids of machines (mch_…), at least one`)
}
