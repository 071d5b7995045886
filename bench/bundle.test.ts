import { expect, it } from 'vitest'
import { BUNDLED, bundleForWeb } from './bundle.ts'

// The packages as they are installed: this needs the build, which `npm test` makes first.

it('a verifier for the web is smaller than jose’s, minified and compressed', async () => {
  const ours = await bundleForWeb('ours', BUNDLED.ours)
  const peer = await bundleForWeb('jose', BUNDLED.jose)
  expect(ours.minifiedBytes).toBeLessThan(peer.minifiedBytes)
  expect(ours.gzipBytes).toBeLessThan(peer.gzipBytes)
})

it('a verifier for the web reaches no module of Node', async () => {
  expect((await bundleForWeb('ours', BUNDLED.ours)).nodeModules).toEqual([])
})

it('a module of Node would be seen, also one that is loaded later', async () => {
  const bad = `import { verify } from 'node:crypto'\nexport const f = () => [verify, import('fs')]`
  expect((await bundleForWeb('bad', bad)).nodeModules.toSorted()).toEqual(['fs', 'node:crypto'])
})

it('what is loaded later counts', async () => {
  const now = await bundleForWeb('now', BUNDLED.jose)
  const later = await bundleForWeb('later', `export const f = () => import('jose')`)
  expect(later.minifiedBytes).toBeGreaterThan(now.minifiedBytes)
})
