import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
