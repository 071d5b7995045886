/** As much of Express as the tests use: its types are not among the dependencies. */
declare module 'express' {
  import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'

  export interface Request extends IncomingMessage {
    readonly originalUrl: string
  }

  export interface Response extends ServerResponse {
    status(code: number): this
    json(body: unknown): this
  }

  export type RequestHandler = (
    request: Request,
    response: Response,
    next: (error?: unknown) => void,
  ) => void | Promise<void>

  export interface Express extends RequestListener {
    use(...handlers: RequestHandler[]): this
    get(path: string, ...handlers: RequestHandler[]): this
    listen(port: number, host: string, listening?: () => void): Server
  }

  export default function express(): Express
}
