/** `countersign/testing`: an authority inside the test process, and tokens of every class and defect. */
export { createTestClock, type TestClock } from './clock.ts'
export { TOKEN_DEFECTS, type TokenDefect, type TokenDefects } from './defects.ts'
export type { TestFailure, TestFailureKind } from './failures.ts'
export {
  testAuthorityFixture,
  type TestAuthorityFixture,
  type TestHooks,
  useTestAuthority,
} from './fixtures.ts'
export type { SeenRequest, TestFetch } from './network.ts'
export {
  createTestAuthority,
  type TestAuthority,
  type TestAuthorityOptions,
  type TestMachine,
  type TestMachineOptions,
} from './test-authority.ts'
export type { TestConnection, TestOAuthIssuer, TestSessionIssuer } from './token-sources.ts'
export type {
  TestApiKeyOptions,
  TestOAuthJwtOptions,
  TestOAuthOptions,
  TestSessionOptions,
  TestTokenOptions,
  TestTokens,
} from './tokens.ts'
