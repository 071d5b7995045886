/**
 * `@countersign/authority/emulator`: an authority to be tested against, which `countersign/testing` and
 * `countersign emulate` stand on. Nothing of it has a place in production.
 */
export { createEmulator, type Emulator, type EmulatorOptions } from './emulator.ts'
export { createFailures, type Failure, type FailureKind, type Failures } from './failures.ts'
export type { FixableIds } from './fixable-ids.ts'
