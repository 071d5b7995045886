import { execFile } from 'node:child_process'
import process from 'node:process'
import { parseArgs, promisify } from 'node:util'
import { compileServers } from './compile.ts'
import { mustBeBuilt } from './product.ts'
import { describeMachine, formatMachine, formatTable } from './report.ts'
import { bundleSize } from './rows/bundle-size.ts'
import { issueJwt } from './rows/issue-jwt.ts'
import { issueOpaque } from './rows/issue-opaque.ts'
import type { Row, RowOptions, Table } from './rows/row.ts'
import { signJwt } from './rows/sign-jwt.ts'
import { statusList } from './rows/status-list.ts'
import { verifyJwt, verifyJwtUnlike } from './rows/verify-jwt.ts'
import { verifyJwtCached } from './rows/verify-jwt-cached.ts'
import { verifyOpaque } from './rows/verify-opaque.ts'

const ROWS: readonly Row[] = [
  verifyJwt,
  verifyJwtUnlike,
  verifyJwtCached,
  signJwt,
  verifyOpaque,
  issueOpaque,
  issueJwt,
  statusList,
  bundleSize,
]

const HELP = `npm run bench -- [row …] [--rounds 9] [--rows 100000] [--json]
rows: ${ROWS.map(({ name }) => name).join(' ')}; all of them when none is named`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '9' },
    rows: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else await run()

async function run(): Promise<void> {
  const options = { rounds: count('rounds', values.rounds), rows: count('rows', values.rows) }
  const chosen = positionals.length === 0 ? ROWS : positionals.map(rowOf)
  mustBeBuilt()
  await compileServers()
  const machine = describeMachine()
  const tables: Table[] = []
  if (!values.json) console.log(formatMachine(machine))
  const measure = chosen.length === 1 ? measureHere : measureApart
  for (const row of chosen) {
    for await (const table of measure(row, options)) {
      tables.push(table)
      if (!values.json) console.log(formatTable(table))
    }
  }
  if (values.json) console.log(JSON.stringify({ machine, ...options, tables }, null, 2))
}

function measureHere(row: Row, options: RowOptions): AsyncIterable<Table> {
  return row.measure(options)
}

/** In a process of its own: what the compiler has learned from one row is not true of the next. */
async function* measureApart({ name }: Row, { rounds, rows }: RowOptions): AsyncGenerator<Table> {
  const options = [name, '--json', '--rounds', String(rounds), '--rows', String(rows)]
  const argv = [...process.execArgv, import.meta.filename, ...options]
  const { stdout } = await promisify(execFile)(process.execPath, argv, { maxBuffer: 2 ** 26 })
  const { tables } = JSON.parse(stdout) as { readonly tables: readonly Table[] }
  yield* tables
}

function rowOf(name: string): Row {
  const row = ROWS.find((candidate) => candidate.name === name)
  if (row === undefined) throw new RangeError(`There is no row ${name}.\n${HELP}`)
  return row
}

function count(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new RangeError(`--${name} must be a whole number of 1 or more.\n${HELP}`)
}
