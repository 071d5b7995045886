/** What clients of an authority were told, and when; and whether all of it can be true. */

/** From when a request was sent until it was answered, in steps of one counter for all clients. */
export interface Span {
  readonly begin: number
  readonly end: number
}

/** A change; `isDone` is `null` where nobody was told whether it has happened. */
export interface Change extends Span {
  readonly isDone: true | null
}

export interface RecordedToken extends Span {
  readonly id: string
  readonly text: string
  readonly format: 'opaque' | 'jwt'
  readonly machine: number
  readonly version: number
  readonly receivers: readonly string[]
}

export interface Verdict extends Span {
  readonly token: RecordedToken
  readonly isAccepted: boolean
}

/** A secret was presented. */
export interface Presented extends Span {
  readonly machine: number
  readonly version: number
  readonly isAccepted: boolean
}

/** Whether a machine may call another one from now on. */
export interface ScopeChange extends Change {
  readonly machine: number
  readonly receiver: string
  readonly isGranted: boolean
  /** The receiver is gone, which comes from another client than the other changes. */
  readonly isFinal?: true
}

/** Tokens of a machine are ended: one, those that one version of its secret made, or all of them. */
export interface Ending extends Change {
  readonly machine: number
  readonly id?: string
  readonly version?: number
  /** The secret, or the machine, had ended before: nothing can be made afterwards either. */
  readonly isFinal: boolean
}

/** A version of a secret ceases to work, or all of them with their machine. */
export interface SecretEnd extends Change {
  readonly machine: number
  readonly version: number | null
}

export interface Ledger {
  readonly tokens: RecordedToken[]
  readonly verdicts: Verdict[]
  readonly presented: Presented[]
  readonly endings: Ending[]
  readonly secretEnds: SecretEnd[]
  readonly scopeChanges: ScopeChange[]
}

export function createLedger(): Ledger {
  return {
    tokens: [],
    verdicts: [],
    presented: [],
    endings: [],
    secretEnds: [],
    scopeChanges: [],
  }
}

const isBefore = (one: Span, other: Span): boolean => one.end < other.begin

/** All that cannot be, whatever the order of what overlaps. */
export function contradictions(ledger: Ledger): string[] {
  return [
    ...ledger.verdicts.flatMap((verdict) => judgeVerdict(ledger, verdict)),
    ...ledger.presented.flatMap((presented) => judgePresented(ledger, presented)),
    ...ledger.tokens.flatMap((token) => judgeReceivers(ledger, token)),
  ]
}

function judgeVerdict({ endings }: Ledger, verdict: Verdict): string[] {
  const { token, isAccepted } = verdict
  const concern = endings.filter((ending) => concerns(ending, token))
  if (isAccepted) {
    return concern
      .filter((ending) => ending.isDone === true && isBefore(ending, verdict))
      .filter((ending) => ending.isFinal || isBefore(token, ending))
      .map((ending) => `accepted after it was ended: ${say(verdict)} ${say(ending)}`)
  }
  const isPossible = concern.some(({ begin }) => begin < verdict.end)
  return isPossible ? [] : [`refused, and nobody had ended it: ${say(verdict)}`]
}

function concerns({ machine, id, version }: Ending, token: RecordedToken): boolean {
  return (
    machine === token.machine &&
    (id === undefined || id === token.id) &&
    (version === undefined || version === token.version)
  )
}

function judgePresented({ secretEnds }: Ledger, presented: Presented): string[] {
  const concern = secretEnds.filter(
    ({ machine, version }) =>
      machine === presented.machine && (version === null || version === presented.version),
  )
  if (presented.isAccepted) {
    return concern
      .filter((end) => end.isDone === true && isBefore(end, presented))
      .map((end) => `a secret worked after its end: ${say(presented)} ${say(end)}`)
  }
  const isPossible = concern.some(({ begin }) => begin < presented.end)
  return isPossible ? [] : [`a secret did not work, and nobody had ended it: ${say(presented)}`]
}

/** One client alone changes the scopes of a machine, so they have an order. */
function judgeReceivers({ scopeChanges }: Ledger, token: RecordedToken): string[] {
  const changes = scopeChanges.filter(({ machine }) => machine === token.machine)
  const receivers = new Set([...changes.map(({ receiver }) => receiver), ...token.receivers])
  return [...receivers].flatMap((receiver) => {
    const isGranted = token.receivers.includes(receiver)
    const contradiction = [`${say(token)} names ${receiver}: ${isGranted}`]
    const all = changes.filter((change) => change.receiver === receiver)
    const final = all.find((one) => one.isFinal === true && one.begin < token.end)
    if (final !== undefined) {
      const isGone = final.isDone === true && isBefore(final, token)
      return isGranted && isGone ? contradiction : []
    }
    const settled = all.findLast((one) => one.isDone === true && isBefore(one, token))
    const since = all.filter(
      (one) => one.begin < token.end && (settled === undefined || one.begin > settled.begin),
    )
    const possible = [settled?.isGranted ?? false, ...since.map(({ isGranted }) => isGranted)]
    return possible.includes(isGranted) ? [] : contradiction
  })
}

function say(record: object): string {
  return JSON.stringify(record, (name, value: unknown) => (name === 'text' ? undefined : value))
}
