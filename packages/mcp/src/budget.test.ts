import { describe, expect, test } from 'vitest'
import { type Budget, createBudgets } from './budget.ts'

let now = 1_000_000

const budgetOf = (options: Parameters<typeof createBudgets>[0]): Budget =>
  createBudgets(options, () => now)()

describe('the budget of an agent', () => {
  test('is so many writes in any stretch of that length, and reading goes on', () => {
    const budget = budgetOf({ writes: 2, windowSeconds: 60 })
    budget.take(true)
    now += 30_000
    budget.take(true)
    const used = expect.objectContaining({ code: 'budget-exhausted', retryAfterSeconds: 30 })
    expect(() => {
      budget.take(true)
    }).toThrow(used as Error)
    budget.take(false)
    now += 30_000
    budget.take(true)
    expect(() => {
      budget.take(true)
    }).toThrow('2 changes and tokens in 60 s')
  })

  test('is so many calls of every kind', () => {
    const budget = budgetOf({ calls: 2 })
    budget.take(false)
    budget.take(true)
    expect(() => {
      budget.take(false)
    }).toThrow('2 calls in 3600 s')
  })

  test('of no writes allows none, and says whom to ask', () => {
    expect(() => {
      budgetOf({ writes: 0 }).take(true)
    }).toThrow('Ask the person')
  })

  test('is not used by a call that it refuses', () => {
    const budget = budgetOf({ writes: 0, calls: 1 })
    expect(() => {
      budget.take(true)
    }).toThrow()
    budget.take(false)
  })

  test('of one agent is not another’s', () => {
    const create = createBudgets({ calls: 1 }, () => now)
    create().take(false)
    create().take(false)
  })

  test.each([{ writes: -1 }, { calls: 0 }, { calls: 0.5 }, { windowSeconds: Number.NaN }])(
    'is refused as %o',
    (options) => {
      expect(() => budgetOf(options)).toThrow(TypeError)
    },
  )
})
