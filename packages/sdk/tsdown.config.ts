import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'tsdown'
import { type Manifest, readManifest, sourceFiles } from '../../tools/manifest.ts'

const manifest = readManifest(import.meta.dirname) as Manifest & { readonly version: string }

/** What a source names of the language's library, for its declarations: the bundler drops it. */
function libraryOf({ fileName }: { readonly fileName: string }): string | undefined {
  const source = join(import.meta.dirname, 'src', fileName.replace(/\.d\.ts$/, '.ts'))
  if (!fileName.endsWith('.d.ts') || !existsSync(source)) return undefined
  return /^\/\/\/ <reference lib=.*$/m.exec(readFileSync(source, 'utf8'))?.[0]
}

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
  // Its type wants a text, and an empty one would be an empty line in every file.
  outputOptions: { postBanner: libraryOf as (chunk: { readonly fileName: string }) => string },
  // Reading the declarations of the frameworks takes most of this build, and that is no mistake.
  checks: { pluginTimings: false },
})
