import { parseCredential } from '../token/credential.ts'
import { invalidOption } from '../verify/options.ts'

/** The keys that calls are made with. */

/** The id of the machine that a secret key belongs to, which the key itself tells. */
export function machineIdOf(machineSecretKey: string): string | null {
  const credential = parseCredential(machineSecretKey)
  return credential?.kind === 'machine-secret' ? credential.id : null
}

/** @throws {CountersignError} `configuration-invalid` */
export function checkSecretKey(value: unknown): string | undefined {
  const secret = checkSecret('secretKey', value)
  // With the instance's key every receiver is accepted: a machine's key in its place must not do that.
  if (secret?.startsWith('ak_') !== true) return secret
  throw invalidOption(
    'secretKey to be the key of the instance; a machine’s belongs in machineSecretKey',
  )
}

/** @throws {CountersignError} `configuration-invalid` */
export function checkMachineSecretKey(value: unknown): string | undefined {
  const secret = checkSecret('machineSecretKey', value)
  if (secret?.startsWith('sk_') !== true) return secret
  throw invalidOption(
    'machineSecretKey to be the key of a machine; the instance’s belongs in secretKey',
  )
}

/** An empty secret counts as none, as at Clerk: that is what an unset variable often becomes. */
function checkSecret(name: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string' && /^[\x21-\x7e]{1,256}$/.test(value)) return value
  throw invalidOption(`${name} to be a secret key without white space`)
}
