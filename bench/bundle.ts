import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { Rolldown } from 'tsdown'

export interface Size {
  readonly minifiedBytes: number
  readonly gzipBytes: number
  readonly brotliBytes: number
}

/** What a browser or a worker downloads for one import. */
export interface BundleSize {
  readonly name: string
  /** What is there before anything runs. */
  readonly first: Size
  /** With what is loaded later, when it is needed. */
  readonly whole: Size
  /** Modules of Node that it reaches: for a bundle for the web there should be none. */
  readonly nodeModules: readonly string[]
}

/**
 * The same need: a verifier that fetches its issuer's keys. Ours checks the status of tokens as well,
 * once one has a status; jose needs another package for that.
 */
export const BUNDLED = {
  ours: `export { createVerifier } from 'countersign/verify'`,
  jose: `export { createRemoteJWKSet, jwtVerify } from 'jose'`,
  joseWithStatus: `export { createRemoteJWKSet, jwtVerify } from 'jose'
    export { getListFromStatusListJWT } from '@sd-jwt/jwt-status-list'`,
} as const

const ENTRY = join(import.meta.dirname, 'bundle-entry.js')

/** Bundles a module for the web, from the packages as they were built. @throws if an import fails. */
export async function bundleForWeb(name: string, module: string): Promise<BundleSize> {
  const nodeModules = new Set<string>()
  const bundle = await Rolldown.rolldown({
    input: ENTRY,
    platform: 'browser',
    // As applications are bundled, whose entry nobody imports: what is loaded later takes from it what both need.
    preserveEntrySignatures: 'allow-extension',
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
  const chunks = output.filter((part) => part.type === 'chunk')
  const first = firstOf(chunks)
  const codeOf = (some: readonly Chunk[]): string => some.map(({ code }) => code).join('')
  const [code, firstCode] = [codeOf(chunks), codeOf(first)]
  return {
    name,
    first: sizeOf(firstCode),
    whole: sizeOf(code),
    nodeModules: [...nodeModules],
  }
}

type Chunk = Rolldown.OutputChunk

/** The entry and all that it imports: what is there before anything runs. */
function firstOf(chunks: readonly Chunk[]): readonly Chunk[] {
  const names = new Set(chunks.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName))
  for (const name of names) {
    const chunk = chunks.find(({ fileName }) => fileName === name)
    for (const imported of chunk?.imports ?? []) names.add(imported)
  }
  return chunks.filter(({ fileName }) => names.has(fileName))
}

function sizeOf(code: string): Size {
  return {
    minifiedBytes: Buffer.byteLength(code),
    gzipBytes: gzipSync(code, { level: 9 }).length,
    brotliBytes: brotliCompressSync(code).length,
  }
}
