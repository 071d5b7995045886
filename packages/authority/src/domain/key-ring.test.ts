import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { systemRandom } from '../system.ts'
import { OPERATOR } from './actors.ts'
import { createAudit } from './audit.ts'
import { createCredentials, type Credentials } from './credentials.ts'
import type { DataKeys } from './data-keys.ts'
import { createIdSource } from './id-source.ts'
import { foundInstance } from './instance.ts'
import { MAX_JWT_SECONDS } from './jwt.ts'
import { isPublished, keyState, NOTICE_MS, PUBLICATION_WINDOW_MS } from './key-plan.ts'
import { type KeyRing, openKeyRing } from './key-ring.ts'
import type { KeyVault, Store } from './ports.ts'
import { ALGORITHMS, type SigningKeyRecord, type SigningKeySet } from './records.ts'
import { createRootKey } from './root-key.ts'
import { checkSigningKeys, proveSigningKeys } from './signing-keys.ts'

const DAY_MS = 86_400_000
const START = 1_800_000_000_000
const rootKeys = [createRootKey(new Uint8Array(32).fill(7))]

/** Keys that cost nothing: no signature is made here. */
const vault: KeyVault = {
  create: (kid, algorithm) =>
    Promise.resolve({ publicJwk: { kid, alg: algorithm }, handle: Uint8Array.of(1) }),
  open: () => Promise.resolve(),
  sign: () => Promise.reject(new Error('not here')),
}

interface World {
  readonly store: Store
  readonly credentials: Credentials
  now: number
  /** A process of its own: what it knows, and how wrong its clock is. */
  open(skewMs?: number, rotateAfterMs?: number | null): Promise<KeyRing>
}

async function aWorld(): Promise<World> {
  const store = createMemoryStore()
  let dataKeys: DataKeys | undefined
  const world = { now: START }
  const clock = { now: () => world.now }
  await foundInstance({
    environment: 'test',
    rootKeys,
    readBack: true,
    store,
    clock,
    random: systemRandom,
    createVault(opened) {
      dataKeys = opened
      return vault
    },
  })
  const instance = await store.instance()
  if (instance === null || dataKeys === undefined) throw new Error('not founded')
  const credentials = createCredentials(instance.id, dataKeys, systemRandom)
  return Object.assign(world, {
    store,
    credentials,
    async open(skewMs = 0, rotateAfterMs: number | null = 30 * DAY_MS) {
      const skewed = { now: () => world.now + skewMs }
      const ids = createIdSource({ clock: skewed, random: systemRandom })
      return openKeyRing(
        { store, clock: skewed, ids, credentials, audit: createAudit(skewed, credentials) },
        { vault, policy: { rotateAfterMs } },
      )
    },
  })
}

const kidsOf = (ring: KeyRing): unknown[] => ring.publicSet().keys.map((key) => key['kid'])

const inState = async (ring: KeyRing, state: string, now: number): Promise<SigningKeyRecord[]> =>
  (await ring.list()).filter((key) => key.algorithm === 'ES256' && keyState(key, now) === state)

