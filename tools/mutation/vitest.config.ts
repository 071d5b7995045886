import { fileURLToPath } from 'node:url'
import process from 'node:process'
import { defineConfig } from 'vitest/config'
import root from '../../vitest.config.ts'

// The unit tests that `run.ts` names, in one worker: a mutant costs a second then, and not five.
export default defineConfig({
  ...root,
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    ...root.test,
    setupFiles: ['tools/mutation/seed.ts'],
    include: process.env['MUTATION_TESTS']?.split(',') ?? [],
    isolate: false,
    // A slow machine is no mutant.
    testTimeout: 60_000,
  },
})
