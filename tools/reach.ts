import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { importsOf } from './imports.ts'
import { type Manifest, resolveTarget } from './manifest.ts'

/**
 * What the built module `entry` of a package loads, however far down, that is not the package's own:
 * Node modules and other packages, each with the file that names it.
 *
 * @param conditions What the runtime looks for in the `imports` map; `default` always holds.
 */
export function reach(
  folder: string,
  { imports = {} }: Manifest,
  entry: string,
  conditions: readonly string[],
): Map<string, string> {
  const outside = new Map<string, string>()
  const seen = new Set<string>()

  function walk(file: string): void {
    if (seen.has(file)) return
    seen.add(file)
    for (const { specifier } of importsOf(file, readFileSync(file, 'utf8'))) {
      const mapped = imports[specifier]
      const inside = mapped === undefined ? undefined : resolveTarget(mapped, conditions)
      if (inside !== undefined) walk(join(folder, inside))
      else if (specifier.startsWith('.')) walk(join(dirname(file), specifier))
      else outside.set(specifier, file)
    }
  }

  walk(entry)
  return outside
}
