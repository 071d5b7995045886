import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { readManifest } from './manifest.ts'
import { compareNames, type Door, doorsOf, publicNames, type PublicNames } from './public-names.ts'
import { reach } from './reach.ts'

/**
 * What a user of the packages meets, checked on the build: the public names are those of the snapshot,
 * the documents import what exists, the SDK reaches only what each runtime has, and the packed
 * tarballs are sound. `npm run check:exports -- --update` accepts the names as they are.
 */

const root = fileURLToPath(new URL('..', import.meta.url))
const snapshot = join(root, 'tools/exports.snapshot.json')
const sdk = join(root, 'packages/sdk')
const authority = join(root, 'packages/authority')
const awsKms = join(root, 'packages/aws-kms')
const mcp = join(root, 'packages/mcp')

/** What the SDK may load from outside itself, by the condition that the runtime sets. */
const SDK_REACH: Readonly<Record<string, readonly string[]>> = {
  node: ['node:crypto'],
  workerd: [],
  'edge-light': [],
  browser: [],
  default: [],
}

/** An adapter may load its own framework, and no other door may. */
const FRAMEWORK_OF: Readonly<Record<string, string>> = {
  'countersign/nextjs': 'next/headers.js',
  'countersign/react-router': 'react-router',
  'countersign/tanstack-react-start': '@tanstack/react-start',
}

/** They are read where the package is installed or listed. */
const packedReadmes = [
  'packages/sdk/README.md',
  'packages/authority/README.md',
  'packages/aws-kms/README.md',
  'packages/mcp/README.md',
]

const doors = [sdk, authority, awsKms, mcp].flatMap((folder) =>
  doorsOf(folder, readManifest(folder)),
)
const problems = [
  ...(await checkNames()),
  ...checkDocuments(),
  ...checkLinks(),
  ...doors.filter(({ code }) => code.startsWith(sdk)).flatMap(checkReach),
  ...checkTarballs(),
]
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1

async function checkNames(): Promise<string[]> {
  const names = await publicNames(doors)
  if (process.argv.includes('--update')) {
    writeFileSync(snapshot, `${JSON.stringify(names, null, 2)}\n`)
    return []
  }
  const before = existsSync(snapshot)
    ? (JSON.parse(readFileSync(snapshot, 'utf8')) as PublicNames)
    : {}
  const changes = compareNames(before, names)
  if (changes.length === 0) return []
  const advice = 'If this change of the public names is meant: npm run check:exports -- --update'
  return [...changes, advice]
}

/** A document must not teach an import that fails. Design notes may speak of the future. */
function checkDocuments(): string[] {
  const specifiers = doors.map(({ specifier }) => specifier)
  return documents().flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const imported = [...text.matchAll(/from '((?:@countersign\/|countersign)[^']*)'/g)]
    return imported
      .map(([, specifier = '']) => specifier)
      .filter((specifier) => !specifiers.includes(specifier))
      .map((specifier) => `${file} imports '${specifier}', which does not exist`)
  })
}

/** A packed page is alone: what it links must have an address of its own. */
function checkLinks(): string[] {
  return packedReadmes.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    return [...text.matchAll(/\]\(([^)]*)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^(https:\/\/|#)/.test(target))
      .map((target) => `${file} links ${target}, which is not in the package`)
  })
}

function documents(): string[] {
  const docs = join(root, 'docs')
  const pages = existsSync(docs) ? readdirSync(docs, { recursive: true, encoding: 'utf8' }) : []
  return ['README.md', ...packedReadmes, ...pages.map((page) => join('docs', page))].filter(
    (file) =>
      file.endsWith('.md') && !file.startsWith('docs/design/') && existsSync(join(root, file)),
  )
}

function checkReach({ specifier, code }: Door): string[] {
  return Object.entries(SDK_REACH).flatMap(([condition, allowed]) =>
    [...reach(sdk, readManifest(sdk), code, [condition])]
      .filter(([module]) => !allowed.includes(module) && module !== FRAMEWORK_OF[specifier])
      .map(
        ([module, file]) =>
          `'${specifier}' reaches ${module} under the condition ${condition}, by ${file.slice(root.length)}`,
      ),
  )
}

function checkTarballs(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-pack-'))
  try {
    const packed = run('npm', ['pack', '--workspaces', '--silent', '--pack-destination', folder])
    if (packed !== undefined) return [packed]
    return readdirSync(folder)
      .map((name) => join(folder, name))
      .flatMap((tarball) => [
        run('npx', ['--no', 'publint', 'run', tarball, '--strict']) ?? [],
        run('npx', ['--no', 'attw', tarball, '--profile', 'esm-only', '--format', 'ascii']) ?? [],
      ])
      .flat()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What the command printed, if it failed. */
function run(command: string, args: readonly string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  return status === 0 ? undefined : `${command} ${args.join(' ')}\n${stdout}${stderr}`
}
