/** Why a tool did not do what it was asked. Its message is for the model: it holds no secret. */
export type ToolErrorCode =
  /** No such tool, or one that is not switched on. */
  | 'tool-not-allowed'
  | 'input-invalid'
  | 'budget-exhausted'
  /** The call could not be recorded in the audit log, so it was not made. */
  | 'call-not-recorded'
  /** The authority says no. */
  | 'refused'
  /** The authority gives no answer, or asks for patience. */
  | 'unavailable'
  | 'failed'

interface ToolErrorDetails {
  readonly retryAfterSeconds?: number | undefined
  readonly cause?: unknown
}

/** The one error of this package. Branch on `code`. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
  readonly code: ToolErrorCode
  readonly retryAfterSeconds: number | null

  constructor(code: ToolErrorCode, message: string, details: ToolErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retryAfterSeconds = details.retryAfterSeconds ?? null
  }
}
