import { defineConfig } from 'tsdown'
import { type Manifest, readManifest, sourceFiles } from '../../tools/manifest.ts'

const manifest = readManifest(import.meta.dirname) as Manifest & { readonly version: string }

// One file of `dist` for each file of `src`; `bin/countersign-mcp.js` runs what becomes of src/main.ts.
export default defineConfig({
  entry: [...sourceFiles(manifest), 'src/main.ts'],
  define: { COUNTERSIGN_VERSION: JSON.stringify(manifest.version) },
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  unbundle: true,
  dts: { sourcemap: true },
  sourcemap: true,
  // Reading the declarations of the AI SDK and LangChain takes most of this small build.
  checks: { pluginTimings: false },
})
