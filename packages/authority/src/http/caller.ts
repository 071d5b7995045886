import type { Caller, Claim, InstanceCaller, MachineCaller, Origin } from '../domain/actors.ts'
import type { Authenticate } from '../domain/callers.ts'
import { AuthorityError, type ErrorCode } from '../domain/errors.ts'
import type { Clock } from '../domain/ports.ts'
import type { SecretUses } from '../domain/secret-uses.ts'
import { readJson } from './body.ts'

/** A caller who was let in, and what they sent. */
export interface Admitted<Who extends Caller = Caller> {
  readonly caller: Who
  /** The JSON of a POST or PATCH; `{}` where nothing was sent. Not yet checked. */
  readonly body: unknown
}

/** A request and where it comes from, as the routes have them. */
export interface Incoming {
  readonly req: { readonly raw: Request }
  readonly env: Origin
}

/** Lets callers in, by the secret key in their `Authorization` header (RFC 6750 §2.1). */
export interface Doorkeeper {
  /** An instance key or a machine's. */
  anyone(incoming: Incoming, refusal?: ErrorCode): Promise<Admitted>
  instance(incoming: Incoming): Promise<Admitted<InstanceCaller>>
  machine(incoming: Incoming): Promise<Admitted<MachineCaller>>
}

/** The name of an agent, on one line of a log: nothing in it looks like anything else. */
const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._@/-]{0,63}$/

/** Longer than every secret that is issued. */
const MAX_HEADER_CHARACTERS = 256

export function createDoorkeeper(
  authenticate: Authenticate,
  uses: SecretUses,
  clock: Clock,
): Doorkeeper {
  const anyone = async (
    { req: { raw: request }, env }: Incoming,
    refusal: ErrorCode = 'unauthorized',
  ): Promise<Admitted> => {
    const secret = bearerSecret(request)
    if (secret === null || !authenticate.isGenuine(secret)) throw new AuthorityError(refusal)
    // The body first: a key that is rolled or revoked while its holder keeps us waiting for the rest
    // of a request must not act any more.
    const body = hasBody(request) ? await readJson(request) : {}
    const identity = await authenticate.caller(secret)
    if (identity === null) throw new AuthorityError(refusal)
    const { address } = env
    const claim = claimOf(request)
    if (identity.kind === 'machine') {
      uses.note(identity.machineId, identity.secretVersion, address, clock.now())
    }
    return { caller: Object.assign({ address }, identity, claim), body }
  }

  return Object.freeze({
    anyone,
    async instance(incoming: Incoming): Promise<Admitted<InstanceCaller>> {
      const { caller, body } = await anyone(incoming)
      if (caller.kind !== 'instance') throw new AuthorityError('instance_key_required')
      return { caller, body }
    },
    async machine(incoming: Incoming): Promise<Admitted<MachineCaller>> {
      const { caller, body } = await anyone(incoming, 'machine_secret_key_invalid')
      if (caller.kind !== 'machine') throw new AuthorityError('machine_secret_key_invalid')
      return { caller, body }
    },
  })
}

function hasBody({ method }: Request): boolean {
  return method === 'POST' || method === 'PATCH'
}

/** Two headers are joined with a comma, which stands in no name. @throws {AuthorityError} `bad_request` */
function claimOf(request: Request): Claim {
  const claimedAgent = request.headers.get('countersign-agent')
  if (claimedAgent === null) return {}
  if (AGENT_NAME.test(claimedAgent)) return { claimedAgent }
  throw new AuthorityError('bad_request', {
    parameter: 'Countersign-Agent',
    explanation:
      'The header Countersign-Agent must be a name of 1 to 64 letters, digits and . _ @ / -',
  })
}

/** The scheme in any case (RFC 9110 §11.1), then exactly one credential. */
function bearerSecret(request: Request): string | null {
  const header = request.headers.get('authorization')
  if (header === null || header.length > MAX_HEADER_CHARACTERS) return null
  const [scheme, secret, ...rest] = header.split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || secret === undefined || rest.length > 0) return null
  return secret
}
