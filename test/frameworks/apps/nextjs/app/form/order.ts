'use server'

import { auth } from 'countersign/nextjs'
import { redirect } from 'next/navigation'

// No guard goes around an action, which is given no request: it asks, and refuses by itself.
export async function order() {
  const { isAuthenticated, machineId } = await auth({ acceptsToken: 'm2m_token' })
  if (!isAuthenticated) redirect('/public?refused')
  redirect(`/public?orderedBy=${machineId}`)
}
