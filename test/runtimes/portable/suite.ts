/** What a runtime is given, and what it says. */

type Jwk = Readonly<Record<string, unknown>>

/** One token, and what is to be said of it. */
export interface Case {
  readonly group: string
  readonly name: string
  readonly token: string
  /** The keys to verify it with, where they are not those of the suite. */
  readonly keys?: readonly Jwk[]
  /** The audience to verify it for, where it is not that of the suite. */
  readonly audience?: string | null
  /** `accepted`, or the code of the refusal. */
  readonly verdict: string
}

/** Everything that a runtime is given. It is JSON. */
export interface Suite {
  readonly issuer: string
  readonly audience: string
  readonly nowMs: number
  readonly keys: readonly Jwk[]
  readonly cases: readonly Case[]
  /** Good tokens, one for each key of the suite. */
  readonly good: readonly string[]
  /** Rightly signed tokens that name keys nobody has. */
  readonly strangers: readonly string[]
  /** A good token of which every single character is changed. */
  readonly mutated: string
}

/** Everything that a runtime says. It is JSON. */
export interface Report {
  /** By the index of the case. */
  readonly verdicts: readonly string[]
  /** What the accepted tokens became, and `null` for the others. */
  readonly results: readonly (Readonly<Record<string, unknown>> | null)[]
  /** What `countersign/token` takes each token for, unverified. */
  readonly classes: readonly string[]
  readonly behaviours: Readonly<Record<string, string>>
  /** How often each verdict was given, by the kind of change. */
  readonly mutations: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** The verdicts on all changes, one letter each, so that two runtimes can be compared. */
  readonly mutationTrace: string
}
