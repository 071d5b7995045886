import { createStart } from '@tanstack/react-start'
import { countersignMiddleware } from 'countersign/tanstack-react-start'

export const startInstance = createStart(() => ({ requestMiddleware: [countersignMiddleware()] }))
