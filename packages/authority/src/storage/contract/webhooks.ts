import { describe, expect, it } from 'vitest'
import { aWebhook } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeWebhooks(contract: Contract): void {
  const { store } = contract

  describe('webhooks', () => {
    const add = (id: string, limit = 9) =>
      store.write({ type: 'create-webhook', webhook: aWebhook({ id }), limit })

    it('come back as they were written, up to a limit, and can be deleted', async () => {
      expect(await add('whk_1')).toBe('done')
      expect(await add('whk_2', 1)).toBe('full')
      expect(await add('whk_2', 2)).toBe('done')
      expect(await store.webhook('whk_1')).toEqual(aWebhook({ id: 'whk_1' }))
      expect((await store.webhooks()).map(({ id }) => id)).toEqual(['whk_1', 'whk_2'])
      expect(await store.write({ type: 'delete-webhook', id: 'whk_1' })).toBe('done')
      expect(await store.write({ type: 'delete-webhook', id: 'whk_1' })).toBe('missing')
      expect(await store.webhook('whk_1')).toBeNull()
    })

    it('are changed by one of two who saw the same version', async () => {
      await add('whk_1')
      const webhook = aWebhook({ id: 'whk_1', cursor: 7, failures: 2, disabledReason: 'why' })
      expect(await store.write({ type: 'update-webhook', webhook })).toBe('done')
      expect(await store.write({ type: 'update-webhook', webhook })).toBe('stale')
      expect(await store.webhook('whk_1')).toEqual({ ...webhook, version: 2 })
    })
  })
}
