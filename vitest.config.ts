import process from 'node:process'
import { defaultExclude, defineConfig } from 'vitest/config'

// Sets that take more than a few seconds are named `*.slow.test.ts`, and run when this is 1, as in CI.
const slow = process.env['COUNTERSIGN_SLOW'] === '1'

// Our packages resolve to their sources, as under `node --conditions=source`: no test needs a build but
// those that start the executable, and the one that weighs a bundle. Vite's `module` is not among them:
// it is for bundlers, and Node cannot load what some packages name by it (@aws-sdk).
const conditions = ['source', 'node', 'development|production']

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'tools/**/*.test.ts',
      'bench/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    exclude: [...defaultExclude, 'test/frameworks/**', ...(slow ? [] : ['**/*.slow.test.ts'])],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: slow ? 120_000 : 10_000,
    hookTimeout: 30_000,
  },
})
