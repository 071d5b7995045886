import { order } from './order'

export default function Page() {
  return (
    <form action={order}>
      <button type="submit">Order</button>
    </form>
  )
}
