import { defineConfig } from 'tsdown'
import { readManifest, sourceFiles } from '../../tools/manifest.ts'

// One file of `dist` for each file of `src`; `bin/countersign.js` runs what becomes of src/cli/main.ts.
export default defineConfig({
  entry: [...sourceFiles(readManifest(import.meta.dirname)), 'src/cli/main.ts'],
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  unbundle: true,
  dts: { sourcemap: true },
  sourcemap: true,
  // Writing the declarations takes most of this build, and that is no mistake.
  checks: { pluginTimings: false },
})
