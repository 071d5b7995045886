import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import root from '../../vitest.config.ts'

// Heavy frameworks, each built and started as its users do: one of a set at a time.
export default defineConfig({
  ...root,
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    ...root.test,
    globalSetup: ['test/frameworks/apps.ts'],
    include: ['test/frameworks/node2[04]/*.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 280_000,
  },
})
