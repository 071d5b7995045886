import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { reach } from './reach.ts'

const manifest = {
  name: 'countersign',
  exports: {},
  imports: { '#engine': { node: './dist/node.js', default: './dist/web.js' } },
}

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-reach-'))
  plant('dist/index.js', `export * from './verify/verifier.js'`)
  plant('dist/verify/verifier.js', `import { verify } from '#engine'\nimport '../index.js'`)
  plant('dist/node.js', `import { verify } from 'node:crypto'`)
  plant('dist/web.js', `export const verify = crypto.subtle.verify`)
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

function plant(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

function reached(condition: string): string[] {
  return [...reach(folder, manifest, join(folder, 'dist/index.js'), [condition]).keys()]
}

test('the imports map decides what each runtime reaches', () => {
  expect(reached('node')).toEqual(['node:crypto'])
  expect(reached('workerd')).toEqual([])
  expect(reached('default')).toEqual([])
})

test('a Node module or a package is seen however deep it is imported, also dynamically', () => {
  plant('dist/web.js', `export * from './deep.js'`)
  plant('dist/deep.js', `const fs = await import('node:fs')\nimport 'jose'`)
  expect(reached('browser')).toEqual(['node:fs', 'jose'])
})
