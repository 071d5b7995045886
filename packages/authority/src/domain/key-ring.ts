import { type Actor, AUTHORITY } from './actors.ts'
import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import {
  isPublished,
  type KeyPolicy,
  keyState,
  MAX_KEYS_PER_ALGORITHM,
  planKeys,
  planRevocation,
  planRotation,
  signingKeyAt,
} from './key-plan.ts'
import type { AuditEntry, KeyVault, Outcome, Revocation } from './ports.ts'
import {
  type Algorithm,
  ALGORITHMS,
  type PublicJwk,
  type SigningKeyRecord,
  type SigningKeySet,
} from './records.ts'
import { newRevocation } from './revocations.ts'
import {
  checkSigningKeys,
  makeSigningKey,
  proveSigningKeys,
  SigningKeyError,
  type UnprovedSigningKey,
} from './signing-keys.ts'

/** The keys of an instance's JWTs, as those use them who sign and verify. */
export interface SigningKeys {
  /** The key that signs at this instant. */
  signer(algorithm: Algorithm, now: number): SigningKeyRecord
  /** Whether a key is still published, by what every process has written until now. */
  confirm(kid: string): Promise<boolean>
  /** The JWK Set that verifiers fetch now (RFC 7517 §5); of each algorithm the key that signs stands first. */
  publicSet(): { readonly keys: readonly PublicJwk[] }
  /** A published key; one that is not known here is looked for in the store, at most once a second. */
  find(kid: string): Promise<SigningKeyRecord | null>
}

/** The same keys, as those use them who keep them. */
export interface KeyRing extends SigningKeys {
  /** All that are not forgotten, also revoked ones. */
  list(): Promise<readonly SigningKeyRecord[]>
  /**
   * Lets the next key of the algorithm, or of every one, take over as soon as verifiers have it.
   *
   * @returns the keys that take over, with the instant in `activeFrom`.
   * @throws {AuthorityError} `conflict`
   */
  rotate(by: Actor, algorithm: Algorithm | null): Promise<readonly SigningKeyRecord[]>
  /**
   * Ends a key at once, and what it has signed. Idempotent: the first revocation stands.
   *
   * @throws {AuthorityError} `resource_not_found`, `conflict`
   */
  revoke(by: Actor, kid: string, reason: string | null): Promise<SigningKeyRevocation>
  /** Learns what other processes did, and does what is due. To be called every second or so. */
  tick(): Promise<void>
  /** Waits for what is under way. */
  close(): Promise<void>
}

/** A revoked key, and the one that signs now. */
export interface SigningKeyRevocation {
  readonly revoked: SigningKeyRecord
  readonly signer: SigningKeyRecord
}

export interface KeyRingParts {
  readonly vault: KeyVault
  readonly policy: KeyPolicy
}

/** A decision is made anew when another process was first. */
const WRITE_ATTEMPTS = 8

/** Tokens with keys that nobody knows cost no more than one look at the store in this time. */
const LOOK_AGAIN_MS = 1_000

/** A handle may be sealed anew, which is no change of the set. */
const RELOAD_AFTER_MS = 60_000

type Keys = readonly UnprovedSigningKey[]

