import type { VerificationKey } from './jwk.ts'

/** A token that was verified, without its text: nobody can present what is kept here. */
export interface VerifiedToken<Claims> {
  readonly key: VerificationKey
  /** Shared by all who find it: to be read, never handed out. */
  readonly claims: Claims
}

/** The tokens whose signature need not be checked again, at most so many. */
export interface VerifiedTokens<Claims> {
  /**
   * What is remembered of this very token, or of one that differs in nothing that needs a judge but its times.
   *
   * @param isCurrent Whether a key may still verify.
   * @throws {CountersignError} `token-signature-invalid`, where that could be said at once.
   */
  find(
    token: string,
    isCurrent: (key: VerificationKey) => boolean,
  ): Awaitable<VerifiedToken<Claims> | undefined>
  /**
   * Remembers a token that was verified.
   *
   * @param judgedMs When all of its claims were judged, if they were; epoch milliseconds.
   */
  remember(token: string, verified: VerifiedToken<Claims>, judgedMs?: number): void
}

/** At once where the platform can: to wait for what is there already costs as much as the claims. */
export type Awaitable<Value> = Value | Promise<Value>

export function whenThere<Value, Next>(
  value: Awaitable<Value>,
  next: (value: Value) => Awaitable<Next>,
): Awaitable<Next> {
  return value instanceof Promise ? value.then(next) : next(value)
}
