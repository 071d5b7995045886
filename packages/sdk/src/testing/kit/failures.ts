/** How an authority can fail its callers. */
export type TestFailureKind =
  /** Nothing answers: `fetch` rejects. */
  | 'down'
  /** It answers late, or not at all. */
  | 'slow'
  /** It answers with an error. */
  | 'error'
  /** It answers with JSON of which the end is missing. */
  | 'malformed'
  /** Its status lists stay as they were: what is revoked from now on is not in them. */
  | 'staleLists'

/** What is to go wrong, and when. */
export interface TestFailure {
  readonly kind: TestFailureKind
  /** How many requests it is for. Default: all, until `recover()`. */
  readonly times?: number | undefined
  /** Requests whose path ends so. Default: all. */
  readonly path?: string | undefined
  /** Of `error`. Default 500. */
  readonly status?: number | undefined
  /** Of `slow`: milliseconds. Default: until `recover()`, or until the caller gives up. */
  readonly delayMs?: number | undefined
}
