import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { type Manifest, resolveTarget } from './manifest.ts'

/** `value` exists at run time (a class, too, though it is also a type); `type` only for the compiler. */
export type Kind = 'value' | 'type'

/** The names that each door of a package gives, by specifier, in alphabetical order. */
export type PublicNames = Record<string, Record<string, Kind>>

/** A door of a package: a key of its `exports` map, but for package.json. */
export interface Door {
  readonly specifier: string
  /** The built module and its declarations. */
  readonly code: string
  readonly types: string
}

/** The doors of the package in `folder`, as a program on Node finds them in the build. */
export function doorsOf(folder: string, { name, exports }: Manifest): Door[] {
  return Object.entries(exports)
    .filter(([subpath]) => subpath !== './package.json')
    .map(([subpath, target]) => {
      const code = resolveTarget(target, ['node', 'import'])
      const types = resolveTarget(target, ['types', 'import'])
      if (code === undefined || types === undefined)
        throw new Error(`${name} ${subpath} leads nowhere`)
      return {
        specifier: name + subpath.slice(1),
        code: join(folder, code),
        types: join(folder, types),
      }
    })
}

/**
 * Reads the names from the declarations, and their kinds from the built modules themselves.
 *
 * @throws Error when a module exports at run time what its declarations do not.
 */
export async function publicNames(doors: readonly Door[]): Promise<PublicNames> {
  const program = ts.createProgram(
    doors.map(({ types }) => types),
    { module: ts.ModuleKind.NodeNext, noLib: true, types: [] },
  )
  const names: PublicNames = {}
  for (const { specifier, code, types } of doors) {
    const declared = declaredNames(program, types)
    const present = Object.keys((await import(pathToFileURL(code).href)) as object)
    const undeclared = present.filter((name) => !declared.includes(name))
    if (undeclared.length > 0) throw new Error(`${types} does not declare ${undeclared.join(', ')}`)
    names[specifier] = Object.fromEntries(
      declared.map((name) => [name, present.includes(name) ? 'value' : 'type']),
    )
  }
  return names
}

/** Every difference as one line; none when the names are the same. */
export function compareNames(before: PublicNames, after: PublicNames): string[] {
  const was = flatten(before)
  const is = flatten(after)
  return [
    ...was.filter((line) => !is.includes(line)).map((line) => `- ${line}`),
    ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
  ]
}

function flatten(names: PublicNames): string[] {
  return Object.entries(names).flatMap(([specifier, kinds]) =>
    Object.entries(kinds).map(([name, kind]) => `${kind} ${name} of '${specifier}'`),
  )
}

function declaredNames(program: ts.Program, path: string): string[] {
  const source = program.getSourceFile(path)
  if (source === undefined) throw new Error(`${path} is missing: run npm run build`)
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(source)
  return module === undefined
    ? []
    : checker
        .getExportsOfModule(module)
        .map(({ name }) => name)
        .sort()
}
