import { CountersignError } from '../token/errors.ts'
import { TokenType } from '../token/token-type.ts'
import { createMemo } from '../verify/memo.ts'
import { type Awaitable, whenThere } from '../verify/verified-tokens.ts'
import {
  type AcceptedNone,
  acceptedTypes,
  type AcceptedType,
  type AcceptsToken,
  type AuthenticatorOptions,
} from './options.ts'
import { bearerToken, type HasHeaders, sessionCookie } from './presented-token.ts'
import { reasonOf } from './refusals.ts'
import { type RequestState, signedIn, signedOut, type SignedOutBecause } from './request-state.ts'
import { createVerification, type Verification } from './verification.ts'

const SESSION = TokenType.SessionToken

/** Which classes of token a request may present. */
export interface AuthenticateOptions<Accepts extends AcceptsToken = AcceptsToken> {
  /** Default `session_token`, as at Clerk. */
  readonly acceptsToken?: Accepts
}

/** Tells who sends requests. */
export interface Authenticator {
  /**
   * Looks for a token of an accepted class, and verifies it.
   *
   * @throws {CountersignError} `configuration-invalid`; never for what a request presents.
   */
  readonly authenticate: <const Accepts extends AcceptsToken = 'session_token'>(
    request: HasHeaders,
    options?: AuthenticateOptions<Accepts>,
  ) => Promise<RequestState<AcceptedType<Accepts>, AcceptedNone<Accepts>>>
}

/**
 * An authenticator whose options are fixed from now on.
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const verification = createVerification(options)
  return Object.freeze({
    async authenticate<const Accepts extends AcceptsToken = 'session_token'>(
      request: HasHeaders,
      { acceptsToken }: AuthenticateOptions<Accepts> = {},
    ): Promise<RequestState<AcceptedType<Accepts>, AcceptedNone<Accepts>>> {
      const accepts = acceptsToken ?? TokenType.SessionToken
      const authenticated = authenticateAs(verification, request, accepts)
      const state = authenticated instanceof Promise ? await authenticated : authenticated
      // Its class is one of those accepted, as `authenticateAs` sees to.
      return state as RequestState<AcceptedType<Accepts>, AcceptedNone<Accepts>>
    },
  })
}

/** Everything that `authenticateRequest` takes: how to verify, and what to accept. */
export interface AuthenticateRequestOptions<Accepts extends AcceptsToken = AcceptsToken>
  extends AuthenticatorOptions, AuthenticateOptions<Accepts> {}

const authenticatorOf = createMemo(createAuthenticator)

/**
 * Tells who sends a request, in one call. The authenticator is made by the first call with these options
 * and serves all that follow.
 *
 * ```ts
 * const state = await authenticateRequest(request, { ...options, acceptsToken: 'm2m_token' })
 * if (!state.isAuthenticated) return state.toResponse()
 * const { machineId } = state.toAuth()
 * ```
 *
 * @throws {CountersignError} `configuration-invalid`; never for what a request presents.
 */
export async function authenticateRequest<const Accepts extends AcceptsToken = 'session_token'>(
  request: HasHeaders,
  { acceptsToken, ...options }: AuthenticateRequestOptions<Accepts>,
): Promise<RequestState<AcceptedType<Accepts>, AcceptedNone<Accepts>>> {
  const authenticator = authenticatorOf(options)
  return authenticator.authenticate(request, acceptsToken === undefined ? {} : { acceptsToken })
}

/** Who sends a request, of the classes that are accepted. @throws {CountersignError} `configuration-invalid` */
export function authenticateAs(
  verification: Verification,
  request: HasHeaders,
  accepts: AcceptsToken,
): Awaitable<RequestState> {
  const types = acceptedTypes(accepts)
  /** The class that was asked for, where it was one. */
  const asked = typeof accepts === 'string' && accepts !== 'any' ? accepts : null

  const inHeader = bearerToken(request)
  if (inHeader === 'malformed') {
    return signedOut(asked ?? sessionOrNone(types), notOne('the Authorization header'))
  }
  if (inHeader !== 'none') return authenticateToken(verification, inHeader.token, types, asked)
  if (!types.includes(SESSION)) {
    const reason = asked === null ? 'token-type-mismatch' : 'No token in header'
    return signedOut(asked, { reason, isPresented: false })
  }

  const inCookie = sessionCookie(request)
  if (inCookie === 'malformed') return signedOut(SESSION, notOne('the cookie __session'))
  if (inCookie === 'none') {
    return signedOut(SESSION, { reason: 'session-token-and-uat-missing', isPresented: false })
  }
  // Machines have no cookies: whatever else is accepted, this is a session or nothing.
  return authenticateToken(verification, inCookie.token, [SESSION], SESSION)
}

function notOne(place: string): SignedOutBecause {
  const error = new CountersignError('token-malformed', {
    expected: `exactly one token in ${place}`,
  })
  return { reason: 'token-invalid', error, isPresented: true }
}

function authenticateToken(
  verification: Verification,
  token: string,
  types: readonly TokenType[],
  asked: TokenType | null,
): Awaitable<RequestState> {
  return whenThere(verification.recall(token, types), (recalled) => {
    if (recalled === null) return authenticateStranger(verification, token, types, asked)
    return recalled.error === undefined
      ? signedIn(recalled.type, token, recalled.auth)
      : refused(recalled.type, recalled.error)
  })
}

function refused(type: TokenType, error: CountersignError): RequestState {
  return signedOut(type, { reason: reasonOf(error, type), error, isPresented: true })
}

async function authenticateStranger(
  verification: Verification,
  token: string,
  types: readonly TokenType[],
  asked: TokenType | null,
): Promise<RequestState> {
  const looked = verification.look(token, types)
  const { type, jws } = looked
  // Before anything is asked of anybody.
  if (type === null || !types.includes(type)) {
    // What is no JWT is a bad session where a session is expected, and not one of another class.
    const isBadSession =
      jws === null && (type === null ? types.includes(SESSION) : asked === SESSION)
    return signedOut(asked ?? (type === null ? sessionOrNone(types) : null), {
      reason: isBadSession ? 'token-invalid' : 'token-type-mismatch',
      error: looked.error ?? mismatch(types, type),
      isPresented: true,
    })
  }
  try {
    const verified = verification.verify(token, looked)
    return signedIn(type, token, verified instanceof Promise ? await verified : verified)
  } catch (error) {
    if (error instanceof CountersignError) return refused(type, error)
    throw error
  }
}

/** Whatever is no machine's would be a session's, where one is accepted among others. */
function sessionOrNone(types: readonly TokenType[]): 'session_token' | null {
  return types.includes(SESSION) ? SESSION : null
}

function mismatch(types: readonly TokenType[], got: TokenType | null): CountersignError {
  return new CountersignError('token-class-mismatch', {
    expected: types.join(' or '),
    got: got ?? 'nothing that is known',
  })
}
