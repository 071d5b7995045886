import { defineConfig } from 'tsdown'
import { readManifest, sourceFiles } from '../../tools/manifest.ts'

// One file of `dist` for each file of `src`.
export default defineConfig({
  entry: sourceFiles(readManifest(import.meta.dirname)),
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  unbundle: true,
  dts: { sourcemap: true },
  sourcemap: true,
  // Reading the declarations of the AWS SDK takes most of this small build, and that is no mistake.
  checks: { pluginTimings: false },
})
