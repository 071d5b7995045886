import { describe, expect, it } from 'vitest'
import { createDataKeys, openDataKeys } from '../domain/data-keys.ts'
import { createRootKey } from '../domain/root-key.ts'
import { systemClock, systemRandom } from '../system.ts'
import { createSealedVault } from './sealed-vault.ts'
import { describeVault } from './vault.contract.ts'

function sealers(instanceId: string) {
  const rootKeys = [createRootKey(systemRandom.bytes(32))]
  const ports = { clock: systemClock, random: systemRandom }
  const records = createDataKeys(instanceId, rootKeys, ports)
  return openDataKeys(instanceId, records, rootKeys, ports)
}

describeVault('the sealed vault', async () => {
  const { signing } = sealers('ins_1')
  return {
    vault: createSealedVault(signing),
    reopen: () => createSealedVault(signing),
  }
})

describe('a sealed handle', () => {
  it('does not open in another instance', async () => {
    const key = { kid: 'key_1', algorithm: 'ES256' } as const
    const { handle } = await createSealedVault(sealers('ins_1').signing).create('key_1', 'ES256')
    const other = createSealedVault(sealers('ins_2').signing)
    await expect(other.open({ ...key, handle })).rejects.toMatchObject({
      code: 'signing-key-altered',
    })
  })
})