describe('the keys of an instance', () => {
  it('are from the first moment one that signs and a published next one, of each algorithm', async () => {
    const world = await aWorld()
    const ring = await world.open()
    const algorithms = ring.publicSet().keys.map((key) => key['alg'])
    expect(algorithms).toEqual(ALGORITHMS.flatMap((algorithm) => [algorithm, algorithm]))
    // For clients that take the first that fits.
    const first = ALGORITHMS.map((algorithm) => ring.signer(algorithm, world.now).kid)
    expect(kidsOf(ring).filter((_, index) => index % 2 === 0)).toEqual(first)
    await ring.tick()
    expect((await world.store.signingKeys()).version).toBe(1)
  })

  it('roll by themselves, each with a new id', async () => {
    const world = await aWorld()
    const ring = await world.open()
    const signers = new Set<string>()
    for (let day = 0; day < 365; day++) {
      world.now = START + day * DAY_MS
      for (let beat = 0; beat < 3; beat++) {
        await ring.tick()
        signers.add(ring.signer('ES256', world.now).kid)
        world.now += NOTICE_MS
      }
    }
    expect(signers.size).toBe(13)
    expect((await ring.list()).length).toBeLessThanOrEqual(9)
  })

  it('are learnt by another process within one beat, and switch there at the same instant', async () => {
    const world = await aWorld()
    const [one, other] = [await world.open(), await world.open()]
    const [{ activeFrom, kid } = { activeFrom: null, kid: '' }] = await one.rotate(
      OPERATOR,
      'ES256',
    )
    const at = activeFrom ?? 0
    expect(at).toBe(START + PUBLICATION_WINDOW_MS)
    await other.tick()
    for (const ring of [one, other]) {
      expect(ring.signer('ES256', at - 1).kid).not.toBe(kid)
      expect(ring.signer('ES256', at).kid).toBe(kid)
    }
  })

  it('are rotated once by two processes that race to do it', async () => {
    const world = await aWorld()
    const rings = [await world.open(), await world.open()]
    world.now += 31 * DAY_MS
    await Promise.all(rings.map((ring) => ring.tick()))
    const settled = (await world.store.signingKeys()).keys.filter((key) => key.retiresAt !== null)
    expect(settled).toHaveLength(3)
    world.now += NOTICE_MS
    await Promise.all(rings.map((ring) => ring.tick()))
    for (const ring of rings) expect(await inState(ring, 'next', world.now)).toHaveLength(1)
  })

  it('are found in the store when another process has just made them, and garbage costs one look a second', async () => {
    const world = await aWorld()
    let looks = 0
    const counted: Store = {
      ...world.store,
      signingKeysVersion() {
        looks++
        return world.store.signingKeysVersion()
      },
    }
    const one = await world.open()
    const clock = { now: () => world.now }
    const ids = createIdSource({ clock, random: systemRandom })
    const { credentials } = world
    const policy = { rotateAfterMs: null }
    const late = await openKeyRing(
      { store: counted, clock, ids, credentials, audit: createAudit(clock, credentials) },
      { vault, policy },
    )
    const { signer } = await one.revoke(OPERATOR, one.signer('ES256', world.now).kid, null)
    const [next] = await inState(one, 'next', world.now)
    expect((await late.find(next?.kid ?? ''))?.kid).toBe(next?.kid)
    expect((await late.find(signer.kid))?.kid).toBe(signer.kid)
    for (let index = 0; index < 1_000; index++) expect(await late.find(`key_${index}`)).toBeNull()
    expect(looks).toBe(1)
    world.now += 1_000
    await late.find('key_x')
    world.now -= DAY_MS
    await late.find('key_x')
    expect(looks).toBe(3)
  })
})

describe('a revoked key', () => {
  it('is in no key set from that moment, signs no more, and its private half is gone', async () => {
    const world = await aWorld()
    const ring = await world.open()
    const stolen = ring.signer('ES256', world.now)
    const { revoked, signer } = await ring.revoke(OPERATOR, stolen.kid, 'stolen')
    expect(kidsOf(ring)).not.toContain(stolen.kid)
    expect(await ring.find(stolen.kid)).toBeNull()
    expect(ring.signer('ES256', world.now).kid).toBe(signer.kid)
    expect(signer.kid).not.toBe(stolen.kid)
    expect(revoked).toMatchObject({ revokedAt: START, revocationReason: 'stolen' })
    expect(revoked.handle).toHaveLength(0)
    expect(await inState(ring, 'next', world.now)).toHaveLength(1)
    // Also for a clock that is set back, and for ever.
    for (const now of [START - DAY_MS, START + 400 * DAY_MS]) {
      world.now = now
      await ring.tick()
      expect(kidsOf(ring)).not.toContain(stolen.kid)
    }
  })

  it('is revoked once: the first reason stands', async () => {
    const world = await aWorld()
    const ring = await world.open()
    const { kid } = ring.signer('RS256', world.now)
    await ring.revoke(OPERATOR, kid, 'first')
    world.now += 5
    const { version } = await world.store.signingKeys()
    const { revoked } = await ring.revoke(OPERATOR, kid, 'second')
    expect(revoked).toMatchObject({ revocationReason: 'first', revokedAt: START })
    expect((await world.store.signingKeys()).version).toBe(version)
    await expect(ring.revoke(OPERATOR, 'key_none', null)).rejects.toMatchObject({
      code: 'resource_not_found',
    })
  })

  it('is replaced also when not even a next key is left', async () => {
    const world = await aWorld()
    const ring = await world.open()
    // As after a migration: a key that signs, and none to follow it.
    const { keys } = await world.store.signingKeys()
    const alone = keys.filter((key) => key.activeFrom !== null)
    const set = proveSigningKeys(2, alone, world.credentials)
    await world.store.write({ type: 'replace-signing-keys', set })
    const { kid } = ring.signer('EdDSA', world.now)
    const { signer } = await ring.revoke(OPERATOR, kid, null)
    expect(signer).toMatchObject({ algorithm: 'EdDSA', activeFrom: START })
    expect(signer.kid).not.toBe(kid)
  })

  it('was revoked even if no new next key can be made now', async () => {
    const world = await aWorld()
    const ring = await openKeyRing(
      {
        store: world.store,
        clock: { now: () => world.now },
        ids: createIdSource({ clock: { now: () => world.now }, random: systemRandom }),
        credentials: world.credentials,
        audit: createAudit({ now: () => world.now }, world.credentials),
      },
      {
        vault: { ...vault, create: () => Promise.reject(new Error('no entropy')) },
        policy: { rotateAfterMs: null },
      },
    )
    const { kid } = ring.signer('ES256', world.now)
    await ring.revoke(OPERATOR, kid, null)
    expect(kidsOf(ring)).not.toContain(kid)
    await expect(ring.tick()).rejects.toThrow('no entropy')
  })
})

