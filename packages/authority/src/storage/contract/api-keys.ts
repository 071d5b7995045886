import { describe, expect, it } from 'vitest'
import { anApiKey } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeApiKeys(contract: Contract): void {
  const { store } = contract

  describe('API keys', () => {
    it('come back as they were written, and can be deleted', async () => {
      const apiKey = anApiKey({ scopes: ['read', 'a b'], claims: '[1]', description: 'd' })
      await store.write({ type: 'create-api-key', apiKey })
      expect(await store.apiKey(apiKey.id)).toEqual(apiKey)
      expect(await store.write({ type: 'delete-api-key', id: apiKey.id })).toBe('done')
      expect(await store.apiKey(apiKey.id)).toBeNull()
      expect(await store.write({ type: 'delete-api-key', id: apiKey.id })).toBe('missing')
    })

    it('are replaced only while they are what was read', async () => {
      const before = anApiKey({ mac: Uint8Array.of(1) })
      await store.write({ type: 'create-api-key', apiKey: before })
      const after = { ...before, subject: 'user_2', mac: Uint8Array.of(2), updatedAt: 9 }
      expect(await store.write({ type: 'replace-api-key', before, after })).toBe('done')
      expect(await store.apiKey(before.id)).toEqual(after)
      expect(await store.write({ type: 'replace-api-key', before, after })).toBe('stale')
    })

    it('are listed by subject and type, newest first, the invalid only when asked for', async () => {
      const keys = [
        anApiKey({ id: 'ak_1', name: 'Deploy' }),
        anApiKey({ id: 'ak_2', expiresAt: 10 }),
        anApiKey({ id: 'ak_3', revokedAt: 3 }),
        anApiKey({ id: 'ak_4', expiresAt: 1000 }),
        anApiKey({ id: 'ak_5', subject: 'user_other' }),
        anApiKey({ id: 'ak_6', type: 'other' }),
      ]
      for (const apiKey of keys) await store.write({ type: 'create-api-key', apiKey })
      const ids = async (includeInvalid: boolean, text: string) => {
        const page = await store.apiKeys({
          subject: 'user_1',
          type: 'api_key',
          includeInvalid,
          text,
          now: 10,
          limit: 10,
          offset: 0,
        })
        return page.rows.map((key) => key.id)
      }
      expect(await ids(false, '')).toEqual(['ak_4', 'ak_1'])
      expect(await ids(true, '')).toEqual(['ak_4', 'ak_3', 'ak_2', 'ak_1'])
      expect(await ids(true, 'DEPL')).toEqual(['ak_1'])
      expect(await ids(true, 'ak_2')).toEqual(['ak_2'])
    })

    it('are revoked once, and remember their last use', async () => {
      const apiKey = anApiKey({})
      await store.write({ type: 'create-api-key', apiKey })
      const revoke = { type: 'revoke-api-key', id: apiKey.id } as const
      await store.write({ ...revoke, at: 4, reason: 'leaked' })
      await store.write({ ...revoke, at: 5, reason: null })
      const apiKeys = new Map([[apiKey.id, 6]])
      await store.write({ type: 'record-use', m2mTokens: new Map(), apiKeys })
      expect(await store.apiKey(apiKey.id)).toMatchObject({
        revokedAt: 4,
        revocationReason: 'leaked',
        lastUsedAt: 6,
      })
    })
  })
}
