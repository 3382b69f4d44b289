// The token endpoints of the open-source widget's sample server, and a chat in memory beside them, in one process per core,
// without logs or upstream calls. Routes and fields are those of the services, so that it can get the same load.
import cluster from "node:cluster";
import { randomBytes, randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import express from "express";
import jwt from "jsonwebtoken";

const LIFE_SECONDS = 21600;
const { HOST, PORT, SECRET = randomBytes(32).toString("base64url") } = process.env;

function mint(identity) {
  const grants = { identity, chat: { service_sid: "IS00000000000000000000000000000001" } };
  const [issuer, subject] = ["SK00000000000000000000000000000001", "AC00000000000000000000000000000001"];
  const options = { algorithm: "HS256", expiresIn: LIFE_SECONDS, issuer, subject, header: { cty: "twilio-fpa;v=1" } };
  const token = jwt.sign({ jti: randomUUID(), grants }, SECRET, options);
  return { token, identity, expiration: new Date(Date.now() + LIFE_SECONDS * 1000).toISOString() };
}

// A handler that answers with what `answer` makes of the grants of a valid token, in the header or in the body.
const verified = (answer) => (request, response) => {
  try {
    const token = request.get("authorization")?.replace("Bearer ", "");
    const { grants } = jwt.verify(request.body.token ?? token, SECRET, { algorithms: ["HS256"] });
    response.json(answer(grants, request));
  } catch {
    response.status(403).json({ valid: false });
  }
};

if (cluster.isPrimary) {
  // The processes verify each other's tokens.
  for (let core = 0; core < availableParallelism(); core += 1) cluster.fork({ SECRET });
} else {
  const messages = [];
  const app = express().use(express.json());
  app.post("/v2/Webchat/Token", (request, response) => response.json(mint(randomUUID())));
  app.post("/v2/Webchat/Token/Refresh", verified(({ identity }) => mint(identity)));
  app.post("/v1/ScopedAuthTokens/validate", verified((grants) => ({ valid: true, grants })));
  app.post("/v2/WebChannels", verified(() => ({ conversation_sid: `CH${randomBytes(16).toString("hex")}` })));
  app.post("/v2/WebChannels/:sid/Messages", verified(({ identity }, { params, body }) => {
    const message = { index: messages.length, conversation_sid: params.sid, author: identity, body: body.body };
    messages.push(message);
    return message;
  }));
  app.listen(Number(PORT), HOST);
}