describe('who writes the database', () => {
  const altered = { code: 'signing-key-altered' }

  const asFound = async (): Promise<{ world: World; set: SigningKeySet; ring: KeyRing }> => {
    const world = await aWorld()
    const ring = await world.open()
    await ring.revoke(OPERATOR, ring.signer('ES256', world.now).kid, null)
    return { world, ring, set: await world.store.signingKeys() }
  }

  it.each([
    ['bring a revoked key to life', { revokedAt: null }],
    ['let a key sign before its time', { activeFrom: 5 }],
    ['keep a key signing for ever', { retiresAt: null, activeFrom: 0 }],
    ['make a key look published for longer', { createdAt: 5 }],
  ])('cannot %s', async (_, change) => {
    const { world, set } = await asFound()
    const keys = set.keys.map((key) => ({ ...key, ...change }))
    expect(() => {
      checkSigningKeys({ ...set, keys }, world.credentials)
    }).toThrow(expect.objectContaining(altered) as Error)
  })

  it('cannot put the row of an older version back, nor claim that there were no times yet', async () => {
    const world = await aWorld()
    const before = await world.store.signingKeys()
    const ring = await world.open()
    await ring.revoke(OPERATOR, ring.signer('ES256', world.now).kid, null)
    const { version, keys } = await world.store.signingKeys()
    const mixed = keys.map((key) => before.keys.find((old) => old.kid === key.kid) ?? key)
    for (const claimed of [version, 0, 1]) {
      expect(() => {
        checkSigningKeys({ version: claimed, keys: mixed }, world.credentials)
      }).toThrow(expect.objectContaining(altered) as Error)
    }
  })

  it('cannot make a running process forget a revocation by putting the whole table back', async () => {
    const { world, ring } = await asFound()
    const known = kidsOf(ring)
    const old = await aWorld()
    const back = await old.store.signingKeys()
    const store: Store = {
      ...world.store,
      signingKeys: () => Promise.resolve(back),
      signingKeysVersion: () => Promise.resolve(back.version),
    }
    const clock = { now: () => world.now }
    const ids = createIdSource({ clock, random: systemRandom })
    const { credentials } = world
    let current: Store = world.store
    const switching: Store = {
      ...world.store,
      signingKeys: () => current.signingKeys(),
      signingKeysVersion: () => current.signingKeysVersion(),
    }
    const parts = { vault, policy: { rotateAfterMs: null } }
    const running = await openKeyRing(
      { store: switching, clock, ids, credentials, audit: createAudit(clock, credentials) },
      parts,
    )
    current = store
    await expect(running.tick()).rejects.toMatchObject(altered)
    expect(await running.find('key_x')).toBeNull()
    expect(kidsOf(running)).toEqual(known)
  })
})

