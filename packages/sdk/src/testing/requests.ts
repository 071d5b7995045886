/** A request as a caller sends it, with what it presents. */
export function requestWith(authorization?: string, cookie?: string): Request {
  return new Request('https://api.test/', {
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(cookie !== undefined && { cookie }),
    },
  })
}
