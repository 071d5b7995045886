import { describe, expect, it } from 'vitest'
import type { Store } from '../domain/ports.ts'
import { aRevocation } from './fixtures.ts'
import { openForEach } from './contract/contract.ts'
import { describeApiKeys } from './contract/api-keys.ts'
import { describeAuditLog } from './contract/audit-log.ts'
import { describeInstance } from './contract/instance.ts'
import { describeJwts } from './contract/jwts.ts'
import { describeMachineSecrets } from './contract/machine-secrets.ts'
import { describeMachines } from './contract/machines.ts'
import { describeOpaqueTokens } from './contract/opaque-tokens.ts'
import { describeSealedValues } from './contract/sealed-values.ts'
import { describeSigningKeys } from './contract/signing-keys.ts'
import { describeWebhooks } from './contract/webhooks.ts'

/** What every store promises, run against each of them. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    const contract = openForEach(open)
    const { store, withMachines, addScope } = contract

    describeInstance(contract)
    describeSigningKeys(contract)
    describeMachines(contract)
    describeMachineSecrets(contract)
    describeOpaqueTokens(contract)
    describeJwts(contract)
    describeSealedValues(contract)
    describeAuditLog(contract)
    describeWebhooks(contract)
    describeApiKeys(contract)

    it('says so when it is closed, and can be closed twice', async () => {
      await expect(store.ping()).resolves.toBeUndefined()
      await store.close()
      await store.close()
      const refused = { code: 'storage_unavailable' }
      await expect(store.ping()).rejects.toMatchObject(refused)
      await expect(
        store.write({
          type: 'delete-machine',
          id: 'mch_a',
          revocation: aRevocation({ machineId: 'mch_a' }),
        }),
      ).rejects.toMatchObject(refused)
    })

    it('answers commands that arrive together each for itself', async () => {
      await withMachines('mch_a', 'mch_b')
      const outcomes = await Promise.all([
        addScope('mch_a', 'mch_b'),
        addScope('mch_a', 'mch_b'),
        addScope('mch_a', 'mch_x'),
        store.write({
          type: 'delete-machine',
          id: 'mch_b',
          revocation: aRevocation({ machineId: 'mch_b' }),
        }),
        addScope('mch_a', 'mch_b'),
      ])
      expect(outcomes).toEqual(['done', 'exists', 'missing', 'done', 'missing'])
    })
  })
}
