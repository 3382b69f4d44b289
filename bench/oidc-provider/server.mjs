// npm oidc-provider with opaque tokens in memory, in one process: client_credentials creates, refresh_token with rotation
// refreshes, introspection validates. POST /sessions makes a session to refresh, which takes a browser otherwise.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import Provider from "oidc-provider";
import MemoryAdapter from "oidc-provider/lib/adapters/memory_adapter.js";

const LIFE_SECONDS = 21600;
const { HOST, PORT } = process.env;
// The package's own store keeps 1,000 entries.
const store = new Map();

const client = { client_id: "chat", client_secret: "measured", redirect_uris: ["https://shop.example.com/"] };
const grant_types = ["authorization_code", "client_credentials", "refresh_token"];
const provider = new Provider(`http://${HOST}:${PORT}`, {
  adapter: (model) => new MemoryAdapter(model, store),
  clients: [{ ...client, grant_types, scope: "offline_access" }],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false }, introspection: { enabled: true } },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: LIFE_SECONDS, ClientCredentials: LIFE_SECONDS, Grant: LIFE_SECONDS, RefreshToken: LIFE_SECONDS },
});
const serve = provider.callback();

async function session() {
  const accountId = randomUUID();
  const grant = new provider.Grant({ accountId, clientId: client.client_id });
  grant.addOIDCScope("offline_access");
  const from = { accountId, grantId: await grant.save(), scope: "offline_access", gty: "authorization_code" };
  const token = new provider.RefreshToken({ ...from, client: await provider.Client.find(client.client_id) });
  return JSON.stringify({ token: await token.save(), identity: accountId });
}

createServer(async (request, response) => {
  if (request.url !== "/sessions") return serve(request, response);
  const body = await session();
  response.writeHead(201, { "content-length": body.length }).end(body);
}).listen(Number(PORT), HOST);
