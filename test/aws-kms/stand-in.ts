import {
  constants,
  generateKeyPairSync,
  type KeyObject,
  privateEncrypt,
  randomUUID,
  sign,
} from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { signDigestP256 } from './ecdsa-digest.ts'
import { allows, type Policy } from './policy.ts'
import { checkSignature, type Credentials } from './signature-v4.ts'

/** What goes wrong with one request. */
export type Fault =
  | 'throttle'
  | 'fail'
  | 'hang'
  | 'drop'
  | 'garbage'
  | 'not-found'
  /** The answer is well formed, and of another key. */
  | 'other-key'
  /** AWS tells the caller of a wrong signature what should have been signed, secrets included. */
  | 'talkative'

/** Somebody with credentials, and what they may do; without a policy, everything. */
export interface Principal extends Credentials {
  readonly policy?: Policy
}

/** AWS KMS as far as a vault speaks to it: AWS JSON 1.1 over HTTP, and keys of `node:crypto`. */
export interface StandIn {
  readonly url: string
  readonly region: string
  /** Operations that were asked for, refused ones too, as `Sign` or `CreateKey`. */
  readonly requests: readonly string[]
  /** The bodies of those that were let in. */
  readonly bodies: readonly Readonly<Record<string, unknown>>[]
  readonly keys: ReadonlyMap<string, StoredKey>
  /** Lets the next requests fail, in this order. */
  failNext(...faults: readonly Fault[]): void
  disable(arn: string): void
  close(): Promise<void>
}

export interface StoredKey {
  readonly arn: string
  readonly spec: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  enabled: boolean
}

type Body = Readonly<Record<string, unknown>>

export const ACCOUNT = '111122223333'
export const REGION = 'eu-central-1'

const GENERATE: Readonly<Record<string, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  RSA_2048: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ECC_NIST_P256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ECC_NIST_EDWARDS25519: () => generateKeyPairSync('ed25519'),
}

/** For each algorithm of KMS: its key, and how much of the message it takes as what. */
const SIGN: Readonly<
  Record<string, { readonly spec: string; readonly digest: string | null; readonly raw: boolean }>
> = {
  RSASSA_PKCS1_V1_5_SHA_256: { spec: 'RSA_2048', digest: 'sha256', raw: false },
  ECDSA_SHA_256: { spec: 'ECC_NIST_P256', digest: 'sha256', raw: false },
  ED25519_SHA_512: { spec: 'ECC_NIST_EDWARDS25519', digest: null, raw: true },
}

class Refusal extends Error {
  override readonly name: string
  readonly status: number

  constructor(name: string, status = 400, message = 'refused by the stand-in') {
    super(message)
    this.name = name
    this.status = status
  }
}

