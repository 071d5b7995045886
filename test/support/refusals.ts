import { ClerkAPIResponseError } from '@clerk/backend/errors'
import { expect } from 'vitest'

/** What Clerk's client threw, checked to be its error for an answer of the API. */
export async function refusal(work: Promise<unknown>): Promise<ClerkAPIResponseError> {
  const thrown: unknown = await work.then(
    (value) => {
      throw new Error(`Expected a refusal, got ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )
  if (!(thrown instanceof ClerkAPIResponseError)) throw thrown
  return thrown
}

/** Expects a refusal of this status, whose first error has this code. */
export async function expectRefusal(
  work: Promise<unknown>,
  status: number,
  code?: string,
): Promise<void> {
  const error = await refusal(work)
  expect({ status: error.status, code: error.errors[0]?.code }).toEqual({
    status,
    code: code ?? (expect.any(String) as string),
  })
}
