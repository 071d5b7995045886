import process from 'node:process'
import { ENTRIES } from './commands.ts'
import { runProgram } from './shell/program.ts'
import { createProcessShell, muteSqliteWarning } from './shell/shell.ts'

// Databases, keys and lock files that a command makes are its user's alone.
process.umask(0o077)
muteSqliteWarning()

process.exitCode = await runProgram(ENTRIES, process.argv.slice(2), createProcessShell())
