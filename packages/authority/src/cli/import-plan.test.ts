import type { Machine } from 'countersign'
import { describe, expect, it } from 'vitest'
import { planImport } from './import-plan.ts'

const THERE = 'ins_source'
const HERE = 'ins_target'

function machine(id: string, name: string, more: Partial<Machine> = {}): Machine {
  return {
    id: `mch_${id}`,
    name,
    instanceId: id.startsWith('t') ? HERE : THERE,
    createdAt: 1,
    updatedAt: 1,
    scopedMachines: [],
    defaultTokenTtl: 3600,
    jwtAlgorithm: null,
    stateless: false,
    ...more,
  }
}

function mapOf(ids: Record<string, string>, scopes: readonly string[] = []) {
  return {
    idOf: (id: string) => ids[id],
    hasScope: (from: string, to: string) => scopes.includes(`${from} ${to}`),
    addMachine: () => undefined,
    addScope: () => undefined,
  }
}

const states = (plan: ReturnType<typeof planImport>): string[] =>
  plan.machines.map(({ state }) => state)

describe('a machine', () => {
  it('is known by its line in the map, whatever it is called now', () => {
    const known = mapOf({ mch_s1: 'mch_t1' })
    const plan = planImport([machine('s1', 'renamed')], [machine('t1', 'api')], known)
    expect(plan.machines).toMatchObject([{ state: 'there', id: 'mch_t1' }])
  })

  it('is known by its name where nobody else has it', () => {
    const plan = planImport([machine('s1', 'api')], [machine('t1', 'api')], null)
    expect(plan.machines).toMatchObject([{ state: 'there', id: 'mch_t1' }])
    expect(plan.machines[0]?.note).toContain('by its name')
  })

  it('is not taken for one of two that have its name, there or here', () => {
    const [one, two] = [machine('s1', 'api'), machine('s2', 'api')]
    const [ours, others] = [machine('t1', 'api'), machine('t2', 'api')]
    for (const known of [null, mapOf({})]) {
      expect(states(planImport([one, two], [ours], known))).toEqual(['left-out', 'left-out'])
      expect(states(planImport([one], [ours, others], known))).toEqual(['left-out'])
    }
  })

  it('that has the name of another is brought only where the map will tell them apart', () => {
    const twins = [machine('s1', 'api'), machine('s2', 'api')]
    expect(states(planImport(twins, [], null))).toEqual(['left-out', 'left-out'])
    expect(states(planImport(twins, [], mapOf({})))).toEqual(['new', 'new'])
    const one = mapOf({ mch_s1: 'mch_t1' })
    expect(states(planImport(twins, [machine('t1', 'api')], one))).toEqual(['there', 'new'])
  })

  it('that was brought and has been deleted since stays deleted', () => {
    const plan = planImport([machine('s1', 'api')], [], mapOf({ mch_s1: 'mch_t1' }))
    expect(plan.machines).toMatchObject([{ state: 'left-out' }])
  })

  it.each([
    ['an id of no machine', { id: 'user_1' }],
    ['an id with a path in it', { id: 'mch_../x' }],
    ['a name that is too long', { name: 'x'.repeat(256) }],
    ['a life of zero', { defaultTokenTtl: 0 }],
    ['a life of half a second', { defaultTokenTtl: 0.5 }],
    ['a life of eleven years', { defaultTokenTtl: 346_896_000 }],
    ['too many scopes', { scopedMachines: Array.from({ length: 151 }, () => machine('s2', 'b')) }],
  ])('with %s is left out', (_, more) => {
    expect(states(planImport([machine('s1', 'api', more)], [], null))).toEqual(['left-out'])
  })

  it('says where its tokens live another time, and that a JWT lives a day', () => {
    const there = planImport(
      [machine('s1', 'api', { defaultTokenTtl: 60 })],
      [machine('t1', 'api')],
      null,
    )
    expect(there.machines[0]?.note).toContain('1h here, 1m there')
    const long = planImport([machine('s1', 'api', { defaultTokenTtl: 90_000 })], [], null)
    expect(long.machines[0]?.note).toContain('24 hours')
  })
})

describe('a scope', () => {
  const api = machine('s2', 'api')
  const worker = machine('s1', 'worker', { scopedMachines: [api, api] })

  it('is brought once, however often it is listed', () => {
    const { scopes } = planImport([worker, api], [], null)
    expect(scopes).toMatchObject([{ state: 'new', from: { source: worker }, to: { source: api } }])
  })

  it('is there when it is, and new when only its machines are', () => {
    const ours = machine('t2', 'api')
    const with_ = machine('t1', 'worker', { scopedMachines: [ours] })
    const without = machine('t1', 'worker')
    expect(planImport([worker, api], [with_, ours], null).scopes[0]?.state).toBe('there')
    expect(planImport([worker, api], [without, ours], null).scopes[0]?.state).toBe('new')
  })

  it('that was brought and then removed here stays removed', () => {
    const known = mapOf({ mch_s1: 'mch_t1', mch_s2: 'mch_t2' }, ['mch_s1 mch_s2'])
    const ours = [machine('t1', 'worker'), machine('t2', 'api')]
    const { scopes } = planImport([worker, api], ours, known)
    expect(scopes).toMatchObject([{ state: 'left-out' }])
    expect(scopes[0]?.note).toContain('removed here')
  })

  it('of a machine that is left out is left out, too', () => {
    const { scopes } = planImport([worker, { ...api, defaultTokenTtl: 0 }], [], null)
    expect(scopes).toMatchObject([{ state: 'left-out', note: 'api is left out' }])
  })
})
