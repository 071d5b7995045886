import { authenticateRequest, type AuthenticatorOptions } from 'countersign'

export async function api(request: Request, options: AuthenticatorOptions): Promise<Response> {
  const state = await authenticateRequest(request, { ...options, acceptsToken: 'm2m_token' })
  if (!state.isAuthenticated) return state.toResponse()
  return Response.json({ caller: state.toAuth().machineId })
}

export function requestWith(token: string): Request {
  return new Request('https://api.internal/', { headers: { authorization: `Bearer ${token}` } })
}
