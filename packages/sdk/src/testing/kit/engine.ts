import { CountersignError } from '../../token/errors.ts'
import type { TestFailure } from './failures.ts'

/** The part of `@countersign/authority/emulator` that is used here, which is a peer and may be missing. */
export interface EngineModule {
  createEmulator(options: {
    readonly issuer: string
    readonly clock: { now(): number }
    readonly jwtAlgorithm?: 'RS256' | 'ES256' | 'EdDSA'
  }): Promise<Engine>
  createFailures(): EngineFailures
}

/** The production engine on memory storage. */
export interface Engine {
  readonly instanceId: string
  readonly secretKey: string
  fetch(request: Request): Promise<Response>
  sign(kid: string, data: Uint8Array): Promise<Uint8Array>
  /** Has it remember no more of what is written. */
  keep(): void
  tick(): Promise<void>
  endStreams(): void
  close(): Promise<void>
}

export interface EngineFailures {
  add(failure: TestFailure): void
  lift(): void
  answer(request: Request, answer: (request: Request) => Promise<Response>): Promise<Response>
}

// No literal: neither a bundler nor a type checker is to stumble over a peer that is not installed.
const ENGINE: string = '@countersign/authority/emulator'

/** @throws {CountersignError} `configuration-invalid` when the peer is missing. */
export async function loadEngine(specifier: string = ENGINE): Promise<EngineModule> {
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ specifier)) as EngineModule
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    throw new CountersignError('configuration-invalid', {
      expected:
        '@countersign/authority beside countersign, which is the engine of countersign/testing; ' +
        'install it: npm install --save-dev @countersign/authority',
      cause,
    })
  }
}

/** Node's code, and that of a release which has no emulator yet; a runner may have an error of its own. */
function isMissing(error: unknown): boolean {
  const codes = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED']
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
