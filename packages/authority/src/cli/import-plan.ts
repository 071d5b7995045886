import type { Machine } from 'countersign'
import { MAX_JWT_SECONDS } from '../domain/jwt.ts'
import { MAX_SCOPES } from '../domain/machines.ts'
import type { ImportMap } from './import-files.ts'
import { formatDuration } from './shell/duration.ts'

/** What becomes of a machine or a scope: `new` is to be made, `brought` has been. */
export type ImportState = 'new' | 'brought' | 'there' | 'left-out'

/** A machine of the source, and what becomes of it here. */
export interface PlannedMachine {
  readonly source: Machine
  state: ImportState
  /** Its id here, once it has one. */
  id: string | null
  /** Why it is left out, or what is to be known of it. */
  note: string | null
}

/** A scope of the source. */
export interface PlannedScope {
  readonly from: PlannedMachine
  readonly to: PlannedMachine
  state: ImportState
  note: string | null
}

export interface ImportPlan {
  readonly machines: readonly PlannedMachine[]
  readonly scopes: readonly PlannedScope[]
}

/** Clerk's bounds and ours: what keeps to neither is nothing that an authority said. */
const SOURCE_ID = /^mch_\w{1,60}$/
const MAX_NAME_CHARACTERS = 255
const MAX_TTL_SECONDS = 315_360_000

/**
 * Settles what is to be made. A machine is known again by its line in the map; without one by its name,
 * if nobody else there or here has it. Where two could be meant neither is taken: a scope for the wrong
 * machine is a hole.
 *
 * @param known What earlier runs have brought; `null` when no map is kept.
 */
export function planImport(
  source: readonly Machine[],
  target: readonly Machine[],
  known: ImportMap | null,
): ImportPlan {
  const here = new Map(target.map((machine) => [machine.id, machine]))
  const isUnknown = ({ id }: Machine): boolean => known?.idOf(id) === undefined
  const claimed = new Set(source.map(({ id }) => known?.idOf(id)))
  const namesakesThere = byName(source.filter(isUnknown))
  const namesakesHere = byName(target.filter(({ id }) => !claimed.has(id)))

  const planMachine = (machine: Machine): PlannedMachine => {
    const unfit = unfitness(machine)
    if (unfit !== null) return leftOut(machine, unfit)
    const knownId = known?.idOf(machine.id)
    if (knownId !== undefined) {
      const found = here.get(knownId)
      return found === undefined
        ? leftOut(machine, `${knownId}, as which it was brought, is gone here since`)
        : there(machine, found, null)
    }
    const twins = namesakesThere.get(machine.name) ?? []
    const [found, ...others] = namesakesHere.get(machine.name) ?? []
    if (twins.length === 1 && found !== undefined && others.length === 0) {
      return there(machine, found, 'known by its name')
    }
    if (found !== undefined) {
      return leftOut(machine, 'several have its name, there or here: write a line into the map')
    }
    if (twins.length > 1 && known === null) {
      return leftOut(machine, 'several have its name there: keep a map, with --map')
    }
    return { source: machine, state: 'new', id: null, note: noteOnLife(machine) }
  }

  const machines = source.map(planMachine)
  const planned = new Map(machines.map((machine) => [machine.source.id, machine]))

  const planScope = (from: PlannedMachine, to: PlannedMachine): PlannedScope => {
    const scope = { from, to, note: null }
    const missing = [from, to].find(({ state }) => state === 'left-out')
    if (missing !== undefined) {
      return { ...scope, state: 'left-out', note: `${missing.source.name} is left out` }
    }
    const receivers = here.get(from.id ?? '')?.scopedMachines ?? []
    if (receivers.some(({ id }) => id === to.id)) return { ...scope, state: 'there' }
    // Somebody has taken it away since, and had a reason.
    if (known?.hasScope(from.source.id, to.source.id) === true) {
      return { ...scope, state: 'left-out', note: 'it was brought before, and removed here since' }
    }
    return { ...scope, state: 'new' }
  }

  const scopes = machines.flatMap((from) => {
    const ids = new Set(from.source.scopedMachines.map(({ id }) => id))
    return [...ids].flatMap((id) => {
      const to = planned.get(id)
      return to === undefined ? [] : [planScope(from, to)]
    })
  })
  return { machines, scopes }
}

function byName(machines: readonly Machine[]): ReadonlyMap<string, readonly Machine[]> {
  const groups = new Map<string, Machine[]>()
  for (const machine of machines) {
    groups.set(machine.name, [...(groups.get(machine.name) ?? []), machine])
  }
  return groups
}

function unfitness({ id, name, defaultTokenTtl, scopedMachines }: Machine): string | null {
  if (!SOURCE_ID.test(id)) return 'its id is none of a machine'
  if (Array.from(name).length > MAX_NAME_CHARACTERS) return 'its name is too long'
  const isTtl = Number.isInteger(defaultTokenTtl) && defaultTokenTtl >= 1
  if (!isTtl || defaultTokenTtl > MAX_TTL_SECONDS) return 'the life of its tokens is none'
  return scopedMachines.length > MAX_SCOPES ? 'it has more scopes than there can be' : null
}

function leftOut(source: Machine, note: string): PlannedMachine {
  return { source, state: 'left-out', id: null, note }
}

function there(source: Machine, found: Machine, how: string | null): PlannedMachine {
  const [theirs, ours] = [source.defaultTokenTtl, found.defaultTokenTtl]
  const differs =
    theirs === ours
      ? null
      : `its tokens live ${formatDuration(ours)} here, ${formatDuration(theirs)} there`
  const note = [how, differs].filter((part) => part !== null).join('; ')
  return { source, state: 'there', id: found.id, note: note === '' ? null : note }
}

function noteOnLife({ defaultTokenTtl }: Machine): string | null {
  return defaultTokenTtl > MAX_JWT_SECONDS ? 'its JWTs live 24 hours at most here' : null
}
