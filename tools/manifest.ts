import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A target in the `exports` or `imports` map of a package.json: a path, or paths by condition. */
export type Target = string | { readonly [condition: string]: Target }

/** What our tools read of a package.json. */
export interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, Target>>
  readonly imports?: Readonly<Record<string, Target>>
}

/** Reads the manifest of the package in `folder`, which must have an `exports` map. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** The path that `target` leads to under `conditions`, as Node resolves it: the first key that holds. */
export function resolveTarget(target: Target, conditions: readonly string[]): string | undefined {
  if (typeof target === 'string') return target
  for (const [condition, inner] of Object.entries(target)) {
    if (condition !== 'default' && !conditions.includes(condition)) continue
    const path = resolveTarget(inner, conditions)
    if (path !== undefined) return path
  }
  return undefined
}

/** Every source file that the maps of a manifest name under the `source` condition, without repeats. */
export function sourceFiles({ exports, imports = {} }: Manifest): string[] {
  const files = [...Object.values(exports), ...Object.values(imports)].flatMap(sourcesIn)
  return [...new Set(files)]
}

/** Every source file that one target can mean. */
export function sourcesIn(target: Target): string[] {
  if (typeof target === 'string') return target.startsWith('./src/') ? [target.slice(2)] : []
  return Object.values(target).flatMap(sourcesIn)
}
