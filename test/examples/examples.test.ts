import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../support/spawn.ts'
import { createSetting, EXAMPLES, expectAnswers, startExample } from './support.ts'

/** Each example is started as its page says; `countersign` is the build of this workspace. */

test.each(EXAMPLES)(
  'examples/%s starts as documented, and lets in who may come in',
  async (name) => {
    await using setting = await createSetting()
    const folder = join(ROOT, 'examples', name)
    await using example = await startExample('npm', ['start'], folder, setting.env)
    await expectAnswers(example, setting, true)
  },
  60_000,
)

test('an example without its settings does not start, and says which is missing', async () => {
  const folder = join(ROOT, 'examples/express')
  await expect(startExample('npm', ['start'], folder, {})).rejects.toThrow('COUNTERSIGN_URL')
}, 60_000)
