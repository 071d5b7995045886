import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { checkLayers } from './check-layers.ts'

const MANIFESTS = {
  'packages/sdk/package.json': JSON.stringify({
    name: 'countersign',
    exports: { '.': { source: './src/index.ts' }, './token': { source: './src/token/index.ts' } },
    imports: {
      '#engine': {
        source: {
          node: './src/verify/engine/node.ts',
          default: './src/verify/engine/web.ts',
        },
      },
    },
  }),
  'packages/authority/package.json': JSON.stringify({
    name: '@countersign/authority',
    exports: { '.': { source: './src/index.ts' } },
  }),
  'packages/aws-kms/package.json': JSON.stringify({
    name: '@countersign/aws-kms',
    exports: { '.': { source: './src/index.ts' } },
  }),
  'packages/mcp/package.json': JSON.stringify({
    name: '@countersign/mcp',
    exports: { '.': { source: './src/index.ts' } },
  }),
}

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** Plants `files` beside the manifests in a new folder, and reports `file:line message`. */
function violations(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'countersign-layers-'))
  folders.push(root)
  for (const [file, text] of Object.entries({ ...MANIFESTS, ...files })) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return checkLayers(root).map(({ file, line, message }) => `${file}:${line} ${message}`)
}

test('this repository obeys its layers', () => {
  expect(checkLayers(fileURLToPath(new URL('..', import.meta.url)))).toEqual([])
})

test('a tree whose imports point the right way passes', () => {
  const found = violations({
    'packages/sdk/src/token/index.ts': `export const token = 1`,
    'packages/sdk/src/verify/engine/node.ts': `import { verify } from 'node:crypto'`,
    'packages/sdk/src/verify/engine/web.ts': `export const web = 1`,
    'packages/sdk/src/verify/index.ts': `import '#engine'\nimport '../token/index.ts'`,
    'packages/sdk/src/index.ts': `export * from './verify/index.ts'`,
    'packages/authority/src/domain/tokens.ts': `import { token } from 'countersign/token'`,
    'packages/authority/src/http/app.ts': `import { Hono } from 'hono'\nimport '../domain/tokens.ts'`,
    'packages/authority/src/app.ts': `import './http/app.ts'`,
    'packages/authority/src/cli/main.ts': `import '../app.ts'\nimport manifest from '../../package.json'`,
  })
  expect(found).toEqual([])
})

test('an import from left to right is reported with its line and the reason', () => {
  const [found] = violations({
    'packages/sdk/src/token/ids.ts': `\nimport { createVerifier } from '../verify/verifier.ts'`,
    'packages/sdk/src/verify/verifier.ts': `export const createVerifier = 1`,
  })
  expect(found).toBe(
    "packages/sdk/src/token/ids.ts:2 imports '../verify/verifier.ts': of the layers, token may import " +
      'nothing, because token formats are pure: no fetch, no clock, no dependency',
  )
})

test.each([
  ['statically', `import { sqlite } from '../storage/sqlite.ts'`],
  ['for its types', `import type { Sqlite } from '../storage/sqlite.ts'`],
  ['in a type', `export type Sqlite = import('../storage/sqlite.ts').Sqlite`],
  ['dynamically', `const { sqlite } = await import('../storage/sqlite.ts')`],
  ['as a re-export', `export { sqlite } from '../storage/sqlite.ts'`],
])('http never imports storage %s', (_, line) => {
  const found = violations({
    'packages/authority/src/http/machines.ts': line,
    'packages/authority/src/storage/sqlite.ts': `export const sqlite = 1`,
  })
  expect(found).toEqual([expect.stringContaining('http may import domain')])
})

test('the domain imports no package and no Node module that does I/O', () => {
  const found = violations({
    'packages/authority/src/domain/tokens.ts': [
      `import { readFile } from 'node:fs'`,
      `import * as valibot from 'valibot'`,
      `import { createClient } from 'countersign'`,
      `import { createHmac } from 'node:crypto'`,
    ].join('\n'),
  })
  expect(found.map((line) => line.split(' ')[2])).toEqual([
    "'node:fs':",
    "'valibot':",
    "'countersign':",
  ])
})

test('each file that a # import can mean must be allowed', () => {
  const [found] = violations({
    'packages/sdk/src/token/jws.ts': `import { verify } from '#engine'`,
  })
  expect(found).toContain(
    "token/jws.ts:1 imports '#engine': of the layers, token may import nothing",
  )
})

test('nothing sees testing', () => {
  const [found] = violations({
    'packages/sdk/src/adapters/hono.ts': `import { makeKey } from '../testing/keys.ts'`,
    'packages/sdk/src/testing/keys.ts': `import '../adapters/hono.ts'`,
  })
  expect(found).toContain('adapters/hono.ts:1')
})

test('a cycle between files is reported at the import that closes it', () => {
  const found = violations({
    'packages/sdk/src/token/a.ts': `import './b.ts'`,
    'packages/sdk/src/token/b.ts': `export const b = 1\nexport * from './c.ts'`,
    'packages/sdk/src/token/c.ts': `import { a } from './a.ts'`,
  })
  expect(found).toEqual([
    'packages/sdk/src/token/c.ts:1 closes a cycle: a.ts -> b.ts -> c.ts -> a.ts',
  ])
})

test('a type-only import closes no cycle, but an import of inline types does', () => {
  const tree = (line: string) => ({
    'packages/sdk/src/token/a.ts': `import './b.ts'`,
    'packages/sdk/src/token/b.ts': line,
  })
  expect(violations(tree(`import type { A } from './a.ts'`))).toEqual([])
  expect(violations(tree(`import { type A } from './a.ts'`))).toHaveLength(1)
})

test('a file in a folder that the table does not name is reported', () => {
  expect(violations({ 'packages/authority/src/helpers/strings.ts': `export {}` })).toEqual([
    'packages/authority/src/helpers/strings.ts:1 has no layer: say in tools/layers.ts what it may import',
  ])
})

test('another package is imported by its name and through its exports only, even by a test', () => {
  const found = violations({
    'packages/authority/src/http/deep.ts': `import 'countersign/src/token/ids.ts'`,
    'packages/authority/src/http/deep.test.ts': [
      `import '../../../sdk/src/token/ids.ts'`,
      `import 'countersign/verify/verifier.ts'`,
      `import '../storage/sqlite.ts'`,
    ].join('\n'),
    'packages/authority/src/storage/sqlite.ts': `export {}`,
  })
  expect(found).toEqual([
    expect.stringContaining('deep.test.ts:1'),
    expect.stringContaining('deep.test.ts:2'),
    expect.stringContaining('deep.ts:1'),
  ])
})
