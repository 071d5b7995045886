import { ToolError } from './tool-error.ts'

/** What one agent may do within a time. */
export interface BudgetOptions {
  /** Calls that change something or issue a token. Default 10. */
  readonly writes?: number
  /** Calls of every kind. Default 500. */
  readonly calls?: number
  /** Default 3,600. */
  readonly windowSeconds?: number
}

/** The budget of one agent. */
export interface Budget {
  /** Before a call is made: one that fails counts too. @throws {ToolError} `budget-exhausted` */
  take(isWrite: boolean): void
}

const DEFAULTS = { writes: 10, calls: 500, windowSeconds: 3_600 } as const

const MAX_COUNT = 10_000

const MAX_WINDOW_SECONDS = 86_400

/** Makes budgets that are all alike. @throws {TypeError} naming the option */
export function createBudgets(options: BudgetOptions, clock: () => number): () => Budget {
  const writes = whole('writes', options.writes ?? DEFAULTS.writes, 0, MAX_COUNT)
  const calls = whole('calls', options.calls ?? DEFAULTS.calls, 1, MAX_COUNT)
  const window = options.windowSeconds ?? DEFAULTS.windowSeconds
  const windowMs = whole('windowSeconds', window, 1, MAX_WINDOW_SECONDS) * 1000
  return () => {
    const ofCalls = createWindow('calls', calls, windowMs)
    const ofWrites = createWindow('changes and tokens', writes, windowMs)
    return {
      take(isWrite) {
        const now = clock()
        // Both are asked before either is used.
        ofCalls.check(now)
        if (isWrite) ofWrites.check(now)
        ofCalls.use(now)
        if (isWrite) ofWrites.use(now)
      },
    }
  }
}

interface Window {
  check(now: number): void
  use(now: number): void
}

/** So many in any stretch of that length. Holds no more instants than it allows. */
function createWindow(what: string, limit: number, windowMs: number): Window {
  let used: number[] = []
  return {
    check(now) {
      // An instant that lies ahead is of a clock that was set back.
      used = used.filter((at) => at > now - windowMs && at <= now)
      if (used.length < limit) return
      const seconds = windowMs / 1000
      const retryAfterSeconds = Math.ceil(((used[0] ?? now) + windowMs - now) / 1000)
      throw new ToolError(
        'budget-exhausted',
        limit === 0
          ? `No ${what} are allowed to this agent. Ask the person who runs it.`
          : `The budget of this agent is used up: ${limit} ${what} in ${seconds} s. ` +
              `The next is possible in ${retryAfterSeconds} s. Do not retry before; tell the person you work for.`,
        { retryAfterSeconds },
      )
    },
    use(now) {
      used.push(now)
    },
  }
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new TypeError(`Expected budget.${name} to be a whole number from ${min} to ${max}.`)
}
