/** Who asks, as their secret key has proved it. */
export type Identity =
  | { readonly kind: 'instance'; readonly instanceKeyId: string }
  | { readonly kind: 'machine'; readonly machineId: string; readonly secretVersion: number }

/** Where a request comes from; `null` when that is not known. */
export interface Origin {
  readonly address: string | null
}

/** Who a caller says it is besides. */
export interface Claim {
  /**
   * The agent that acts with the key. Whoever holds the key can write any name here: it is recorded for
   * whoever reads the audit log, and decides nothing.
   */
  readonly claimedAgent?: string
}

/** Who asks, and from where. */
export type Caller = Identity & Origin & Claim

export type InstanceCaller = Extract<Caller, { kind: 'instance' }>
export type MachineCaller = Extract<Caller, { kind: 'machine' }>

/** Whoever may change something: a caller, who works at the database itself, the authority on its own. */
export type Actor = Caller | ({ readonly kind: 'operator' | 'authority' | 'stranger' } & Origin)

/** Whoever holds the database and its root key. */
export const OPERATOR: Actor = Object.freeze({ kind: 'operator', address: null })

/** The authority itself, at what is due. */
export const AUTHORITY: Actor = Object.freeze({ kind: 'authority', address: null })
