import {
  createTestAuthority,
  type TestAuthority,
  type TestAuthorityOptions,
} from './test-authority.ts'

/** A fixture of vitest's `test.extend`: each test that names it has an authority of its own. */
export type TestAuthorityFixture = (
  context: object,
  use: (authority: TestAuthority) => Promise<void>,
) => Promise<void>

/**
 * For vitest (and Playwright, whose fixtures have the same form).
 *
 * ```ts
 * const test = base.extend({ authority: testAuthorityFixture() })
 * test('…', async ({ authority }) => { … })
 * ```
 */
export function testAuthorityFixture(options: TestAuthorityOptions = {}): TestAuthorityFixture {
  // Both read the text of the function, and insist on a pattern.
  // eslint-disable-next-line no-empty-pattern -- it says that this fixture needs no other
  return async ({}, use) => {
    const authority = await createTestAuthority(options)
    try {
      await use(authority)
    } finally {
      await authority.close()
    }
  }
}

/** What a test runner calls around each test. */
export interface TestHooks {
  readonly beforeEach: (hook: () => Promise<void>) => unknown
  readonly afterEach: (hook: () => Promise<void>) => unknown
}

/**
 * For node:test, jest, and whatever else has such hooks: each test has an authority of its own.
 *
 * ```ts
 * const authority = useTestAuthority({ beforeEach, afterEach })
 * test('…', async () => { const api = await authority().machine('api') })
 * ```
 *
 * @returns the authority of the test that runs. Throws outside of one.
 */
export function useTestAuthority(
  { beforeEach, afterEach }: TestHooks,
  options: TestAuthorityOptions = {},
): () => TestAuthority {
  let current: TestAuthority | undefined
  beforeEach(async () => {
    current = await createTestAuthority(options)
  })
  afterEach(async () => {
    const ended = current
    current = undefined
    await ended?.close()
  })
  return () => {
    if (current !== undefined) return current
    throw new Error(
      'The test authority is there within a test, and in hooks that come after its own.',
    )
  }
}
