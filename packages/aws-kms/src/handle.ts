import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Sealer, VaultKey } from '@countersign/authority'
import { AwsKmsError } from './aws-kms-error.ts'

/** What the store keeps of a key in KMS. */
export interface KeyReference {
  /** A key ARN, never an alias: an alias can be pointed at another key. */
  readonly keyArn: string
  readonly publicKey: KeyObject
}

const NAME = 'aws-kms:v1:'
const VAULT_NAME = /^([a-z][a-z0-9-]{0,31}):v\d+:/

/** A key in any partition, account and region. */
const KEY_ARN = /^arn:aws[a-z-]{0,16}:kms:[a-z0-9-]{1,32}:\d{12}:key\/[A-Za-z0-9-]{1,64}$/

export function isKeyArn(text: string): boolean {
  return KEY_ARN.test(text)
}

/**
 * Seals the ARN and the public key to the instance, the kid and the algorithm. A tag or an alias in KMS
 * would bind them as well, but whoever may tag a key could undo it, and each process would have to ask.
 * So whoever writes the database can neither point a kid at another key nor have one key answer for
 * another, and learns nothing about the account.
 */
export function sealHandle(
  sealer: Sealer,
  { kid, algorithm }: Pick<VaultKey, 'kid' | 'algorithm'>,
  { keyArn, publicKey }: KeyReference,
): Uint8Array {
  const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const sealed = sealer.seal(place(kid, algorithm), Buffer.from(`${keyArn}\n${spki}`))
  return Buffer.concat([Buffer.from(NAME), sealed])
}

/** @throws {AwsKmsError} `signing-key-elsewhere`, `signing-key-altered` */
export function openHandle(sealer: Sealer, { kid, algorithm, handle }: VaultKey): KeyReference {
  const maker = VAULT_NAME.exec(Buffer.from(handle.subarray(0, 48)).toString('latin1'))?.[1]
  if (maker !== 'aws-kms') {
    throw new AwsKmsError(
      'signing-key-elsewhere',
      `The private key ${kid} is kept by the vault "${maker ?? 'sealed'}", and the vault "aws-kms" ` +
        'is set. Nothing was signed. Set the vault that the instance was founded with.',
    )
  }
  const reference = handle.subarray(0, NAME.length)
  const opened = Buffer.from(NAME).equals(reference)
    ? sealer.open(place(kid, algorithm), handle.subarray(NAME.length))
    : null
  if (opened === null) {
    throw new AwsKmsError(
      'signing-key-altered',
      `The handle of the signing key ${kid} does not open: it was altered, or moved from another key.`,
    )
  }
  const [keyArn = '', spki = ''] = Buffer.from(opened).toString().split('\n')
  const der = Buffer.from(spki, 'base64')
  return { keyArn, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
}

function place(kid: string, algorithm: string): string {
  return `signing_keys/${kid}/aws-kms/${algorithm}`
}
