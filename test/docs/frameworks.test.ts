import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FRAMEWORKS, type SetName, versionsOf } from '../frameworks/apps.ts'
import { ROOT } from '../support/spawn.ts'

/**
 * The pages of docs/frameworks say what is so: their code is that of the examples, which are compiled
 * and started, and what holds for every adapter is written once, in their README.md.
 */

const FOLDER = join(ROOT, 'docs/frameworks')
const index = readFileSync(join(FOLDER, 'README.md'), 'utf8')
const pages = readdirSync(FOLDER).filter((name) => name.endsWith('.md') && name !== 'README.md')

test.each(pages)(
  'docs/frameworks/%s has the code of its example (npm run docs renews it)',
  async (page) => {
    const file = join(FOLDER, page)
    await expect(render(readFileSync(file, 'utf8'))).toMatchFileSnapshot(file)
  },
)

test.each(pages)('docs/frameworks/%s is in the table of README.md', (page) => {
  expect(index).toContain(`(${page})`)
})

test('README.md of the repository has the same table', () => {
  const root = readFileSync(join(ROOT, 'README.md'), 'utf8')
  expect(tableOf(root)).toEqual(
    tableOf(index).map((row) => row.replace('](', '](docs/frameworks/')),
  )
})

test.each(Object.entries(FRAMEWORKS))(
  'the table tells with which %s it was tested',
  (page, module) => {
    const [older, newer] = [minorIn('node20', module), minorIn('node24', module)]
    const rest = newer === null ? '' : newer === older ? ' and 24' : `, ${newer} on Node 24`
    const row = tableOf(index).find((one) => one.includes(`(${page}.md)`))
    expect(row).toContain(`| ${older ?? ''} on Node 20${rest} |`)
  },
)

/** The major and the minor of a module in a set of test/frameworks. */
function minorIn(set: SetName, module: string): string | null {
  return /^\d+\.\d+/.exec(versionsOf(set)[module] ?? '')?.[0] ?? null
}

function tableOf(page: string): string[] {
  return page.split('\n').filter((line) => line.startsWith('| [') && line.includes('`cd examples/'))
}

function render(page: string): string {
  return page
    .replace(
      /(<!-- file: (\S+) -->\n```\w+\n)[^]*?```/g,
      (_, start: string, path: string) => `${start}${readFileSync(join(ROOT, path), 'utf8')}\`\`\``,
    )
    .replace(
      /(<!-- section: (.+) -->\n)[^]*?(?=<!-- end -->)/g,
      (_, start: string, title: string) => `${start}${sectionOf(title)}\n`,
    )
}

/** A section of README.md with its title. */
function sectionOf(title: string): string {
  const [, text] = new RegExp(`\\n(## ${title}\\n[^]*?)(?=\\n## |$)`).exec(index) ?? []
  if (text === undefined) throw new Error(`docs/frameworks/README.md has no section ${title}`)
  return text.trimEnd()
}