describe('keys from before they had times', () => {
  const migrated = async (): Promise<{ world: World; set: SigningKeySet }> => {
    const world = await aWorld()
    const founded = (await world.store.signingKeys()).keys.filter((key) => key.activeFrom !== null)
    const keys = founded.map((key) => ({
      ...key,
      mac: world.credentials.bind({ kind: 'signing-key', id: key.kid, digest: '' }, [
        key.algorithm,
        JSON.stringify(Object.entries(key.publicJwk).sort()),
      ]),
    }))
    return { world, set: { version: 0, keys } }
  }

  it('are believed as they were migrated, get a next key at the first beat, and a proof of their times', async () => {
    const { world, set } = await migrated()
    let stored = set
    const store: Store = {
      ...world.store,
      signingKeys: () => Promise.resolve(stored),
      signingKeysVersion: () => Promise.resolve(stored.version),
      write(command) {
        if (command.type === 'replace-signing-keys') stored = command.set
        return Promise.resolve('done')
      },
    }
    const clock = { now: () => world.now }
    const ids = createIdSource({ clock, random: systemRandom })
    const parts = { vault, policy: { rotateAfterMs: null } }
    const { credentials } = world
    const ring = await openKeyRing(
      { store, clock, ids, credentials, audit: createAudit(clock, credentials) },
      parts,
    )
    const signers = ALGORITHMS.map((algorithm) => ring.signer(algorithm, world.now).kid)
    await ring.tick()
    expect(stored.version).toBe(1)
    expect(stored.keys).toHaveLength(6)
    expect(ALGORITHMS.map((algorithm) => ring.signer(algorithm, world.now).kid)).toEqual(signers)
  })

  it('are believed in no other state, and in no later version', async () => {
    const { world, set } = await migrated()
    const variants = [
      { ...set, version: 1 },
      { ...set, keys: set.keys.map((key) => ({ ...key, activeFrom: key.createdAt + 1 })) },
      { ...set, keys: set.keys.map((key) => ({ ...key, activeFrom: null })) },
      { ...set, keys: set.keys.map((key) => ({ ...key, retiresAt: 9e15 })) },
    ]
    checkSigningKeys(set, world.credentials)
    for (const variant of variants) {
      expect(() => {
        checkSigningKeys(variant, world.credentials)
      }).toThrow()
    }
  })
})

/**
 * Random schedules of several processes with clocks of their own, which beat late, rotate, revoke, stop
 * and start, over half a year. What is looked at is the real time, which no process knows.
 */
