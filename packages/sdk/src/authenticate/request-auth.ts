import { CountersignError } from '../token/errors.ts'
import { isJsonObject } from '../token/json.ts'
import type { TokenType } from '../token/token-type.ts'
import type { Auth, SignedInAuth } from './auth-object.ts'
import { type AuthenticateOptions, authenticateAs } from './authenticator.ts'
import {
  type Environment,
  type MiddlewareOptions,
  VARIABLES,
  withEnvironment,
} from './environment.ts'
import type { AcceptedNone, AcceptedType, AcceptsToken } from './options.ts'
import type { HasHeaders } from './presented-token.ts'
import type { RequestState } from './request-state.ts'
import { createVerification, type Verification } from './verification.ts'

/**
 * What every adapter stands on. Its middleware hangs a `RequestAuth` on each request, where handlers and
 * guards find it; nothing is looked at before one of them asks.
 */

/** Who sends one request: found out when somebody asks, and once however many do. */
export interface RequestAuth {
  /**
   * The whole answer, with the status and headers to refuse with.
   *
   * @throws {CountersignError} `configuration-invalid`; never for what a request presents.
   */
  readonly authenticate: <const Accepts extends AcceptsToken = 'session_token'>(
    options?: AuthenticateOptions<Accepts>,
  ) => Promise<RequestState<AcceptedType<Accepts>, AcceptedNone<Accepts>>>
}

/**
 * Who sends a request, where a framework's context leads to it. Whoever could not be told for want of
 * the authority is nobody: a guard, or `authenticate`, tells these apart.
 */
export type GetAuth<Context> = <const Accepts extends AcceptsToken = 'session_token'>(
  context: Context,
  options?: AuthenticateOptions<Accepts>,
) => Promise<Auth<AcceptedType<Accepts>, AcceptedNone<Accepts>>>

/**
 * What a middleware makes of each request. The instance has its own keys, lists and caches, and each
 * `RequestAuth` belongs to one instance: two in a process know nothing of each other.
 *
 * @param own The environment that a platform gives its handlers, before `process.env`.
 * @throws {CountersignError} `configuration-invalid`, naming the option and the variable.
 */
export function createRequestAuth(
  options: MiddlewareOptions = {},
  own?: Environment,
): (request: HasHeaders) => RequestAuth {
  const verification = createVerification(withEnvironment(options, own))
  return (request) => {
    let once: Verification | undefined
    return {
      async authenticate<const Accepts extends AcceptsToken = 'session_token'>({
        acceptsToken,
      }: AuthenticateOptions<Accepts> = {}) {
        once ??= onceEach(verification)
        const state = await authenticateAs(once, request, acceptsToken ?? 'session_token')
        // Its class is one of those accepted, as `authenticateAs` sees to.
        return state as RequestState<AcceptedType<Accepts>, AcceptedNone<Accepts>>
      },
    }
  }
}

/**
 * The same where a platform gives its environment with each request, as Workers do. Options are checked
 * with the first; what it is made of stays until a variable has another value.
 */
export function createRequestAuthByEnvironment(
  options?: MiddlewareOptions,
): (request: HasHeaders, env: unknown) => RequestAuth {
  let made: { readonly name: string; begin(request: HasHeaders): RequestAuth } | undefined
  return (request, env) => {
    const own = isJsonObject(env) ? env : {}
    // By their values: on some platforms what stands in this place is another object for each request.
    const values = VARIABLES.map((variable) => own[variable])
    const name = JSON.stringify(values.map((value) => (typeof value === 'string' ? value : null)))
    if (made?.name !== name) made = { name, begin: createRequestAuth(options, own) }
    return made.begin(request)
  }
}

/** @param find Leads from the framework's context to what the middleware left there, or throws. */
export function createGetAuth<Context>(find: (context: Context) => RequestAuth): GetAuth<Context> {
  return async (context, options) => (await find(context).authenticate(options)).toAuth()
}

/**
 * What the middleware left, if it ran.
 *
 * @param line The line that is missing otherwise.
 * @throws {CountersignError} `configuration-invalid`
 */
export function requestAuthIn(found: RequestAuth | undefined, line: string): RequestAuth {
  if (found !== undefined) return found
  throw new CountersignError('configuration-invalid', {
    expected: `the middleware of countersign to run before this handler: ${line}`,
  })
}

/** Verifies each token of one request once, whichever classes are asked for, and keeps to the answer. */
function onceEach(verification: Verification): Verification {
  const verified = new Map<string, Promise<SignedInAuth<TokenType>>>()
  const nameOf = (type: TokenType | null, token: string): string => `${String(type)} ${token}`
  return {
    async recall(token, types) {
      // Then `verify` has the answer.
      if (types.some((type) => verified.has(nameOf(type, token)))) return null
      const recalled = await verification.recall(token, types)
      if (recalled === null) return null
      const { type, error } = recalled
      const answer = error === undefined ? Promise.resolve(recalled.auth) : Promise.reject(error)
      answer.catch(() => undefined)
      verified.set(nameOf(type, token), answer)
      return recalled
    },
    look: (token, types) => verification.look(token, types),
    verify(token, looked) {
      const name = nameOf(looked.type, token)
      const known = verified.get(name)
      if (known !== undefined) return known
      // Async, so that what it throws is kept like what it rejects with.
      const first = (async () => verification.verify(token, looked))()
      verified.set(name, first)
      return first
    },
  }
}
