import process from 'node:process'
import { report, run } from './cli.ts'

await run(process.argv.slice(2), process.env).catch((error: unknown) => {
  report(error)
  process.exitCode = 1
})
