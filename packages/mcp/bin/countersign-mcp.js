#!/usr/bin/env node
// Committed, so that npm can link it before anything is built; all it does is in src/main.ts.
import { existsSync } from 'node:fs'

const main = new URL('../dist/main.js', import.meta.url)

if (existsSync(main)) {
  await import(main.href)
} else {
  console.error(
    'countersign-mcp is not built yet: run `npm run build` at the root of the repository.',
  )
  process.exitCode = 1
}
