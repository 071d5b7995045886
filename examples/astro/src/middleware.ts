import { countersignMiddleware } from 'countersign/astro'

export const onRequest = countersignMiddleware()
