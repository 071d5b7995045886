// Open to all: no token is looked at.
export const GET = () => Response.json({ ok: true })