/** @throws {SigningKeyError} when the keys in the store are not as the authority wrote them. */
export async function openKeyRing(
  context: Pick<Context, 'store' | 'clock' | 'ids' | 'credentials' | 'audit'>,
  parts: KeyRingParts,
): Promise<KeyRing> {
  const { store, clock, ids, credentials, audit } = context
  const { vault, policy } = parts
  let set = await load()
  let loadedAt = clock.now()
  let lookedAt = Number.NEGATIVE_INFINITY
  let maintaining: Promise<void> | null = null

  async function load(): Promise<SigningKeySet> {
    const loaded = await store.signingKeys()
    checkSigningKeys(loaded, credentials)
    return loaded
  }

  /** Never to an older version: with the database put back, a revoked key would live again. */
  const reload = async (): Promise<void> => {
    const loaded = await load()
    if (loaded.version < set.version) throw wentBack(loaded.version, set.version)
    set = loaded
    loadedAt = clock.now()
  }

  const follow = async (): Promise<void> => {
    const version = await store.signingKeysVersion()
    const isOld = Math.abs(clock.now() - loadedAt) >= RELOAD_AFTER_MS
    if (version > set.version || (version === set.version && isOld)) await reload()
    if (version < set.version) throw wentBack(version, set.version)
  }

  /** Nothing is written where somebody was first. Either way this process then knows what is now. */
  const write = async (
    base: SigningKeySet,
    keys: Keys,
    entry: AuditEntry,
    revocation?: Revocation,
  ): Promise<Outcome> => {
    const next = proveSigningKeys(base.version + 1, keys, credentials)
    const outcome = await store.write(
      revocation === undefined
        ? { type: 'replace-signing-keys', set: next }
        : { type: 'revoke-signing-key', set: next, revocation },
      entry,
    )
    await reload()
    return outcome
  }

  /** Decides on the keys as they are and writes, until nobody came between. */
  const decide = async (attempt: (base: SigningKeySet) => Promise<Outcome>): Promise<void> => {
    for (let times = 0; times < WRITE_ATTEMPTS; times++) {
      if ((await attempt(set)) === 'done') return
    }
    throw new AuthorityError('conflict')
  }

  const make = (algorithms: readonly Algorithm[]): Promise<Keys> =>
    Promise.all(algorithms.map((algorithm) => makeSigningKey({ vault, clock, ids }, algorithm)))

  const doWhatIsDue = async (): Promise<void> => {
    let spare: Keys = []
    // What is left after so many steps is due again at the next beat.
    for (let step = 0; step < WRITE_ATTEMPTS; step++) {
      const base = set
      const { make: wanted, keys } = planKeys(clock.now(), base.keys, policy)
      const missing = wanted.filter((one) => !spare.some(({ algorithm }) => algorithm === one))
      const entry = audit('signing_keys.maintained', AUTHORITY, {
        target: null,
        details: { version: base.version + 1 },
      })
      if (keys !== null) await write(base, keys, entry)
      else if (wanted.length === 0) return
      else if (missing.length > 0) spare = [...spare, ...(await make(missing))]
      else {
        const now = clock.now()
        const added = spare.filter(({ algorithm }) => wanted.includes(algorithm))
        const renewed = added.map((key) => ({ ...key, createdAt: now }))
        await write(base, [...base.keys, ...renewed], entry)
      }
    }
  }

  /** One at a time, however many ask: making a key is dear. */
  const maintain = (): Promise<void> => {
    maintaining ??= doWhatIsDue().finally(() => {
      maintaining = null
    })
    return maintaining
  }

  const published = (kid: string): SigningKeyRecord | null =>
    set.keys.find((key) => key.kid === kid && isPublished(key, clock.now())) ?? null

  const signer = (algorithm: Algorithm, now: number): SigningKeyRecord => {
    const key = signingKeyAt(now, set.keys, algorithm)
    if (key === null) throw new Error(`This instance has no ${algorithm} key.`)
    return key
  }

  const isFull = (algorithm: Algorithm): boolean =>
    set.keys.filter((key) => key.algorithm === algorithm && isPublished(key, clock.now())).length >=
    MAX_KEYS_PER_ALGORITHM

  return Object.freeze({
    signer,

    async confirm(kid: string) {
      await follow().catch(unlessAltered)
      return published(kid) !== null
    },

    publicSet() {
      const now = clock.now()
      const keys = ALGORITHMS.flatMap((algorithm) => {
        const signs = signingKeyAt(now, set.keys, algorithm)
        const others = set.keys.filter((key) => key !== signs && key.algorithm === algorithm)
        return [...(signs === null ? [] : [signs]), ...others]
      })
      const shown = keys.filter((key) => isPublished(key, now))
      return { keys: shown.map(({ publicJwk }) => publicJwk) }
    },

    async find(kid: string) {
      const known = published(kid)
      const now = clock.now()
      if (known !== null || (now >= lookedAt && now - lookedAt < LOOK_AGAIN_MS)) return known
      lookedAt = now
      await follow().catch(unlessAltered)
      return published(kid)
    },

    async list() {
      await follow()
      const now = clock.now()
      return set.keys.filter((key) => keyState(key, now) !== 'forgotten')
    },

    async rotate(by: Actor, algorithm: Algorithm | null) {
      const algorithms = algorithm === null ? ALGORITHMS : [algorithm]
      await follow()
      if (algorithms.some(isFull)) {
        const explanation = `An algorithm has at most ${MAX_KEYS_PER_ALGORITHM} published keys. Rotate again when the oldest are forgotten.`
        throw new AuthorityError('conflict', { explanation })
      }
      await maintain()
      await decide(async (base) => {
        const now = clock.now()
        const keys = algorithms.reduce<readonly SigningKeyRecord[]>(
          (planned, one) => planRotation(now, planned, one),
          base.keys,
        )
        const entry = audit('signing_keys.rotated', by, { target: null, details: { algorithms } })
        return keys === base.keys ? 'done' : write(base, keys, entry)
      })
      const now = clock.now()
      return set.keys.filter(
        (key) =>
          algorithms.includes(key.algorithm) &&
          key.activeFrom !== null &&
          keyState(key, now) === 'next',
      )
    },

    async revoke(by: Actor, kid: string, reason: string | null) {
      await follow()
      await decide(async (base) => {
        const key = base.keys.find((one) => one.kid === kid)
        if (key === undefined) throw new AuthorityError('resource_not_found')
        if (key.revokedAt !== null) return 'done'
        const at = clock.now()
        // Its private half is of no more use to anybody honest.
        const ended = planRevocation(at, base.keys, kid).map((one) =>
          one.kid === kid ? { ...one, handle: new Uint8Array(), revocationReason: reason } : one,
        )
        const orphaned = signingKeyAt(at, ended, key.algorithm) === null
        const left = orphaned ? [...ended, ...(await replacementFor(ended, key.algorithm))] : ended
        const revocation = { ...newRevocation({ ids, clock }, { kid }, reason), at }
        const entry = audit('signing_key.revoked', by, {
          target: kid,
          reason,
          details: { revocation: revocation.id },
        })
        return write(base, planKeys(at, left, policy).keys ?? left, entry, revocation)
      })
      // It is done, whatever becomes of the new next key: that is due again at the next beat.
      await maintain().catch(() => undefined)
      const revoked = set.keys.find((one) => one.kid === kid)
      if (revoked === undefined) throw new AuthorityError('resource_not_found')
      return { revoked, signer: signer(revoked.algorithm, clock.now()) }
    },

    async tick() {
      await follow()
      await maintain()
    },

    async close() {
      await maintaining?.catch(() => undefined)
    },
  })

  /** Only where not even a next key is left, since it takes time in which the stolen one lives. */
  async function replacementFor(keys: Keys, algorithm: Algorithm): Promise<Keys> {
    const isNext = (key: UnprovedSigningKey): boolean => keyState(key, clock.now()) === 'next'
    return keys.some((key) => key.algorithm === algorithm && isNext(key)) ? [] : make([algorithm])
  }
}

/** Keys that are not to be believed are as good as none; the beat reports them. */
function unlessAltered(error: unknown): void {
  if (!(error instanceof SigningKeyError)) throw error
}

function wentBack(stored: number, known: number): SigningKeyError {
  return new SigningKeyError(
    `The signing keys in the database went back from version ${known} to ${stored}: it was replaced by an ` +
      'older copy. This process goes on with the keys that it knows. Restart it if the copy is to be ' +
      'trusted, and revoke again what was revoked since.',
  )
}
