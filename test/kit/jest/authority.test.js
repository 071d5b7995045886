import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createVerifier } from 'countersign/verify'
import { useTestAuthority } from 'countersign/testing'

const authority = useTestAuthority({ beforeEach, afterEach })

test('a token that has expired is refused', async () => {
  const api = await authority().machine('api')
  const worker = await authority().machine('worker', { calls: [api] })
  const { verify } = createVerifier(api.verifierOptions)
  const token = await authority().tokens.m2mJwt(worker, { defect: 'expired' })
  await expect(verify(token)).rejects.toMatchObject({ code: 'token-expired' })
})

test('a token is told apart from an API key', async () => {
  const api = await authority().machine('api')
  const { verify } = createVerifier(api.verifierOptions)
  const token = await authority().tokens.apiKey()
  await expect(verify(token)).rejects.toMatchObject({ code: 'token-malformed' })
})
