import { readFileSync } from 'node:fs'
import { TOKEN_DEFECTS } from 'countersign/testing'
import { describe, expect, test } from 'vitest'
import { createEmulatedAuthority } from '../../packages/authority/src/emulator/emulated-authority.ts'
import { parseSeed } from '../../packages/authority/src/emulator/seed.ts'

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Where the code of a page stands and is compiled; most of it is run as well. */
const PAGES = {
  'docs/testing.md': [
    'test/kit/api.ts',
    'test/kit/vitest.test.ts',
    'test/kit/node.example.ts',
    'test/kit/jest/authority.test.js',
  ],
  'docs/emulator.md': ['test/kit/emulator.example.ts'],
} as const

describe.each(Object.entries(PAGES))('%s', (page, files) => {
  const code = files.map(read).join('\n')
  const blocks = [...read(page).matchAll(/^```[tj]s\n(.*?)^```$/gms)].map(([, block = '']) => block)

  test('has code', () => {
    expect(blocks.length).toBeGreaterThan(1)
  })

  test.each(blocks.flatMap((block) => block.trim().split(/\n{2,}(?=\S)/)))(
    'shows code that is compiled: %s',
    (part) => {
      expect(code).toContain(part)
    },
  )
})

test('docs/testing.md tells every defect of every class with its code', () => {
  const rows = read('docs/testing.md')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
  const [head = [], ...body] = rows.slice(rows.findIndex(([name]) => name === 'defect'))
  const classes = head.slice(1) as (keyof typeof TOKEN_DEFECTS)[]
  const told = classes.map((name, column) => [
    name,
    Object.fromEntries(
      body.flatMap(([defect = '', ...codes]) => {
        const isDefect = codes.length === classes.length && /^\w+$/.test(defect)
        const code = codes[column]
        return isDefect && code !== '' ? [[defect, code]] : []
      }),
    ),
  ])
  expect(Object.fromEntries(told)).toEqual(TOKEN_DEFECTS)
})

test('the seed of docs/emulator.md can be planted', async () => {
  const [, seed = ''] = /^```json\n(.*?)^```$/ms.exec(read('docs/emulator.md')) ?? []
  const emulated = await createEmulatedAuthority({
    issuer: 'http://127.0.0.1:4100',
    seed: parseSeed(seed),
  })
  expect(emulated.machines.map(({ name }) => name)).toEqual(['api', 'worker'])
  await emulated.close()
})