export async function startStandIn(principals: readonly Principal[]): Promise<StandIn> {
  const keys = new Map<string, StoredKey>()
  const requests: string[] = []
  const bodies: Body[] = []
  let faults: readonly Fault[] = []

  const keyOf = (body: Body): StoredKey => {
    const key = keys.get(text(body, 'KeyId'))
    if (key === undefined) throw new Refusal('NotFoundException')
    return key
  }

  const operations: Readonly<Record<string, (body: Body) => Body>> = {
    CreateKey(body) {
      const spec = text(body, 'KeySpec')
      const generate = GENERATE[spec]
      if (generate === undefined || body['KeyUsage'] !== 'SIGN_VERIFY') {
        throw new Refusal('ValidationException')
      }
      const arn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${randomUUID()}`
      const description = text(body, 'Description')
      keys.set(arn, { arn, spec, description, tags: tagsOf(body), enabled: true, ...generate() })
      return { KeyMetadata: metadata(keyOf({ KeyId: arn })) }
    },
    DescribeKey: (body) => ({ KeyMetadata: metadata(keyOf(body)) }),
    GetPublicKey(body) {
      const key = keyOf(body)
      const der = key.publicKey.export({ format: 'der', type: 'spki' })
      const { arn, spec } = key
      const PublicKey = der.toString('base64')
      return { KeyId: arn, PublicKey, KeySpec: spec, KeyUsage: 'SIGN_VERIFY' }
    },
    Sign(body) {
      const key = keyOf(body)
      if (!key.enabled) throw new Refusal('DisabledException')
      return { KeyId: key.arn, Signature: signAs(key, body).toString('base64') }
    },
  }

  const authorize = (incoming: IncomingMessage, raw: Buffer, operation: string): Body => {
    const signed = checkSignature(incoming, raw, principals)
    if (typeof signed === 'string') throw new Refusal(signed)
    const body = JSON.parse(raw.toString()) as Body
    const policy = principals.find((each) => each.accessKeyId === signed.accessKeyId)?.policy
    if (signed.region !== REGION) throw new Refusal('InvalidSignatureException')
    for (const action of [operation, ...(body['Tags'] === undefined ? [] : ['TagResource'])]) {
      const context = contextOf(body, keys.get(text(body, 'KeyId')))
      const resource = text(body, 'KeyId', '*')
      if (policy !== undefined && !allows(policy, { action: `kms:${action}`, resource, context })) {
        throw new Refusal('AccessDeniedException')
      }
    }
    bodies.push(body)
    return body
  }

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks)
    const operation = /^TrentService\.(\w+)$/.exec(String(incoming.headers['x-amz-target']))?.[1]
    const perform = operations[operation ?? '']
    requests.push(operation ?? '')
    const [fault, ...rest] = faults
    faults = rest
    if (fault === 'hang') return
    if (fault === 'drop') {
      incoming.socket.destroy()
      return
    }
    try {
      if (incoming.headers['content-type'] !== 'application/x-amz-json-1.1') {
        throw new Refusal('SerializationException')
      }
      if (perform === undefined) throw new Refusal('UnknownOperationException')
      const body = authorize(incoming, raw, operation ?? '')
      throwFault(fault, incoming)
      const asked = fault === 'other-key' ? { ...body, KeyId: otherKey(keys, body) } : body
      const result = perform(asked)
      reply(outgoing, 200, fault === 'garbage' ? '<html>no</html>' : JSON.stringify(result))
    } catch (error) {
      const { name, status, message } =
        error instanceof Refusal ? error : new Refusal('KMSInternalException', 500)
      reply(outgoing, status, JSON.stringify({ __type: name, message }))
    }
  }

  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: REGION,
    requests,
    bodies,
    keys,
    failNext: (...next) => {
      faults = next
    },
    disable: (arn) => {
      keyOf({ KeyId: arn }).enabled = false
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function throwFault(fault: Fault | undefined, incoming: IncomingMessage): void {
  if (fault === 'throttle') throw new Refusal('ThrottlingException', 400, 'Rate exceeded')
  if (fault === 'fail') throw new Refusal('KMSInternalException', 500)
  if (fault === 'not-found') throw new Refusal('NotFoundException')
  if (fault === 'talkative') {
    const shown = JSON.stringify(incoming.headers)
    throw new Refusal('InvalidSignatureException', 400, `The canonical string was ${shown}`)
  }
}

function signAs(key: StoredKey, body: Body): Buffer {
  const scheme = SIGN[text(body, 'SigningAlgorithm')]
  const message = Buffer.from(text(body, 'Message'), 'base64')
  if (scheme?.spec !== key.spec) throw new Refusal('InvalidKeyUsageException')
  if (scheme.raw !== (body['MessageType'] === 'RAW') || message.length > 4096) {
    throw new Refusal('ValidationException')
  }
  if (scheme.digest === null) return sign(null, message, key.privateKey)
  if (message.length !== 32) throw new Refusal('ValidationException')
  return signDigest(key, message)
}

function signDigest(key: StoredKey, digest: Buffer): Buffer {
  if (key.spec === 'ECC_NIST_P256') return signDigestP256(key.privateKey, digest)
  // RFC 8017 §9.2: the DigestInfo of SHA-256 before the digest itself.
  const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')
  const input = { key: key.privateKey, padding: constants.RSA_PKCS1_PADDING }
  return privateEncrypt(input, Buffer.concat([prefix, digest]))
}

function otherKey(keys: ReadonlyMap<string, StoredKey>, { KeyId }: Body): string {
  const spec = keys.get(String(KeyId))?.spec
  const other = [...keys.values()].find((key) => key.spec === spec && key.arn !== KeyId)
  return other?.arn ?? ''
}

function contextOf(body: Body, key: StoredKey | undefined): Record<string, string> {
  const tagged = (prefix: string, tags: Readonly<Record<string, string>>) =>
    Object.entries(tags).map(([name, value]) => [`${prefix}/${name}`, value])
  return Object.fromEntries([
    ['kms:KeyUsage', text(body, 'KeyUsage', 'SIGN_VERIFY')],
    ['kms:SigningAlgorithm', text(body, 'SigningAlgorithm')],
    ...tagged('aws:RequestTag', tagsOf(body)),
    ...tagged('aws:ResourceTag', key?.tags ?? {}),
  ]) as Record<string, string>
}

function text(body: Body, member: string, otherwise = ''): string {
  const value = body[member]
  return typeof value === 'string' ? value : otherwise
}

function tagsOf({ Tags }: Body): Record<string, string> {
  const tags = (Tags ?? []) as readonly { readonly TagKey: string; readonly TagValue: string }[]
  return Object.fromEntries(tags.map(({ TagKey, TagValue }) => [TagKey, TagValue]))
}

function metadata({ arn, spec, description, enabled }: StoredKey): Body {
  return {
    KeyId: arn.split('/')[1],
    Arn: arn,
    AWSAccountId: ACCOUNT,
    KeySpec: spec,
    KeyUsage: 'SIGN_VERIFY',
    Description: description,
    Enabled: enabled,
    KeyState: enabled ? 'Enabled' : 'Disabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
  }
}

function reply(outgoing: ServerResponse, status: number, body: string): void {
  outgoing.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
    'content-length': Buffer.byteLength(body),
  })
  outgoing.end(body)
}
