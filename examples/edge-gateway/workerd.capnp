using Workerd = import "/workerd/workerd.capnp";

# The Worker on workerd itself: npm run build, then
#   ISSUER=… AUDIENCE=… ORIGIN=… ORIGIN_KEY=… workerd serve workerd.capnp
const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = (
      modules = [(name = "worker.js", esModule = embed "dist/worker.js")],
      compatibilityDate = "2025-09-01",
      bindings = [
        (name = "ISSUER", fromEnvironment = "ISSUER"),
        (name = "AUDIENCE", fromEnvironment = "AUDIENCE"),
        (name = "ORIGIN", fromEnvironment = "ORIGIN"),
        (name = "ORIGIN_KEY", fromEnvironment = "ORIGIN_KEY"),
        (name = "CLAIMS", fromEnvironment = "CLAIMS"),
      ],
    )),
    # The authority and the origin may well be on a private network; nothing else is ever called.
    (name = "internet", network = (
      allow = ["public", "private"],
      tlsOptions = (trustBrowserCas = true),
    )),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "gateway")],
);
