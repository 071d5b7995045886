import { requireMachine } from 'countersign/nextjs'
import { NextResponse } from 'next/server'

export const proxy = requireMachine()(() => NextResponse.next())

export const config = { matcher: '/proxied/:path*' }
