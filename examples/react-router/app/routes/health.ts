// Open to all: no token is looked at.
export const loader = () => Response.json({ ok: true })
