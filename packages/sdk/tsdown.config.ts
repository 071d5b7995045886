import { defineConfig } from 'tsdown'
import { readManifest, sourceFiles } from '../../tools/manifest.ts'

// One file of `dist` for each file of `src`. `#signature` stays an import, so that the `imports` map of
// the published package, and not this build, picks the signature module of each runtime.
export default defineConfig({
  entry: sourceFiles(readManifest(import.meta.dirname)),
  deps: { neverBundle: [/^#/, /^node:/] },
  platform: 'neutral',
  target: 'node20.19',
  unbundle: true,
  dts: { sourcemap: true },
  sourcemap: true,
})
