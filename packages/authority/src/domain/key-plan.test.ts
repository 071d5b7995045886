import { describe, expect, it } from 'vitest'
import {
  isPublished,
  KEEP_RETIRED_MS,
  KEY_SET_MAX_AGE_SECONDS,
  keyState,
  type KeyTimes,
  NOTICE_MS,
  planKeys,
  planRevocation,
  planRotation,
  PUBLICATION_WINDOW_MS,
  publishedUntil,
  signingKeyAt,
} from './key-plan.ts'
import { MAX_JWT_SECONDS } from './jwt.ts'
import type { Algorithm } from './records.ts'

const DAY_MS = 86_400_000
const MONTH = { rotateAfterMs: 30 * DAY_MS }
const NEVER = { rotateAfterMs: null }
const FOUNDED = 1_000_000

function aKey(kid: string, some: Partial<KeyTimes> = {}): KeyTimes {
  const times = { createdAt: FOUNDED, activeFrom: null, retiresAt: null, revokedAt: null }
  return { kid, algorithm: 'ES256', ...times, ...some }
}

/** One algorithm's keys, and pairs for the others, so that nothing is due for them. */
function withOthers(...keys: KeyTimes[]): KeyTimes[] {
  const others = (['RS256', 'EdDSA'] as const).flatMap((algorithm) => [
    aKey(`${algorithm} active`, { algorithm, activeFrom: FOUNDED }),
    aKey(`${algorithm} next`, { algorithm }),
  ])
  return [...keys, ...others]
}

const pair = () => withOthers(aKey('active', { activeFrom: FOUNDED }), aKey('next'))

const timesOf = (keys: readonly KeyTimes[] | null, kid: string) =>
  keys?.find((key) => key.kid === kid)

describe('a key', () => {
  it('is next, active, retired and forgotten by the clock alone', () => {
    const key = aKey('k', { activeFrom: 100, retiresAt: 200 })
    const states = [99, 100, 199, 200, 199 + KEEP_RETIRED_MS, 200 + KEEP_RETIRED_MS]
    expect(states.map((now) => keyState(key, now))).toEqual([
      'next',
      'active',
      'active',
      'retired',
      'retired',
      'forgotten',
    ])
    expect(publishedUntil(key)).toBe(200 + KEEP_RETIRED_MS)
  })

  it('that is revoked stays so, whatever the clock says', () => {
    const key = aKey('k', { activeFrom: 100, revokedAt: 150 })
    for (const now of [0, 120, 150, 151]) expect(keyState(key, now)).toBe('revoked')
    expect(isPublished(key, 120)).toBe(false)
    expect(publishedUntil(key)).toBe(150)
  })

  it('outlives in the key set the last token that it can have signed, at the most tolerant verifier', () => {
    const toleranceSeconds = 60
    expect(KEEP_RETIRED_MS / 1000).toBeGreaterThanOrEqual(MAX_JWT_SECONDS + 1 + toleranceSeconds)
  })

  it('is published for longer than any verifier is told to keep a key set, before it signs', () => {
    // Twice: a cache on the way may be as old as the verifier that trusts it.
    expect(PUBLICATION_WINDOW_MS / 1000).toBe(2 * KEY_SET_MAX_AGE_SECONDS + 60)
  })
})

describe('what is due', () => {
  it('is nothing while a key signs within its period and another follows', () => {
    expect(planKeys(FOUNDED, pair(), MONTH)).toEqual({ make: [], keys: null })
    const almost = FOUNDED + 30 * DAY_MS - NOTICE_MS - 1
    expect(planKeys(almost, pair(), MONTH)).toEqual({ make: [], keys: null })
  })

  it('is a switch at the end of the period, written before it happens', () => {
    const end = FOUNDED + 30 * DAY_MS
    const { keys } = planKeys(end - NOTICE_MS, pair(), MONTH)
    expect(timesOf(keys, 'active')?.retiresAt).toBe(end)
    expect(timesOf(keys, 'next')?.activeFrom).toBe(end)
    expect(planKeys(end - NOTICE_MS, keys ?? [], MONTH)).toEqual({ make: [], keys: null })
  })

  it('is a switch with notice also where it is long overdue', () => {
    const now = FOUNDED + 90 * DAY_MS
    const { keys } = planKeys(now, pair(), MONTH)
    expect(timesOf(keys, 'next')?.activeFrom).toBe(now + NOTICE_MS)
  })

  it('is no switch to a key that not every verifier has', () => {
    const now = FOUNDED + 90 * DAY_MS
    const young = withOthers(
      aKey('active', { activeFrom: FOUNDED }),
      aKey('next', { createdAt: now - 1 }),
    )
    expect(timesOf(planKeys(now, young, MONTH).keys, 'next')?.activeFrom).toBeNull()
    const later = now - 1 + PUBLICATION_WINDOW_MS - NOTICE_MS
    const { keys } = planKeys(later, young, MONTH)
    expect(timesOf(keys, 'next')?.activeFrom).toBe(now - 1 + PUBLICATION_WINDOW_MS)
  })

  it('is never a switch where keys do not roll by themselves', () => {
    expect(planKeys(FOUNDED + 9_999 * DAY_MS, pair(), NEVER)).toEqual({ make: [], keys: null })
  })

  it('is a new next key as soon as the last one signs, and where there never was one', () => {
    const switched = withOthers(
      aKey('old', { activeFrom: FOUNDED, retiresAt: 2 * FOUNDED }),
      aKey('new', { activeFrom: 2 * FOUNDED }),
    )
    expect(planKeys(2 * FOUNDED - 1, switched, MONTH).make).toEqual([])
    expect(planKeys(2 * FOUNDED, switched, MONTH)).toEqual({ make: ['ES256'], keys: null })
    const migrated = withOthers(aKey('only', { activeFrom: FOUNDED }))
    expect(planKeys(FOUNDED, migrated, MONTH).make).toEqual(['ES256'])
  })

  it('is to forget a key once its last token has expired, and a revoked one as late', () => {
    const old = withOthers(
      aKey('retired', { activeFrom: 0, retiresAt: FOUNDED }),
      aKey('revoked', { activeFrom: 0, revokedAt: FOUNDED }),
      aKey('active', { activeFrom: FOUNDED }),
      aKey('next'),
    )
    expect(planKeys(FOUNDED + KEEP_RETIRED_MS - 1, old, NEVER).keys).toBeNull()
    const { keys } = planKeys(FOUNDED + KEEP_RETIRED_MS, old, NEVER)
    expect(keys).toEqual(pair())
  })

  it('is to let the next key sign at once where none signs', () => {
    const orphaned = withOthers(aKey('next', { createdAt: FOUNDED }))
    const { keys } = planKeys(FOUNDED + 1, orphaned, MONTH)
    expect(timesOf(keys, 'next')?.activeFrom).toBe(FOUNDED + 1)
  })
})

