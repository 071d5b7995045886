import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { importsOf } from './imports.ts'
import { type Layer, type Layers, LAYERS } from './layers.ts'
import { type Manifest, readManifest, sourcesIn } from './manifest.ts'

/** A file, or an import in it, that breaks the table of layers. */
export interface Violation {
  /** Relative to the root of the repository. */
  readonly file: string
  /** 1-based. */
  readonly line: number
  readonly message: string
}

/**
 * Holds every file in the `src` of each package of `table` to its layer, and finds cycles among the
 * files of a package. A test may import whatever it likes of its own package. A type-only import obeys
 * the layers but closes no cycle, for it is gone at run time.
 *
 * @param root Folder of the repository; the keys of `table` are package folders below it.
 */
export function checkLayers(
  root: string,
  table: Readonly<Record<string, Layers>> = LAYERS,
): Violation[] {
  const packages = Object.entries(table).map(([folder, layers]) => ({
    folder,
    layers,
    manifest: readManifest(join(root, folder)),
  }))
  const ours = new Map(packages.map(({ manifest }) => [manifest.name, manifest]))
  return packages.flatMap((pkg) => {
    const files = sourceFiles(root, pkg)
    const edges = files.flatMap((file) => readEdges(root, file, pkg))
    const atRunTime = edges.filter(({ file, typeOnly }) => !isTest(file) && !typeOnly)
    return [
      ...withoutLayer(files, pkg),
      ...edges.flatMap((edge) => forbidden(edge, pkg, ours) ?? []),
      ...cycles(atRunTime),
    ]
  })
}

interface Package {
  readonly folder: string
  readonly layers: Layers
  readonly manifest: Manifest
}

/** One import. All paths are relative to the root. */
interface Edge {
  readonly file: string
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
  /** The file that is meant; absent when another package or a Node module is. */
  readonly target: string | undefined
}

function sourceFiles(root: string, { folder }: Package): string[] {
  const src = join(root, folder, 'src')
  if (!existsSync(src)) return []
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[cm]?[jt]sx?$/.test(name))
    .map((name) => posix.join(folder, 'src', name))
    .sort()
}

function readEdges(root: string, file: string, pkg: Package): Edge[] {
  const imports = importsOf(file, readFileSync(join(root, file), 'utf8'))
  return imports.flatMap((found) =>
    targetsOf(found.specifier, file, pkg).map((target) => ({ file, target, ...found })),
  )
}

/** `#name` may mean a different file under each condition; all of them must be allowed. */
function targetsOf(specifier: string, file: string, { folder, manifest }: Package) {
  if (specifier.startsWith('.')) return [posix.join(posix.dirname(file), specifier)]
  const mapped = manifest.imports?.[specifier]
  if (mapped === undefined) return [undefined]
  return sourcesIn(mapped).map((source) => posix.join(folder, source))
}

function withoutLayer(files: readonly string[], pkg: Package): Violation[] {
  return files
    .filter((file) => !isTest(file) && layerOf(file, pkg) === undefined)
    .map((file) => ({
      file,
      line: 1,
      message: 'has no layer: say in tools/layers.ts what it may import',
    }))
}

function forbidden(
  edge: Edge,
  pkg: Package,
  ours: ReadonlyMap<string, Manifest>,
): Violation | undefined {
  const { file, line, specifier, target } = edge
  const reason =
    target === undefined
      ? forbiddenPackage(file, specifier, pkg, ours)
      : forbiddenFile(file, target, pkg)
  if (reason === undefined) return undefined
  return { file, line, message: `imports '${specifier}': ${reason}` }
}

function forbiddenFile(file: string, target: string, pkg: Package): string | undefined {
  if (target === `${pkg.folder}/package.json`) return undefined
  if (!target.startsWith(`${pkg.folder}/src/`)) {
    return 'this leaves the src of the package; another package is imported by its name'
  }
  const from = layerOf(file, pkg)
  const to = layerOf(target, pkg)
  if (isTest(file) || from === undefined || to === undefined || from === to) return undefined
  const { layers, because } = pkg.layers[from] as Layer
  if (layers.includes('*') || layers.includes(to)) return undefined
  return `of the layers, ${from} may import ${list(layers)}, because ${because}`
}

function forbiddenPackage(
  file: string,
  specifier: string,
  pkg: Package,
  ours: ReadonlyMap<string, Manifest>,
): string | undefined {
  const name = packageName(specifier)
  const sibling = ours.get(name)
  if (
    sibling !== undefined &&
    !Object.hasOwn(sibling.exports, `.${specifier.slice(name.length)}`)
  ) {
    return `the exports map of ${name} does not name it`
  }
  const from = layerOf(file, pkg)
  if (isTest(file) || from === undefined) return undefined
  const { packages, because } = pkg.layers[from] as Layer
  const outside = sibling === undefined && packages.includes('*')
  if (outside || packages.includes(specifier)) return undefined
  return `from outside the package, ${from} may import ${list(packages)}, because ${because}`
}

function list(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'nothing' : allowed.join(', ')
}

/** The key of the longest path in the table that `file` is or lies in. */
function layerOf(file: string, { folder, layers }: Package): string | undefined {
  const path = file.slice(`${folder}/src/`.length)
  return Object.keys(layers)
    .filter((key) => path === key || path.startsWith(`${key}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts')
}

/** Walks depth first; an import of a file that is still being walked closes a cycle. */
function cycles(edges: readonly Edge[]): Violation[] {
  const done = new Set<string>()
  const path: string[] = []
  const found: Violation[] = []

  function walk(file: string): void {
    path.push(file)
    for (const { line, target } of edges.filter((edge) => edge.file === file)) {
      if (target === undefined || done.has(target)) continue
      const start = path.indexOf(target)
      if (start < 0) walk(target)
      else {
        const round = [...path.slice(start), target].map((step) => posix.basename(step))
        found.push({ file, line, message: `closes a cycle: ${round.join(' -> ')}` })
      }
    }
    path.pop()
    done.add(file)
  }

  for (const { file } of edges) if (!done.has(file)) walk(file)
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = checkLayers(fileURLToPath(new URL('..', import.meta.url)))
  for (const { file, line, message } of violations) console.error(`${file}:${line} ${message}`)
  if (violations.length > 0) process.exitCode = 1
}
