import { getAuth } from 'countersign/nextjs'
import type { GetServerSideProps } from 'next'

interface Props {
  readonly machineId: string | null
}

export const getServerSideProps: GetServerSideProps<Props> = async ({ req, res }) => {
  const { machineId } = await getAuth(req, { acceptsToken: 'm2m_token' })
  if (machineId === null) res.statusCode = 401
  return { props: { machineId } }
}

export default function Page({ machineId }: Props) {
  return <p>{machineId ?? 'nobody'}</p>
}
