import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { defaultExclude, defineConfig, type Plugin } from 'vitest/config'

// Sets that take more than a few seconds are named `*.slow.test.ts`, and run when this is 1, as in CI.
const slow = process.env['COUNTERSIGN_SLOW'] === '1'

// Our packages resolve to their sources, as under `node --conditions=source`: no test needs a build but
// those that start the executable, and the one that weighs a bundle. Vite's `module` is not among them:
// it is for bundlers, and Node cannot load what some packages name by it (@aws-sdk).
const conditions = ['source', 'node', 'development|production']

// A dependency of these publishes a `source` of its own, which Node cannot load and Vite can. Their source
// maps lead nowhere, and Vite would say so of each file.
const BY_VITE = [
  /@modelcontextprotocol\/(client|sdk)\//,
  /eventsource/,
  /node_modules\/(ai|@ai-sdk)\//,
]
const withoutSourceMap: Plugin = {
  name: 'without-source-map',
  enforce: 'pre',
  async load(id) {
    if (!BY_VITE.some((one) => one.test(id))) return null
    return (await readFile(id, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/m, '')
  },
}

export default defineConfig({
  plugins: [withoutSourceMap],
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'tools/**/*.test.ts',
      'bench/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    exclude: [...defaultExclude, 'test/frameworks/**', ...(slow ? [] : ['**/*.slow.test.ts'])],
    server: { deps: { inline: BY_VITE } },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: slow ? 120_000 : 10_000,
    hookTimeout: 30_000,
  },
})
