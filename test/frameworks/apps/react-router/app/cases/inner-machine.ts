import { countersignMiddleware, requireMachine } from 'countersign/react-router'
import { answer } from './answer'

const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = process.env

export const middleware = [countersignMiddleware({ apiUrl, machineSecretKey }), requireMachine()]
export const loader = answer('m2m_token')