describe('over random schedules', () => {
  const SKEW_MS = 25_000

  /** A process beats each second, or a little later. */
  const LATE_MS = 5_000

  /** What a verifier may have of the key set: as it was so long ago, in the worst case. */
  const WORST_CACHE_MS = 600_000

  const PROCESSES = 3

  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('beat' as const) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('sign' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('rotate' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  )
  const pause = fc.oneof(
    fc.integer({ min: 0, max: 2_000 }),
    fc.constantFrom(NOTICE_MS, PUBLICATION_WINDOW_MS - SKEW_MS, PUBLICATION_WINDOW_MS),
    fc.integer({ min: 0, max: 900_000 }),
    fc.integer({ min: 0, max: 8 * DAY_MS }),
  )
  const schedule = fc.record({
    skews: fc.array(fc.integer({ min: -SKEW_MS, max: SKEW_MS }), {
      minLength: PROCESSES,
      maxLength: PROCESSES,
    }),
    rotateAfterMs: fc.constantFrom(null, DAY_MS, 7 * DAY_MS, 30 * DAY_MS),
    steps: fc.array(
      fc.tuple(step, fc.nat({ max: PROCESSES - 1 }), pause, fc.nat({ max: MAX_JWT_SECONDS })),
      { minLength: 1, maxLength: 60 },
    ),
  })

  interface Token {
    readonly kid: string
    readonly expiresAt: number
  }

  /** In the instant in which a key begins there is none yet that follows it. */
  const REVOKED_AS_IT_BEGAN: typeof schedule extends fc.Arbitrary<infer Value> ? Value : never = {
    skews: [0, -8_595, 0],
    rotateAfterMs: DAY_MS,
    steps: [
      [{ do: 'beat' }, 0, 86_338_595, 0],
      [{ do: 'beat' }, 1, 1_405, 0],
      [{ do: 'revoke' }, 0, 0, 15_870],
      [{ do: 'sign' }, 0, 0, 0],
      [{ do: 'sign' }, 1, 0, 0],
    ],
  }

  it(
    'each live token’s key is published, no key signs before its window, and one signs at a time',
    { timeout: 120_000 },
    async () => {
      const runs = process.env['COUNTERSIGN_SLOW'] === '1' ? 10_000 : 1_000
      await fc.assert(
        fc.asyncProperty(schedule, async ({ skews, rotateAfterMs, steps }) => {
          const world = await aWorld()
          const open = (index: number) => world.open(skews[index] ?? 0, rotateAfterMs)
          const rings = await Promise.all(skews.map((_, index) => open(index)))
          const live = new Map<string, Token>()
          const publishedAt = new Map<string, number>()
          /** When, in real time. */
          const revoked = new Map<string, number>()
          const beaten = skews.map(() => START)
          /** Began in place of a revoked key, so without waiting: when, in real time, and by which process. */
          const emergencies = new Map<string, { readonly at: number; readonly by: number }>()
          const founding = new Set(
            (await world.store.signingKeys()).keys
              .filter((key) => key.activeFrom !== null)
              .map((key) => key.kid),
          )

          const look = async (): Promise<void> => {
            const { keys } = await world.store.signingKeys()
            for (const { kid } of keys) {
              if (!publishedAt.has(kid)) publishedAt.set(kid, world.now)
            }
            for (const algorithm of ALGORITHMS) {
              const mine = keys.filter((key) => key.algorithm === algorithm)
              const active = mine.filter((key) => keyState(key, world.now) === 'active')
              expect(active.length).toBeLessThanOrEqual(1)
              expect(mine.filter((key) => isPublished(key, world.now)).length).toBeGreaterThan(0)
            }
            for (const [id, { kid, expiresAt }] of live) {
              // By a verifier’s clock that is late, and tolerant.
              if (expiresAt + 60_000 < world.now || revoked.has(kid)) live.delete(id)
              else expect(keys.find((key) => key.kid === kid)).toBeDefined()
            }
          }

          await look()
          // No process has a clock that says that the instance is not there yet.
          world.now += 60_000
          let signed = 0
          for (const [{ do: what }, index, wait, lifetime] of steps) {
            const ring = rings[index] as KeyRing
            const clock = world.now + (skews[index] ?? 0)
            const algorithm = ALGORITHMS[index % ALGORITHMS.length] ?? 'ES256'
            // No process serves that has not beaten within the last seconds.
            if (world.now - (beaten[index] ?? 0) > LATE_MS) {
              await ring.tick()
              beaten[index] = world.now
            }
            for (const [kid, at] of revoked) {
              if (world.now - at > LATE_MS) expect(kidsOf(ring)).not.toContain(kid)
            }
            if (what === 'sign') {
              for (const one of ALGORITHMS) {
                const key = ring.signer(one, clock)
                const revokedAt = revoked.get(key.kid) ?? world.now
                expect(world.now - revokedAt).toBeLessThanOrEqual(LATE_MS)
                if (!founding.has(key.kid) && !emergencies.has(key.kid)) {
                  const age = world.now - (publishedAt.get(key.kid) ?? Number.NaN)
                  expect(age).toBeGreaterThanOrEqual(WORST_CACHE_MS)
                }
                const expiresAt = (Math.floor(clock / 1000) + lifetime) * 1000
                live.set(String(signed++), { kid: key.kid, expiresAt })
              }
              const published = new Set(kidsOf(ring))
              // Another process knows of an emergency from its next beat on.
              const isNews = (kid: string): boolean => {
                const emergency = emergencies.get(kid)
                if (emergency === undefined || emergency.by === index) return false
                return emergency.at >= (beaten[index] ?? 0)
              }
              for (const token of live.values()) {
                if (token.expiresAt > clock && !revoked.has(token.kid) && !isNews(token.kid)) {
                  expect(published.has(token.kid)).toBe(true)
                }
              }
            } else if (what === 'beat') {
              await ring.tick()
              beaten[index] = world.now
            } else if (what === 'rotate') {
              await Promise.all(rings.map((one) => one.rotate(OPERATOR, algorithm)))
            } else if (what === 'revoke') {
              const keys = await ring.list()
              const target = keys[lifetime % keys.length] as SigningKeyRecord
              const result = await ring.revoke(OPERATOR, target.kid, null)
              if (!revoked.has(target.kid)) revoked.set(target.kid, world.now)
              const { signer, revoked: ended } = result
              if (signer.activeFrom === ended.revokedAt)
                emergencies.set(signer.kid, { at: world.now, by: index })
              expect(kidsOf(ring)).not.toContain(target.kid)
            } else {
              beaten[index] = world.now
              rings[index] = await open(index)
            }
            await look()
            world.now += wait
          }
        }),
        { numRuns: runs, examples: [[REVOKED_AS_IT_BEGAN]] },
      )
    },
  )
})
