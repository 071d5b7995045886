import type { Auth } from '../authenticate/auth-object.ts'
import type { AuthenticateOptions } from '../authenticate/authenticator.ts'
import type { AcceptedNone, AcceptedType, AcceptsToken } from '../authenticate/options.ts'

/** Who sends the request that is being answered, where a framework knows which one that is. */
export type CurrentAuth = <const Accepts extends AcceptsToken = 'session_token'>(
  options?: AuthenticateOptions<Accepts>,
) => Promise<Auth<AcceptedType<Accepts>, AcceptedNone<Accepts>>>
