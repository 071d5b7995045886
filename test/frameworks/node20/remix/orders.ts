import { authenticateRequest } from 'countersign'

const { COUNTERSIGN_URL: apiUrl = '', COUNTERSIGN_MACHINE_SECRET_KEY: machineSecretKey } =
  process.env

export async function loader({ request }: { readonly request: Request }): Promise<Response> {
  const state = await authenticateRequest(request, {
    apiUrl,
    machineSecretKey,
    acceptsToken: 'm2m_token',
  })
  if (!state.isAuthenticated) throw state.toResponse()
  return Response.json({ machineId: state.toAuth().machineId })
}
