import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { Rolldown } from 'tsdown'

/** What a browser or a worker downloads for one import. */
export interface BundleSize {
  readonly name: string
  readonly minifiedBytes: number
  readonly gzipBytes: number
  readonly brotliBytes: number
  /** Modules of Node that it reaches: for a bundle for the web there should be none. */
  readonly nodeModules: readonly string[]
}

/** The same need, of both: a verifier that fetches its issuer's keys. */
export const BUNDLED = {
  ours: `export { createVerifier } from 'countersign/verify'`,
  jose: `export { createRemoteJWKSet, jwtVerify } from 'jose'`,
} as const

const ENTRY = join(import.meta.dirname, 'bundle-entry.js')

/** Bundles a module for the web, from the packages as they were built. @throws if an import fails. */
export async function bundleForWeb(name: string, module: string): Promise<BundleSize> {
  const nodeModules = new Set<string>()
  const bundle = await Rolldown.rolldown({
    input: ENTRY,
    platform: 'browser',
    resolve: { conditionNames: ['browser', 'worker', 'import'] },
    onLog(level, log) {
      throw new Error(`${level}: ${log.message}`)
    },
    plugins: [
      {
        name: 'the entry, and what it must not reach',
        resolveId(specifier) {
          if (specifier === ENTRY) return ENTRY
          if (!isBuiltin(specifier)) return null
          nodeModules.add(specifier)
          return { id: specifier, external: true }
        },
        load: (id) => (id === ENTRY ? module : null),
      },
    ],
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  // What is loaded later is downloaded too.
  const code = output.map((part) => (part.type === 'chunk' ? part.code : '')).join('')
  return {
    name,
    minifiedBytes: Buffer.byteLength(code),
    gzipBytes: gzipSync(code, { level: 9 }).length,
    brotliBytes: brotliCompressSync(code).length,
    nodeModules: [...nodeModules],
  }
}
