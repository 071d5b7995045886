import { expect, it } from 'vitest'
import { BUNDLED, bundleForWeb } from './bundle.ts'

// The packages as they are installed: this needs the build, which `npm test` makes first.

it('a verifier for the web is smaller than jose’s, minified and by gzip', async () => {
  const ours = await bundleForWeb('ours', BUNDLED.ours)
  const peer = await bundleForWeb('jose', BUNDLED.jose)
  expect(ours.first.minifiedBytes).toBeLessThan(peer.whole.minifiedBytes)
  expect(ours.first.gzipBytes).toBeLessThan(peer.whole.gzipBytes)
})

it('with what it loads to check a status it is smaller than jose with what that needs for it', async () => {
  const ours = await bundleForWeb('ours', BUNDLED.ours)
  const peer = await bundleForWeb('jose', BUNDLED.joseWithStatus)
  expect(ours.whole.gzipBytes).toBeGreaterThan(ours.first.gzipBytes)
  expect(ours.whole.minifiedBytes).toBeLessThan(peer.whole.minifiedBytes)
  expect(ours.whole.gzipBytes).toBeLessThan(peer.whole.gzipBytes)
})

it('a verifier for the web reaches no module of Node', async () => {
  expect((await bundleForWeb('ours', BUNDLED.ours)).nodeModules).toEqual([])
})

it('a module of Node would be seen, also one that is loaded later', async () => {
  const bad = `import { verify } from 'node:crypto'\nexport const f = () => [verify, import('fs')]`
  expect((await bundleForWeb('bad', bad)).nodeModules.toSorted()).toEqual(['fs', 'node:crypto'])
})

it('what is loaded later counts, apart from what is there at once', async () => {
  const now = await bundleForWeb('now', BUNDLED.jose)
  const later = await bundleForWeb('later', `export const f = () => import('jose')`)
  expect(later.whole.minifiedBytes).toBeGreaterThan(now.whole.minifiedBytes)
  expect(later.first.minifiedBytes).toBeLessThan(1_000)
})
