import type { CountersignError } from '../token/errors.ts'
import type { TokenType } from '../token/token-type.ts'
import { type DebugData, nobody, type SignedInAuth, type SignedOutAuth } from './auth-object.ts'
import { type AuthReason, isVerdict } from './refusals.ts'

/** What a request turned out to be: of somebody, or of nobody and why. */
export type RequestState<Type extends TokenType = TokenType, None extends null = null> =
  SignedInState<Type> | SignedOutState<Type, None>

export interface SignedInState<Type extends TokenType = TokenType> {
  readonly status: 'signed-in'
  readonly isAuthenticated: true
  /** @deprecated Clerk's older name of `isAuthenticated`. */
  readonly isSignedIn: true
  readonly tokenType: Type
  readonly token: string
  readonly reason: null
  readonly message: null
  readonly error: null
  /** To be sent with the answer: none. */
  readonly headers: Headers
  readonly toAuth: () => SignedInAuth<Type>
  /** For a log: no token, no claim, no key. */
  readonly debug: () => DebugData
}

export interface SignedOutState<Type extends TokenType = TokenType, None extends null = null> {
  readonly status: 'signed-out'
  readonly isAuthenticated: false
  /** @deprecated Clerk's older name of `isAuthenticated`. */
  readonly isSignedIn: false
  /** What was asked for; `null` when it was several classes, and none of them was presented. */
  readonly tokenType: Type | None
  readonly token: null
  /** In Clerk's words. Not for the caller. */
  readonly reason: AuthReason
  /** For the operator. Not for the caller. */
  readonly message: string
  /** What was expected and what was there, where a token was refused. Not for the caller. */
  readonly error: CountersignError | null
  /** 401; 503 when nothing could be learned of the token, which may be good. */
  readonly httpStatus: 401 | 503
  /** To be sent with the answer: `WWW-Authenticate`, or `Retry-After`. They tell the caller no reason. */
  readonly headers: Headers
  readonly toAuth: () => SignedOutAuth<Type, None>
  /** The answer to the caller: the status and the headers, and nothing else. */
  readonly toResponse: () => Response
  /** For a log: no token, no claim, no key. */
  readonly debug: () => DebugData & {
    readonly reason: AuthReason
    readonly code: CountersignError['code'] | null
  }
}

/** Seconds, where the authority has not said when to try again. */
const RETRY_AFTER_SECONDS = 1

export function signedIn<Type extends TokenType>(
  tokenType: Type,
  token: string,
  auth: SignedInAuth<Type>,
): SignedInState<Type> {
  return Object.freeze(new SignedIn(tokenType, token, auth))
}

/** A class, because an object with getters of its own takes a microsecond to make, and this one 0.07. */
class SignedIn<Type extends TokenType> implements SignedInState<Type> {
  readonly status = 'signed-in'
  readonly isAuthenticated = true
  readonly isSignedIn = true
  readonly tokenType: Type
  readonly reason = null
  readonly message = null
  readonly error = null
  readonly toAuth: () => SignedInAuth<Type>
  readonly debug: () => DebugData
  /** Whoever prints or copies a state does not mean to print what lets anybody in. */
  readonly #token: string

  constructor(tokenType: Type, token: string, auth: SignedInAuth<Type>) {
    this.tokenType = tokenType
    this.#token = token
    this.toAuth = () => auth
    this.debug = () => ({ tokenType, isAuthenticated: true })
  }

  get token(): string {
    return this.#token
  }

  /** Made when it is asked for: most never do. */
  get headers(): Headers {
    return new Headers()
  }

  toJSON(): DebugData {
    return this.debug()
  }
}

/** Why a request is of nobody. */
export interface SignedOutBecause {
  readonly reason: AuthReason
  readonly error?: CountersignError | undefined
  /** Whether a token was presented: only then does the challenge call one bad (RFC 6750 §3.1). */
  readonly isPresented: boolean
}

export function signedOut<Type extends TokenType>(
  tokenType: Type | null,
  { reason, error, isPresented }: SignedOutBecause,
): SignedOutState<Type> {
  const httpStatus = error === undefined || isVerdict(error) ? 401 : 503
  const headers = (): Headers =>
    new Headers(
      httpStatus === 401
        ? { 'www-authenticate': isPresented ? 'Bearer error="invalid_token"' : 'Bearer' }
        : { 'retry-after': String(error?.retryAfter ?? RETRY_AFTER_SECONDS) },
    )
  return Object.freeze({
    status: 'signed-out',
    isAuthenticated: false,
    isSignedIn: false,
    tokenType,
    token: null,
    reason,
    message: error?.message ?? '',
    error: error ?? null,
    httpStatus,
    get headers() {
      return headers()
    },
    toAuth: () => nobody(tokenType),
    toResponse: () => new Response(null, { status: httpStatus, headers: headers() }),
    debug: () => ({ tokenType, isAuthenticated: false, reason, code: error?.code ?? null }),
  })
}
