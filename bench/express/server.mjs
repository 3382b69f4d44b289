// The token routes of the open-source widget's sample server, and nothing else: no log, no upstream calls. With CLUSTER=1
// there is one process per core. Routes and fields are those of FlexWebchatOrchestratorService, so that it gets the same
// load.
import cluster from "node:cluster";
import { randomBytes, randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import express from "express";
import jwt from "jsonwebtoken";

const LIFE_SECONDS = 21600;
const { HOST, PORT, CLUSTER, SECRET = randomBytes(32).toString("base64url") } = process.env;

function mint(identity) {
  const grants = { identity, chat: { service_sid: "IS00000000000000000000000000000001" } };
  const token = jwt.sign({ jti: randomUUID(), grants }, SECRET, {
    algorithm: "HS256",
    expiresIn: LIFE_SECONDS,
    issuer: "SK00000000000000000000000000000001",
    subject: "AC00000000000000000000000000000001",
    header: { cty: "twilio-fpa;v=1" },
  });
  return { token, identity, expiration: new Date(Date.now() + LIFE_SECONDS * 1000).toISOString() };
}

function serve() {
  const app = express();
  app.use(express.json());
  app.post("/v2/Webchat/Token", (request, response) => {
    response.json(mint(randomUUID()));
  });
  app.post("/v2/Webchat/Token/Refresh", (request, response) => {
    let claims;
    try {
      claims = jwt.verify(request.body.token, SECRET, { algorithms: ["HS256"] });
    } catch {
      response.status(403).json({ valid: false });
      return;
    }
    response.json(mint(claims.grants.identity));
  });
  app.listen(Number(PORT), HOST);
}

if (CLUSTER === "1" && cluster.isPrimary) {
  // Every process accepts the tokens of all.
  for (let core = 0; core < availableParallelism(); core += 1) cluster.fork({ SECRET });
} else {
  serve();
}
