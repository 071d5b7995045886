import { auth } from 'countersign/nextjs'

export default async function Page() {
  const { machineId } = await auth({ acceptsToken: 'm2m_token' })
  return <p>{machineId ?? 'nobody'}</p>
}
