import { countersignMiddleware } from 'countersign/react-router'
import { Outlet, Scripts } from 'react-router'

export const middleware = [countersignMiddleware()]

export default function Root() {
  return (
    <html lang="en">
      <body>
        <Outlet />
        <Scripts />
      </body>
    </html>
  )
}
