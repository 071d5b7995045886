import { defineConfig } from 'tsdown'
import { type Manifest, readManifest, sourceFiles } from '../../tools/manifest.ts'

const manifest = readManifest(import.meta.dirname) as Manifest & { readonly version: string }

// One file of `dist` for each file of `src`. `#engine` and `#inflate` stay imports, so that the `imports`
// map of the published package, and not this build, picks what suits each runtime.
export default defineConfig({
  entry: sourceFiles(manifest),
  define: { COUNTERSIGN_VERSION: JSON.stringify(manifest.version) },
  deps: { neverBundle: [/^#/, /^node:/] },
  platform: 'neutral',
  target: 'node20.19',
  unbundle: true,
  dts: { sourcemap: true },
  sourcemap: true,
  // Reading the declarations of the frameworks takes most of this build, and that is no mistake.
  checks: { pluginTimings: false },
})
