import type { ImportPlan, ImportState } from './import-plan.ts'
import type { Report } from './shell/command.ts'
import { EXIT } from './shell/failure.ts'
import { safe, table } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'

/** What an import can never bring, and what to do about it. */
const NOT_BROUGHT: readonly string[] = [
  'Secret keys: Clerk’s cannot work here. Each machine has a new one, for its service to be given.',
  'Live tokens: those that Clerk issued are good at Clerk only, until they expire.',
  'API keys, OAuth applications, users, organizations, sessions, signing keys and JWT templates: they stay at Clerk.',
]

const WORDS: Readonly<Record<ImportState, string>> = {
  new: 'new',
  brought: 'brought',
  there: 'was there',
  'left-out': 'left out',
}

export interface ImportOutcome {
  readonly dryRun: boolean
  readonly secretsFile: string | null
  /** The new secret keys by machine, where they are to be printed. */
  readonly secrets?: ReadonlyMap<string, string>
  /** What ended it early. */
  readonly failure?: Error | undefined
}

/** Says of each machine and scope what became of it, and what is never brought. */
export function reportImport(
  { machines, scopes }: ImportPlan,
  { dryRun, secretsFile, secrets, failure }: ImportOutcome,
  shell: Shell,
): Report {
  const isComplete = [...machines, ...scopes].every(({ state }) => state !== 'left-out')
  const secretOf = (id: string | null): string | undefined => secrets?.get(id ?? '')
  const data = {
    dryRun,
    complete: failure === undefined && isComplete,
    machines: machines.map(({ source, id, state, note }) => ({
      clerkId: source.id,
      id,
      name: source.name,
      state,
      note,
      secretKey: secretOf(id),
    })),
    scopes: scopes.map(({ from, to, state, note }) => ({
      from: from.source.id,
      to: to.source.id,
      state,
      note,
    })),
    notBrought: NOT_BROUGHT,
  }
  const machineRows = machines.map(({ source, id, state, note }) => [
    safe(source.name),
    safe(source.id),
    id ?? '-',
    WORDS[state],
    [secretOf(id), note === null ? undefined : safe(note)].filter(Boolean).join('  '),
  ])
  const scopeRows = scopes.map(({ from, to, state, note }) => [
    safe(from.source.name),
    safe(to.source.name),
    WORDS[state],
    safe(note ?? ''),
  ])
  return {
    data,
    lines: [
      ...table(['machine', 'at Clerk', 'here', '', ''], machineRows, shell),
      ...(scopeRows.length === 0
        ? []
        : ['', ...table(['scope', 'may call', '', ''], scopeRows, shell)]),
    ],
    notes: notesOf(machines, { dryRun, secretsFile, failure }),
    exitCode: isComplete ? EXIT.ok : EXIT.failed,
    ...(failure !== undefined && { failure }),
  }
}

function notesOf(
  machines: ImportPlan['machines'],
  { dryRun, secretsFile, failure }: ImportOutcome,
): string[] {
  const brought = machines.filter(({ state }) => state === 'brought').length
  const isThere = machines.some(({ state }) => state === 'there')
  return [
    ...(dryRun ? ['Nothing was done: this is what would be.'] : []),
    ...(failure === undefined ? [] : ['It ended early. Run it again for what is still new.']),
    ...(brought > 0 && secretsFile !== null
      ? [`Secret keys that were made: ${brought}, in ${secretsFile}.`]
      : []),
    ...(isThere
      ? ['A machine that was there keeps its key; a new one: countersign machines rotate-secret.']
      : []),
    'Not brought:',
    ...NOT_BROUGHT.map((line) => `  ${line}`),
  ]
}
