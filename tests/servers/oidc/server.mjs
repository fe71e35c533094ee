// An OpenID provider for tests: oidc-provider with its own (development) pages for sign-in and consent, on https at a
// loopback port, under a path as Entra ID's tenants are. Argument: a JSON file; see tests/servers/oidc_provider.py.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const prefix = new URL(config.issuer).pathname;

const graph = 'https://graph.microsoft.com';
const provider = new Provider(config.issuer, {
  // Applications get tokens for Graph with what the tenant consented to, as Entra ID's are (client credentials).
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => graph,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: `${graph}/.default`, audience: graph, accessTokenFormat: 'jwt', accessTokenTTL: config.token_seconds,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  extraTokenClaims: (_, token) => ({
    roles: config.applications[token.clientId] ?? [], idtyp: 'app', appid: token.clientId, oid: token.clientId,
  }),
  clients: config.clients,
  jwks: config.keys,
  cookies: { keys: [config.cookie_key] },
  claims: { openid: ['sub', 'oid', 'tid', 'email', 'preferred_username'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  // Everybody exists who signs in; what is said of them beside their name stands in the file.
  async findAccount(_, name) {
    return { accountId: name, claims: async () => ({ sub: name, ...config.people[name] }) };
  },
});
provider.on('server_error', (_context, error) => console.error(error));
const answer = provider.callback();

createServer({ cert: readFileSync(config.certificate), key: readFileSync(config.key) }, (request, response) => {
  if (!request.url.startsWith(`${prefix}/`)) {
    response.writeHead(404).end();
    return;
  }
  request.originalUrl = request.url;
  request.url = request.url.slice(prefix.length);
  answer(request, response);
}).listen(config.port, '127.0.0.1');
