import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Makes the tree of a release: moves the pending changesets into CHANGELOG.md and gives all packages
 * their next version. Changesets computes the version; the changelog is ours, because its own is one
 * for each package, and these share everything. Commit the result and nothing else.
 */

const KINDS = ['Security', 'Added', 'Changed', 'Deprecated', 'Removed', 'Fixed']

const root = fileURLToPath(new URL('..', import.meta.url))
const entries = pendingChanges()
if (entries.length === 0) throw new Error('Nothing to release: .changeset holds no change.')

run('npx', 'changeset', 'version')
run('npm', 'install', '--package-lock-only', '--ignore-scripts')
addToChangelog(entries)

/** The text of each changeset, ordered by its first word, which must be one of `KINDS`. */
function pendingChanges(): string[] {
  const folder = join(root, '.changeset')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8').split(/^---$/m)[2]?.trim() ?? ''
      if (kindOf(text) < 0) throw new Error(`${name} must begin with one of: ${KINDS.join(', ')}.`)
      return text
    })
    .sort((a, b) => kindOf(a) - kindOf(b))
}

function kindOf(text: string): number {
  return KINDS.findIndex((kind) => text.startsWith(kind))
}

function addToChangelog(entries: readonly string[]): void {
  const path = join(root, 'CHANGELOG.md')
  const manifest = readFileSync(join(root, 'packages/sdk/package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const date = new Date().toISOString().slice(0, 10)
  const list = entries.map((entry) => `- ${entry.replaceAll('\n', '\n  ')}`).join('\n')
  const [head, ...releases] = readFileSync(path, 'utf8').split(/^(?=## )/m)
  const parts = [head?.trimEnd(), `## ${version} (${date})\n\n${list}\n`]
  writeFileSync(path, [parts.join('\n\n'), ...releases].join('\n'))
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd: root, stdio: 'inherit' })
}