describe('a rotation by hand', () => {
  it('switches as soon as the window of the next key has passed', () => {
    const keys = planRotation(FOUNDED + 5, pair(), 'ES256')
    const at = FOUNDED + PUBLICATION_WINDOW_MS
    expect(timesOf(keys, 'next')?.activeFrom).toBe(at)
    expect(timesOf(keys, 'active')?.retiresAt).toBe(at)
    const late = FOUNDED + DAY_MS
    expect(timesOf(planRotation(late, pair(), 'ES256'), 'next')?.activeFrom).toBe(late + NOTICE_MS)
  })

  it('that is asked for twice happens once', () => {
    const once = planRotation(FOUNDED + DAY_MS, pair(), 'ES256')
    expect(planRotation(FOUNDED + DAY_MS + 500, once, 'ES256')).toBe(once)
  })

  it('concerns one algorithm', () => {
    const keys = planRotation(FOUNDED, pair(), 'RS256')
    expect(timesOf(keys, 'next')?.activeFrom).toBeNull()
    expect(timesOf(keys, 'RS256 next')?.activeFrom).not.toBeNull()
  })
})

describe('a revocation', () => {
  it('of the key that signs lets the next one sign at once, its window passed or not', () => {
    const keys = planRevocation(FOUNDED + 5, pair(), 'active')
    expect(timesOf(keys, 'active')?.revokedAt).toBe(FOUNDED + 5)
    expect(signingKeyAt(FOUNDED + 5, keys, 'ES256')?.kid).toBe('next')
    expect(planKeys(FOUNDED + 5, keys, MONTH).make).toEqual(['ES256'])
  })

  it('of a next key lets the one that signs go on, also where the switch was settled', () => {
    const settled = planRotation(FOUNDED, pair(), 'ES256')
    const keys = planRevocation(FOUNDED + 5, settled, 'next')
    expect(timesOf(keys, 'active')?.retiresAt).toBeNull()
    const { make } = planKeys(FOUNDED + 5, keys, MONTH)
    expect(make).toEqual(['ES256'])
    expect(signingKeyAt(FOUNDED + DAY_MS, keys, 'ES256')?.kid).toBe('active')
  })

  it('in the middle of a settled row of keys closes the gap', () => {
    const row = [
      aKey('1', { activeFrom: 0, retiresAt: 100 }),
      aKey('2', { activeFrom: 100, retiresAt: 200 }),
      aKey('3', { activeFrom: 200 }),
    ]
    const signers = (keys: readonly KeyTimes[]) =>
      [50, 150, 250].map((now) => signingKeyAt(now, keys, 'ES256')?.kid)
    expect(signers(planRevocation(50, row, '2'))).toEqual(['1', '1', '3'])
    expect(signers(planRevocation(50, row, '3'))).toEqual(['1', '2', '2'])
    expect(signers(planRevocation(50, row, '1'))).toEqual(['2', '2', '3'])
  })

  it('of a retired key changes nothing else', () => {
    const keys = [aKey('old', { activeFrom: 0, retiresAt: 5 }), aKey('new', { activeFrom: 5 })]
    expect(planRevocation(9, keys, 'old')).toEqual([{ ...keys[0], revokedAt: 9 }, keys[1]])
  })

  it('is the first one, and of a key that is not there nothing', () => {
    const once = planRevocation(FOUNDED + 5, pair(), 'active')
    expect(planRevocation(FOUNDED + 9, once, 'active')).toBe(once)
    expect(planRevocation(FOUNDED + 9, once, 'nobody')).toBe(once)
  })
})

describe('which key signs', () => {
  it('is one and the same at every instant, also where the clock was set back before all of them', () => {
    const keys = planRotation(FOUNDED, pair(), 'ES256')
    const at = FOUNDED + PUBLICATION_WINDOW_MS
    const signers = [0, FOUNDED - 1, FOUNDED, at - 1, at, at + 9_999 * DAY_MS].map(
      (now) => signingKeyAt(now, keys, 'ES256')?.kid,
    )
    expect(signers).toEqual(['active', 'active', 'active', 'active', 'next', 'next'])
    expect(signingKeyAt(FOUNDED, [], 'ES256' satisfies Algorithm)).toBeNull()
  })
})
