/* eslint-disable @typescript-eslint/no-floating-promises -- node:test waits for its tests itself */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createTestAuthority, useTestAuthority } from 'countersign/testing'
import { api, requestWith } from './api.ts'

/** The examples of docs/testing.md for node:test, which runs them: test/kit/runners.test.ts. */

const authority = useTestAuthority({ beforeEach, afterEach })

test('a stranger is refused', async () => {
  const receiver = await authority().machine('api')
  const stranger = await authority().machine('stranger')
  const token = await authority().tokens.m2m(stranger)
  const response = await api(requestWith(token), receiver.options)
  assert.equal(response.status, 401)
})

test('tokens of another authority are refused', async () => {
  await using other = await createTestAuthority()
  const receiver = await authority().machine('api')
  const token = await other.tokens.m2mJwt(await other.machine('worker'))
  const response = await api(requestWith(token), receiver.options)
  assert.equal(response.status, 401)
})
