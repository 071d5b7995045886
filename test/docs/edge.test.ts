import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../support/spawn.ts'

test('docs/edge.md shows the Worker of the example as it is', () => {
  const page = readFileSync(join(ROOT, 'docs/edge.md'), 'utf8')
  const shown = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, body]) => body)
  const worker = readFileSync(join(ROOT, 'examples/edge-gateway/src/worker.ts'), 'utf8')
  expect(shown).toEqual([worker])
})
