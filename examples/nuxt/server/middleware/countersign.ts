import { countersignMiddleware } from 'countersign/nuxt'

export default countersignMiddleware()
